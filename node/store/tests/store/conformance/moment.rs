//! One moment: whatever a writer does meanwhile, a reader sees a batch in all its rows or in none (R31).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chukei_store::{Batch, Partition, Versioned};

use crate::stage::{Stage, all, key, put, value};

const ROWS: u8 = 8;
const ROUNDS: u64 = 150;

fn round(number: u64) -> Batch {
    // Over the size of a part or a page, so that a value has several pieces.
    let value = number.to_be_bytes().repeat(if number.is_multiple_of(2) { 40 } else { 700 });
    (0..ROWS).fold(Batch::new(), |batch, i| batch.put(key(&[i]), value.clone()))
}

async fn read_while_it_is_written(stage: &Stage, in_pages: bool) {
    let partition = stage.open().await;
    partition.apply(round(0)).await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|_| tokio::spawn(read_until(Arc::clone(&partition), in_pages, Arc::clone(&done))))
        .collect();
    let mut queued = Vec::new();
    for number in 1..=ROUNDS {
        queued.push(partition.apply(round(number)));
        if number % 3 == 0 {
            for outcome in queued.drain(..) {
                outcome.await.unwrap();
            }
        }
    }
    for outcome in queued {
        outcome.await.unwrap();
    }
    done.store(true, Ordering::Release);
    for reader in readers {
        assert!(reader.await.unwrap() >= 1, "the reader saw nothing change");
    }
}

/// Reads until told to stop; how many different moments were seen.
async fn read_until(partition: Arc<dyn Partition>, in_pages: bool, done: Arc<AtomicBool>) -> usize {
    let keys: Vec<_> = (0..ROWS).map(|i| key(&[i])).collect();
    let mut last = 0;
    let mut moments = 0;
    while !done.load(Ordering::Acquire) || moments == 0 {
        let rows: Vec<Versioned> = if in_pages {
            let page = partition.scan(&all(), None, 100).await.unwrap();
            page.rows.into_iter().map(|(_, row)| row).collect()
        } else {
            partition.get_many(&keys).await.unwrap().into_iter().map(Option::unwrap).collect()
        };
        assert_eq!(rows.len(), usize::from(ROWS));
        assert!(rows.iter().all(|row| *row == rows[0]), "a batch was seen in part");
        assert!(rows[0].version >= last, "time ran backwards");
        moments += usize::from(rows[0].version > last);
        last = rows[0].version;
        tokio::task::yield_now().await;
    }
    moments
}

pub(crate) async fn r31_get_many_sees_a_batch_wholly_or_not_at_all(stage: &Stage) {
    read_while_it_is_written(stage, false).await;
}

pub(crate) async fn r31_a_page_sees_a_batch_wholly_or_not_at_all(stage: &Stage) {
    read_while_it_is_written(stage, true).await;
}

pub(crate) async fn what_is_acknowledged_is_seen(stage: &Stage) {
    let partition = stage.open().await;
    for number in 0..100u8 {
        let batch = if number % 3 == 2 { Batch::new().delete(key(b"row")) } else { put(b"row", &[number]) };
        partition.apply(batch).await.unwrap();
        let wanted = (number % 3 != 2).then(|| vec![number]);
        assert_eq!(value(&*partition, b"row").await, wanted);
        let page = partition.scan(&all(), None, 10).await.unwrap();
        assert_eq!(page.rows.into_iter().next().map(|(_, row)| row.value), wanted);
    }
}
