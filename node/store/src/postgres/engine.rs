//! All bodies of one server, as one process uses them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::Mutex as SlowMutex;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::backoff::Backoff;
use super::database::Database;
use super::failure::Failure;
use super::glances::Glances;
use super::lease::{Leases, keep_renewing};
use super::options::{PostgresOptions, check_identifier};
use super::partition::PostgresPartition;
use super::{role, schema};
use crate::engine::{Engine, EngineKind};
use crate::error::StoreError;
use crate::folder::check_name;
use crate::hold::hold;
use crate::partition::{BoxFuture, Partition};

/// Rows that one transaction of a removal deletes.
const REMOVE_ROWS: i64 = 4096;
/// How often taking a body is tried against others who are in the way.
const TAKE_ATTEMPTS: usize = 5;

/// The tables of a PostgreSQL server.
pub struct PostgresEngine {
    shared: Arc<Shared>,
}

struct Shared {
    pub(crate) database: Arc<Database>,
    leases: Arc<Leases>,
    glances: Arc<Glances>,
    open: Mutex<HashMap<String, Slot>>,
}

/// One name's place in the table: its own mutex, so that a slow opening holds up nobody else.
type Slot = Arc<SlowMutex<Open>>;

#[derive(Default)]
struct Open {
    partition: Weak<PostgresPartition>,
    /// Ends when the partition's lease was given back.
    task: Option<JoinHandle<()>>,
}

impl PostgresEngine {
    /// Connects to the server and refuses it, its tables or the role where they do not hold what this engine promises
    /// ([`StoreError::Refused`] says why). [`StoreError::NewerFormat`] for tables of newer software;
    /// [`StoreError::Unreachable`] and [`StoreError::ReadOnly`] may be tried again.
    pub async fn connect(options: PostgresOptions) -> Result<Arc<Self>, StoreError> {
        let database = Arc::new(Database::new(&options)?);
        let checked = Arc::clone(&database);
        let schema = options.schema.clone();
        database.run(async move { check(&checked, &schema).await }).await?;
        // Two processes of one name are two owners.
        let owner = format!("{}/{}", options.owner, unique_id());
        let leases = Arc::new(Leases::new(owner, options.lease));
        if let Some(threads) = database.handle() {
            threads.spawn(keep_renewing(Arc::downgrade(&database), Arc::clone(&leases)));
        }
        let shared = Shared { database, leases, glances: Arc::default(), open: Mutex::default() };
        Ok(Arc::new(Self { shared: Arc::new(shared) }))
    }

    /// Makes the tables or brings them to this software's form, and lets `role` use them; says which form they had, 0
    /// for none. `options` log in as the role that owns the schema or may create it, which is not `role`. May be
    /// repeated.
    pub async fn migrate(options: &PostgresOptions, role: &str) -> Result<i32, StoreError> {
        check_identifier(role)?;
        let hosts = options.hosts()?;
        let patience = hosts.patience() + options.statement_timeout;
        let (schema, role) = (options.schema.clone(), role.to_owned());
        let migrating = async move {
            let connecting = timeout(patience, hosts.connect()).await.map_err(|_| StoreError::Unreachable)?;
            let (client, serving) = connecting.map_err(|error| Failure::from(error).into_store_error())?;
            let migrated = schema::migrate(&client, &schema, &role).await;
            drop(client);
            // Ends with its client; what it met, the migration met too.
            let _ = serving.await;
            migrated
        };
        Database::new(options)?.run(migrating).await
    }
}

impl PostgresEngine {
    /// The connections and the leases, for what else lies on the server.
    pub(crate) fn parts(&self) -> (Arc<Database>, Arc<Leases>) {
        (Arc::clone(&self.shared.database), Arc::clone(&self.shared.leases))
    }

    /// What is known of the bodies' keyrings, of all together.
    pub(super) fn glances(&self) -> Arc<Glances> {
        Arc::clone(&self.shared.glances)
    }
}

async fn check(database: &Database, schema: &str) -> Result<(), StoreError> {
    let client = database.bare_client().await.map_err(Failure::into_store_error)?;
    role::check_role(&client).await?;
    schema::check(&client, schema).await?;
    role::check_tables(&client, schema).await
}

