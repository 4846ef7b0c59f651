//! Who owns a body: a row with an owner, an epoch and an end, all by the server's clock.
//!
//! What must hold: writes are safe whatever the clocks say, because every transaction locks the epoch it was begun
//! in, and a new owner raises it. The end of a lease is for the rest: an owner that could not renew it answers no
//! reads after it, by its own monotonic clock counted from before the renewal was asked for. Clocks of a server and
//! its replicas apart by seconds make a body free that much earlier or later after a failover. A machine that was
//! suspended may believe in its lease until its next renewal; it writes nothing.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use super::database::Database;
use super::failure::Failure;
use super::transaction::Session;
use crate::error::StoreError;
use crate::hold::hold;

/// One body's lease, as this process knows it.
pub(crate) struct Lease {
    epoch: u64,
    began: Instant,
    /// Milliseconds after `began` at which it ends.
    ends: AtomicU64,
    lost: AtomicBool,
}

impl Lease {
    fn new(epoch: u64, asked: Instant, life: Duration) -> Self {
        let lease = Self { epoch, began: asked, ends: AtomicU64::new(0), lost: AtomicBool::new(false) };
        lease.extend(asked, life);
        lease
    }

    /// The epoch in which this process owns the body.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// [`Failure::Fenced`] once another process has taken the body over, [`Failure::Gone`] while it may have done so.
    pub(crate) fn holds(&self) -> Result<(), Failure> {
        if self.lost.load(Ordering::Acquire) {
            return Err(Failure::Fenced);
        }
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        if now < self.ends.load(Ordering::Acquire) { Ok(()) } else { Err(Failure::Gone) }
    }

    /// Another process has it.
    pub(crate) fn lose(&self) {
        self.lost.store(true, Ordering::Release);
    }

    fn extend(&self, asked: Instant, life: Duration) {
        // A tenth less: clocks do not run equally fast.
        let end = asked.saturating_duration_since(self.began) + life.mul_f32(0.9);
        self.ends.fetch_max(u64::try_from(end.as_millis()).unwrap_or(u64::MAX), Ordering::AcqRel);
    }
}

/// What became of an attempt to own a body.
pub(super) struct Taken {
    pub(super) lease: Arc<Lease>,
    /// The last version that was given in the partition.
    pub(super) version: i64,
}

/// The leases of one process.
pub(crate) struct Leases {
    owner: String,
    life: Duration,
    held: Mutex<HashMap<String, Arc<Lease>>>,
}

impl Leases {
    /// `owner` is of this process only.
    pub(super) fn new(owner: String, life: Duration) -> Self {
        Self { owner, life, held: Mutex::default() }
    }

    /// The lease of a body that this process has open.
    pub(crate) fn held(&self, body: &str) -> Option<Arc<Lease>> {
        hold(&self.held).get(body).map(Arc::clone)
    }

