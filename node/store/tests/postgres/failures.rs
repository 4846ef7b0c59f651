//! What is tried again, what is looked up, and what is refused when the server or the way to it fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chukei_store::{
    Batch, Engine, Partition, PostgresEngine, PostgresOptions, RowKey, Space, StoreError, WriteFault,
};
use zeroize::Zeroizing;

use crate::fixture::{DATABASE, NODE, PASSWORD, fresh, fresh_on, key, put, server, started, value};
use crate::proxy::{Loses, MARKED, Proxy};

/// Runs SQL beside the test that waits in `pg_sleep`, and comes back when it does.
fn beside(sql: String, name: &'static str) -> std::thread::JoinHandle<()> {
    let running = std::thread::spawn(move || {
        server().sql(DATABASE, &format!("SET application_name = '{name}'; {sql}")).unwrap();
    });
    let sleeps = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{name}' AND wait_event = 'PgSleep'"
    );
    while server().sql(DATABASE, &sleeps).unwrap() == "0" {
        std::thread::sleep(Duration::from_millis(5));
    }
    running
}

#[tokio::test]
async fn postgres_tries_again_after_failures_of_serialization() {
    let Some(mut fresh) = fresh("postgres_tries_again_after_failures_of_serialization").await else { return };
    fresh.options.url += "?options=-c%20default_transaction_isolation%3Dserializable";
    let partition = fresh.engine().await.open("982016").await.unwrap();
    partition.apply(put(b"a", b"1")).await.unwrap();
    let marks = fresh.table("marks");
    let running = beside(
        format!("BEGIN; UPDATE {marks} SET version = version; SELECT pg_sleep(0.5); COMMIT"),
        "serialization",
    );
    partition.apply(put(b"a", b"2").require_version(key(b"a"), 1)).await.unwrap();
    running.join().unwrap();
    assert!(server().log().contains("could not serialize access"), "it was in the way");
    assert_eq!(value(&*partition, b"a").await, Some(b"2".to_vec()));
    assert_eq!(partition.fault(), None);
}

#[tokio::test]
async fn postgres_tries_again_after_a_deadlock() {
    let Some(fresh) = fresh("postgres_tries_again_after_a_deadlock").await else { return };
    let partition = fresh.engine().await.open("982016").await.unwrap();
    partition.apply(put(b"a", b"1")).await.unwrap();
    let (rows, marks) = (fresh.table("rows"), fresh.table("marks"));
    // The other side is patient, so that the engine is the one who is undone.
    let running = beside(
        format!(
            "SET deadlock_timeout = '20s'; BEGIN; UPDATE {rows} SET version = version; SELECT pg_sleep(0.5); \
             UPDATE {marks} SET version = version; COMMIT"
        ),
        "deadlock",
    );
    partition.apply(put(b"a", b"2")).await.unwrap();
    running.join().unwrap();
    assert!(server().log().contains("deadlock detected"), "it was in the way");
    assert_eq!(value(&*partition, b"a").await, Some(b"2".to_vec()));
}

#[tokio::test]
async fn postgres_a_full_disk_refuses_batches_and_goes_on_when_there_is_space() {
    let Some(fresh) = fresh("postgres_a_full_disk_refuses_batches_and_goes_on_when_there_is_space").await
    else {
        return;
    };
    let partition = fresh.engine().await.open("982016").await.unwrap();
    partition.apply(put(b"a", b"1")).await.unwrap();
    let (rows, schema) = (fresh.table("rows"), &fresh.options.schema);
    let full = format!(
        "CREATE FUNCTION {schema}.full() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
         CREATE TRIGGER full_disk BEFORE INSERT ON {rows} EXECUTE FUNCTION {schema}.full()"
    );
    server().sql(DATABASE, &full).unwrap();
    let refused = partition.apply(put(b"a", b"2").delete(key(b"a"))).await;
    refused.unwrap();
    let refused = partition.apply(put(b"b", b"2").delete(key(b"c"))).await;
    assert!(matches!(refused, Err(StoreError::DiskFull)), "{refused:?}");
    assert_eq!(partition.fault(), Some(WriteFault::DiskFull));
    assert_eq!(value(&*partition, b"b").await, None);
    server().sql(DATABASE, &format!("DROP TRIGGER full_disk ON {rows}")).unwrap();
    assert_eq!(partition.recover().await, None);
    partition.apply(put(b"b", b"2")).await.unwrap();
    assert_eq!(partition.fault(), None);
}

