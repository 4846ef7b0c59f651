//! R2: a canary in copies, notices, answers, numbers and file names is nowhere where maintenance could find it, whatever
//! maintenance does: logs at their most talkative, metrics, what commands print, backups, data files, in any form.

use std::path::{Path, PathBuf};

use chukei_harness::role::Role;
use libtest_mimic::Trial;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{BODY, OTHER, TICKET, device, maintenance, of_the_node, prepare, report_healthy};
use crate::attacks::memory::{found_in_bytes, found_in_files};
use crate::attacks::needles::{Needles, secret};
use crate::attacks::rig::seed;
use crate::copy_file::{Row, TAX, file};
use crate::notice_file::notice;
use crate::page::page;
use crate::person::Person;
use crate::program::{self, Ended};
use crate::stage::{Stage, until};

pub(super) fn trials() -> Vec<Trial> {
    let run = || {
        Canary::set().run();
        Ok(())
    };
    vec![Trial::test("maintenance::r02_a_canary_is_nowhere_whatever_maintenance_does", run)]
}

struct Canary {
    stage: Stage,
    person: Person,
    needles: Needles,
    /// What commands of the platform's people have printed.
    printed: std::cell::RefCell<Vec<u8>>,
}

impl Canary {
    /// A person with a value, a notice and an answer, each of which nobody else has.
    fn set() -> Self {
        let stage = Stage::start("canary", |layout| {
            prepare(layout);
            layout.set_environment("CHUKEI_LOG", "debug").unwrap();
        })
        .unwrap();
        report_healthy(&stage);
        let mut dice = StdRng::seed_from_u64(seed());
        let mut needles = Needles::default();
        let mut canary = |name: &str| {
            let text = secret(&mut dice);
            needles.text_in_any_form(name, &text);
            text
        };
        let [value, title, text, choice, name] =
            ["a value", "a title", "a notice's text", "a choice", "a file's name"].map(&mut canary);
        let person = stage.persons(BODY, 1).remove(0);
        let rows = stage.written(&format!("{name}.csv"), file(&[Row::new(BODY, &person, "canary", &value)]));
        assert_eq!(stage.staff(BODY, &["copy", "import", &rows]).done()["registered"], 1);
        let mut sent = notice("canary", &[&person]);
        sent["title"] = json!(title);
        sent["body"] = json!(text);
        sent["choices"] = json!([{ "id": "A", "label": choice }, { "id": "B", "label": "不要" }]);
        let id = stage.send(BODY, &sent);
        stage.until_listed(&person.user, &id);
        stage.portal(&["answer", "--person", &person.user, "--notice", &id, "--choice", "A"]).done();
        stage.self_info(&person.user, BODY, &[TAX]);
        needles.text_in_any_form("an addressee number", &person.addressee);
        Self { stage, person, needles, printed: Default::default() }
    }

    fn run(&self) {
        let full = self.done(&["upkeep", "backup"]);
        let full = full["backup"].as_str().unwrap();
        let last = self.done(&["upkeep", "backup", "--base", full]);
        assert_eq!(last["incremental"], true, "{last}");
        let last = last["backup"].as_str().unwrap();
        let verified = self.done(&["upkeep", "verify", last]);
        assert_eq!((verified["verified"].clone(), verified["backups"].clone()), (true.into(), 2.into()));
        self.done(&["upkeep", "compact"]);
        self.errors(full, last);
        self.moves();
        self.restarts();
        let status = self.done(&["upkeep", "status"]);
        assert_eq!(status["backups"], json!([full, last]), "{status}");
        self.searched("while the node serves");
        self.restored(last);
        self.searched("after a restore");
    }

    fn kept(&self) -> PathBuf {
        self.stage.layout().dir().join("kept")
    }

    fn noted(&self, ended: Ended) -> Ended {
        let mut printed = self.printed.borrow_mut();
        printed.extend_from_slice(ended.stdout.as_bytes());
        printed.extend_from_slice(ended.stderr.as_bytes());
        ended
    }

    fn maintains(&self, args: &[&str]) -> Ended {
        self.noted(maintenance(&self.stage, TICKET, args))
    }

    #[track_caller]
    fn done(&self, args: &[&str]) -> Value {
        self.maintains(args).done()
    }