    /// Owns `body` in a new epoch; waits for transactions of the owner before, and is durable when it returns.
    /// [`StoreError::Owned`] while another process holds the lease.
    pub(super) async fn take(&self, database: &Database, body: &str) -> Result<Taken, Failure> {
        let asked = Instant::now();
        let session = database.session().await?;
        let sql = &database.statements;
        let take = session.prepare(&sql.take_lease).await?;
        let raise = session.prepare(&sql.raise_fence).await?;
        let mark = session.prepare(&sql.first_mark).await?;
        let taken = session.bounded(async {
            session.begin_unfenced("BEGIN", body).await?;
            let life = millis(self.life);
            let rows = session.query(&take, &[&body, &self.owner, &life]).await?;
            let Some(row) = rows.first() else { return Err(Failure::Refused(StoreError::Owned)) };
            let epoch: i64 = row.try_get(0)?;
            session.execute(&raise, &[&body, &epoch]).await?;
            let rows = session.query(&mark, &[&body]).await?;
            let version: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0))?;
            Ok((epoch, version))
        });
        let (epoch, version) = match taken.await {
            Ok(taken) => taken,
            Err(failure) => {
                session.roll_back(Some(&failure)).await;
                return Err(failure);
            }
        };
        session.commit().await?;
        let epoch = u64::try_from(epoch).map_err(|_| Failure::Refused(StoreError::Corrupt))?;
        let lease = Arc::new(Lease::new(epoch, asked, self.life));
        hold(&self.held).insert(body.to_owned(), Arc::clone(&lease));
        Ok(Taken { lease, version })
    }

    /// Gives the lease back, so that the next owner need not wait for its end. One that could not be renewed is left to
    /// run out: a server that did not answer then would be waited for now.
    pub(super) async fn release(
        &self,
        database: &Database,
        body: &str,
        lease: &Lease,
    ) -> Result<(), Failure> {
        hold(&self.held).remove(body);
        lease.holds()?;
        let session = database.session().await?;
        let release = session.prepare(&database.statements.release_lease).await?;
        let epoch = i64::try_from(lease.epoch).unwrap_or(i64::MAX);
        session.bounded(session.begin_unfenced("BEGIN", body)).await?;
        session.bounded(session.execute(&release, &[&body, &self.owner, &epoch])).await?;
        session.commit().await
    }

    /// Renews what is held, in one statement; what was not found any more is lost.
    async fn renew(&self, database: &Database) -> Result<(), Failure> {
        let held: Vec<(String, Arc<Lease>)> =
            hold(&self.held).iter().map(|(body, lease)| (body.clone(), Arc::clone(lease))).collect();
        if held.is_empty() {
            return Ok(());
        }
        let asked = Instant::now();
        let names: Vec<&str> = held.iter().map(|(body, _)| body.as_str()).collect();
        let session = database.lease_session().await?;
        // Renewed in time or not at all: what hangs here is left for another connection.
        let renewing = tokio::time::timeout(self.life / 3, self.renew_on(&session, database, &names));
        let renewed = renewing.await.unwrap_or(Err(Failure::Gone))?;
        for (body, lease) in &held {
            match renewed.get(body.as_str()) {
                Some(epoch) if u64::try_from(*epoch) == Ok(lease.epoch) => lease.extend(asked, self.life),
                _ => {
                    lease.lose();
                    tracing::warn!(body = %body, epoch = lease.epoch, "another process owns the partition now");
                }
            }
        }
        hold(&self.held).retain(|_, lease| !lease.lost.load(Ordering::Acquire));
        Ok(())
    }

    async fn renew_on(
        &self,
        session: &Session,
        database: &Database,
        names: &[&str],
    ) -> Result<HashMap<String, i64>, Failure> {
        let renew = session.prepare(&database.statements.renew_leases).await?;
        let life = millis(self.life);
        let rows = session.bounded(async {
            let (begun, rows) = tokio::join!(
                biased;
                async { session.begin_unfenced("BEGIN", &names.join(",")).await },
                async { session.query(&renew, &[&life, &names, &self.owner]).await },
            );
            begun?;
            rows
        });
        let rows = rows.await?;
        session.commit().await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }
}

/// Renews the leases of a process as long as it has an engine; after a failure sooner, so that several attempts fit
/// into what is left.
pub(super) async fn keep_renewing(database: Weak<Database>, leases: Arc<Leases>) {
    let mut pause = leases.life / 3;
    loop {
        tokio::time::sleep(pause).await;
        let Some(database) = database.upgrade() else { return };
        pause = match leases.renew(&database).await {
            Ok(()) => leases.life / 3,
            Err(failure) => {
                tracing::warn!(code = failure.into_store_error().code(), "leases were not renewed");
                leases.life / 12
            }
        };
    }
}

fn millis(life: Duration) -> i64 {
    i64::try_from(life.as_millis()).unwrap_or(i64::MAX)
}
