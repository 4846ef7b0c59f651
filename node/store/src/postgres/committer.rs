//! One transaction per group of batches of one body, and what becomes of it when the server or the way to it fails.
//!
//! Two round trips: the first locks the epoch, writes the mark and reads the versions that preconditions ask for; the
//! second writes the rows and commits. Preconditions are judged here, batch after batch, on those versions: nobody
//! else writes to the body while its epoch is locked by its owner.
//!
//! What must hold: a version is given to one attempt only. So the mark that a later transaction finds tells whether
//! a commit of unknown outcome happened; that transaction is itself durable before it is believed, because a commit
//! may be visible on a server before its synchronous replica has it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::backoff::Backoff;
use super::database::Database;
use super::failure::Failure;
use super::lease::Lease;
use crate::batch::{Batch, Precondition, Write};
use crate::error::StoreError;

/// A batch and who waits for it.
pub(super) struct Job {
    pub(super) batch: Batch,
    pub(super) done: oneshot::Sender<Outcome>,
}

pub(super) type Outcome = Result<(), StoreError>;

pub(super) struct Committer {
    pub(super) database: Arc<Database>,
    pub(super) body: Arc<str>,
    pub(super) lease: Arc<Lease>,
    /// The last version that any attempt was given.
    pub(super) version: i64,
}

/// What a group does, with what it found.
struct Plan<'a> {
    outcomes: Vec<Outcome>,
    /// What stands under each key afterwards; `None` is nothing.
    rows: BTreeMap<&'a [u8], Option<(i64, &'a [u8])>>,
}

/// What is known of an attempt.
enum Attempt {
    Committed(Vec<Outcome>),
    /// Sent, and not answered: its highest version, and what it did if it happened.
    Unknown(i64, Vec<Outcome>),
}

impl Committer {
    /// Commits all batches whose preconditions hold, in order, and says for each whether it did. A failure is of the
    /// whole group. With `patient`, failures that may pass are waited for.
    pub(super) async fn commit(&mut self, jobs: &[Job], patient: bool) -> Result<Vec<Outcome>, Failure> {
        let until = Instant::now() + if patient { self.database.try_within } else { Duration::ZERO };
        let mut backoff = Backoff::default();
        loop {
            let failure = match self.attempt(jobs).await {
                Ok(Attempt::Committed(outcomes)) => return Ok(outcomes),
                Ok(Attempt::Unknown(version, outcomes)) => match self.happened(version, until).await? {
                    true => return Ok(outcomes),
                    false => Failure::Gone,
                },
                Err(failure) => failure,
            };
            if !failure.may_pass() || Instant::now() >= until {
                return Err(failure);
            }
            backoff.wait().await;
        }
    }

    async fn attempt(&mut self, jobs: &[Job]) -> Result<Attempt, Failure> {
        let first = self.version;
        let last = first.saturating_add(i64::try_from(jobs.len()).unwrap_or(i64::MAX));
        self.version = last;
        let session = self.database.session().await?;
        let sql = &self.database.statements;
        let mark = session.prepare(&sql.mark).await?;
        let versions = session.prepare(&sql.versions).await?;
        let (delete, put) = (session.prepare(&sql.delete).await?, session.prepare(&sql.put).await?);
        let (body, asked) = (&*self.body, asked_keys(jobs));
        let owned = [(body, self.lease.epoch())];
        let begun = session.bounded(async {
            let (begun, marked, found) = tokio::join!(
                biased;
                session.begin(&owned),
                async { session.execute(&mark, &[&body, &last]).await },
                async {
                    if asked.is_empty() { Ok(Vec::new()) } else { session.query(&versions, &[&body, &asked]).await }
                },
            );
            begun?;
            // The mark is made when the body is opened and goes only when it is removed.
            if marked? == 0 { Err(Failure::Fenced) } else { found }
        });
        let found = match begun.await {
            Ok(found) => found,
            Err(failure) => {
                session.roll_back(Some(&failure)).await;
                return Err(failure);
            }
        };
        let standing = found.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        let plan = Plan::new(jobs, standing.collect::<Result<_, tokio_postgres::Error>>()?, first);
        if plan.rows.is_empty() {
            session.roll_back(None).await;
            return Ok(Attempt::Committed(plan.outcomes));
        }
        let (gone, puts) = plan.columns();
        let client = session.client()?;
        let written = session.commit_after(async {
            let delete = async {
                if gone.is_empty() { Ok(0) } else { client.execute(&delete, &[&body, &gone]).await }
            };
            let put = async {
                let (keys, versions, values) = &puts;
                if keys.is_empty() {
                    Ok(0)
                } else {
                    client.execute(&put, &[&body, keys, versions, values]).await
                }
            };
            let (deleted, put) = tokio::join!(biased; delete, put);
            deleted.and(put)
        });
        match written.await {
            Ok(_) => Ok(Attempt::Committed(plan.outcomes)),
            Err(Failure::Unknown) => Ok(Attempt::Unknown(last, plan.outcomes)),
            Err(failure) => Err(failure),
        }
    }

