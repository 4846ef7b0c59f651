//! One owner per body: who may open it, who is fenced off, and how soon a dead owner's body is free.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chukei_store::{Engine, PostgresOptions, StoreError, WriteFault};

use crate::fixture::{DATABASE, Fresh, fresh, fresh_on, key, open_when_free, put, server, started, value};

const CHILD: &str = "CHUKEI_STORE_POSTGRES_CHILD";
/// A body of an owner that died is served by another within this.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(10);

#[tokio::test]
async fn postgres_a_body_has_one_owner_until_it_is_given_back() {
    let Some(fresh) = fresh("postgres_a_body_has_one_owner_until_it_is_given_back").await else { return };
    let (one, two) = (fresh.engine().await, fresh.engine().await);
    let partition = one.open("982016").await.unwrap();
    assert!(matches!(two.open("982016").await, Err(StoreError::Owned)));
    assert!(matches!(two.remove("982016").await, Err(StoreError::Owned)));
    let other = two.open("982024").await.unwrap();
    assert_eq!((partition.fault(), other.fault()), (None, None));
    partition.apply(put(b"a", b"1")).await.unwrap();
    let epoch = partition.epoch();
    drop(partition);
    let partition = two.open("982016").await.unwrap();
    assert!(partition.epoch() > epoch);
    assert_eq!(value(&*partition, b"a").await, Some(b"1".to_vec()));
}

#[tokio::test]
async fn postgres_renews_its_leases_and_outlives_them() {
    let Some(fresh) = fresh("postgres_renews_its_leases_and_outlives_them").await else { return };
    let fresh = fresh.lease(Duration::from_secs(2));
    let (one, two) = (fresh.engine().await, fresh.engine().await);
    let partition = one.open("982016").await.unwrap();
    let expires = format!("SELECT expires FROM {}", fresh.table("leases"));
    let first = server().sql(DATABASE, &expires).unwrap();
    let renewed = format!(
        "SELECT count(*) FROM {} WHERE expires > '{first}'::timestamptz + interval '3 s'",
        fresh.table("leases")
    );
    while server().sql(DATABASE, &renewed).unwrap() == "0" {
        assert!(matches!(two.open("982016").await, Err(StoreError::Owned)));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    partition.apply(put(b"a", b"1")).await.unwrap();
}

/// Who asks for bodies and goes away does not hold them, and does not hold up who asks next.
#[tokio::test]
async fn postgres_an_opening_that_nobody_waits_for_gives_the_body_back() {
    let Some(fresh) = fresh("postgres_an_opening_that_nobody_waits_for_gives_the_body_back").await else {
        return;
    };
    let (one, two) = (fresh.engine().await, fresh.engine().await);
    for body in 0..12 {
        drop(one.open(&format!("b{body}")));
    }
    for body in 0..12 {
        let partition = one.open(&format!("b{body}")).await.unwrap();
        partition.apply(put(b"a", b"1")).await.unwrap();
        drop(partition);
        assert_eq!(value(&*two.open(&format!("b{body}")).await.unwrap(), b"a").await, Some(b"1".to_vec()));
    }
}

/// The owner of before still runs and believes in its lease; the database knows better.
#[tokio::test]
async fn postgres_a_stale_owner_is_fenced_off_with_its_very_next_batch() {
    let Some(fresh) = fresh("postgres_a_stale_owner_is_fenced_off_with_its_very_next_batch").await else {
        return;
    };
    let (one, two) = (fresh.engine().await, fresh.engine().await);
    let stale = one.open("982016").await.unwrap();
    stale.apply(put(b"a", b"1")).await.unwrap();
    let expire = format!("UPDATE {} SET expires = now() - interval '1 s'", fresh.table("leases"));
    server().sql(DATABASE, &expire).unwrap();
    let owner = two.open("982016").await.unwrap();
    assert_eq!(stale.fault(), None, "it does not know yet");
    assert!(matches!(stale.apply(put(b"a", b"stale")).await, Err(StoreError::Fenced)));
    assert_eq!(stale.fault(), Some(WriteFault::Fenced));
    assert_eq!(stale.recover().await, Some(WriteFault::Fenced));
    assert!(matches!(stale.get_many(&[key(b"a")]).await, Err(StoreError::Fenced)));
    assert!(matches!(stale.apply(put(b"a", b"stale")).await, Err(StoreError::Fenced)));
    drop(stale);
    assert_eq!(owner.fault(), None, "what the stale one gives back is not its own");
    owner.apply(put(b"b", b"2")).await.unwrap();
    assert_eq!(value(&*owner, b"a").await, Some(b"1".to_vec()));
    assert!(matches!(one.open("982016").await, Err(StoreError::Owned)));
}

/// Without a batch too: the renewal finds out.
#[tokio::test]
async fn postgres_a_stale_owner_learns_of_it_without_writing() {
    let Some(fresh) = fresh("postgres_a_stale_owner_learns_of_it_without_writing").await else { return };
    let fresh = fresh.lease(Duration::from_millis(900));
    let (one, two) = (fresh.engine().await, fresh.engine().await);
    let stale = one.open("982016").await.unwrap();
    let expire = format!("UPDATE {} SET expires = now() - interval '1 s'", fresh.table("leases"));
    let _owner = loop {
        server().sql(DATABASE, &expire).unwrap();
        if let Ok(owner) = two.open("982016").await {
            break owner;
        }
    };
    while stale.fault() != Some(WriteFault::Fenced) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(matches!(stale.get_many(&[key(b"a")]).await, Err(StoreError::Fenced)));
}

/// A batch on its way while the body is taken over happens before the takeover or not at all.
#[tokio::test]
async fn postgres_a_takeover_waits_for_the_transaction_that_is_under_way() {
    let Some(fresh) = fresh("postgres_a_takeover_waits_for_the_transaction_that_is_under_way").await else {
        return;
    };
    let (one, two) = (fresh.engine().await, fresh.engine().await);
    let stale = one.open("982016").await.unwrap();
    stale.apply(put(b"before", b"1")).await.unwrap();
    let expire = format!("UPDATE {} SET expires = now() - interval '1 s'", fresh.table("leases"));
    server().sql(DATABASE, &expire).unwrap();
    let taking = tokio::spawn(async move { two.open("982016").await.unwrap() });
    let mut acknowledged = Vec::new();
    for i in 0..=u8::MAX {
        match stale.apply(put(&[i], b"1")).await {
            Ok(()) => acknowledged.push(i),
            Err(StoreError::Fenced) => break,
            Err(error) => panic!("{error}"),
        }
    }
    let owner = taking.await.unwrap();
    for i in 0..=u8::MAX {
        assert_eq!(value(&*owner, &[i]).await.is_some(), acknowledged.contains(&i), "{i}");
    }
}

fn child(fresh: &Fresh) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "leases::postgres_crash_a_dead_owner_is_followed_within_ten_seconds",
            "--nocapture",
        ])
        .env(CHILD, format!("{} {}", fresh.options.schema, fresh.options.url))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// In the child: owns a body and writes until it is killed.
