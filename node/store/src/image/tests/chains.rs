//! Chains of backups: what builds on what, and what is refused.

use super::*;

#[tokio::test]
async fn sqlite_a_chain_brings_back_changes_and_deletions_with_the_values_of_new_rows_only() {
    let stage = Stage::new();
    let observed = stage.observed().await;
    fill(&*observed, 0..500, 1).await;
    let full = stage.backup(&observed, "full", None).await;
    fill(&*observed, 490..510, 2).await;
    observed.apply(Batch::new().delete(key(3)).delete(key(4))).await.unwrap();
    let second = stage.backup(&observed, "second", Some(&full)).await;
    observed.apply(Batch::new().delete(key(5)).put(key(3), vec![9])).await.unwrap();
    let third = stage.backup(&observed, "third", Some(&second)).await;

    let values = |backup: &BackupSet| backup.manifest().spaces.iter().map(|space| space.values).sum::<u64>();
    assert_eq!([values(&full), values(&second), values(&third)], [500, 20, 1]);
    let chain = third.clone().chain(&stage.identities()).unwrap();
    let checked = check_chain(&chain, &mut |_| {}).unwrap();
    assert_eq!((checked.backups, checked.entries), (3, 9));

    let target = stage.partition("target").await;
    restore(&third, &stage.identities(), target.clone()).await.unwrap();
    assert_eq!(content(&*target).await, content(&*observed).await);
    let seen = Observed::over(target, EngineKind::Sqlite).await.unwrap();
    let told = seen.restored().await.unwrap();
    assert_eq!(told, Some(Restored { backup: third.id(), last_number: 9 }));
    seen.told_of_restore().await.unwrap();
    assert_eq!(seen.restored().await.unwrap(), None);
}

#[tokio::test]
async fn sqlite_a_broken_chain_is_refused() {
    let stage = Stage::new();
    let observed = stage.observed().await;
    fill(&*observed, 0..10, 1).await;
    let full = stage.backup(&observed, "full", None).await;
    fill(&*observed, 5..12, 2).await;
    let second = stage.backup(&observed, "second", Some(&full)).await;
    fill(&*observed, 7..13, 3).await;
    let third = stage.backup(&observed, "third", Some(&second)).await;

    // Bases are found by what they are, not by their names.
    std::fs::rename(second.folder(), stage.backups.join("elsewhere")).unwrap();
    assert_eq!(third.clone().chain(&stage.identities()).unwrap().len(), 3);
    std::fs::rename(stage.backups.join("elsewhere"), stage.backups.join("../gone")).unwrap();
    assert!(matches!(third.chain(&stage.identities()), Err(ImageError::BrokenChain)));
}

/// A later backup that was signed over another base than the one it names.
#[tokio::test]
async fn sqlite_a_chain_with_a_gap_is_refused() {
    let stage = Stage::new();
    let observed = stage.observed().await;
    fill(&*observed, 0..10, 1).await;
    let full = stage.backup(&observed, "full", None).await;
    fill(&*observed, 5..12, 2).await;
    let second = stage.backup(&observed, "second", Some(&full)).await;
    let faults: [fn(&mut Manifest); 4] = [
        |manifest| manifest.journal_span.first += 1,
        |manifest| manifest.lineage = [0; 16],
        |manifest| manifest.body = "982024".to_owned(),
        |manifest| manifest.base.as_mut().unwrap().newest -= 1,
    ];
    for fault in faults {
        let mut manifest = second.manifest().clone();
        fault(&mut manifest);
        std::fs::write(second.folder().join("manifest.cbor"), stage.signed(&manifest)).unwrap();
        let altered = BackupSet::open(second.folder(), &stage.identities()).unwrap();
        assert!(matches!(altered.chain(&stage.identities()), Err(ImageError::BrokenChain)));
    }
}

/// After a restore versions begin anew: what they say is not to be mixed with what they said.
#[tokio::test]
async fn sqlite_restored_rows_are_of_a_new_line_and_build_on_no_earlier_backup() {
    let stage = Stage::new();
    let observed = stage.observed().await;
    fill(&*observed, 0..10, 1).await;
    let full = stage.backup(&observed, "full", None).await;
    let target = stage.partition("target").await;
    restore(&full, &stage.identities(), target.clone()).await.unwrap();
    let restored = Observed::over(target, EngineKind::Sqlite).await.unwrap();
    let base = Some((full.manifest().lineage, full.manifest().newest));
    assert!(matches!(Capture::begin(&restored, base).await, Err(ImageError::OtherLineage)));
    assert!(Capture::begin(&restored, None).await.is_ok());
}

