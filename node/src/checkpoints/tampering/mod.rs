//! R43, D9: what somebody does to a log where it lies is named. Every deed at every size, over the files of a real log:
//! the node does not open it, or verification names the first record that is wrong and what is wrong with it.
//!
//! Whoever edits knows every format and has no key, except where it is said.

mod deeds;
mod file;
mod gone;
mod times;

use std::fs;
use std::path::{Path, PathBuf};

use chukei_crypto::tlog::{TreeHead, verify_consistency};
use chukei_domain::event::{Outcome, Target};
use chukei_store::journal::{Journal, JournalOptions};
use chukei_store::{Batch, RowKey, Space};
use chukei_wire::id::RequestId;
use chukei_wire::message::audit::LogFault::{
    self, Altered, CutShort, Duplicated, Missing, NotInTree, Reordered, RolledBack, TreeDamaged,
};
use tempfile::TempDir;

use super::logs::Log;
use super::proofs::Snapshot;
use super::{StoredTree, rows};
use crate::audit::{FIRST_EPOCH, Measure, Unstored, Verified};
use crate::hosted::samples::Sample;
use deeds::DEEDS;
use file::Edited;

const BODY: &str = "982016";
const OTHER: &str = "982024";
const ACTOR: &str = "chukei://node/node-a";
const NOW: u64 = 1_795_219_200_000;
/// Records of the log.
const RECORDS: u64 = 1_024;

/// Small files, so that there are many.
fn options() -> JournalOptions {
    JournalOptions {
        segment_bytes: 32 << 10,
        derive_segments: 1,
        log_bytes: 8 << 10,
        ..JournalOptions::default()
    }
}

/// Writes records up to number `to`: most about nobody, some about three persons.
async fn write(sample: &Sample, code: &str, to: u64) {
    write_at(sample, code, to, NOW).await;
}

async fn write_at(sample: &Sample, code: &str, to: u64, at_ms: u64) {
    let body = sample.body(code);
    while body.audit().last_number() < to {
        for _ in 0..7 {
            let person = (body.audit().last_number() % 5) as u8;
            let target = (1..4).contains(&person).then_some(Target::Person([person; 16]));
            body.audit().outcome(ACTOR, RequestId([7; 16]), target, Outcome::Delivered, at_ms);
        }
        body.audit().erased(ACTOR, "notices", 1, at_ms).await.unwrap();
    }
}

async fn grow(sample: &Sample) {
    let body = sample.body(BODY);
    Log::default().turn(&body).await.unwrap();
    if let Some(unstored) = body.audit().tree().unstored() {
        rows::store(&body, &unstored).await.unwrap();
        body.audit().tree().stored(&unstored);
    }
}

/// A log whose files are derived but for the last.
async fn log() -> TempDir {
    let sample = Sample::with(tempfile::tempdir().unwrap(), options()).await;
    // What waits together goes into one file.
    for to in (128..=RECORDS).step_by(128) {
        write(&sample, OTHER, to).await;
        write(&sample, BODY, to).await;
        sample.journal.derive().unwrap();
    }
    grow(&sample).await;
    sample.closed()
}

/// A log that lies in the journal alone.
async fn young() -> TempDir {
    let sample = Sample::new().await;
    write(&sample, BODY, RECORDS).await;
    grow(&sample).await;
    sample.closed()
}

fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let there = to.join(entry.file_name());
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => copied(&entry.path(), &there),
            kind if kind.is_file() => drop(fs::copy(entry.path(), there).unwrap()),
            _ => {}
        }
    }
}

fn copy(of: &TempDir) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    copied(of.path(), to.path());
    to
}

fn journal(dir: &TempDir) -> PathBuf {
    dir.path().join("node/journal")
}

fn files(folder: &Path, kind: &str) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == kind))
        .collect();
    found.sort();
    found
}

/// The files of the body's derived log, in order.
fn derived(dir: &TempDir) -> Vec<PathBuf> {
    files(&journal(dir).join("logs").join(BODY), "log")
}

/// The first number in a file of a derived log.
fn first_in(path: &Path) -> u64 {
    Edited::open(path).blocks[0][0].number()
}

async fn verified(sample: &Sample, marks: &[TreeHead]) -> Verified {
    let body = sample.body(BODY);
    let tree = StoredTree::of(&body).await.unwrap().unwrap();
    let (log, marks) = (body.audit().clone(), marks.to_vec());
    let read = tokio::task::spawn_blocking(move || {
        let tree = || Some((tree.head(), tree));
        log.verify_against(Measure {
            tree: tree(),
            marks: &marks,
            persons: 2,
            is_ended: false,
            told: &mut |_, _| true,
        })
    });
    read.await.unwrap().unwrap()
}