fn unique_id() -> String {
    use std::hash::{BuildHasher, RandomState};
    let keys = RandomState::new();
    format!("{:016x}{:016x}", keys.hash_one(std::process::id()), RandomState::new().hash_one(1))
}

impl Shared {
    fn slot(&self, name: &str) -> Slot {
        Arc::clone(hold(&self.open).entry(name.to_owned()).or_default())
    }

    async fn open(&self, name: &str) -> Result<Arc<dyn Partition>, StoreError> {
        let slot = self.slot(name);
        let mut open = slot.lock().await;
        if let Some(partition) = open.partition.upgrade() {
            return Ok(partition);
        }
        if let Some(ending) = open.task.take() {
            let _ = ending.await;
        }
        let taken = self.take(name).await?;
        let (database, leases) = (Arc::clone(&self.database), Arc::clone(&self.leases));
        let (partition, task) = PostgresPartition::serve(database, leases, name, taken)?;
        let partition = Arc::new(partition);
        *open = Open { partition: Arc::downgrade(&partition), task: Some(task) };
        Ok(partition)
    }

    async fn take(&self, name: &str) -> Result<super::lease::Taken, StoreError> {
        let mut backoff = Backoff::default();
        for _ in 1..TAKE_ATTEMPTS {
            match self.leases.take(&self.database, name).await {
                // What an attempt of unknown outcome took is this process's to take again.
                Err(Failure::Again | Failure::Unknown) => backoff.wait().await,
                taken => return taken.map_err(Failure::into_store_error),
            }
        }
        self.leases.take(&self.database, name).await.map_err(Failure::into_store_error)
    }

    async fn remove(&self, name: &str) -> Result<bool, StoreError> {
        let slot = self.slot(name);
        let mut open = slot.lock().await;
        if open.partition.strong_count() > 0 {
            return Err(StoreError::Owned);
        }
        if let Some(ending) = open.task.take() {
            let _ = ending.await;
        }
        let existed = self.has_mark(name).await?;
        if !existed {
            return Ok(false);
        }
        let taken = self.take(name).await?;
        let removed = self.remove_rows(name, taken.lease.epoch()).await;
        let released = self.leases.release(&self.database, name, &taken.lease).await;
        removed.and(released).map_err(Failure::into_store_error)?;
        Ok(true)
    }

    async fn has_mark(&self, name: &str) -> Result<bool, StoreError> {
        let read = async {
            let session = self.database.session().await?;
            let has = session.prepare(&self.database.statements.has_mark).await?;
            session.bounded(session.begin_unfenced("BEGIN READ ONLY", name)).await?;
            let rows = session.bounded(session.query(&has, &[&name])).await?;
            session.commit().await?;
            Ok(!rows.is_empty())
        };
        read.await.map_err(Failure::into_store_error)
    }

    /// Deletes the rows in bounded transactions and the mark with the last of them: a removal that was interrupted is
    /// taken up by the next. The epoch stays, so that it never comes again.
    async fn remove_rows(&self, name: &str, epoch: u64) -> Result<(), Failure> {
        let sql = &self.database.statements;
        loop {
            let session = self.database.session().await?;
            let (some, mark) =
                (session.prepare(&sql.remove_some).await?, session.prepare(&sql.remove_mark).await?);
            session.bounded(session.begin(&[(name, epoch)])).await?;
            let rows = session.bounded(session.execute(&some, &[&name, &REMOVE_ROWS])).await?;
            if rows == 0 {
                session.bounded(session.execute(&mark, &[&name])).await?;
            }
            session.commit().await?;
            if rows == 0 {
                return Ok(());
            }
        }
    }
}

impl Engine for PostgresEngine {
    fn kind(&self) -> EngineKind {
        EngineKind::Postgres
    }

    fn open(&self, name: &str) -> BoxFuture<Result<Arc<dyn Partition>, StoreError>> {
        let (shared, name) = (Arc::clone(&self.shared), name.to_owned());
        self.shared.database.run(async move {
            check_name(&name)?;
            shared.open(&name).await
        })
    }

    fn remove(&self, name: &str) -> BoxFuture<Result<bool, StoreError>> {
        let (shared, name) = (Arc::clone(&self.shared), name.to_owned());
        self.shared.database.run(async move {
            check_name(&name)?;
            shared.remove(&name).await
        })
    }
}
