//! A disk that is full, takes no writes or does not sync, and a damaged file take one body's writes, or some of its
//! reads, out of service, say so, and leave the other bodies alone; what is well again is used again by itself, and
//! nothing that was acknowledged is lost.
//!
//! Disks are small file systems in memory, which only a privileged process may mount, and calls that fail do so by
//! strace: where that is not to be had a test is skipped; with `CHUKEI_REQUIRE_SERVICES=1` it fails.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chukei_harness::role::Role;
use libtest_mimic::{Completion, Failed, Trial};

use crate::copy_file::{Row, TAX, TAX_TEXT, file};
use crate::disks::{FailingCalls, SmallDisk};
use crate::group::{Shared, Skippable, skippable_group};
use crate::page::{metric, page};
use crate::person::Person;
use crate::stage::{Stage, told_soon, until};

const TESTS: &[Skippable<Faulty>] = &[
    ("a_full_disk_stops_one_bodys_writes_until_there_is_space_again", full_disk),
    ("a_disk_that_does_not_sync_stops_one_bodys_writes_until_it_does", |faulty| {
        failing_calls(faulty, "fsync,fdatasync", "EIO", "(disk_failed)")
    }),
    ("a_disk_that_takes_no_writes_any_more_stops_one_bodys_until_it_does", |faulty| {
        failing_calls(faulty, "pwrite64,ftruncate", "EROFS", "(disk_read_only)")
    }),
    ("a_body_on_a_read_only_disk_is_opened_by_itself_once_it_can_be", read_only_disk),
    ("a_damaged_file_fails_where_it_is_damaged_and_is_served_again_when_restored", damaged_file),
];

pub(crate) fn trials() -> Vec<Trial> {
    skippable_group("store_faults", TESTS)
}

const BODY: &str = "982016";
const OTHER: &str = "982024";
/// Longest value of a text item: 3,000 bytes.
const LONG: usize = 1_000;
/// The first one's rows and the last one's lie apart.
const PERSONS: usize = 8;
/// A page of a body's file, bytes.
const FILE_PAGE: usize = 8_192;
/// The first byte of a page with rows.
const LEAF: u8 = 0x0d;

struct Faulty {
    stage: Stage,
    turns: Mutex<()>,
}

impl Shared for Faulty {
    fn set() -> Result<Self, Failed> {
        Ok(Self { stage: Stage::start("store-faults", told_soon)?, turns: Mutex::new(()) })
    }

    fn keep(&self) {
        self.stage.keep();
    }
}

