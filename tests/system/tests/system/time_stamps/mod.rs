//! R43: a time stamp authority vouches daily for when a log was there; one that answers anything else, or nothing, is not
//! believed and holds up nobody. The authority is OpenSSL behind an HTTP server of the test's own.
//!
//! Where OpenSSL is not installed the tests are skipped; with `CHUKEI_REQUIRE_SERVICES=1` they fail.

mod authority;

use std::fs;
use std::path::Path;
use std::process::Command;

use chukei_harness::layout::{BODIES, Layout};
use chukei_harness::role::Role;
use libtest_mimic::{Completion, Failed, Trial};
use serde_json::Value;

use crate::copy_file::TAX;
use crate::group::{Shared, Skippable, skippable_group};
use crate::page::{counted, metric};
use crate::program::{self, Ended};
use crate::stage::{Stage, until};
use authority::{Authority, BAD, Manner};

const BODY: &str = "982016";

const TESTS: &[Skippable<Honest>] =
    &[("r43_each_log_has_a_stamp_a_day_that_openssl_and_whoever_pins_the_roots_believe", stamped)];
const BAD_TESTS: &[Skippable<Dishonest>] =
    &[("r43_an_authority_that_answers_anything_else_is_not_believed_and_holds_up_nobody", misled)];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = skippable_group("time_stamps", TESTS);
    trials.extend(skippable_group("bad_time_stamps", BAD_TESTS));
    trials
}

/// A stack and its authority, where there is OpenSSL.
struct Stamping(Option<(Stage, Authority)>);

impl Stamping {
    fn laid_out(name: &str, manner: Manner) -> Result<Self, Failed> {
        if Command::new("openssl").arg("version").output().is_err() {
            if std::env::var("CHUKEI_REQUIRE_SERVICES").is_ok_and(|value| value == "1") {
                return Err("OpenSSL is not installed (Debian: openssl)".into());
            }
            return Ok(Self(None));
        }
        let mut authority = None;
        let stage = Stage::start(name, |layout| {
            let started = Authority::start(&layout.dir().join("tsa"), manner);
            configure(layout, started.address());
            authority = Some(started);
        })?;
        Ok(Self(authority.map(|authority| (stage, authority))))
    }

    fn keep(&self) {
        if let Some((stage, _)) = &self.0 {
            stage.keep();
        }
    }
}

struct Honest(Stamping);

impl Shared for Honest {
    fn set() -> Result<Self, Failed> {
        Stamping::laid_out("time-stamps", Manner::Honest).map(Self)
    }

    fn keep(&self) {
        self.0.keep();
    }
}

struct Dishonest(Stamping);

impl Shared for Dishonest {
    fn set() -> Result<Self, Failed> {
        Stamping::laid_out("bad-time-stamps", Manner::EachBad).map(Self)
    }

    fn keep(&self) {
        self.0.keep();
    }
}

fn configure(layout: &Layout, address: std::net::SocketAddr) {
    let path = layout.config(Role::Node);
    let text = fs::read_to_string(&path).unwrap();
    let section = format!(
        "\n[time_stamps]\nurl = \"http://{address}/stamp\"\nroots = \"tsa/root.pem\"\npolicy = \"1.3.6.1.4.1.99999.1\"\n\
         deadline_seconds = 2\n"
    );
    fs::write(path, text + &section).unwrap();
}