    /// Everything that can go wrong, with whatever the answer to it says.
    fn errors(&self, full: &str, last: &str) {
        for (args, code) in [
            (&["upkeep", "verify", "982016-1"][..], "NOT_FOUND"),
            (&["upkeep", "backup", "--base", "982016-1"], "NOT_FOUND"),
            (&["upkeep", "restore", last], "NOT_EMPTY"),
            (&["person", "block", &self.person.addressee], "ROLE_HAS_NO_DATA_ACCESS"),
            (
                &["copy", "show", "--person", &self.person.addressee, "--dataset", TAX],
                "ROLE_HAS_NO_DATA_ACCESS",
            ),
        ] {
            assert_eq!(self.maintains(args).refused(), code, "{args:?}");
        }
        assert_eq!(self.maintains(&["upkeep", "move", "--to", "paper"]).code_at(2), "BAD_USAGE");
        assert_eq!(self.maintains(&["upkeep", "move", "--to", "sqlite"]).code_at(2), "ALREADY_THERE");
        // One altered byte, and a base that is not there.
        let rows = self.kept().join(full).join("rows.img");
        let whole = std::fs::read(&rows).unwrap();
        let mut altered = whole.clone();
        altered[whole.len() / 2] ^= 1;
        std::fs::write(&rows, &altered).unwrap();
        assert_eq!(self.maintains(&["upkeep", "verify", last]).refused(), "INTEGRITY_FAILURE");
        std::fs::write(&rows, &whole).unwrap();
        let aside = self.stage.file("aside");
        std::fs::rename(self.kept().join(full), &aside).unwrap();
        assert_eq!(self.maintains(&["upkeep", "verify", last]).refused(), "BROKEN_CHAIN");
        std::fs::rename(&aside, self.kept().join(full)).unwrap();
        // Another body's backup is none, under its own name and under a false one.
        let others = self.kept().join(format!("{OTHER}-1"));
        let out = self.stage.file("others").display().to_string();
        let taken = self.stage.staff(OTHER, &["backup", "create", "--out", &out]).done();
        std::fs::rename(taken["backup"].as_str().unwrap(), &others).unwrap();
        let own_name = self.maintains(&["upkeep", "verify", &format!("{OTHER}-1")]);
        assert_eq!(own_name.refused(), "NOT_FOUND");
        let false_name = self.kept().join(format!("{BODY}-2"));
        std::fs::rename(&others, &false_name).unwrap();
        let renamed = self.maintains(&["upkeep", "verify", &format!("{BODY}-2")]);
        assert!(["NOT_FOUND", "BAD_SIGNATURE"].contains(&renamed.refused().as_str()));
        std::fs::remove_dir_all(&false_name).unwrap();
        // A folder that cannot be written to.
        let not_a_folder = self.kept().with_extension("aside");
        std::fs::rename(self.kept(), &not_a_folder).unwrap();
        std::fs::write(self.kept(), "").unwrap();
        assert_eq!(self.maintains(&["upkeep", "backup"]).code_at(4), "BACKUP_FOLDER");
        std::fs::remove_file(self.kept()).unwrap();
        std::fs::rename(&not_a_folder, self.kept()).unwrap();
    }

    fn moves(&self) {
        for to in ["sled", "sqlite"] {
            let moved = self.done(&["upkeep", "move", "--to", to]);
            assert_eq!(moved["to"], to, "{moved}");
            self.stage.self_info(&self.person.user, BODY, &[TAX]);
        }
    }

    /// Drained, ended by itself, and started again by its supervisor.
    fn restarts(&self) {
        let pid = || std::fs::read_to_string(self.stage.layout().pid_file(Role::Node)).ok();
        let before = pid().unwrap();
        let restarting = self.noted(of_the_node(&self.stage, "restart")).done();
        assert_eq!(restarting["restarting"], true);
        until("another process", || pid().filter(|now| !now.trim().is_empty() && *now != before));
        self.until_ready();
        let args = ["self-info", "--person", &self.person.user, "--body", BODY, "--dataset", TAX];
        until("an answer", || (self.stage.portal(&args).code == Some(0)).then_some(()));
        let log = std::fs::read_to_string(self.stage.layout().log(Role::Node)).unwrap();
        assert!(log.contains("restart asked for") && log.contains("draining"), "it was no crash");
    }