#[tokio::test]
async fn postgres_a_server_that_takes_no_writes_is_read_only() {
    if !chukei_postgres_server::available("postgres_a_server_that_takes_no_writes_is_read_only") {
        return;
    }
    let server = started().unwrap();
    let mut fresh = fresh_on(&server).await;
    fresh.options.try_within = Duration::from_secs(1);
    let partition = fresh.engine().await.open("982016").await.unwrap();
    partition.apply(put(b"a", b"1")).await.unwrap();
    server.sql("postgres", "ALTER SYSTEM SET default_transaction_read_only = on").unwrap();
    server.sql("postgres", "SELECT pg_reload_conf()").unwrap();
    let refused = loop {
        match partition.apply(put(b"a", b"2")).await {
            // The server has not yet taken the setting up.
            Ok(()) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, StoreError::ReadOnly), "{refused}");
    assert_eq!(partition.fault(), Some(WriteFault::ReadOnly));
    assert_eq!(partition.recover().await, Some(WriteFault::ReadOnly));
    server.sql("postgres", "ALTER SYSTEM RESET default_transaction_read_only").unwrap();
    server.sql("postgres", "SELECT pg_reload_conf()").unwrap();
    while partition.recover().await.is_some() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    partition.apply(put(b"a", b"3")).await.unwrap();
    assert_eq!(value(&*partition, b"a").await, Some(b"3".to_vec()));
}

/// The outcome of a commit is looked up, in both cases: nothing is written twice, nothing is given up.
#[tokio::test]
async fn postgres_a_commit_without_an_answer_is_looked_up() {
    let Some(fresh) = fresh("postgres_a_commit_without_an_answer_is_looked_up").await else { return };
    let proxy = Proxy::to(server().port()).await;
    let options = PostgresOptions {
        url: format!("postgresql://{NODE}@127.0.0.1:{}/{DATABASE}", proxy.port),
        password: Some(Zeroizing::new(PASSWORD.to_owned())),
        development: true,
        ..fresh.options.clone()
    };
    let partition = Engine::open(&*PostgresEngine::connect(options).await.unwrap(), "982016").await.unwrap();
    for (name, loses, versions) in
        [(b"a", Loses::Nothing, 1), (b"b", Loses::Answer, 1), (b"c", Loses::Request, 2)]
    {
        partition.apply(put(b"before", b"")).await.unwrap();
        let before = partition.get_many(&[key(b"before")]).await.unwrap()[0].as_ref().unwrap().version;
        proxy.lose(loses);
        partition.apply(put(name, MARKED).require_absent(key(name))).await.unwrap();
        assert!(proxy.has_lost());
        let found = partition.get_many(&[key(name)]).await.unwrap()[0].clone().unwrap();
        assert_eq!((found.value, found.version), (MARKED.to_vec(), before + versions));
    }
    assert_eq!(partition.fault(), None);
    assert_eq!(partition.count(&RowKey::new(Space::Document)).await.unwrap(), 4);
}

/// Writers that go on until they are told to stop, each inserting rows that must not be there yet; the rows that were
/// acknowledged.
async fn insert_until(partition: Arc<dyn Partition>, stop: Arc<AtomicBool>, writer: u8) -> Vec<u32> {
    let mut acknowledged = Vec::new();
    for number in 0u32.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let name = |part: u8| key(&[&[writer, part][..], &number.to_be_bytes()].concat());
        let batch = Batch::new().put(name(0), vec![writer; 50]).put(name(1), vec![writer; 50]);
        // A conflict would mean that a batch was written and then tried again.
        partition.apply(batch.require_absent(name(0))).await.unwrap();
        acknowledged.push(number);
    }
    acknowledged
}

