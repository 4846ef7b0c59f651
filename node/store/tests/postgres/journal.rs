//! The journal and the keyrings as tables: numbers without a gap over takeovers, lost answers and failures; what was
//! given up stays so; nobody but the owner writes.

use std::sync::Arc;
use std::time::Duration;

use chukei_postgres_server::Connection;
use chukei_store::journal::LogPlace;
use chukei_store::keyring_place::KeyringPlace;
use chukei_store::{
    Engine, Entry, GivenUp, Journal, JournalEntry, JournalError, JournalOptions, Partition, PostgresEngine,
    PostgresOptions, Slack,
};

use zeroize::Zeroizing;

use crate::fixture::{DATABASE, Fresh, NODE, OWNER, PASSWORD, fresh, open_when_free, put, server, value};
use crate::proxy::{Loses, MARKED, Proxy};

const BODIES: [&str; 2] = ["982016", "982024"];

/// One node: an engine, two bodies that it owns, and its journal.
struct Node {
    journal: Arc<Journal>,
    engine: Arc<PostgresEngine>,
    bodies: Vec<Arc<dyn Partition>>,
    _dir: tempfile::TempDir,
}

impl Node {
    async fn start(fresh: &Fresh) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let engine = PostgresEngine::connect(fresh.options.clone()).await.unwrap();
        let (journal, _) = Journal::open(dir.path(), JournalOptions::default()).unwrap();
        journal.on_server(&engine, &["permits"]).unwrap();
        let mut bodies = Vec::new();
        for body in BODIES {
            bodies.push(open_when_free(&*engine, body).await);
            journal.adopt(body, LogPlace::Server).await.unwrap();
        }
        Self { journal: Arc::new(journal), engine, bodies, _dir: dir }
    }

    async fn append(&self, body: &str, replay: Option<[u8; 16]>) -> Result<u64, JournalError> {
        self.journal
            .append_sealed_with(body, 3, 1_000, replay, Slack::NONE, |number| {
                Ok::<_, JournalError>(sealed(number))
            })
            .await
    }

    /// Appends so many at once.
    async fn fill(&self, body: &str, count: u64) {
        let all: Vec<_> = (0..count)
            .map(|_| {
                let seal = |number: u64| Ok::<_, JournalError>(sealed(number));
                self.journal.append_sealed_with(body, 3, 1_000, None, Slack::NONE, seal)
            })
            .collect();
        for one in all {
            one.await.unwrap();
        }
    }

    fn numbers(&self, body: &str, from: u64) -> Vec<u64> {
        let read = self.journal.read(body, from).map(|entry| {
            let entry = entry.unwrap();
            assert_eq!(entry.sealed, sealed(entry.seq));
            entry.seq
        });
        read.collect()
    }
}

fn sealed(number: u64) -> Vec<u8> {
    number.to_be_bytes().repeat(20)
}

#[tokio::test]
async fn postgres_journal_numbers_go_on_over_reopening_and_stay_in_order() {
    let Some(fresh) = fresh("postgres_journal_numbers_go_on_over_reopening_and_stay_in_order").await else {
        return;
    };
    let node = Node::start(&fresh).await;
    for body in BODIES {
        node.fill(body, 1_500).await;
    }
    assert_eq!(node.append("982016", Some([7; 16])).await.unwrap(), 1_501);
    assert_eq!(node.numbers("982016", 1), (1..=1_501).collect::<Vec<_>>());
    assert_eq!(node.numbers("982024", 1_490), (1_490..=1_500).collect::<Vec<_>>());
    // What is the node's own stays in its files.
    assert_eq!(node.append("permits", None).await.unwrap(), 1);
    assert!(matches!(node.append("983012", None).await, Err(JournalError::NotOwned)));
    drop(node);

    let node = Node::start(&fresh).await;
    assert_eq!(node.journal.last_number("982016"), 1_501);
    assert_eq!(node.append("982016", None).await.unwrap(), 1_502);
    assert_eq!(node.journal.replay_ids(1_000).unwrap(), [([7; 16], 1_000)]);
    assert_eq!(node.journal.replay_ids_of("982016", 1_000).unwrap(), [([7; 16], 1_000)]);
    assert_eq!(node.journal.replay_ids_of("982024", 0).unwrap(), []);
    node.journal.forget_replay_ids(1_001).unwrap();
    assert_eq!(node.journal.replay_ids(0).unwrap(), []);
    assert_eq!(node.numbers("982016", 1).len(), 1_502);
    assert_eq!(node.journal.last_number("permits"), 0, "another node's files");
}

