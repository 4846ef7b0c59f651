//! The disk of the log fills and is emptied again under a running node: functions go and come back in the order of R41,
//! administrators get in throughout, and nothing that was acknowledged is lost (R43).
//!
//! The disk is a small file system in memory, and calls that fail do so by strace: where that is not to be had a test is
//! skipped; with `CHUKEI_REQUIRE_SERVICES=1` it fails.

use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chukei_harness::layout::Layout;
use chukei_harness::role::Role;
use libtest_mimic::{Completion, Failed, Trial};

use crate::copy_file::TAX;
use crate::disks::{FailingCalls, SmallDisk};
use crate::group::{Shared, Skippable, skippable_group};
use crate::page::{metric, page};
use crate::person::Person;
use crate::program::Ended;
use crate::stage::{Stage, told_soon, until};

const TESTS: &[Skippable<Filling>] = &[
    ("r41_functions_go_in_order_while_the_disk_fills_and_come_back_by_themselves", in_order),
    ("r43_an_administrator_gets_in_when_the_disk_is_full_at_once", full_at_once),
    ("r43_a_disk_that_fails_stops_disclosures_and_not_the_process", failing),
    ("r43_nothing_is_disclosed_before_its_event_is_on_the_disk", held),
];

pub(crate) fn trials() -> Vec<Trial> {
    skippable_group("log_disk", TESTS)
}

const BODY: &str = "982016";
/// Megabytes of the disk, and of the reserve on it.
const DISK: u32 = 24;
const RESERVE: u64 = 4;
/// What is not reserved, kilobytes.
const ORDINARY: u64 = (DISK as u64 - RESERVE) << 10;

struct Filling {
    stage: Stage,
    disk: Mutex<Option<SmallDisk>>,
}

fn journal(layout: &Layout) -> PathBuf {
    layout.dir().join("node/journal")
}

impl Shared for Filling {
    fn set() -> Result<Self, Failed> {
        let mut disk = None;
        let stage = Stage::start("log-disk", |layout| {
            told_soon(layout);
            fs::create_dir(layout.dir().join("node")).unwrap();
            disk = SmallDisk::mount_of(&journal(layout), DISK);
            let path = layout.config(Role::Node);
            let reserve = RESERVE << 20;
            let text = fs::read_to_string(&path).unwrap();
            let rules = format!(
                "\n[log_disk]\nreserve_bytes = {reserve}\nsegment_bytes = 262144\nbulk_percent = 80\n\
                 notices_percent = 88\nqueries_percent = 93\ndisclosures_percent = 97\n"
            );
            fs::write(&path, text + &rules).unwrap();
        })?;
        Ok(Self { stage, disk: Mutex::new(disk) })
    }