fn asked(stage: &Stage, result: &str) -> f64 {
    counted(stage.layout().metrics(Role::Node), "chukei_time_stamps_total", &format!(r#"result="{result}""#))
}

/// `audit verify` by these roots, at the node or in a folder.
fn verified(stage: &Stage, roots: &str, folder: Option<&Path>) -> Ended {
    let dir = stage.layout().dir();
    let [roots, peers, root] = [format!("tsa/{roots}"), "pki/peers.json".into(), "pki/peer-root.pub".into()]
        .map(|path| dir.join(path).display().to_string());
    let mut args = vec!["audit", "verify", "--time-stamps", &roots, "--peers", &peers, "--root", &root];
    let Some(folder) = folder.map(|folder| folder.display().to_string()) else {
        return stage.staff(BODY, &args);
    };
    args.extend(["--stamps", &folder]);
    args.insert(0, "--json");
    program::run("chukei", &args)
}

/// Stamps of the body, as they are fetched; the folder.
fn fetched(stage: &Stage) -> (Value, std::path::PathBuf) {
    let folder = stage.file("stamps");
    let told = stage.staff(BODY, &["audit", "stamps", "--out", &folder.display().to_string()]).done();
    (told, folder)
}

/// The folder's days, oldest first.
fn days(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut days: Vec<_> = names.filter_map(|name| name.strip_suffix(".tst").map(str::to_owned)).collect();
    days.sort();
    days
}

fn stamped(on: &Honest) -> Completion {
    let Some((stage, authority)) = &on.0.0 else { return authority::skipped() };
    stage.persons(BODY, 2);
    until("the first stamp of each log", || (asked(stage, "ok") >= BODIES.len() as f64).then_some(()));
    let told = verified(stage, "root.pem", None).done();
    assert_eq!((&told["verified"], &told["time_stamps"]["stamps"]), (&true.into(), &1.into()), "{told}");

    // A day and some records later, and the node was stopped in between.
    let size = told["tree_size"].as_u64();
    stage.persons(BODY, 2);
    until("a checkpoint over more", || {
        let told = stage.staff(BODY, &["audit", "verify"]).done();
        (told["witnessed"].as_u64() > size).then_some(())
    });
    stage.layout().set_clock("+25h").unwrap();
    authority.ahead(25 * 3_600);
    until("the stamps of the next day", || (asked(stage, "ok") >= 2.0 * BODIES.len() as f64).then_some(()));
    stage.stack.stop_role(Role::Node).unwrap();
    stage.stack.start_role(Role::Node).unwrap();
    let told = verified(stage, "root.pem", None).done();
    assert_eq!(told["time_stamps"]["stamps"], 2, "{told}");

    let (told, folder) = fetched(stage);
    assert_eq!(told["stamps"], 2, "{told}");
    let [first, second] = &days(&folder)[..] else { panic!("two days: {:?}", days(&folder)) };
    for day in [first, second] {
        assert!(authority.believes(&folder, day), "openssl ts -verify of {day}");
    }
    let told = verified(stage, "root.pem", Some(&folder)).done();
    assert_eq!((&told["stamps"], &told["before_restore"]), (&2.into(), &0.into()), "{told}");
    let bad = |roots: &str, day: &str, reason: &str| {
        let told = verified(stage, roots, Some(&folder)).ended_with(3);
        assert_eq!((&told["first_bad_stamp"], &told["reason"]), (&day.into(), &reason.into()), "{told}");
        assert_eq!((&told["code"], &told["verified"]), (&"INTEGRITY_FAILURE".into(), &false.into()));
    };
    bad("stranger.pem", first, "untrusted");
    // What was done to the files is named by its day.
    let path = |day: &str, kind: &str| folder.join(format!("{day}.{kind}"));
    let [one, two] = [first, second].map(|day| fs::read(path(day, "tst")).unwrap());
    fs::write(path(second, "tst"), &one).unwrap();
    bad("root.pem", second, "other_bytes");
    let [note, later] = [first, second].map(|day| fs::read(path(day, "checkpoint")).unwrap());
    fs::write(path(second, "checkpoint"), &note).unwrap();
    // The proof in the index is that of the later one.
    bad("root.pem", second, "not_continued");
    fs::write(path(second, "checkpoint"), &later).unwrap();
    let mut flipped = two.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    fs::write(path(second, "tst"), &flipped).unwrap();
    bad("root.pem", second, "signature");
    fs::write(path(second, "tst"), &two).unwrap();
    fs::write(path(first, "tst"), b"").unwrap();
    bad("root.pem", first, "malformed");
    Completion::Completed
}

fn misled(on: &Dishonest) -> Completion {
    let Some((stage, authority)) = &on.0.0 else { return authority::skipped() };
    let person = &stage.persons(BODY, 1)[0];
    for (_, result) in BAD {
        until(&format!("an answer that is {result}"), || (asked(stage, result) >= 1.0).then_some(()));
    }
    assert_eq!(asked(stage, "ok"), 0.0);
    assert!(metric(stage.layout(), Role::Node, "chukei_time_stamp_age_seconds") > 0.0);
    let answered = stage.self_info(&person.user, BODY, &[TAX]);
    assert!(["DONE", "NO_DATA"].iter().any(|result| answered["result"] == *result), "{answered}");
    assert_eq!(fetched(stage).0["stamps"], 0, "nothing is kept");
    assert_eq!(verified(stage, "root.pem", None).done()["time_stamps"]["stamps"], 0);
    authority.behave(Manner::Honest);
    until("a stamp, once the authority is one", || (asked(stage, "ok") >= 1.0).then_some(()));
    Completion::Completed
}