/// R1: one transaction writes for several bodies, and each row is seen by its own body alone.
#[tokio::test]
async fn postgres_journal_a_body_taken_over_is_refused_and_the_others_go_on() {
    let Some(fresh) = fresh("postgres_journal_a_body_taken_over_is_refused_and_the_others_go_on").await
    else {
        return;
    };
    let node = Node::start(&fresh).await;
    for body in BODIES {
        node.fill(body, 10).await;
    }
    // Another node takes the first body while this one believes that it owns it.
    let leases = fresh.table("leases");
    server().sql(DATABASE, &format!("UPDATE {leases} SET owner = '' WHERE body = '982016'")).unwrap();
    let other = PostgresEngine::connect(fresh.options.clone()).await.unwrap();
    let _taken = other.open("982016").await.unwrap();
    let (stale, own) = tokio::join!(node.append("982016", None), node.append("982024", None));
    assert!(matches!(stale, Err(JournalError::Fenced)));
    assert_eq!(own.unwrap(), 11);
    assert!(matches!(node.append("982016", None).await, Err(JournalError::Fenced)));
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), JournalOptions::default()).unwrap();
    journal.on_server(&other, &[]).unwrap();
    journal.adopt("982016", LogPlace::Server).await.unwrap();
    assert!(matches!(journal.adopt("982024", LogPlace::Server).await, Err(JournalError::Fenced)));
    let partition = "982016".to_owned();
    let entry = Entry { partition, kind: 3, at_ms: 1_000, replay: None, sealed: sealed(11) };
    assert_eq!(journal.append(entry).await.unwrap(), 11, "no gap and nothing twice");
    assert_eq!(journal.read("982016", 1).count(), 11);
}

/// The answer to a commit is lost on its way: the insert is repeated and finds its own rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_journal_a_lost_answer_neither_loses_nor_doubles() {
    let Some(mut fresh) = fresh("postgres_journal_a_lost_answer_neither_loses_nor_doubles").await else {
        return;
    };
    let proxy = Proxy::to(server().port()).await;
    fresh.options.url = format!("postgresql://{NODE}@127.0.0.1:{}/{DATABASE}", proxy.port);
    fresh.options.development = true;
    fresh.options.password = Some(Zeroizing::new(PASSWORD.to_owned()));
    let node = Node::start(&fresh).await;
    for (round, loses) in (1..).zip([Loses::Answer, Loses::Request, Loses::Answer]) {
        node.fill("982016", 20).await;
        proxy.lose(loses);
        let partition = "982016".to_owned();
        let entry = Entry { partition, kind: 3, at_ms: 1, replay: Some([9; 16]), sealed: MARKED.to_vec() };
        assert_eq!(node.journal.append(entry).await.unwrap(), round * 21);
        assert!(proxy.has_lost());
    }
    let read: Vec<_> = node.journal.read("982016", 1).map(|entry| entry.unwrap().seq).collect();
    assert_eq!(read, (1..=63).collect::<Vec<_>>());
    assert_eq!(node.journal.replay_ids(0).unwrap(), [([9; 16], 1)], "noted once");
}

#[tokio::test]
async fn postgres_journal_goes_on_without_a_gap_after_the_server_refused() {
    let Some(mut fresh) = fresh("postgres_journal_goes_on_without_a_gap_after_the_server_refused").await
    else {
        return;
    };
    fresh.options.try_within = Duration::from_millis(200);
    let node = Node::start(&fresh).await;
    node.fill("982016", 5).await;
    let (journal, schema) = (fresh.table("journal"), &fresh.options.schema);
    let full = format!(
        "CREATE FUNCTION {schema}.full() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
         CREATE TRIGGER full_disk BEFORE INSERT ON {journal} EXECUTE FUNCTION {schema}.full()"
    );
    server().sql(DATABASE, &full).unwrap();
    let (one, two) = tokio::join!(node.append("982016", None), node.append("982016", None));
    assert!(matches!((one, two), (Err(JournalError::DiskFull), Err(JournalError::DiskFull))));
    let noted = node.append("982016", Some([9; 16])).await;
    assert!(
        matches!(noted, Err(JournalError::DiskFull)),
        "the cause is told, not what followed from it: {noted:?}"
    );
    assert!(!node.journal.failed());
    server().sql(DATABASE, &format!("DROP TRIGGER full_disk ON {journal}")).unwrap();
    assert_eq!(node.append("982016", None).await.unwrap(), 6);
    assert_eq!(node.numbers("982016", 1), (1..=6).collect::<Vec<_>>());
}

