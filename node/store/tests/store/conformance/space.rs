//! The space that a body takes, and what it gives back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chukei_store::{Batch, EngineKind, Partition, Usage};

use crate::stage::{Stage, all, key, put, value};

const ROWS: u32 = 1500;
const ROW: usize = 8000;

fn fill() -> Batch {
    (0..ROWS).fold(Batch::new(), |batch, i| batch.put(key(&i.to_be_bytes()), vec![1; ROW]))
}

async fn usage(partition: &dyn Partition) -> Usage {
    partition.usage().await.unwrap()
}

pub(crate) async fn usage_grows_with_what_is_stored(stage: &Stage) {
    let partition = stage.open().await;
    let empty = usage(&*partition).await;
    partition.apply(fill()).await.unwrap();
    let full = usage(&*partition).await;
    assert!(full.bytes >= empty.bytes + u64::from(ROWS) * ROW as u64, "{empty:?} {full:?}");
    assert!(full.reclaimable <= full.bytes);
}

pub(crate) async fn compaction_gives_back_what_it_says_while_the_body_serves(stage: &Stage) {
    let partition = stage.open().await;
    partition.apply(fill().put(key(b"kept"), b"kept".to_vec())).await.unwrap();
    let emptied = (0..ROWS).fold(Batch::new(), |batch, i| batch.delete(key(&i.to_be_bytes())));
    partition.apply(emptied).await.unwrap();
    let before = usage(&*partition).await;
    let gone = u64::from(ROWS) * ROW as u64;
    if stage.kind() != EngineKind::Postgres {
        assert!(before.reclaimable >= gone / 2, "{before:?}");
    }

    let done = Arc::new(AtomicBool::new(false));
    let served = tokio::spawn(serve_until(Arc::clone(&partition), Arc::clone(&done)));
    let mut given_back = 0;
    loop {
        let step = partition.compact().await.unwrap();
        given_back += step.bytes;
        if !step.more {
            break;
        }
        tokio::task::yield_now().await;
    }
    done.store(true, Ordering::Release);
    assert!(served.await.unwrap() >= 1);
    match stage.kind() {
        EngineKind::Sqlite => {
            assert!(given_back >= gone * 8 / 10, "{given_back} of {gone}");
            assert!(usage(&*partition).await.bytes < before.bytes);
        }
        // It keeps what it has for what is written next.
        EngineKind::Sled => assert_eq!(given_back, 0),
        EngineKind::Postgres => {}
    }
    assert_eq!(value(&*partition, b"kept").await, Some(b"kept".to_vec()));
}

/// Writes and reads until told to stop; how often.
async fn serve_until(partition: Arc<dyn Partition>, done: Arc<AtomicBool>) -> usize {
    let mut served = 0usize;
    while served == 0 || !done.load(Ordering::Acquire) {
        partition.apply(put(b"served", &served.to_be_bytes())).await.unwrap();
        assert_eq!(value(&*partition, b"served").await, Some(served.to_be_bytes().to_vec()));
        assert_eq!(partition.count(&all()).await.unwrap(), 2);
        served += 1;
    }
    served
}
