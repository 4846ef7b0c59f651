//! Bodies, a body's journal and its keyring on a PostgreSQL server whose machine loses its power: all of the server's
//! processes are recorded, a real server recovers what each cut left, and the engine finds on it what it was told.
//!
//! The server runs as in production, syncing everything; only what it keeps in memory and in its log is made small, so
//! that checkpoints and evictions write data files within seconds. It is killed once in the midst of writing.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chukei_postgres_server::{Connection, PostgresServer, available};
use chukei_power_cut::{Found, Missing, Plan, child, run_from, say};
use chukei_store::journal::LogPlace;
use chukei_store::keyring_place::KeyringPlace;
use chukei_store::{
    Engine, Journal, JournalError, JournalOptions, Partition, PostgresEngine, PostgresOptions, Slack,
    StoreError,
};
use tempfile::TempDir;

use crate::bodies::{
    BATCHES, BODY, LAST_OF_FIRST, REMOVED, all_count_up, check_bodies, come_and_go, open,
    remove_and_make_anew,
};

const NAME: &str = "postgres::postgres_power_cut_loses_nothing_and_leaves_nothing_by_halves";
/// The folder of the cluster within the trial's.
const CLUSTER: &str = "cluster";
const DATABASE: &str = "postgres";
const OWNER: &str = "chukei_owner";
const NODE: &str = "chukei_node";
const SETTINGS: &[&str] = &[
    "fsync=on",
    "full_page_writes=on",
    "synchronous_commit=on",
    "autovacuum=off",
    "max_connections=20",
    "max_logical_replication_workers=0",
    "shared_buffers=1MB",
    "min_wal_size=2MB",
    "max_wal_size=2MB",
    "bgwriter_delay=10ms",
];

/// Entries of the journal that are on their way together.
const TOGETHER: u64 = 3;
/// Rounds of such entries, each followed by another keyring.
const ROUNDS: u64 = 10;

/// A node's engine and journal on a running server.
struct Node {
    engine: Arc<PostgresEngine>,
    journal: Journal,
    _files: TempDir,
}

impl Node {
    async fn start(server: &PostgresServer) -> Self {
        let engine = PostgresEngine::connect(options(server, NODE)).await.unwrap();
        // Nothing of this body lies in it.
        let small = JournalOptions {
            segment_bytes: 1 << 14,
            log_bytes: 1 << 12,
            derive_segments: 2,
            ..JournalOptions::default()
        };
        let files = tempfile::tempdir().unwrap();
        let (journal, _) = Journal::open(files.path(), small).unwrap();
        journal.on_server(&engine, &[]).unwrap();
        for body in [BODY, REMOVED] {
            drop(open_when_free(&*engine, body).await);
        }
        Self { engine, journal, _files: files }
    }

    /// Appends entries and replaces the keyring, round by round.
    async fn write(&self, rounds: u64) {
        for _ in 0..rounds {
            let next = self.journal.last_number(BODY) + 1;
            let seal = |number| Ok::<_, JournalError>(content(number));
            let appending: Vec<_> = (next..next + TOGETHER)
                .map(|_| self.journal.append_sealed_with(BODY, 1, 1_000, None, Slack::NONE, seal))
                .collect();
            for entry in appending {
                say(&format!("appended {}", entry.await.unwrap()));
            }
            let place = self.engine.keyring(BODY).unwrap();
            say(&format!("replacing {next}"));
            tokio::task::spawn_blocking(move || place.replace(&content(next))).await.unwrap().unwrap();
            say(&format!("replaced {next}"));
        }
    }

    /// Holds the journal and the keyring against what was said before the cut.
    async fn check(&self, said: &[String]) {
        self.journal.adopt(BODY, LogPlace::Server).await.unwrap();
        let mut last = 0;
        for entry in self.journal.read(BODY, 1) {
            let entry = entry.unwrap();
            last += 1;
            assert_eq!((entry.seq, entry.sealed), (last, content(last)), "a gap, or other bytes");
        }
        let told = last_said(said, "appended ").unwrap_or(0);
        assert!((told..=told + TOGETHER).contains(&last), "the log was told {told}, found {last}");
        let place = self.engine.keyring(BODY).unwrap();
        let keyring = tokio::task::spawn_blocking(move || place.read(1 << 20)).await.unwrap().unwrap();
        let may_be = ["replacing ", "replaced "].map(|kind| last_said(said, kind).map(content));
        assert!(may_be.contains(&keyring), "neither the old keyring nor the new one");
        self.write(1).await;
    }
}

fn content(number: u64) -> Vec<u8> {
    number.to_be_bytes().repeat(1 + 200 * (number % 5) as usize)
}

fn last_said(said: &[String], kind: &str) -> Option<u64> {
    said.iter().rev().find_map(|line| line.strip_prefix(kind)).map(|number| number.parse().unwrap())
}