/// What verification says of what lies in `dir`; `None` where the journal does not even open.
async fn found(dir: TempDir, options: JournalOptions) -> Option<Verified> {
    if Journal::open(&journal(&dir), options.clone()).is_err() {
        return None;
    }
    let sample = Sample::with(dir, options).await;
    let known = verified(&sample, &[]).await;
    // Nor is it otherwise once the node has looked at its tree.
    let _ = Log::default().turn(&sample.body(BODY)).await;
    let again = verified(&sample, &[]).await;
    assert_eq!(known.bad, again.bad);
    Some(known)
}

fn edit(path: &Path, change: impl FnOnce(&mut Edited)) {
    let mut file = Edited::open(path);
    change(&mut file);
    file.save();
}

fn flip_in(path: &Path, at: u64) {
    let mut bytes = fs::read(path).unwrap();
    let at = usize::try_from(at).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn r43_whatever_is_done_to_the_files_of_a_log_is_named() {
    let whole = log().await;
    assert!(derived(&whole).len() > 5, "{:?}", derived(&whole));
    let mut wrong = Vec::new();
    for (deed, commit, expected) in DEEDS {
        let dir = copy(&whole);
        let log = derived(&dir);
        let third = i64::try_from(first_in(&log[2])).unwrap();
        commit(&dir, &log);
        let found = found(dir, options()).await;
        let told = found.and_then(|found| found.bad);
        let expected = expected.map(|(from, fault)| match from {
            i64::MIN => (Some(Some(1)), fault),
            i64::MAX => (None, fault),
            from => (Some(Some(u64::try_from(third + from).unwrap())), fault),
        });
        let fits = match (told, expected) {
            (None, None) => found.is_some(),
            (Some((first, fault)), Some((wanted, other))) => {
                fault == other && wanted.is_none_or(|wanted| wanted == first)
            }
            _ => false,
        };
        if !fits {
            wrong.push(format!("{deed}: {found:?}, third file from {third}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Whether its files are named as those that were there is as it may be.
#[tokio::test]
async fn r43_another_bodys_whole_log_in_the_place_of_ones_own_is_named() {
    let dir = log().await;
    let [own, other] = [BODY, OTHER].map(|body| journal(&dir).join("logs").join(body));
    fs::remove_dir_all(&own).unwrap();
    copied(&other, &own);
    let found = found(dir, options()).await.unwrap();
    assert!(matches!(found.bad, Some((Some(1), Altered | Missing))), "{found:?}");
}

/// What is done to a file, and what is found then; `None` where the journal does not open, or nothing was touched.
type FileDeed = (&'static str, fn(&Path), Option<LogFault>);

/// What is done to the journal's only segment.
#[tokio::test]
async fn r43_whatever_is_done_to_a_segment_is_named_or_the_journal_does_not_open() {
    let whole = young().await;
    let deeds: &[FileDeed] = &[
        ("byte flipped", |path| flip_in(path, 5_000), None),
        (
            "byte flipped, checksum mended",
            |path| edit(path, |file| file.blocks[9][0].sealed()[40] ^= 1),
            Some(Altered),
        ),
        ("entry dropped", |path| edit(path, |file| drop(file.blocks[9].remove(0))), None),
        ("entries swapped", |path| edit(path, |file| file.blocks.swap(9, 10)), None),
        (
            "entry doubled",
            |path| {
                edit(path, |file| {
                    let twice = file.blocks[9].clone();
                    file.blocks.insert(10, twice);
                });
            },
            None,
        ),
        ("cut in half", |path| edit(path, |file| file.blocks.truncate(20)), Some(CutShort)),
        ("emptied", |path| edit(path, |file| file.blocks.clear()), Some(CutShort)),
        ("dropped", |path| fs::remove_file(path).unwrap(), None),
    ];
    let mut wrong = Vec::new();
    for (deed, commit, expected) in deeds {
        let dir = copy(&whole);
        commit(&files(&journal(&dir), "seg")[0]);
        let found = found(dir, JournalOptions::default()).await;
        let told = found.map(|found| found.bad.map(|(_, fault)| fault));
        if told != expected.map(Some) {
            wrong.push(format!("{deed}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Whoever has the body's keys can write records anew, and not the leaves that witnesses have seen.
#[tokio::test]
async fn r43_a_record_that_was_exchanged_under_the_bodys_own_keys_is_not_in_its_tree() {
    let whole = log().await;
    let sample = Sample::with(copy(&whole), options()).await;
    let third = first_in(&derived(&whole)[2]);
    let forged = sample.body(BODY).audit().forged(third + 3, |record| record.result = "DENY".to_owned());
    drop(sample);
    let dir = copy(&whole);
    edit(&derived(&dir)[2], |file| file.blocks[0][3].seal(&forged));
    let found = found(dir, options()).await.unwrap();
    assert_eq!(found.bad, Some((Some(third + 3), NotInTree)));
    // Its person may be one of those for whom the log is read once more.
    assert!(found.events >= third + 3);
}

#[tokio::test]
async fn r43_whatever_is_done_to_the_stored_tiles_is_named() {
    let whole = log().await;
    let row =
        |place: (u8, u64)| RowKey::new(Space::LogTree).bytes(&[0, place.0]).bytes(&place.1.to_be_bytes());
    // A full tile of leaves is flipped, is gone, or is another one.
    for (deed, first) in [("flipped", 1), ("dropped", 257), ("exchanged", 257)] {
        let sample = Sample::with(copy(&whole), options()).await;
        let body = sample.body(BODY);
        let tile = async |at| rows::tile(&body, (0, at)).await.unwrap().unwrap();
        let (head, mut tiles) = (StoredTree::of(&body).await.unwrap().unwrap().head(), Vec::new());
        match deed {
            "flipped" => {
                let mut bytes = tile(0).await;
                bytes[0] ^= 1;
                tiles.push(((0, 0), bytes));
            }
            "dropped" => body.apply(Batch::new().delete(row((0, 1)))).await.unwrap(),
            _ => tiles.push(((0, 1), tile(0).await)),
        }
        let unstored = Unstored { head, epoch: FIRST_EPOCH, tiles, chains: Vec::new() };
        rows::store(&body, &unstored).await.unwrap();
        drop(body);
        let sample = Sample::with(sample.closed(), options()).await;
        let found = verified(&sample, &[]).await;
        assert_eq!(found.bad, Some((Some(first), TreeDamaged)), "{deed}");
    }
}

/// What a witness would say of the log as it is now.
async fn witness(sample: &Sample, last: &TreeHead) -> bool {
    let body = sample.body(BODY);
    Log::default().turn(&body).await.unwrap();
    let mut now = Snapshot::of(&body);
    if now.head().size < last.size {
        return false;
    }
    let proof = now.consistency(&body, last.size).await.unwrap();
    verify_consistency(&proof, last, &now.head()).is_ok()
}

#[tokio::test]
async fn r43_a_log_that_is_put_back_is_whole_by_itself_and_not_before_its_witnesses() {
    let whole = log().await;
    let sample = Sample::with(copy(&whole), options()).await;
    write(&sample, BODY, RECORDS + 64).await;
    grow(&sample).await;
    let kept = sample.body(BODY).audit().tree().head().0;
    assert!(witness(&sample, &kept).await);
    assert_eq!(verified(&sample, &[kept]).await.bad, None);
    drop(sample);

    // Everything is put back: nothing in it contradicts itself.
    let sample = Sample::with(copy(&whole), options()).await;
    assert_eq!(verified(&sample, &[]).await.bad, None);
    assert!(!witness(&sample, &kept).await);
    let behind = Some((Some(sample.body(BODY).audit().last_number() + 1), RolledBack));
    assert_eq!(verified(&sample, &[kept]).await.bad, behind, "by a checkpoint that somebody kept");
    sample.body(BODY).audit().doubts().remembered(kept.size);
    assert_eq!(verified(&sample, &[]).await.bad, behind, "by the word of a witness");

    // It goes on otherwise, and becomes longer than it was.
    write_at(&sample, BODY, RECORDS + 200, NOW + 1).await;
    grow(&sample).await;
    assert!(!witness(&sample, &kept).await);
    assert_eq!(verified(&sample, &[kept]).await.bad, Some((None, RolledBack)));
    sample.body(BODY).audit().doubts().contradicted("broker-a");
    assert_eq!(verified(&sample, &[]).await.bad, Some((None, RolledBack)));
    sample.body(BODY).audit().doubts().cosigned("broker-a", 1);
    assert_eq!(verified(&sample, &[]).await.bad, None);
}

#[tokio::test]
async fn r43_an_older_journal_under_the_rows_of_today_is_cut_short() {
    let whole = log().await;
    let sample = Sample::with(copy(&whole), options()).await;
    write(&sample, BODY, RECORDS + 64).await;
    grow(&sample).await;
    let later = sample.closed();
    fs::remove_dir_all(journal(&later)).unwrap();
    copied(&journal(&whole), &journal(&later));
    let found = found(later, options()).await.unwrap();
    assert_eq!(found.bad.map(|(_, fault)| fault), Some(CutShort));
}
