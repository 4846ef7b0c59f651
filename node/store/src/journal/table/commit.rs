//! One transaction per group of entries, and what becomes of it when the server or the way to it fails.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::super::error::JournalError;
use super::super::options::SyncReport;
use super::super::writer::Job;
use super::super::{JournalEntry, hold};
use super::Shared;
use crate::error::StoreError;
use crate::postgres::backoff::Backoff;
use crate::postgres::failure::Failure;
use crate::postgres::lease::Lease;
use crate::postgres::transaction::Session;

/// How long it waits before it reads the numbers anew.
const RETRY: Duration = Duration::from_millis(250);

/// What is known of a group that was not committed.
enum Outcome {
    /// Nothing of it is there.
    Nothing(Failure),
    /// Some attempt may have been committed, or may yet be.
    Unknown(Failure),
}

/// The columns of an insert.
#[derive(Default)]
struct Columns<'a> {
    bodies: Vec<&'a str>,
    numbers: Vec<i64>,
    times: Vec<i64>,
    kinds: Vec<i16>,
    replays: Vec<Option<&'a [u8]>>,
    sealed: Vec<&'a [u8]>,
}

impl<'a> Columns<'a> {
    pub(super) fn push(
        &mut self,
        body: &'a str,
        number: u64,
        at_ms: u64,
        kind: u8,
        replay: Option<&'a [u8; 16]>,
    ) {
        self.bodies.push(body);
        self.numbers.push(i64::try_from(number).unwrap_or(i64::MAX));
        self.times.push(i64::try_from(at_ms).unwrap_or(i64::MAX));
        self.kinds.push(i16::from(kind));
        self.replays.push(replay.map(|id| &id[..]));
    }

    fn of_jobs(jobs: &'a [Job]) -> Self {
        let mut columns = Self::default();
        for Job { head, number, sealed, .. } in jobs {
            columns.push(&head.partition, *number, head.at_ms, head.kind, head.replay.as_ref());
            columns.sealed.push(sealed);
        }
        columns
    }

    fn of_entries(body: &'a str, entries: &'a [JournalEntry]) -> Self {
        let mut columns = Self::default();
        for JournalEntry { seq, at_ms, kind, replay, sealed } in entries {
            columns.push(body, *seq, *at_ms, *kind, replay.as_ref());
            columns.sealed.push(sealed);
        }
        columns
    }

    /// Body, time and id of each replay id.
    fn noted(&self) -> (Vec<&'a str>, Vec<i64>, Vec<&'a [u8]>) {
        let mut noted = (Vec::new(), Vec::new(), Vec::new());
        for ((body, at_ms), id) in self.bodies.iter().zip(&self.times).zip(&self.replays) {
            if let Some(id) = id {
                noted.0.push(*body);
                noted.1.push(*at_ms);
                noted.2.push(*id);
            }
        }
        noted
    }
}

impl Shared {
    /// Commits what waits, group after group, until the journal is closed and the queue is empty.
    pub(super) async fn serve(self: Arc<Self>) {
        let mut group = Vec::new();
        while self.queue.take_group(&mut group).await {
            self.commit(&mut group).await;
        }
    }

    async fn commit(&self, group: &mut Vec<Job>) {
        while !group.is_empty() {
            self.refuse_fenced(group);
            let started = Instant::now();
            match self.persist(group).await {
                Ok(()) => return self.acknowledge(group, started),
                // Whose bodies were taken over is told so; the others are committed without them.
                Err(Outcome::Nothing(Failure::Fenced)) => self.find_fenced(group).await,
                Err(Outcome::Nothing(failure)) => {
                    let error = failure.into_store_error();
                    tracing::warn!(code = error.code(), cause = %error, "journal entries were not committed");
                    return self.take_back(group, || JournalError::from(error.again()));
                }
                Err(Outcome::Unknown(failure)) => {
                    self.failed.store(true, Ordering::Release);
                    let error = failure.into_store_error();
                    tracing::error!(code = error.code(), "the outcome of a journal commit is unknown");
                    return self.read_anew(group).await;
                }
            }
        }
    }

    fn acknowledge(&self, group: &mut Vec<Job>, started: Instant) {
        let mut owned = hold(&self.owned);
        for job in group.iter() {
            if let Some(owned) = owned.get_mut(&job.head.partition) {
                owned.log.last = owned.log.last.max(job.number);
            }
        }
        drop(owned);
        if let Some(observer) = &self.options.observer {
            let (seconds, waiting) = (started.elapsed().as_secs_f64(), self.queue.depth());
            observer(&SyncReport { seconds, entries: group.len(), waiting });
        }
        for job in group.drain(..) {
            // A caller that went away no longer wants to know.
            let _ = job.done.send(Ok(job.number));
        }
    }

    /// Inserts the group, trying again within the stated time.
    async fn persist(&self, group: &[Job]) -> Result<(), Outcome> {
        if group.is_empty() {
            return Ok(());
        }
        let until = Instant::now() + self.database.try_within;
        let (mut backoff, mut unknown) = (Backoff::default(), false);
        let columns = Columns::of_jobs(group);
        let leases = self.leases_of(group);
        loop {
            let failure = match self.insert(&leases, &columns).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            if matches!(failure, Failure::Refused(StoreError::Conflict)) {
                // Numbers that are somebody else's: no attempt will change that, and they are to be read anew.
                return Err(Outcome::Unknown(failure));
            }
            unknown |= matches!(failure, Failure::Unknown);
            let again = failure.may_pass() || matches!(failure, Failure::Unknown);
            if !again || Instant::now() >= until {
                return Err(if unknown { Outcome::Unknown(failure) } else { Outcome::Nothing(failure) });
            }
            backoff.wait().await;
        }
    }

