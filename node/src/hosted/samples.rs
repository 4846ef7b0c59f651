//! Bodies for tests: real stores and keyrings in a temporary folder, persons written as enrolment writes them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use chukei_crypto::acquisition::AcquisitionKeyPair;
use chukei_crypto::binding::{BindingSecret, Bindings};
use chukei_crypto::sign::IdentityKey;
use chukei_domain::codes::AddresseeNumber;
use chukei_keys::{FileProvider, KeyProvider};
use chukei_relay_client::key_file;
use chukei_store::journal::JournalOptions;
use chukei_store::{
    Batch, BoxFuture, Compacted, DataFolder, Engine, EngineKind, Journal, Partition, Reading, RowKey, Rows,
    Space, SqliteOptions, StoreError, Usage, Versioned, WriteFault,
};
use chukei_wire::header::PersonCode;
use tempfile::TempDir;

use super::body::{BodyFacts, BodyKeyFiles};
use super::identity::IdentityPlace;
use super::persons::{PersonRecord, PersonRef};
use super::{Bodies, HostedBody};
use crate::access::scope::BodyScope;
use crate::audit::Keep;
use crate::engines::Engines;
use crate::home::Home;

/// How long records are kept: seven years.
pub(crate) const KEEP: Keep = Keep::days(2_557);

/// Two bodies in one data folder, as one node hosts them.
pub(crate) struct Sample {
    pub(crate) bodies: Bodies,
    /// Of every partition, while a test has put it in.
    pub(crate) fault: Arc<Mutex<Option<WriteFault>>>,
    /// Writes that every partition takes before the process is as good as stopped; without end at first.
    pub(crate) writes: Arc<AtomicUsize>,
    /// The body whose rows are not answered for, while a test has named one: neither read nor written.
    pub(crate) silent: Arc<Mutex<Option<&'static str>>>,
    pub(crate) journal: Arc<Journal>,
    dir: TempDir,
}

impl Sample {
    pub(crate) async fn new() -> Self {
        Self::over(tempfile::tempdir().unwrap()).await
    }

    /// The same bodies in another process: nothing of this one is left but what the disk holds.
    pub(crate) async fn reopened(self) -> Self {
        Self::over(self.closed()).await
    }

    /// The bodies for a node of their own, and the folder that they lie in.
    pub(crate) fn given_away(self) -> (Bodies, TempDir) {
        (self.bodies, self.dir)
    }

    /// Ends this process; the folder is left.
    pub(crate) fn closed(self) -> TempDir {
        self.dir
    }

    /// The folder that holds everything: `node` with the data, roots, `epochs`.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What a folder holds.
    pub(crate) async fn over(dir: TempDir) -> Self {
        Self::with(dir, JournalOptions::default()).await
    }

    /// What a folder holds, with its journal kept so.
    pub(crate) async fn with(dir: TempDir, options: JournalOptions) -> Self {
        let folder = DataFolder::open(&dir.path().join("node")).unwrap();
        let (journal, _) = folder.journal(options).unwrap();
        let fault = Arc::new(Mutex::new(None));
        let writes = Arc::new(AtomicUsize::new(usize::MAX));
        let sqlite = folder.sqlite(SqliteOptions::default());
        let silent = Arc::new(Mutex::new(None));
        let trouble = Trouble {
            fault: fault.clone(),
            writes: writes.clone(),
            silent: silent.clone(),
            name: String::new(),
        };
        let engine = Arc::new(Troubled(sqlite, trouble));
        let engines = Arc::new(Engines::only(folder, engine));
        let journal = Arc::new(journal);
        let home = Home { engines, journal: journal.clone(), keep: KEEP };
        let opened = [open(&home, dir.path(), "982016").await, open(&home, dir.path(), "982024").await];
        let bodies = Bodies::closed(opened.iter().map(HostedBody::code));
        opened.into_iter().for_each(|body| drop(bodies.enter(body).unwrap()));
        Self { bodies, fault, writes, silent, journal, dir }
    }

    pub(crate) fn body(&self, code: &str) -> Arc<HostedBody> {
        self.bodies.get(code.parse().unwrap()).unwrap()
    }

    /// The node's own scope on a body.
    pub(crate) fn scope(&self, code: &str) -> BodyScope {
        BodyScope::of_duty(self.body(code), "node-a")
    }