fn options(server: &PostgresServer, role: &str) -> PostgresOptions {
    let url = server.url(role, DATABASE, Connection::Socket);
    PostgresOptions { connections: 4, ..PostgresOptions::new(url, "node-a") }
}

/// Opens a body once the lease of who had it before the cut has run out.
async fn open_when_free(engine: &dyn Engine, body: &str) -> Arc<dyn Partition> {
    loop {
        match engine.open(body).await {
            Err(StoreError::Owned) => tokio::time::sleep(Duration::from_millis(25)).await,
            opened => return opened.unwrap(),
        }
    }
}

/// Lets the server's user through to `folder`, and serves the cluster in it.
fn serve(folder: &Path) -> PostgresServer {
    fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    PostgresServer::resume_in(&folder.join(CLUSTER), SETTINGS).unwrap()
}

/// A cluster with the tables, of a server that was shut down.
async fn cluster() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let data = folder.path().join(CLUSTER);
    fs::create_dir(&data).unwrap();
    let mut server = PostgresServer::create_in(&data, &["--wal-segsize=1"], SETTINGS).unwrap();
    for sql in [
        &format!("CREATE ROLE {OWNER} LOGIN"),
        &format!("CREATE ROLE {NODE} LOGIN"),
        &format!("ALTER DATABASE {DATABASE} OWNER TO {OWNER}"),
        // Nobody connects to them, and every cut would copy them.
        "UPDATE pg_database SET datistemplate = false",
        "DROP DATABASE template0",
        "DROP DATABASE template1",
    ] {
        server.sql(DATABASE, sql).unwrap();
    }
    PostgresEngine::migrate(&options(&server, OWNER), NODE).await.unwrap();
    checkpoint(&server);
    let current = server.sql(DATABASE, "SELECT pg_walfile_name(pg_current_wal_lsn())").unwrap();
    server.shut_down().unwrap();
    remove_spare_log(&data, &current);
    folder
}

/// Files of the log that are kept for later use: without them the recorded server has to make its own.
fn remove_spare_log(data: &Path, current: &str) {
    for file in fs::read_dir(data.join("pg_wal")).unwrap() {
        let file = file.unwrap();
        if file.file_type().unwrap().is_file() && file.file_name().to_str().unwrap() > current {
            fs::remove_file(file.path()).unwrap();
        }
    }
}

/// Goes on in the next file of the log, and writes all that is only in memory to the files of data.
fn checkpoint(server: &PostgresServer) {
    for sql in ["SELECT pg_switch_wal()", "CHECKPOINT"] {
        tokio::task::block_in_place(|| server.sql(DATABASE, sql)).unwrap();
    }
}

async fn live(folder: &Path) {
    let mut server = serve(folder);
    let node = Node::start(&server).await;
    let partition = open(&*node.engine, BODY).await;
    node.journal.adopt(BODY, LogPlace::Server).await.unwrap();
    tokio::join!(come_and_go(&partition), node.write(ROUNDS));
    checkpoint(&server);
    tokio::join!(all_count_up(&partition, BODY, BATCHES), node.write(ROUNDS), async { checkpoint(&server) });

    let goal = LAST_OF_FIRST.load(Ordering::Relaxed) + BATCHES / 2;
    let writing = Arc::clone(&partition);
    let writers = tokio::spawn(async move { all_count_up(&writing, BODY, BATCHES).await });
    while LAST_OF_FIRST.load(Ordering::Relaxed) < goal {
        tokio::task::yield_now().await;
    }
    tokio::task::block_in_place(|| server.crash().and_then(|()| server.begin())).unwrap();
    writers.await.unwrap();

    remove_and_make_anew(&*node.engine).await;
    tokio::join!(all_count_up(&partition, BODY, 3), async { checkpoint(&server) });
}

async fn check(folder: &Path, said: &[String]) {
    let server = serve(folder);
    let node = Node::start(&server).await;
    check_bodies(&*node.engine, said).await;
    let _body = node.engine.open(BODY).await.unwrap();
    node.check(said).await;
}

#[test]
fn postgres_power_cut_loses_nothing_and_leaves_nothing_by_halves() {
    if !available(NAME) {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if let Some(folder) = child() {
        return runtime.block_on(live(&folder));
    }
    let before = runtime.block_on(cluster());
    // The log; the tables of the database, whose number is always this; names in the log's folder.
    let missing = &[Missing::FilesIn("pg_wal"), Missing::FilesIn("5"), Missing::Folders("pg_wal")];
    let plan = Plan { cuts: 30, lives: 1, cuts_of_each: 10, missing, faults: &[], faulty_lives: 0 };
    let check = |found: Found<'_>| runtime.block_on(check(found.folder, found.said));
    run_from(before.path(), NAME, plan, check).unwrap();
}