#[tokio::test]
async fn postgres_journal_entries_are_given_up_and_put_back() {
    let Some(fresh) = fresh("postgres_journal_entries_are_given_up_and_put_back").await else { return };
    let node = Node::start(&fresh).await;
    node.fill("982016", 50).await;
    let mut reader = node.journal.read("982016", 1);
    node.journal.forget_before("982016", 21, GivenUp::Retention).unwrap();
    assert_eq!(node.numbers("982016", 1), (21..=50).collect::<Vec<_>>());
    assert!(matches!(reader.next(), Some(Err(JournalError::GivenUp))), "that is not damage");
    let kept: Vec<JournalEntry> = node.journal.read("982016", 1).map(Result::unwrap).collect();
    let again = node.journal.import("982016", kept.iter().cloned().map(Ok), GivenUp::NotRestored);
    assert!(matches!(again, Err(JournalError::NotEmpty)));
    let gap = [&kept[..5], &kept[6..]].concat().into_iter().map(Ok);
    let refused = node.journal.import("982024", gap, GivenUp::NotRestored);
    assert!(matches!(refused, Err(JournalError::NotInSequence)));
    assert_eq!((node.journal.last_number("982024"), node.numbers("982024", 1).len()), (0, 0));
    let put = node.journal.import("982024", kept.into_iter().map(Ok), GivenUp::NotRestored);
    assert_eq!(put.unwrap(), 50);
    node.journal.forget_before("982016", u64::MAX, GivenUp::Erased).unwrap();
    drop(node);

    let node = Node::start(&fresh).await;
    assert_eq!(node.journal.first_number("982016"), (51, Some(GivenUp::Erased)));
    assert_eq!(node.journal.first_number("982024"), (21, Some(GivenUp::NotRestored)));
    for body in BODIES {
        assert_eq!(node.append(body, None).await.unwrap(), 51);
    }
    assert_eq!(node.numbers("982016", 1), [51]);
    assert_eq!(node.numbers("982024", 1), (21..=51).collect::<Vec<_>>());
}

/// An entry that is on its way is one: nothing is put back over it.
#[tokio::test]
async fn postgres_journal_is_not_put_back_while_an_entry_is_on_its_way() {
    let Some(fresh) = fresh("postgres_journal_is_not_put_back_while_an_entry_is_on_its_way").await else {
        return;
    };
    let node = Node::start(&fresh).await;
    for body in BODIES {
        let seal = |number: u64| Ok::<_, JournalError>(sealed(number));
        let on_its_way = node.journal.append_sealed_with(body, 3, 1_000, None, Slack::NONE, seal);
        let entry = JournalEntry { seq: 7, at_ms: 1, kind: 3, replay: None, sealed: sealed(7) };
        let refused = node.journal.import(body, [Ok(entry)], GivenUp::NotRestored);
        assert!(matches!(refused, Err(JournalError::NotEmpty)), "{refused:?}");
        assert_eq!(on_its_way.await.unwrap(), 1);
    }
}

/// What was being put back when everything stopped is nobody's.
#[tokio::test]
async fn postgres_journal_half_put_back_is_removed_by_the_next_owner() {
    let Some(fresh) = fresh("postgres_journal_half_put_back_is_removed_by_the_next_owner").await else {
        return;
    };
    let node = Node::start(&fresh).await;
    node.fill("982016", 30).await;
    drop(node);
    let logs = fresh.table("logs");
    let half = format!("INSERT INTO {logs} VALUES ('982016', 1, 0, 0, true)");
    server().sql(DATABASE, &half).unwrap();
    let node = Node::start(&fresh).await;
    assert_eq!((node.journal.last_number("982016"), node.numbers("982016", 1).len()), (0, 0));
    assert_eq!(node.append("982016", None).await.unwrap(), 1);
}