impl Faulty {
    fn turn(&self) -> (&Stage, MutexGuard<'_, ()>) {
        (&self.stage, self.turns.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn rows_file(stage: &Stage) -> PathBuf {
    stage.layout().dir().join(format!("node/bodies/{BODY}.sqlite"))
}

/// Does something with the body's file while the node is stopped, and starts it again.
fn while_stopped(stage: &Stage, work: impl FnOnce(&Path)) {
    stage.stack.stop_role(Role::Node).unwrap();
    work(&rows_file(stage));
    stage.stack.start_role(Role::Node).unwrap();
}

/// Waits until `/readyz` of the node is 200 and says this, or nothing but that it is ready.
fn until_told(stage: &Stage, what: &str) -> String {
    until(&format!("a ready node that says {what:?}"), || {
        let (status, text) = page(stage.layout(), Role::Node, "/readyz")?;
        let told = if what.is_empty() { text.trim() == "ready" } else { text.contains(what) };
        (status == 200 && told).then_some(text)
    })
}

/// Until so many bodies are counted that are not served, or not wholly.
fn until_counted(stage: &Stage, bodies: f64) {
    until("the count of bodies that are not ready", || {
        (metric(stage.layout(), Role::Node, "chukei_bodies_not_ready") == bodies).then_some(())
    });
}

/// Until the node serves what it can.
fn page_until_ready(stage: &Stage) {
    until("a node that serves what it can", || {
        let (status, text) = page(stage.layout(), Role::Node, "/readyz")?;
        (status == 200 && !text.contains("(opening)")).then_some(())
    });
}

/// Copies of a person: so many records, each of the longest value.
fn import(stage: &Stage, body: &str, person: &Person, prefix: &str, count: usize) {
    let value = "山".repeat(LONG);
    let names: Vec<_> = (0..count).map(|at| (format!("{prefix}{at}"), at.to_string())).collect();
    let row = |(id, key): &(String, String)| file_row(body, person, id, key, &value);
    let path = stage.written("copies.csv", names.iter().map(row).collect::<Lines>().0);
    let done = stage.staff(body, &["copy", "import", &path]).done();
    // What a failing disk kept although it did not say so is there when it is sent again.
    let kept = ["registered", "unchanged"].map(|what| done[what].as_u64().unwrap()).iter().sum::<u64>();
    assert_eq!(kept, count as u64, "{done}");
}

/// A copy file, put together.
struct Lines(String);

impl FromIterator<String> for Lines {
    fn from_iter<T: IntoIterator<Item = String>>(rows: T) -> Self {
        let mut text = file(&[]);
        rows.into_iter().for_each(|row| text.push_str(&row));
        Self(text)
    }
}

fn file_row(body: &str, person: &Person, id: &str, key: &str, value: &str) -> String {
    let row = Row { record_key: key, item: TAX_TEXT, ..Row::new(body, person, id, value) };
    file(&[row]).lines().skip(1).map(|line| format!("{line}\n")).collect()
}

/// How many records a person is shown.
fn shown(stage: &Stage, person: &Person, body: &str) -> usize {
    let answer = stage.self_info(&person.user, body, &[TAX]);
    answer["datasets"][0]["items"].as_array().map_or(0, Vec::len)
}

fn full_disk(faulty: &Faulty) -> Completion {
    let (stage, _turn) = faulty.turn();
    let Some(disk) = SmallDisk::mount(&stage.file("disk")) else {
        return Completion::ignored_with("a file system in memory may not be mounted here");
    };
    let (own, other) = (stage.persons(BODY, 1).remove(0), stage.persons(OTHER, 1).remove(0));
    import(stage, BODY, &own, "F", 2);
    while_stopped(stage, |file| disk.take(file));
    until_told(stage, "");
    disk.fill();
    let full = std::thread::scope(|scope| {
        let writing = scope.spawn(|| import(stage, BODY, &own, "G", 300));
        let told = until_told(stage, "(disk_full)");
        assert!(told.contains(&format!("body {BODY} is only read")) && !told.contains(OTHER), "{told}");
        until_counted(stage, 1.0);
        // What was acknowledged is there and goes out; the other body takes writes as ever.
        assert_eq!(shown(stage, &own, BODY), 2);
        import(stage, OTHER, &other, "H", 3);
        assert_eq!(shown(stage, &other, OTHER), 3);
        disk.empty();
        // The import that was turned away meanwhile comes to its end by itself.
        writing.join()
    });
    assert!(full.is_ok(), "what was refused is taken once there is space");
    until_told(stage, "");
    assert_eq!(shown(stage, &own, BODY), 302);
    until_counted(stage, 0.0);
    while_stopped(stage, |file| disk.give_back(file));
    until_told(stage, "");
    assert_eq!(shown(stage, &own, BODY), 302);
    Completion::Completed
}

/// Calls on the body's files begin to fail while the node runs, and succeed again later.
fn failing_calls(faulty: &Faulty, calls: &str, error: &str, cause: &str) -> Completion {
    let (stage, _turn) = faulty.turn();
    let (own, other) = (stage.persons(BODY, 1).remove(0), stage.persons(OTHER, 1).remove(0));
    import(stage, BODY, &own, &format!("S-{error}-"), 1);
    let rows = rows_file(stage);
    let files = ["sqlite", "sqlite-wal", "probe"].map(|kind| rows.with_extension(kind));
    let pid = fs::read_to_string(stage.layout().pid_file(Role::Node)).unwrap();
    let Some(failing) = FailingCalls::of(pid.trim(), calls, error, &files) else {
        return Completion::ignored_with("strace may not let calls fail here");
    };
    let written = std::thread::scope(|scope| {
        let writing = scope.spawn(|| import(stage, BODY, &own, &format!("T-{error}-"), 2));
        let told = until_told(stage, cause);
        assert!(told.contains(&format!("body {BODY} is only read")) && !told.contains(OTHER), "{told}");
        // What was not acknowledged may be there or not, but wholly.
        assert!(matches!(shown(stage, &own, BODY), 1 | 3));
        import(stage, OTHER, &other, &format!("U-{error}-"), 1);
        assert_eq!(shown(stage, &other, OTHER), 1);
        drop(failing);
        writing.join()
    });
    assert!(written.is_ok(), "what was refused is taken once the disk is well");
    until_told(stage, "");
    assert_eq!(shown(stage, &own, BODY), 3);
    // And through a start, which reads what is durable.
    while_stopped(stage, |_| ());
    until_told(stage, "");
    assert_eq!(shown(stage, &own, BODY), 3);
    Completion::Completed
}

/// A body is not opened where no epoch can be made durable: nobody could be kept from writing beside it.
fn read_only_disk(faulty: &Faulty) -> Completion {
    let (stage, _turn) = faulty.turn();
    let Some(disk) = SmallDisk::mount(&stage.file("disk")) else {
        return Completion::ignored_with("a file system in memory may not be mounted here");
    };
    let (own, other) = (stage.persons(BODY, 1).remove(0), stage.persons(OTHER, 1).remove(0));
    import(stage, BODY, &own, "V", 2);
    while_stopped(stage, |file| {
        disk.take(file);
        disk.remount("ro");
    });
    let told = until_told(stage, "(disk_read_only)");
    assert!(told.contains(&format!("body {BODY} is not served")) && !told.contains(OTHER), "{told}");
    let args = ["self-info", "--person", &own.user, "--body", BODY, "--dataset", TAX];
    assert_eq!(stage.portal(&args).code_at(4), "NOT_READY");
    import(stage, OTHER, &other, "W", 1);
    assert_eq!(shown(stage, &other, OTHER), 1);
    disk.remount("rw");
    until_told(stage, "");
    assert_eq!(shown(stage, &own, BODY), 2);
    while_stopped(stage, |file| disk.give_back(file));
    until_told(stage, "");
    assert_eq!(shown(stage, &own, BODY), 2);
    Completion::Completed
}

fn damaged_file(faulty: &Faulty) -> Completion {
    let (stage, _turn) = faulty.turn();
    let persons = stage.persons(BODY, PERSONS);
    let [own, between @ .., lost] = &persons[..] else { panic!("persons") };
    let other = stage.persons(OTHER, 1).remove(0);
    import(stage, BODY, own, "D", 1);
    for (at, person) in between.iter().enumerate() {
        import(stage, BODY, person, &format!("B{at}-"), 2);
    }
    let (mut before, mut whole) = (Vec::new(), Vec::new());
    while_stopped(stage, |file| before = fs::read(file).unwrap());
    until_told(stage, "");
    import(stage, BODY, lost, "E", 2);
    while_stopped(stage, |file| {
        whole = fs::read(file).unwrap();
        fs::write(file, with_rows_damaged_since(&before, &whole)).unwrap();
    });
    page_until_ready(stage);
    let args = ["self-info", "--person", &lost.user, "--body", BODY, "--dataset", TAX];
    assert_eq!(stage.portal(&args).code_at(4), "NOT_READY");
    let told = until_told(stage, "(store_corrupt)");
    assert!(told.contains(&format!("body {BODY} is only read")) && !told.contains(OTHER), "{told}");
    // Of the same body, what lies elsewhere can be trusted and goes out, again and again.
    for _ in 0..3 {
        assert_eq!(shown(stage, own, BODY), 1);
        assert_eq!(stage.portal(&args).code_at(4), "NOT_READY");
    }
    until_counted(stage, 1.0);
    import(stage, OTHER, &other, "K", 1);
    assert_eq!(shown(stage, &other, OTHER), 1);
    while_stopped(stage, |file| fs::write(file, &whole).unwrap());
    until_told(stage, "");
    assert_eq!(shown(stage, lost, BODY), 2);
    assert_eq!(shown(stage, own, BODY), 1);
    Completion::Completed
}

/// The pages of rows that were written since the file was as `before`, overwritten: rows lie in the order of their
/// writing, so that those of persons who were there long before lie on others.
fn with_rows_damaged_since(before: &[u8], whole: &[u8]) -> Vec<u8> {
    let mut damaged = whole.to_vec();
    let mut count = 0;
    for (at, page) in damaged.chunks_exact_mut(FILE_PAGE).enumerate().skip(1) {
        let place = at * FILE_PAGE;
        if page[0] == LEAF && before.get(place..place + FILE_PAGE) != Some(&*page) {
            page.fill(0xff);
            count += 1;
        }
    }
    assert!((1..=PERSONS / 2).contains(&count), "{count} pages of rows");
    damaged
}