async fn all_there(partition: &dyn Partition, writer: u8, acknowledged: &[u32]) {
    for numbers in acknowledged.chunks(500) {
        let name = |part: u8, number: &u32| key(&[&[writer, part][..], &number.to_be_bytes()].concat());
        let keys: Vec<_> = numbers.iter().flat_map(|number| [name(0, number), name(1, number)]).collect();
        let found = partition.get_many(&keys).await.unwrap();
        assert!(found.iter().all(Option::is_some), "an acknowledged batch is lost or half");
    }
}

async fn writers_survive(partition: Arc<dyn Partition>, trouble: impl AsyncFnOnce()) -> Vec<Vec<u32>> {
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..6u8)
        .map(|writer| tokio::spawn(insert_until(Arc::clone(&partition), Arc::clone(&stop), writer)))
        .collect();
    trouble().await;
    stop.store(true, Ordering::SeqCst);
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.push(writer.await.unwrap());
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_sessions_that_are_ended_under_load_lose_and_repeat_nothing() {
    let Some(fresh) = fresh("postgres_sessions_that_are_ended_under_load_lose_and_repeat_nothing").await
    else {
        return;
    };
    let partition = fresh.engine().await.open("982016").await.unwrap();
    let acknowledged = writers_survive(Arc::clone(&partition), async || {
        for _ in 0..40 {
            let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'chukei'";
            tokio::task::block_in_place(|| server().sql(DATABASE, end).unwrap());
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    })
    .await;
    for (writer, acknowledged) in (0..).zip(&acknowledged) {
        all_there(&*partition, writer, acknowledged).await;
    }
    let written: u64 = acknowledged.iter().map(|numbers| 2 * numbers.len() as u64).sum();
    assert_eq!(
        partition.count(&RowKey::new(Space::Document)).await.unwrap(),
        written,
        "nothing else is there"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_crash_of_the_server_under_load_loses_and_repeats_nothing() {
    if !chukei_postgres_server::available("postgres_crash_of_the_server_under_load_loses_and_repeats_nothing")
    {
        return;
    }
    let mut server = started().unwrap();
    let mut fresh = fresh_on(&server).await;
    // A busy machine recovers slowly, four times over.
    fresh.options.try_within = Duration::from_secs(60);
    let partition = fresh.engine().await.open("982016").await.unwrap();
    let acknowledged = writers_survive(Arc::clone(&partition), async || {
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_millis(150)).await;
            tokio::task::block_in_place(|| {
                server.crash().unwrap();
                server.begin().unwrap();
            });
            partition.apply(Batch::new().put(RowKey::new(Space::Meta), vec![])).await.unwrap();
        }
    })
    .await;
    for (writer, acknowledged) in (0..).zip(&acknowledged) {
        assert!(!acknowledged.is_empty());
        all_there(&*partition, writer, acknowledged).await;
    }
    let written: u64 = acknowledged.iter().map(|numbers| 2 * numbers.len() as u64).sum();
    assert_eq!(
        partition.count(&RowKey::new(Space::Document)).await.unwrap(),
        written,
        "nothing else is there"
    );
    assert_eq!(partition.fault(), None);
}

/// A server that falls silent: the owner's right to answer runs out, and comes back with the server.
#[tokio::test]
async fn postgres_an_owner_that_cannot_renew_its_lease_answers_no_reads() {
    if !chukei_postgres_server::available("postgres_an_owner_that_cannot_renew_its_lease_answers_no_reads") {
        return;
    }
    let server = started().unwrap();
    let mut fresh = fresh_on(&server).await.lease(Duration::from_millis(1500));
    fresh.options.statement_timeout = Duration::from_secs(1);
    fresh.options.try_within = Duration::from_secs(1);
    let partition = fresh.engine().await.open("982016").await.unwrap();
    partition.apply(put(b"a", b"1")).await.unwrap();
    server.freeze().unwrap();
    while partition.fault().is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(matches!(partition.get_many(&[key(b"a")]).await, Err(StoreError::Unreachable)));
    assert_eq!(partition.recover().await, Some(WriteFault::Unreachable));
    assert!(matches!(partition.apply(put(b"a", b"2")).await, Err(StoreError::Unreachable)));
    server.thaw().unwrap();
    while partition.recover().await.is_some() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    partition.apply(put(b"a", b"3")).await.unwrap();
    assert_eq!(value(&*partition, b"a").await, Some(b"3".to_vec()));
}