    fn keep(&self) {
        self.stage.keep();
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        // The node before the disk, and that before the folder.
        let _ = self.stage.stack.stop_role(Role::Node);
        *self.disk.get_mut().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Filling {
    fn turn(&self) -> (&Stage, MutexGuard<'_, Option<SmallDisk>>) {
        (&self.stage, self.disk.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Until the node is at this level.
    fn until_level(&self, level: u8) {
        until(&format!("level {level}"), || {
            (metric(self.stage.layout(), Role::Node, "chukei_degraded_level") == f64::from(level))
                .then_some(())
        });
    }

    fn reserve(&self) -> f64 {
        metric(self.stage.layout(), Role::Node, "chukei_log_reserve_bytes")
    }
}

/// Whether it was done, or was told to come again as OVERLOADED.
fn served(ended: Ended) -> bool {
    if ended.code == Some(0) {
        return true;
    }
    assert_eq!(ended.code_at(4), "OVERLOADED");
    false
}

/// What is served of bulk, notices, queries, disclosures.
fn functions(stage: &Stage, person: &Person, number: usize) -> [bool; 4] {
    let (file, _) = stage.new_persons(BODY, 1);
    let notice = stage.written("notice.toml", notice(person, number));
    let bulk = served(stage.staff(BODY, &["person", "enroll", &file.display().to_string()]));
    let notices = served(stage.staff(BODY, &["notice", "send", &notice]));
    let queries = served(stage.staff(BODY, &["catalogue", "list"]));
    let shown = stage.portal(&["self-info", "--person", &person.user, "--body", BODY, "--dataset", TAX]);
    let disclosures = shown.code == Some(0) || {
        assert_eq!(shown.code_at(4), "NOT_READY");
        false
    };
    [bulk, notices, queries, disclosures]
}

fn notice(person: &Person, number: usize) -> String {
    format!(
        "idempotency_key = \"log-disk-{number}\"\naffair = \"JM99000000001000\"\ntitle = \"お知らせ\"\nbody = \"本文\"\n\
         retention_days = 30\ntargets = [\"{}\"]\n",
        person.addressee
    )
}

/// What an administrator does leaves its events, also where nothing else can.
fn administered(stage: &Stage) {
    stage.staff(BODY, &["keys", "status"]).done();
    stage.staff(BODY, &["register", "show"]).done();
    let (status, text) = page(stage.layout(), Role::Node, "/healthz").unwrap();
    assert_eq!((status, text.trim()), (200, "ok"));
}

/// How many events there are, each of which opens.
fn events(stage: &Stage) -> u64 {
    let verified = stage.staff(BODY, &["audit", "verify"]).done();
    assert_eq!(verified["verified"], true, "{verified}");
    verified["events"].as_u64().unwrap()
}

fn in_order(filling: &Filling) -> Completion {
    let (stage, disk) = filling.turn();
    let Some(disk) = &*disk else {
        return Completion::ignored_with("a file system in memory may not be mounted here");
    };
    let person = stage.with_copies(BODY, 1).remove(0);
    filling.until_level(0);
    until("the reserve", || (filling.reserve() == (RESERVE << 20) as f64).then_some(()));
    assert_eq!(functions(stage, &person, 0), [true; 4]);
    let mut told = events(stage);
    for (level, used) in [(1_u8, 83), (2, 90), (3, 95)] {
        disk.leave(ORDINARY * (100 - used) / 100);
        filling.until_level(level);
        let served: Vec<bool> = (1..=4).map(|function| function > level).collect();
        assert_eq!(functions(stage, &person, level.into()).to_vec(), served, "at level {level}");
        administered(stage);
        let (status, text) = page(stage.layout(), Role::Node, "/readyz").unwrap();
        assert!(status == 200 && text.contains("the log's disk fills: without bulk"), "{text}");
        let now = events(stage);
        assert!(now > told, "what was served and what an administrator did is there");
        told = now;
    }
    disk.leave(0);
    filling.until_level(4);
    assert_eq!(functions(stage, &person, 9), [false; 4]);
    // More than the segments that were begun ahead have room for: the reserve is for these.
    for _ in 0..40 {
        administered(stage);
    }
    let (status, text) = page(stage.layout(), Role::Node, "/readyz").unwrap();
    assert!(status == 200 && text.contains("for administrators and upkeep alone"), "{text}");
    until("a part of the reserve to be given up", || {
        (filling.reserve() < (RESERVE << 20) as f64).then_some(())
    });
    assert!(metric(stage.layout(), Role::Node, "chukei_log_disk_alarm") == 1.0);
    assert!(events(stage) > told);
    disk.leave(ORDINARY);
    filling.until_level(0);
    until("the reserve to be made again", || (filling.reserve() == (RESERVE << 20) as f64).then_some(()));
    assert_eq!(functions(stage, &person, 10), [true; 4]);
    let before = events(stage);
    stage.stack.stop_role(Role::Node).unwrap();
    stage.stack.start_role(Role::Node).unwrap();
    until("a ready node", || {
        page(stage.layout(), Role::Node, "/readyz").filter(|(status, _)| *status == 200)
    });
    assert!(events(stage) > before, "nothing that was acknowledged is lost by a start");
    Completion::Completed
}

/// From much space to none within a look at the disk.
fn full_at_once(filling: &Filling) -> Completion {
    let (stage, disk) = filling.turn();
    let Some(disk) = &*disk else {
        return Completion::ignored_with("a file system in memory may not be mounted here");
    };
    filling.until_level(0);
    let before = events(stage);
    disk.fill();
    for _ in 0..40 {
        administered(stage);
    }
    filling.until_level(4);
    assert!(events(stage) >= before + 80, "two events a call, each of which is there");
    disk.empty();
    filling.until_level(0);
    Completion::Completed
}

/// Syncs of the journal fail for a while.
fn failing(filling: &Filling) -> Completion {
    let (stage, _disk) = filling.turn();
    let person = stage.with_copies(BODY, 1).remove(0);
    let before = events(stage);
    let files = segments(stage);
    let pid = fs::read_to_string(stage.layout().pid_file(Role::Node)).unwrap();
    let Some(failing) = FailingCalls::of(pid.trim(), "fsync,fdatasync", "EIO", &files) else {
        return Completion::ignored_with("strace may not let calls fail here");
    };
    let args = ["self-info", "--person", &person.user, "--body", BODY, "--dataset", TAX];
    assert_eq!(stage.portal(&args).code_at(4), "NOT_READY");
    let (status, _) = page(stage.layout(), Role::Node, "/readyz").unwrap();
    assert_eq!(status, 503);
    let (status, _) = page(stage.layout(), Role::Node, "/healthz").unwrap();
    assert_eq!((status, metric(stage.layout(), Role::Node, "chukei_ready")), (200, 0.0));
    assert_eq!(fs::read_to_string(stage.layout().pid_file(Role::Node)).unwrap(), pid, "the same process");
    drop(failing);
    until("a ready node", || {
        page(stage.layout(), Role::Node, "/readyz").filter(|(status, _)| *status == 200)
    });
    assert_eq!(stage.self_info(&person.user, BODY, &[TAX])["result"], "DONE");
    assert!(events(stage) > before);
    Completion::Completed
}

/// The files that the journal writes now, and those that it begins next.
fn segments(stage: &Stage) -> Vec<PathBuf> {
    let folder = journal(stage.layout());
    let listed = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
    let newest = listed.filter(|path| path.extension().is_some_and(|kind| kind == "seg")).max().unwrap();
    let number = u64::from_str_radix(newest.file_stem().unwrap().to_str().unwrap(), 16).unwrap();
    let near = number.saturating_sub(4)..number + 64;
    near.map(|number| folder.join(format!("{number:016x}.seg"))).collect()
}

/// Syncs of the journal do not come to their end for a while: what is written is there for every reader, and is not durable.
fn held(filling: &Filling) -> Completion {
    let (stage, _disk) = filling.turn();
    let person = stage.with_copies(BODY, 1).remove(0);
    let args = ["self-info", "--person", &person.user, "--body", BODY, "--dataset", TAX];
    assert_eq!(stage.portal(&args).done()["result"], "DONE");
    let pid = fs::read_to_string(stage.layout().pid_file(Role::Node)).unwrap();
    let Some(held) = FailingCalls::held(pid.trim(), "fsync,fdatasync", &segments(stage)) else {
        return Completion::ignored_with("strace may not hold calls here");
    };
    stage.portal(&args).code_at(4);
    drop(held);
    until("an answer", || {
        let ended = stage.portal(&args);
        (ended.code == Some(0)).then(|| ended.done()).filter(|shown| shown["result"] == "DONE")
    });
    Completion::Completed
}
