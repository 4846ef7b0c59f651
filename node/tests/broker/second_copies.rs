//! Second copies of a broker that has lost its records and was started without them (R41).

use std::fs;
use std::time::Duration;

use chukei_wire::frame::Outcome;
use chukei_wire::header::Kind;
use tokio::time::timeout;

use crate::stage::{about, answered, header, shows_at};
use crate::two_brokers::{Pair, entries};

/// A broker that does not start says so sooner.
const PATIENCE: Duration = Duration::from_secs(20);

/// Passages through the first broker, as many.
async fn passages(pair: &Pair, count: usize) {
    let (portal, node) = pair.stage.peers().await;
    let code = pair.stage.code(&portal, "portal/mynaportal", 42).await;
    for _ in 0..count {
        let passed = answered(&portal, &node, &header(Kind::SelfInfo), &about(code)).await;
        assert_eq!(passed, Outcome::Answered);
    }
}

#[tokio::test]
async fn r41_a_broker_that_has_lost_entries_and_written_more_than_were_copied_is_told_and_writes_over_none() {
    let mut pair = Pair::set().await;
    passages(&pair, 1).await;
    pair.stage.shows("/metrics", "chukei_record_copies{role=\"broker\"} 1\n").await;
    pair.stage.shows("/metrics", "chukei_record_copies_behind{role=\"broker\"} 0\n").await;
    pair.stage.stopped().await;
    pair.second.stopped().await;
    let [data, held, lost] = ["data", "data-b", "lost"].map(|name| pair.stage.dir.path().join(name));
    let copies = || entries(&held, "copies-records-broker-a");
    let before = copies();
    fs::rename(&data, &lost).unwrap();
    // The keyring has come back from its backup.
    fs::create_dir_all(data.join("keys")).unwrap();
    for entry in fs::read_dir(lost.join("keys")).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), data.join("keys").join(entry.file_name())).unwrap();
    }
    // Whoever holds the copies is away, and is back once there are more entries than it has.
    pair.stage.start().await;
    passages(&pair, before.len()).await;
    pair.second.start().await;
    pair.linked().await;
    shows_at(pair.second.config.listen.metrics, "/metrics", "kind=\"record-copies\"").await;
    pair.stage.stopped().await;
    let started = timeout(PATIENCE, pair.stage.run()).await.expect("it has started over its copies");
    let refused = started.unwrap_err().to_string();
    pair.second.stopped().await;
    assert!(entries(&data, "broker").len() > before.len());
    assert!(
        refused.contains("broker-b holds a copy of") && refused.contains("ChukeiRecordsNotCopied"),
        "{refused}"
    );
    assert_eq!(copies(), before, "nothing is written over them, and nothing behind them");
}
