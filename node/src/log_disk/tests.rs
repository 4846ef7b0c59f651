//! A disk that is filled and emptied, as requests see it.

use chukei_store::journal::{Entry, JournalOptions};
use chukei_wire::result::ResultName;

use super::*;

const SEGMENT: u64 = 64 << 10;

fn rules() -> LogDiskRules {
    let thresholds = Thresholds { begin: [80.0, 88.0, 93.0, 97.0] };
    LogDiskRules { reserve_bytes: 512 << 10, segment_bytes: SEGMENT, alarm_percent: 70.0, thresholds }
}

fn opened(dir: &std::path::Path) -> Arc<Journal> {
    let options = JournalOptions { segment_bytes: SEGMENT, ..JournalOptions::default() };
    Arc::new(Journal::open(dir, options).unwrap().0)
}

#[test]
fn r41_what_is_refused_at_each_level_says_when_to_come_back_and_administrators_are_not() {
    let disk = LogDisk::default();
    let bulk_and_others =
        [Kind::CopyImport, Kind::NoticeSend, Kind::ProvisionStatus, Kind::SelfInfo, Kind::RegisterChange];
    for level in Level::ALL {
        disk.set(level);
        let refused: Vec<_> = bulk_and_others.iter().map(|kind| disk.admits(*kind).err()).collect();
        let count = refused.iter().filter(|refused| refused.is_some()).count();
        assert_eq!(count, level as usize, "{level:?}");
        assert!(refused[..count].iter().all(Option::is_some), "in order");
        assert_eq!(disk.told().is_some(), level > Level::Whole);
        for refused in refused.into_iter().take(3).flatten() {
            assert!(matches!(refused.outcome(), Outcome::RetryAfter(ResultName::Overloaded, ms) if ms > 0));
        }
    }
    assert_eq!(disk.admits(Kind::SelfInfo).unwrap_err().outcome(), NOT_READY);
    assert!(LogDisk::serves_always(Kind::RegisterChange) && !LogDisk::serves_always(Kind::SelfInfo));
}

#[tokio::test]
async fn the_reserve_is_made_and_one_who_needs_room_has_the_disk_looked_at_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, journal) = (Arc::new(LogDisk::default()), opened(dir.path()));
    let (metrics, (end, stop)) = (Metrics::new("node").unwrap(), watch::channel(false));
    let keeping = tokio::spawn(keep(disk.clone(), journal.clone(), rules(), metrics, stop));
    disk.make_room().await;
    let reserve = journal.reserve(rules().reserve_bytes);
    while reserve.held().unwrap() < reserve.wanted() {
        disk.make_room().await;
    }
    end.send(true).unwrap();
    keeping.await.unwrap();
}

#[tokio::test]
async fn r43_the_reserve_is_given_up_for_the_last_level_alone_and_made_again_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut keeper = Keeper::new(opened(dir.path()), rules());
    keeper.settle(Level::Whole).unwrap();
    assert_eq!(keeper.reserve.held().unwrap(), keeper.reserve.wanted());
    // A log that needs more than this disk has: there is never room.
    keeper.segment = u64::MAX / 4;
    keeper.settle(Level::Queries).unwrap();
    assert_eq!(keeper.reserve.held().unwrap(), keeper.reserve.wanted(), "ordinary requests are served still");
    assert_eq!(keeper.look(Level::Whole).unwrap().1, Level::Disclosures);
    keeper.settle(Level::Disclosures).unwrap();
    assert_eq!(keeper.reserve.held().unwrap(), 0);
    keeper.segment = SEGMENT;
    keeper.settle(Level::Whole).unwrap();
    assert_eq!(keeper.reserve.held().unwrap(), keeper.reserve.wanted());
}

#[tokio::test]
async fn a_journal_with_a_reserve_beside_it_opens_as_ever() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    let (partition, sealed) = ("982016".to_owned(), vec![7; 2_000]);
    journal.append(Entry { partition, kind: 1, at_ms: 1, replay: None, sealed }).await.unwrap();
    while journal.reserve(80_000).take().unwrap() {}
    drop(journal);
    assert_eq!(opened(dir.path()).last_number("982016"), 1);
}