#[tokio::test]
async fn sqlite_an_import_that_broke_off_is_not_served_and_is_completed_by_its_repetition() {
    let stage = Stage::new();
    let observed = stage.observed().await;
    fill(&*observed, 0..9_000, 1).await;
    let full = stage.backup(&observed, "full", None).await;
    observed.apply(Batch::new().delete(key(1))).await.unwrap();
    let second = stage.backup(&observed, "second", Some(&full)).await;
    let chunks: Vec<_> = full.rows().unwrap().map(Result::unwrap).collect();
    for broken_after in 0..chunks.len() + 1 {
        let name = format!("target-{broken_after}");
        let target = stage.partition(&name).await;
        let mut importer = Importer::begin(target.clone()).await.unwrap();
        for (section, records) in chunks.iter().take(broken_after).cloned() {
            importer.take(section, records).await.unwrap();
        }
        drop(importer);
        assert!(matches!(
            Observed::over(target.clone(), EngineKind::Sqlite).await,
            Err(ImageError::Unfinished)
        ));
        restore(&second, &stage.identities(), target.clone()).await.unwrap();
        assert_eq!(content(&*target).await, content(&*observed).await);
        assert!(Observed::over(target, EngineKind::Sqlite).await.is_ok());
    }
}

#[tokio::test]
async fn sqlite_nothing_is_put_over_rows_that_are_there() {
    let stage = Stage::new();
    let observed = stage.observed().await;
    fill(&*observed, 0..2, 1).await;
    let full = stage.backup(&observed, "full", None).await;
    let target = stage.partition("target").await;
    fill(&*target, 7..8, 1).await;
    assert!(matches!(restore(&full, &stage.identities(), target).await, Err(ImageError::NotEmpty)));
}

#[tokio::test]
async fn sqlite_one_image_at_a_time_and_none_is_left_behind() {
    let stage = Stage::new();
    let observed = stage.observed().await;
    let first = Capture::begin(&observed, None).await.unwrap();
    assert!(matches!(Capture::begin(&observed, None).await, Err(ImageError::InProgress)));
    drop(first);
    assert!(Capture::begin(&observed, None).await.is_ok());
}

/// A move between nodes: the complete backup is put in while the body is served elsewhere, the last changes follow.
#[tokio::test]
async fn sqlite_an_import_goes_on_behind_the_last_image_that_is_wholly_in() {
    let stage = Stage::new();
    let observed = stage.observed().await;
    fill(&*observed, 0..3_000, 1).await;
    let full = stage.backup(&observed, "full", None).await;
    observed.apply(Batch::new().delete(key(1)).put(key(2), vec![2])).await.unwrap();
    let second = stage.backup(&observed, "second", Some(&full)).await;
    let take = async |importer: &mut Importer, backup: &BackupSet, records: usize| {
        for chunk in backup.rows().unwrap() {
            let (section, mut taken) = chunk.unwrap();
            taken.truncate(records);
            importer.take(section, taken).await.unwrap();
        }
    };
    let target = stage.partition("target").await;
    let mut importer = Importer::begin(target.clone()).await.unwrap();
    assert_eq!(importer.whole(), None);
    take(&mut importer, &full, usize::MAX).await;
    importer.end_image(Some(full.id())).await.unwrap();
    drop(importer);

    let mut importer = Importer::begin(target.clone()).await.unwrap();
    assert_eq!(importer.whole(), Some(full.id()));
    take(&mut importer, &second, 5).await;
    importer.end_image(None).await.unwrap();
    drop(importer);
    let begun = Importer::begin(target.clone()).await.unwrap();
    assert_eq!(begun.whole(), None, "something of the second is in: from the start");
    drop(begun);
    restore(&second, &stage.identities(), target.clone()).await.unwrap();
    assert_eq!(content(&*target).await, content(&*observed).await);
    assert!(Observed::over(target, EngineKind::Sqlite).await.unwrap().epoch() > observed.epoch());
}