    fn leases_of(&self, group: &[Job]) -> BTreeMap<String, Arc<Lease>> {
        let owned = hold(&self.owned);
        let leases = group.iter().filter_map(|job| owned.get_key_value(&job.head.partition));
        leases.map(|(body, owned)| (body.clone(), Arc::clone(&owned.lease))).collect()
    }

    async fn insert(&self, leases: &BTreeMap<String, Arc<Lease>>, rows: &Columns<'_>) -> Result<(), Failure> {
        let session = self.database.session().await?;
        let (insert, note) =
            (session.prepare(&self.sql.insert).await?, session.prepare(&self.sql.note).await?);
        let owned: Vec<_> = leases.iter().map(|(body, lease)| (body.as_str(), lease.epoch())).collect();
        if let Err(failure) = session.bounded(session.begin(&owned)).await {
            session.roll_back(Some(&failure)).await;
            return Err(failure);
        }
        let Columns { bodies, numbers, times, kinds, replays, sealed } = rows;
        let noted = rows.noted();
        let client = session.client()?;
        let inserted = session.bounded(async {
            let insert =
                async { client.execute(&insert, &[bodies, numbers, times, kinds, replays, sealed]).await };
            let note = async {
                let (bodies, times, ids) = &noted;
                if ids.is_empty() { Ok(0) } else { client.execute(&note, &[bodies, times, ids]).await }
            };
            let (inserted, noted) = tokio::join!(biased; insert, note);
            // In this order: behind a statement that failed, the next one is told no more than that.
            let inserted = inserted?;
            noted?;
            Ok(inserted)
        });
        let inserted = match inserted.await {
            Ok(inserted) => inserted,
            Err(failure) => {
                session.roll_back(Some(&failure)).await;
                return Err(failure);
            }
        };
        if usize::try_from(inserted) != Ok(numbers.len()) {
            session.roll_back(None).await;
            return Err(Failure::Refused(StoreError::Conflict));
        }
        session.commit().await
    }

    /// Puts rows into the journal of one body that this process owns.
    pub(super) async fn put_back(
        &self,
        body: &str,
        lease: &Arc<Lease>,
        entries: &[JournalEntry],
    ) -> Result<(), Failure> {
        let leases = BTreeMap::from([(body.to_owned(), Arc::clone(lease))]);
        self.insert(&leases, &Columns::of_entries(body, entries)).await
    }

    /// Answers the entries of bodies that are owned no more.
    fn refuse_fenced(&self, group: &mut Vec<Job>) {
        let owned = hold(&self.owned);
        let gone = |job: &mut Job| {
            owned
                .get(&job.head.partition)
                .is_none_or(|owned| matches!(owned.lease.holds(), Err(Failure::Fenced)))
        };
        for job in group.extract_if(.., gone) {
            let _ = job.done.send(Err(JournalError::Fenced));
        }
    }

    /// Finds out which bodies of a group were taken over.
    async fn find_fenced(&self, group: &[Job]) {
        for (body, lease) in self.leases_of(group) {
            if matches!(self.locked(&body, &lease).await, Err(Failure::Fenced)) {
                tracing::warn!(body = %body, epoch = lease.epoch(), "another node owns the body's journal now");
                lease.lose();
            }
        }
    }

    async fn locked(&self, body: &str, lease: &Lease) -> Result<(), Failure> {
        let session = self.begun(body, lease).await?;
        session.roll_back(None).await;
        Ok(())
    }

    /// A transaction that holds the epoch of a body.
    pub(super) async fn begun(&self, body: &str, lease: &Lease) -> Result<Session, Failure> {
        let session = self.database.session().await?;
        match session.bounded(session.begin(&[(body, lease.epoch())])).await {
            Ok(()) => Ok(session),
            Err(failure) => {
                session.roll_back(Some(&failure)).await;
                Err(failure)
            }
        }
    }

    /// Refuses all that waits and takes its numbers back, so that the journal can go on without a gap.
    fn take_back(&self, group: &mut Vec<Job>, error: impl Fn() -> JournalError) {
        let mut owned = hold(&self.owned);
        self.queue.take_waiting(group);
        for owned in owned.values_mut() {
            owned.given = owned.log.last;
        }
        self.failed.store(false, Ordering::Release);
        drop(owned);
        for job in group.drain(..) {
            let _ = job.done.send(Err(error()));
        }
    }

    /// Reads the numbers of all bodies anew, until that can be done or the journal is closed: an insert that was lost on
    /// its way may have been committed.
    async fn read_anew(&self, group: &mut Vec<Job>) {
        loop {
            self.queue.take_waiting(group);
            for job in group.drain(..) {
                let _ = job.done.send(Err(JournalError::Failed));
            }
            if self.queue.is_closed() {
                return;
            }
            match self.read_all().await {
                Ok(()) => break,
                Err(failure) => {
                    let code = failure.into_store_error().code();
                    tracing::warn!(code, "the journal's numbers cannot be read");
                }
            }
            tokio::time::sleep(RETRY).await;
        }
        self.take_back(group, || JournalError::Failed);
    }

    async fn read_all(&self) -> Result<(), Failure> {
        let all: Vec<_> = {
            let owned = hold(&self.owned);
            owned.iter().map(|(body, owned)| (body.clone(), Arc::clone(&owned.lease))).collect()
        };
        for (body, lease) in all {
            let found = match self.found(&body, &lease).await {
                Err(Failure::Fenced) => {
                    lease.lose();
                    continue;
                }
                found => found?,
            };
            if let Some(owned) = hold(&self.owned).get_mut(&body) {
                owned.log = found;
            }
        }
        Ok(())
    }
}
