//! Second copies of a broker's records at the other broker: whole and in order after either was killed again and again, and
//! brought back to one that has lost everything (R41).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use chukei_harness::role::Role;
use chukei_store::journal::{Journal, JournalOptions};
use chukei_wire::codec::decode;
use chukei_wire::message::copies::CopiedEntry;
use libtest_mimic::{Failed, Trial};

use crate::attacks::broker_loss::{Second, lay_out_linked};
use crate::attacks::rig::{BODY, Known, ask};
use crate::group::{Shared, Test, group};
use crate::page::{counted, page};
use crate::program;
use crate::stage::{Stage, until};

const TESTS: &[Test<Copied>] = &[(
    "r41_copies_are_whole_after_kills_of_either_broker_and_come_back_to_one_that_has_lost_everything",
    killed_and_adopted,
)];

/// Answers between two kills.
const ANSWERS: usize = 20;

pub(crate) fn trials() -> Vec<Trial> {
    group("copied_records", TESTS)
}

/// Two brokers, of which each holds the other's copies.
struct Copied {
    stage: Stage,
    second: Second,
}

impl Shared for Copied {
    fn set() -> Result<Self, Failed> {
        let mut second = None;
        let stage = Stage::start("copied-records", |layout| {
            lay_out_linked(layout);
            second = Some(Second::start(layout));
        })?;
        Ok(Self { stage, second: second.expect("the layout was prepared") })
    }

    fn keep(&self) {
        self.stage.keep();
    }
}

/// Entries of one kind: number, kind, time, content.
type Entries = Vec<(u64, u8, u64, Vec<u8>)>;

/// The first broker's own entries, by kind.
fn own(data: &Path) -> BTreeMap<&'static str, Entries> {
    let (journal, _) = Journal::open(&data.join("journal"), JournalOptions::default()).unwrap();
    let read = |partition: &str| {
        let entries = journal.read(partition, 1).map(Result::unwrap);
        entries.map(|entry| (entry.seq, entry.kind, entry.at_ms, entry.sealed)).collect()
    };
    [("records", "broker"), ("permits", "permits"), ("witness", "witness")]
        .into_iter()
        .map(|(of, partition)| (of, read(partition)))
        .collect()
}

/// The copies of the same.
fn copies(data: &Path) -> BTreeMap<&'static str, Entries> {
    let (journal, _) = Journal::open(&data.join("journal"), JournalOptions::default()).unwrap();
    let read = |of: &str| {
        let entries = journal.read(&format!("copies-{of}-broker-a"), 1).map(Result::unwrap);
        let copied = entries.map(|entry| decode::<CopiedEntry>(&entry.sealed, 1 << 20).unwrap());
        copied.map(|copy| (copy.number, copy.kind, copy.at_ms, copy.sealed)).collect()
    };
    ["records", "permits", "witness"].into_iter().map(|of| (of, read(of))).collect()
}

/// Waits until everything that the first broker has is at the second.
fn until_copied(stage: &Stage) {
    until("copies of everything", || {
        let (_, text) = page(stage.layout(), Role::Broker, "/metrics")?;
        let shows = |line: &str| text.lines().any(|known| known == line);
        (shows("chukei_record_copies_behind{role=\"broker\"} 0")
            && shows("chukei_record_copies{role=\"broker\"} 1"))
        .then_some(())
    });
}

/// Asks again and again while `meanwhile` goes on, which is told how many were answered; how many that were.
fn under_load(stage: &Stage, persons: &[Known], meanwhile: impl FnOnce(&dyn Fn(usize))) -> usize {
    let (answers, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for known in persons {
            let (client, answers, over) = (stage.client(), &answers, &over);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    if stage.runtime.block_on(ask(&client, known)).is_ok() {
                        answers.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let more = |count: usize| {
            let wanted = answers.load(Ordering::Relaxed) + count;
            until("answers", || (answers.load(Ordering::Relaxed) >= wanted).then_some(()));
        };
        meanwhile(&more);
        over.store(true, Ordering::Relaxed);
    });
    answers.into_inner()
}

/// A data folder with the keyring alone, as it came back from its backup.
fn keyring_restored(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("keys")).unwrap();
    for entry in fs::read_dir(from.join("keys")).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), to.join("keys").join(entry.file_name())).unwrap();
    }
}

fn killed_and_adopted(on: &Copied) {
    let Copied { stage, second } = on;
    let layout = stage.layout();
    let persons = stage.known_persons(BODY, 4);
    let answered = under_load(stage, &persons, |more| {
        for _ in 0..3 {
            more(ANSWERS);
            second.kill();
            more(ANSWERS);
            second.start_again(layout);
            more(ANSWERS);
            stage.stack.kill(Role::Broker).unwrap();
            more(ANSWERS);
        }
    });
    assert!(answered > 0);
    until_copied(stage);
    stage.stack.stop_role(Role::Broker).unwrap();
    second.kill();
    let (data, other) = (layout.dir().join("broker"), layout.dir().join("broker-b"));
    let (before, held) = (own(&data), copies(&other));
    for (of, held) in &held {
        let own = &before[of];
        assert!(!held.is_empty() && own.starts_with(held), "{of}: {} of {}", held.len(), own.len());
        // What came after the last look: the broker's farewell.
        assert!(own.len() - held.len() < 64, "{of}: {} of {}", held.len(), own.len());
    }

    // Everything is lost: without being told to, it neither starts nor writes.
    second.start_again(layout);
    let lost = layout.dir().join("broker-lost");
    fs::rename(&data, &lost).unwrap();
    keyring_restored(&lost, &data);
    let config = layout.config(Role::Broker).display().to_string();
    until("a refusal that names the command", || {
        let mut broker = program::command("broker");
        let mut child = broker.args(["broker", "--config", &config]).stderr(Stdio::piped()).spawn().unwrap();
        // The other one may not listen yet: then it starts, and is ended at once.
        let ready = || page(layout, Role::Broker, "/healthz").is_some();
        while child.try_wait().unwrap().is_none() && !ready() {
            std::thread::yield_now();
        }
        let _ = child.kill();
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        let refused = ended.status.code() == Some(4) && said.contains("--adopt-copies");
        if !refused {
            fs::remove_dir_all(&data).unwrap();
            keyring_restored(&lost, &data);
        }
        refused.then_some(())
    });
    let mut broker = program::command("broker");
    let adopting = broker.args(["broker", "--config", &config, "--adopt-copies"]);
    let mut adopting = adopting.stderr(Stdio::null()).spawn().unwrap();
    until("a broker that has adopted its copies", || page(layout, Role::Broker, "/healthz"));
    adopting.kill().unwrap();
    adopting.wait().unwrap();
    let adopted = own(&data);
    for (of, held) in &held {
        assert!(adopted[of].starts_with(held), "{of}");
    }
    // It goes on from there.
    stage.stack.start_role(Role::Broker).unwrap();
    under_load(stage, &persons, |more| more(ANSWERS));
    until_copied(stage);
    // And the log that both have witnessed all the while has forked nowhere (R43).
    let address = |role| layout.metrics(role);
    until("heads that both brokers have", || {
        let agreed = counted(address(Role::Broker), "chukei_log_heads_compared_total", "AGREES");
        let cosigned = counted(address(Role::Broker), "chukei_log_heads_total", "COSIGNED");
        (agreed > 0.0 && cosigned > 0.0).then_some(())
    });
    for role in [Role::Broker, Role::Node] {
        assert_eq!(counted(address(role), "chukei_integrity_alarms_total", "log_"), 0.0, "{role}");
    }
}