async fn own_and_write(target: &str) {
    let (schema, url) = target.split_once(' ').unwrap();
    let options = PostgresOptions { schema: schema.to_owned(), ..PostgresOptions::new(url, "node-b") };
    let engine = chukei_store::PostgresEngine::connect(options).await.unwrap();
    let partition = engine.open("982016").await.unwrap();
    for count in 0u64.. {
        let batch = put(b"one", &count.to_be_bytes()).put(key(b"two"), count.to_be_bytes().to_vec());
        partition.apply(batch).await.unwrap();
        std::io::stdout().write_all(format!("\nack {count}\n").as_bytes()).unwrap();
    }
}

#[tokio::test]
async fn postgres_crash_a_dead_owner_is_followed_within_ten_seconds() {
    if let Ok(target) = std::env::var(CHILD) {
        return own_and_write(&target).await;
    }
    let Some(fresh) = fresh("postgres_crash_a_dead_owner_is_followed_within_ten_seconds").await else {
        return;
    };
    let engine = fresh.engine().await;
    let mut owner = child(&fresh);
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let mut last = None;
    let mut died = Instant::now();
    for line in lines {
        let Some(count) = line.unwrap().strip_prefix("ack ").map(|count| count.parse::<u64>().unwrap())
        else {
            continue;
        };
        last = Some(count);
        if count == 40 {
            assert!(matches!(engine.open("982016").await, Err(StoreError::Owned)));
            owner.kill().unwrap();
            died = Instant::now();
        }
    }
    owner.wait().unwrap();
    let partition = open_when_free(&*engine, "982016").await;
    assert!(died.elapsed() < TAKEN_OVER_WITHIN, "{:?}", died.elapsed());
    let found = u64::from_be_bytes(value(&*partition, b"one").await.unwrap().try_into().unwrap());
    assert!(found >= last.unwrap(), "an acknowledged batch is lost");
    assert_eq!(value(&*partition, b"two").await, Some(found.to_be_bytes().to_vec()), "half a batch");
    partition.apply(put(b"one", b"")).await.unwrap();
}

/// Whatever writes and reads, the server serves no more connections than are configured, and the one for the leases.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_connections_stay_within_the_limit_under_64_writers_and_readers() {
    let test = "postgres_connections_stay_within_the_limit_under_64_writers_and_readers";
    if !chukei_postgres_server::available(test) {
        return;
    }
    // Its own server: others' connections are not counted.
    let server = started().unwrap();
    let fresh = fresh_on(&server).await;
    let engine = fresh.engine().await;
    let mut bodies = Vec::new();
    for body in 0..8 {
        bodies.push(open_when_free(&*engine, &format!("98201{body}")).await);
    }
    let mut working = tokio::task::JoinSet::new();
    for at in 0..64 {
        let body = Arc::clone(&bodies[at % bodies.len()]);
        working.spawn(async move {
            let name = at.to_be_bytes();
            for _ in 0..20 {
                body.apply(put(&name, b"1")).await.unwrap();
                assert_eq!(value(&*body, &name).await.unwrap(), b"1");
            }
        });
    }
    let most = fresh.options.connections + 1;
    let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'chukei'";
    let mut seen = 0;
    loop {
        let now: usize = server.sql(DATABASE, count).unwrap().trim().parse().unwrap();
        assert!(now <= most, "{now} connections");
        seen = seen.max(now);
        while let Some(done) = working.try_join_next() {
            done.unwrap();
        }
        if working.is_empty() {
            break;
        }
    }
    assert!(seen > 1, "it was looked while they worked");
}