    /// Finds out whether the attempt with this version was committed. [`Failure::Unknown`] if that cannot be found
    /// out in time, or another process has gone on from it.
    async fn happened(&self, version: i64, until: Instant) -> Result<bool, Failure> {
        let mut backoff = Backoff::default();
        loop {
            match self.touch().await {
                Ok(mark) => return Ok(mark >= version),
                Err(Failure::Fenced) => {
                    self.lease.lose();
                    return Err(Failure::Unknown);
                }
                Err(failure) => {
                    tracing::debug!(
                        code = failure.into_store_error().code(),
                        "outcome of a commit still unknown"
                    );
                    if Instant::now() >= until {
                        return Err(Failure::Unknown);
                    }
                }
            }
            backoff.wait().await;
        }
    }

    /// Writes the mark as it is, durably, and gives it. Waits for a commit that the server still works on.
    pub(super) async fn touch(&self) -> Result<i64, Failure> {
        touch(&self.database, &self.body, &self.lease).await
    }
}

/// Writes the mark of a body as it is, durably, and gives it: the smallest thing that only the owner of a body can do
/// on a server that takes writes.
pub(super) async fn touch(database: &Database, body: &str, lease: &Lease) -> Result<i64, Failure> {
    let session = database.session().await?;
    let touch = session.prepare(&database.statements.touch).await?;
    let touched = session.bounded(async {
        let (begun, rows) = tokio::join!(
            biased;
            async { session.begin(&[(body, lease.epoch())]).await },
            async { session.query(&touch, &[&body]).await },
        );
        begun?;
        let rows = rows?;
        let mark: i64 = rows.first().ok_or(Failure::Fenced)?.try_get(0)?;
        Ok(mark)
    });
    let mark = touched.await?;
    session.commit().await?;
    Ok(mark)
}

/// The keys whose versions the preconditions of a group ask for, each once.
fn asked_keys(jobs: &[Job]) -> Vec<&[u8]> {
    let asked = jobs.iter().flat_map(|job| &job.batch.preconditions).map(|precondition| match precondition {
        Precondition::Absent(key) | Precondition::Version(key, _) => key.as_bytes(),
    });
    let mut keys: Vec<&[u8]> = asked.collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

impl<'a> Plan<'a> {
    /// `standing` are the versions of the rows that the preconditions ask for; the batches take the versions after
    /// `first`.
    fn new(jobs: &'a [Job], standing: HashMap<&[u8], i64>, first: i64) -> Self {
        let mut plan = Self { outcomes: Vec::with_capacity(jobs.len()), rows: BTreeMap::new() };
        for (job, version) in jobs.iter().zip(first.saturating_add(1)..) {
            let holds = job.batch.preconditions.iter().all(|precondition| {
                let (key, wanted) = match precondition {
                    Precondition::Absent(key) => (key, None),
                    Precondition::Version(key, version) => (key, Some(*version)),
                };
                let found = match plan.rows.get(key.as_bytes()) {
                    Some(written) => written.map(|(version, _)| version),
                    None => standing.get(key.as_bytes()).copied(),
                };
                found.and_then(|found| u64::try_from(found).ok()) == wanted
            });
            if holds {
                plan.write(&job.batch, version);
            }
            plan.outcomes.push(if holds { Ok(()) } else { Err(StoreError::Conflict) });
        }
        plan
    }

    fn write(&mut self, batch: &'a Batch, version: i64) {
        for write in &batch.writes {
            match write {
                Write::Put(key, value) => self.rows.insert(key.as_bytes(), Some((version, value))),
                Write::Delete(key) => self.rows.insert(key.as_bytes(), None),
            };
        }
    }

    /// The keys to be deleted; keys, versions and values to be put, in order of the keys.
    #[expect(clippy::type_complexity, reason = "three columns of one statement")]
    fn columns(&self) -> (Vec<&'a [u8]>, (Vec<&'a [u8]>, Vec<i64>, Vec<&'a [u8]>)) {
        let mut gone = Vec::new();
        let mut puts = (Vec::new(), Vec::new(), Vec::new());
        for (key, row) in &self.rows {
            let Some((version, value)) = row else {
                gone.push(*key);
                continue;
            };
            puts.0.push(*key);
            puts.1.push(*version);
            puts.2.push(*value);
        }
        (gone, puts)
    }
}
