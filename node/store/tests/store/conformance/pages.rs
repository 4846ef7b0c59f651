//! Scans and counts: prefixes, order, and pages bounded in rows and in bytes.

use chukei_store::partition::MAX_SCAN_BYTES;
use chukei_store::{Batch, RowKey, Rows, Space};

use crate::stage::{Stage, all, key};

fn names(page: &Rows) -> Vec<Vec<u8>> {
    page.rows.iter().map(|(found, _)| found.strip(&all()).unwrap().to_vec()).collect()
}

pub(crate) async fn scan_pages_through_one_prefix_only(stage: &Stage) {
    let partition = stage.open().await;
    let mut batch = Batch::new();
    for name in [&b"a"[..], b"b", b"b\x00", b"b\x01", b"b\xff", b"b\xff\xff", b"c"] {
        batch = batch.put(key(name), name.to_vec());
    }
    let neighbours = batch.put(RowKey::new(Space::RecordId), vec![]).put(RowKey::new(Space::Page), vec![]);
    partition.apply(neighbours).await.unwrap();
    let scan = |prefix: &[u8], after: Option<&[u8]>, limit| {
        partition.scan(&key(prefix), after.map(key).as_ref(), limit)
    };

    let page = scan(b"b", None, 3).await.unwrap();
    assert_eq!(names(&page), [&b"b"[..], b"b\x00", b"b\x01"]);
    assert_eq!(page.rows[1].1.value, b"b\x00");
    assert_eq!(page.next(), Some(key(b"b\x01")));
    let page = partition.scan(&key(b"b"), page.next().as_ref(), 3).await.unwrap();
    assert_eq!(names(&page), [&b"b\xff"[..], b"b\xff\xff"]);
    assert!(!page.more && page.next().is_none());
    assert_eq!(names(&scan(b"b\xff", None, 9).await.unwrap()), [&b"b\xff"[..], b"b\xff\xff"]);
    assert_eq!(names(&scan(b"b", Some(b"a"), 1).await.unwrap()), [b"b"]);
    assert_eq!(scan(b"b", Some(b"c"), 9).await.unwrap(), Rows::default());
    assert_eq!(scan(b"", None, 7).await.unwrap().rows.len(), 7);
    assert!(!scan(b"", None, 7).await.unwrap().more, "the rows of other spaces do not follow");
    assert!(scan(b"b", None, 0).await.unwrap().rows.is_empty());
    assert_eq!(scan(b"nothing", None, 9).await.unwrap(), Rows::default());
}

pub(crate) async fn a_page_ends_where_its_bytes_are_reached(stage: &Stage) {
    const EACH: usize = 700_000;
    let partition = stage.open().await;
    for half in 0..2u8 {
        let batch = (0..6u8).fold(Batch::new(), |batch, i| batch.put(key(&[half, i]), vec![i; EACH]));
        partition.apply(batch).await.unwrap();
    }
    let first = partition.scan(&all(), None, 100).await.unwrap();
    assert_eq!(first.rows.len(), MAX_SCAN_BYTES.div_ceil(EACH), "the last value goes beyond");
    assert!(first.more);
    let second = partition.scan(&all(), first.next().as_ref(), 100).await.unwrap();
    assert_eq!(first.rows.len() + second.rows.len(), 12);
    assert!(!second.more);
    assert!(second.rows.iter().all(|(_, row)| row.value.len() == EACH));
}

pub(crate) async fn pages_together_are_all_rows_in_order(stage: &Stage) {
    let partition = stage.open().await;
    for part in 0..4u32 {
        let rows = (0..250).map(|i| (i * 4 + part).to_be_bytes());
        let batch = rows.fold(Batch::new(), |batch, i| batch.put(key(&i), i.repeat(part as usize * 20)));
        partition.apply(batch).await.unwrap();
    }
    for limit in [1000, 999, 64] {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = partition.scan(&all(), after.as_ref(), limit).await.unwrap();
            assert!(page.rows.len() <= limit);
            found.extend(names(&page));
            after = page.next();
            if after.is_none() {
                break;
            }
        }
        let wanted: Vec<_> = (0..1000u32).map(|i| i.to_be_bytes().to_vec()).collect();
        assert_eq!(found, wanted, "in pages of {limit}");
    }
}

pub(crate) async fn count_counts_what_begins_with_the_prefix(stage: &Stage) {
    let partition = stage.open().await;
    let many = (0..2100u32).fold(Batch::new(), |batch, i| batch.put(key(&i.to_be_bytes()), vec![]));
    partition.apply(many.put(RowKey::new(Space::Meta), vec![])).await.unwrap();
    assert_eq!(partition.count(&all()).await.unwrap(), 2100);
    assert_eq!(partition.count(&key(&[0, 0, 1])).await.unwrap(), 256);
    assert_eq!(partition.count(&key(&[9])).await.unwrap(), 0);
    partition.apply(Batch::new().delete(key(&7u32.to_be_bytes()))).await.unwrap();
    assert_eq!(partition.count(&all()).await.unwrap(), 2099);
}