    fn until_ready(&self) {
        until("a ready node", || {
            page(self.stage.layout(), Role::Node, "/readyz").filter(|(status, _)| *status == 200)
        });
    }

    /// Rows and log are lost; the keyring is there.
    fn restored(&self, backup: &str) {
        // Nobody decides that the logs go on.
        self.stage.harm_logs();
        let stage = &self.stage;
        let log = stage.staff(BODY, &["audit", "verify"]).done();
        assert_eq!(log["verified"], true, "{log}");
        stage.stack.stop_role(Role::Node).unwrap();
        let data = stage.layout().dir().join("node");
        std::fs::rename(&data, data.with_extension("lost")).unwrap();
        std::fs::create_dir_all(data.join("keys")).unwrap();
        for entry in std::fs::read_dir(data.with_extension("lost").join("keys")).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), data.join("keys").join(entry.file_name())).unwrap();
        }
        self.restore_into_the_empty_node(backup);
        let args = ["self-info", "--person", &self.person.user, "--body", BODY, "--dataset", TAX];
        until("the answer that was there before", || (stage.portal(&args).code == Some(0)).then_some(()));
        let log = stage.staff(BODY, &["audit", "verify"]).done();
        assert_eq!(log["verified"], true, "{log}");
    }

    /// On the host, while the node serves its other bodies and waits for this one.
    fn restore_into_the_empty_node(&self, backup: &str) {
        let layout = self.stage.layout();
        let config = layout.config(Role::Node);
        let laid_out = std::fs::read_to_string(&config).unwrap();
        let code = format!("code = \"{BODY}\"\n");
        std::fs::write(&config, laid_out.replace(&code, &format!("{code}awaited = true\n"))).unwrap();
        self.stage.stack.start_role(Role::Node).unwrap();
        self.until_ready();
        let from = self.kept().join(backup);
        let (config, from) = (config.display().to_string(), from.display().to_string());
        let args = ["backup", "restore", "--config", &config, "--body", BODY, "--from", &from, "--json"];
        let restored = self.noted(program::run("node", &args)).done();
        assert_eq!((restored["restored"].clone(), restored["backups"].clone()), (true.into(), 2.into()));
    }

    fn searched(&self, when: &str) {
        let (stage, dir) = (&self.stage, self.stage.layout().dir());
        let found = |name: &str, found: Vec<usize>| {
            let named: Vec<_> = found.iter().map(|at| &self.needles.names[*at]).collect();
            assert!(named.is_empty(), "{when}, {name}: {named:?}");
        };
        for role in [Role::Node, Role::Broker] {
            let (_, metrics) = page(stage.layout(), role, "/metrics").unwrap();
            let (_, ready) = page(stage.layout(), role, "/readyz").unwrap();
            let pages = [metrics, ready].concat();
            assert!(pages.contains("chukei_"), "no metrics");
            found("metrics", found_in_bytes(pages.as_bytes(), &self.needles.needles));
            let log = std::fs::read(stage.layout().log(role)).unwrap();
            found("log", found_in_bytes(&log, &self.needles.needles));
        }
        let talk = std::fs::read_to_string(stage.layout().log(Role::Node)).unwrap();
        assert!(talk.contains("DEBUG"), "the log was not at its most talkative");
        found("what commands print", found_in_bytes(&self.printed.borrow(), &self.needles.needles));
        stage.signal(Role::Node, Signal::STOP);
        for place in ["node", "broker", "kept"] {
            let files = found_in_files(&dir.join(place), &self.needles.needles);
            let named: Vec<_> = files.iter().map(|(at, file)| (&self.needles.names[*at], file)).collect();
            assert!(named.is_empty(), "{when}, {place}: {named:?}");
        }
        stage.signal(Role::Node, Signal::CONT);
        self.the_search_finds(&dir.join("kept"));
    }

    /// What may stand there is found there: the search does look.
    fn the_search_finds(&self, place: &Path) {
        assert!(
            !found_in_files(place, &[BODY.as_bytes().to_vec()]).is_empty(),
            "not even the body's own code"
        );
        let own = [device().into_bytes(), b"restarting".to_vec()];
        assert!(!found_in_bytes(&self.printed.borrow(), &own).is_empty());
    }
}
