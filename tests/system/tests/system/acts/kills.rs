//! R23: a node that is killed while acts wait, or while it carries them out, leaves none half done: each is carried to
//! its one end, and once.

use std::time::Duration;

use chukei_domain::erasure::InBackups;
use chukei_domain::event::{ActStep, Event, Record};
use chukei_harness::role::Role;
use data_encoding::HEXLOWER;
use libtest_mimic::{Failed, Trial};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rustix::process::Signal;
use serde_json::Value;

use super::BODY;
use crate::copy_file::TAX;
use crate::group::{Shared, Test, group};
use crate::person::{Person, until_served};
use crate::program::with_config;
use crate::stage::{Stage, until};

const TESTS: &[Test<Killed>] =
    &[("r23_acts_are_carried_out_once_and_wholly_however_often_the_node_is_killed_meanwhile", killed)];

pub(crate) fn trials() -> Vec<Trial> {
    group("acts_kills", TESTS)
}

/// Kills, each after a few acts were approved.
const ROUNDS: u64 = 5;
/// Acts are looked at twice a second, and begun once a second when others have vouched for the time: what comes of an
/// approval is done within this time, so that kills hit the waiting, the work and what is behind it.
const WORK_MS: u64 = 1_800;

/// A stage without a waiting period: what is approved is carried out at once.
struct Killed(Stage);

impl Shared for Killed {
    fn set() -> Result<Self, Failed> {
        let stage = Stage::start("acts-kills", |layout| {
            let node = layout.config(Role::Node);
            let text = std::fs::read_to_string(&node).unwrap();
            std::fs::write(&node, format!("{text}\n[two_person]\nwait_hours = 0\n")).unwrap();
        })?;
        Ok(Self(stage))
    }

    fn keep(&self) {
        self.0.keep();
    }
}

/// One round's acts, and whom they are about.
struct Round {
    acts: [String; 3],
    erased: Person,
    given_out: Person,
    policy: String,
}

fn first(stage: &Stage, args: &[&str]) -> Value {
    stage.staff(BODY, args).done()
}

fn requested(stage: &Stage, args: &[&str]) -> String {
    let act = first(stage, &[args, &["--reference", "R8-1"]].concat());
    act["act"].as_str().unwrap().to_owned()
}

impl Round {
    fn requested(stage: &Stage, round: u64) -> Self {
        let [erased, given_out] =
            <[Person; 2]>::try_from(stage.with_copies(BODY, 2)).unwrap_or_else(|_| panic!());
        first(stage, &["person", "block", &given_out.addressee]);
        let policy = format!("p-{round}");
        let text = format!(
            "@id(\"{policy}\") @result(\"OUTSIDE_WINDOW\") @reason_en(\"Never.\") @reason_ja(\"なし。\")\n\
             forbid (principal, action == Action::\"keys_rotate\", resource) when {{ context.minute < 0 }};\n"
        );
        let path = stage.written("policy.cedar", text);
        let acts = [
            requested(stage, &["erase", "request", "--person", &erased.addressee]),
            requested(stage, &["person", "unblock", &given_out.addressee]),
            requested(stage, &["policy", "load", &path, "--name", &policy]),
        ];
        Self { acts, erased, given_out, policy }
    }

    fn approved(&self, stage: &Stage) {
        let approver = stage.layout().approver_config(BODY).display().to_string();
        for act in &self.acts {
            with_config("chukei", &approver, &["act", "approve", act]).done();
        }
    }

    /// All of it is done.
    fn assert_done(&self, stage: &Stage) {
        assert_eq!(stage.self_info_refused(&self.erased.user, BODY, TAX), "NOT_FOUND");
        assert_eq!(stage.self_info(&self.given_out.user, BODY, &[TAX])["result"], "DONE");
        let policies = first(stage, &["policy", "list"]).to_string();
        assert_eq!(policies.matches(&format!("\"{}\"", self.policy)).count(), 1, "{policies}");
    }
}

/// Until the node is back and answers.
fn is_back(stage: &Stage) {
    until("the node is back", || stage.staff(BODY, &["act", "list"]).code.filter(|code| *code == 0));
}

fn killed(Killed(stage): &Killed) {
    let seed = rand::random();
    eprintln!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let mut rounds = Vec::new();
    for number in 0..ROUNDS {
        let round = Round::requested(stage, number);
        if number == 0 {
            // Nothing is lost of what only waits for the second person.
            stage.signal(Role::Node, Signal::KILL);
            is_back(stage);
        }
        round.approved(stage);
        let slice = WORK_MS / ROUNDS;
        std::thread::sleep(Duration::from_millis(number * slice + rng.random_range(0..slice)));
        stage.signal(Role::Node, Signal::KILL);
        is_back(stage);
        rounds.push(round);
    }
    let kept = stage.with_copies(BODY, 1).remove(0);
    until_served(stage, BODY, &kept);
    for round in &rounds {
        for act in &round.acts {
            until("an act's end", || {
                let shown = first(stage, &["act", "show", act]);
                assert!(
                    ["approved", "begun", "executed"].contains(&shown["state"].as_str().unwrap()),
                    "{shown}"
                );
                (shown["state"] == "executed").then_some(())
            });
        }
        until("the end of an erasure in the live store", || {
            first(stage, &["erase", "status", &round.acts[0]])["certificate"].is_object().then_some(())
        });
        round.assert_done(stage);
    }
    let records = exported(stage);
    for act in rounds.iter().flat_map(|round| &round.acts) {
        let told = |step| {
            let is = |event: &Event| matches!(event, Event::Act(told) if told.step == step && HEXLOWER.encode(&told.id) == *act);
            records.iter().filter(|record| is(&record.event)).count()
        };
        let steps = [ActStep::Requested, ActStep::Approved, ActStep::Executed, ActStep::Failed].map(told);
        assert_eq!(steps, [1, 1, 1, 0], "{act}");
    }
    for round in &rounds {
        let erasure = &round.acts[0];
        let begun = |event: &Event| matches!(event, Event::ErasureBegun { id, .. } if HEXLOWER.encode(id) == *erasure);
        let live = |event: &Event| {
            let Event::Erasure { record, .. } = event else { return false };
            HEXLOWER.encode(&record.id) == *erasure && matches!(record.backups, InBackups::From(_))
        };
        let count = |is: &dyn Fn(&Event) -> bool| records.iter().filter(|record| is(&record.event)).count();
        assert_eq!([count(&begun), count(&live)], [1, 1], "{erasure}");
    }
    assert_eq!(first(stage, &["audit", "verify"])["verified"], true);
}

/// The body's whole log.
fn exported(stage: &Stage) -> Vec<Record> {
    let act = requested(stage, &["audit", "export", "--from", "2020-01-01", "--until", "2099-01-01"]);
    let approver = stage.layout().approver_config(BODY).display().to_string();
    with_config("chukei", &approver, &["act", "approve", &act]).done();
    until("the export", || (first(stage, &["act", "show", &act])["state"] == "executed").then_some(()));
    let out = stage.file("export.jsonl");
    first(stage, &["act", "fetch", &act, "--out", &out.display().to_string()]);
    let text = std::fs::read_to_string(out).unwrap();
    let record = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        Record::from_bytes(&HEXLOWER.decode(line["record"].as_str().unwrap().as_bytes()).unwrap()).unwrap()
    };
    text.lines().map(record).collect()
}