#[tokio::test]
async fn postgres_keyring_is_written_whole_by_its_owner_alone() {
    let Some(fresh) = fresh("postgres_keyring_is_written_whole_by_its_owner_alone").await else { return };
    let node = Node::start(&fresh).await;
    let place = Arc::new(node.engine.keyring("982016").unwrap());
    let free = node.engine.keyring("983012").unwrap();
    let long = vec![7; 100_000];
    let used = {
        let (place, long) = (Arc::clone(&place), long.clone());
        move || {
            assert_eq!(place.read(1 << 20).unwrap(), None);
            place.replace(b"first").unwrap();
            place.replace(&long).unwrap();
            assert_eq!(place.read(1 << 20).unwrap(), Some(long.clone()));
            assert_eq!(place.read(999).unwrap().unwrap().len(), 1_000, "one more than the limit tells");
            let glimpse = place.glimpse(10).unwrap().unwrap();
            assert_eq!((glimpse.start, glimpse.size), (long[..10].to_vec(), 100_000));
            assert!(free.replace(b"not open here").is_err());
        }
    };
    tokio::task::spawn_blocking(used).await.unwrap();
    let leases = fresh.table("leases");
    server().sql(DATABASE, &format!("UPDATE {leases} SET owner = '' WHERE body = '982016'")).unwrap();
    let other = PostgresEngine::connect(fresh.options.clone()).await.unwrap();
    let _taken = other.open("982016").await.unwrap();
    assert!(place.replace(b"stale").is_err(), "another node owns the body");
    let taken = other.keyring("982016").unwrap();
    assert_eq!(taken.read(1 << 20).unwrap(), Some(long));
    taken.replace(b"newer").unwrap();
    assert_eq!(place.read(1 << 20).unwrap(), Some(b"newer".to_vec()));
    drop(node.bodies);
}

/// Tables as the first form had them, with all that a node keeps in them.
#[tokio::test]
async fn postgres_tables_of_the_first_form_are_migrated_with_all_that_is_in_them() {
    let Some(fresh) = fresh("postgres_tables_of_the_first_form_are_migrated_with_all_that_is_in_them").await
    else {
        return;
    };
    let node = Node::start(&fresh).await;
    for (at, body) in BODIES.into_iter().enumerate() {
        node.fill(body, 100).await;
        node.bodies[at].apply(put(b"a", body.as_bytes())).await.unwrap();
        let place = node.engine.keyring(body).unwrap();
        tokio::task::spawn_blocking(move || place.replace(body.as_bytes()).unwrap()).await.unwrap();
    }
    drop(node);
    let one = "body = current_setting('chukei.body', true)";
    let (keyrings, format) = (fresh.table("keyrings"), fresh.table("format"));
    let first_form = format!(
        "ALTER POLICY named_bodies ON {keyrings} USING ({one}) WITH CHECK ({one});
         UPDATE {format} SET version = 1"
    );
    server().sql(DATABASE, &first_form).unwrap();
    assert!(PostgresEngine::connect(fresh.options.clone()).await.is_err(), "not without being migrated");
    let url = server().url(OWNER, DATABASE, Connection::Socket);
    let owner = PostgresOptions { url, ..fresh.options.clone() };
    assert_eq!(PostgresEngine::migrate(&owner, NODE).await.unwrap(), 1);

    let node = Node::start(&fresh).await;
    for (at, body) in BODIES.into_iter().enumerate() {
        assert_eq!(node.numbers(body, 1), (1..=100).collect::<Vec<_>>());
        assert_eq!(node.append(body, None).await.unwrap(), 101);
        assert_eq!(value(&*node.bodies[at], b"a").await.unwrap(), body.as_bytes());
        let place = node.engine.keyring(body).unwrap();
        let read = tokio::task::spawn_blocking(move || place.read(1 << 20).unwrap()).await.unwrap();
        assert_eq!(read.unwrap(), body.as_bytes());
    }
    let seen = format!(
        "SET ROLE {NODE}; SELECT set_config('chukei.body', '982016,982024', false);
         SELECT count(*) FROM {keyrings}"
    );
    let seen = server().sql(DATABASE, &seen).unwrap();
    assert_eq!(seen.trim().lines().last(), Some("2"), "the second form's policy: {seen}");
}
