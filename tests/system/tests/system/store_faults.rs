//! A full disk and a damaged file take one body's writes, or some of its reads, out of service, say so, and leave the
//! other bodies alone; space that is back is used again by itself, and nothing that was acknowledged is lost.
//!
//! The full disk is a small file system in memory, which only a privileged process may mount: elsewhere that test is
//! skipped; with `CHUKEI_REQUIRE_SERVICES=1` it fails.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chukei_harness::role::Role;
use libtest_mimic::{Completion, Failed, Trial};

use crate::copy_file::{Row, TAX, TAX_TEXT, file};
use crate::group::{Shared, Skippable, skippable_group};
use crate::page::{metric, page};
use crate::person::Person;
use crate::stage::{Stage, told_soon, until};

const TESTS: &[Skippable<Faulty>] = &[
    ("a_full_disk_stops_one_bodys_writes_until_there_is_space_again", full_disk),
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
    assert_eq!(stage.staff(body, &["copy", "import", &path]).done()["registered"], count);
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
        assert_eq!(metric(stage.layout(), Role::Node, "chukei_bodies_not_ready"), 1.0);
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
    assert_eq!(metric(stage.layout(), Role::Node, "chukei_bodies_not_ready"), 0.0);
    while_stopped(stage, |file| disk.give_back(file));
    until_told(stage, "");
    assert_eq!(shown(stage, &own, BODY), 302);
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
    import(stage, BODY, lost, "E", 2);
    let mut whole = Vec::new();
    while_stopped(stage, |file| {
        whole = fs::read(file).unwrap();
        fs::write(file, with_last_rows_damaged(&whole)).unwrap();
    });
    // The node's own sweep may meet the damage before anybody asks for what was there.
    page_until_ready(stage);
    let args = ["self-info", "--person", &lost.user, "--body", BODY, "--dataset", TAX];
    stage.portal(&args).code_at(4);
    let told = until_told(stage, "(store_corrupt)");
    assert!(told.contains(&format!("body {BODY} is only read")) && !told.contains(OTHER), "{told}");
    import(stage, OTHER, &other, "K", 1);
    assert_eq!(shown(stage, &other, OTHER), 1);
    while_stopped(stage, |file| fs::write(file, &whole).unwrap());
    until_told(stage, "");
    assert_eq!(shown(stage, lost, BODY), 2);
    assert_eq!(shown(stage, own, BODY), 1);
    Completion::Completed
}

/// The pages of rows that were filled last, overwritten: rows lie in the order of their writing, and two long values
/// fill a page.
fn with_last_rows_damaged(whole: &[u8]) -> Vec<u8> {
    let mut damaged = whole.to_vec();
    let pages = damaged.chunks_exact_mut(FILE_PAGE).skip(1);
    let last: Vec<_> = pages.filter(|page| page[0] == LEAF).rev().take(2).collect();
    assert_eq!(last.len(), 2, "pages of rows");
    last.into_iter().for_each(|page| page.fill(0xff));
    damaged
}

/// A small disk, and the file that fills it.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        fs::create_dir(at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=6m", "chukei-test"])
            .arg(at)
            .output()
            .is_ok_and(|output| output.status.success());
        let required = std::env::var("CHUKEI_REQUIRE_SERVICES").is_ok_and(|value| value == "1");
        assert!(mounted || !required, "a file system in memory is needed");
        mounted.then(|| Self(at.to_owned()))
    }

    /// Moves the body's file here and leaves a link.
    fn take(&self, file: &Path) {
        let target = self.0.join("rows.sqlite");
        fs::copy(file, &target).unwrap();
        fs::remove_file(file).unwrap();
        std::os::unix::fs::symlink(&target, file).unwrap();
    }

    fn give_back(&self, file: &Path) {
        fs::remove_file(file).unwrap();
        fs::copy(self.0.join("rows.sqlite"), file).unwrap();
    }

    fn fill(&self) {
        let mut filler = fs::File::create(self.0.join("filler")).unwrap();
        while filler.write_all(&[0; 4_096]).is_ok() {}
    }

    fn empty(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a node that still runs after a failed test may have it open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