    /// Writes a person whose number ends with `last`.
    pub(crate) async fn enroll(&self, code: &str, last: u8) -> PersonRecord {
        let body = self.body(code);
        let reserved = body.reserve_numbers(1).await.unwrap();
        let person = PersonRef { id: [last; 16], number: reserved.from };
        let addressee: AddresseeNumber = format!("0000098201601{last:02}").parse().unwrap();
        let bindings = Bindings::new(BindingSecret::from_bytes(1, [last; 32]).unwrap());
        let record = PersonRecord::new(person, &addressee, PersonCode([last; 17]), [last; 16], bindings);
        let rows = [
            (Space::PersonByAddressee, body.addressee_row(&addressee)),
            (Space::PersonByCode, body.code_row(&record.code)),
        ];
        let mut batch = reserved.batch;
        for (space, row) in rows {
            batch = body.put(batch, space, row, HostedBody::person_seal(&person), &person).await.unwrap();
        }
        let (row, seal) = (body.person_row(&person.id), HostedBody::person_seal(&person));
        batch = body.put(batch, Space::Person, row, seal, &record).await.unwrap();
        body.apply(batch).await.unwrap();
        record
    }
}

/// What a test does to partitions.
#[derive(Clone)]
struct Trouble {
    fault: Arc<Mutex<Option<WriteFault>>>,
    writes: Arc<AtomicUsize>,
    silent: Arc<Mutex<Option<&'static str>>>,
    /// Of the partition.
    name: String,
}

impl Trouble {
    fn is_silent(&self) -> bool {
        self.silent.lock().unwrap().is_some_and(|silent| silent == self.name)
    }
}

/// Partitions of a real engine that a test gives trouble.
struct Troubled<T: ?Sized>(Arc<T>, Trouble);

impl Engine for Troubled<dyn Engine> {
    fn kind(&self) -> EngineKind {
        self.0.kind()
    }

    fn open(&self, name: &str) -> BoxFuture<Result<Arc<dyn Partition>, StoreError>> {
        let (opening, trouble) = (self.0.open(name), Trouble { name: name.to_owned(), ..self.1.clone() });
        Box::pin(async move { Ok(Arc::new(Troubled(opening.await?, trouble)) as Arc<dyn Partition>) })
    }

    fn remove(&self, name: &str) -> BoxFuture<Result<bool, StoreError>> {
        self.0.remove(name)
    }
}

impl Partition for Troubled<dyn Partition> {
    fn get_many(&self, keys: &[RowKey]) -> Reading<Vec<Option<Versioned>>> {
        if self.1.is_silent() {
            return Reading::later(std::future::pending());
        }
        self.0.get_many(keys)
    }

    fn scan(&self, prefix: &RowKey, after: Option<&RowKey>, limit: usize) -> Reading<Rows> {
        if self.1.is_silent() {
            return Reading::later(std::future::pending());
        }
        self.0.scan(prefix, after, limit)
    }

    fn apply(&self, batch: Batch) -> BoxFuture<Result<(), StoreError>> {
        if self.1.is_silent() {
            return Box::pin(std::future::pending());
        }
        let left = self.1.writes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| match left {
            usize::MAX => Some(usize::MAX),
            left => left.checked_sub(1),
        });
        match self.fault() {
            None if left.is_err() => Box::pin(std::future::ready(Err(StoreError::Stopped))),
            None => self.0.apply(batch),
            Some(WriteFault::DiskFull) => Box::pin(std::future::ready(Err(StoreError::DiskFull))),
            Some(WriteFault::Fenced) => Box::pin(std::future::ready(Err(StoreError::Fenced))),
            Some(_) => Box::pin(std::future::ready(Err(StoreError::Stopped))),
        }
    }

    fn count(&self, prefix: &RowKey) -> Reading<u64> {
        self.0.count(prefix)
    }

    fn usage(&self) -> Reading<Usage> {
        self.0.usage()
    }

    fn compact(&self) -> BoxFuture<Result<Compacted, StoreError>> {
        self.0.compact()
    }

    fn epoch(&self) -> u64 {
        self.0.epoch()
    }

    fn fault(&self) -> Option<WriteFault> {
        *self.1.fault.lock().unwrap()
    }

    fn recover(&self) -> BoxFuture<Option<WriteFault>> {
        Box::pin(std::future::ready(self.fault()))
    }
}

async fn open(home: &Home, dir: &Path, code: &str) -> HostedBody {
    let file = |name: &str, key: &[u8]| -> PathBuf {
        let path = dir.join(format!("{code}.{name}"));
        if !path.exists() {
            std::fs::write(&path, key_file::text(key).as_bytes()).unwrap();
        }
        path
    };
    let files = BodyKeyFiles {
        identity: IdentityPlace::File(file("identity", &IdentityKey::generate_pkcs8().unwrap())),
        acquisition: file("acquisition", &AcquisitionKeyPair::generate().unwrap().to_bytes()[..]),
    };
    let facts = BodyFacts {
        code: code.parse().unwrap(),
        portal: "mynaportal".into(),
        affairs: vec!["JM99000000001000".parse().unwrap()],
        awaited: false,
    };
    let (provider, owner) = (FileProvider::new(dir, &dir.join("epochs")), code.parse().unwrap());
    provider.make_root(&owner, 1).unwrap();
    HostedBody::open(home, facts, files, Arc::new(provider), 20_000).await.unwrap()
}
