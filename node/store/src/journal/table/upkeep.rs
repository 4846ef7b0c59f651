//! Giving entries up and putting entries back.
//!
//! The note of what is kept comes first and is durable before rows go, or before rows come: a stop in between leaves rows
//! that nobody reads, which the next attempt or the next owner removes.

use std::sync::Arc;

use super::super::checkpoint::GivenUp;
use super::super::entry::{JournalEntry, MAX_SEALED_BYTES};
use super::super::error::JournalError;
use super::super::hold;
use super::read::signed;
use super::{Log, Owned, Shared, TableJournal};
use crate::postgres::failure::Failure;
use crate::postgres::lease::Lease;

/// Rows that one transaction deletes.
const DELETE: i64 = 4096;
/// Entries that one transaction puts back, and their bytes.
const PUT_BACK: (usize, usize) = (1024, 4 << 20);

/// Entries on their way into the log of a body.
pub(in super::super) struct PuttingBack {
    body: String,
    lease: Arc<Lease>,
    log: Log,
}

impl TableJournal {
    /// The replay ids of a body, or of all that this process owns.
    pub(in super::super) fn replay_ids(
        &self,
        of: Option<&str>,
        since_ms: u64,
    ) -> Result<Vec<([u8; 16], u64)>, JournalError> {
        let bodies = match of {
            Some(body) => vec![body.to_owned()],
            None => hold(&self.shared.owned).keys().cloned().collect(),
        };
        self.wait(move |shared| async move { shared.replay_ids(bodies, since_ms).await })
    }

    pub(in super::super) fn forget_replays(&self, before_ms: u64) -> Result<(), JournalError> {
        let bodies: Vec<(String, Arc<Lease>)> = self.shared.all();
        self.wait(move |shared| async move {
            for (body, lease) in bodies {
                match shared.forget_replays_of(&body, &lease, before_ms).await {
                    // The new owner sees to it.
                    Err(Failure::Fenced) => {}
                    forgotten => forgotten?,
                }
            }
            Ok(())
        })
    }

    pub(in super::super) fn forget(&self, body: &str, number: u64, why: GivenUp) -> Result<(), JournalError> {
        let (lease, log) = self.shared.of(body)?;
        let first = number.min(log.last + 1);
        if first <= log.first {
            return Ok(());
        }
        let next = Log { first, given_up: Some(why), ..log };
        let of = body.to_owned();
        self.wait(move |shared| async move {
            shared.set_log(&of, &lease, next, false).await?;
            if let Some(owned) = hold(&shared.owned).get_mut(&of) {
                (owned.log.first, owned.log.given_up) = (next.first, next.given_up);
            }
            shared.delete_before(&of, &lease, next.first).await
        })
    }

    pub(in super::super) fn restore(
        &self,
        body: &str,
        entries: impl Iterator<Item = Result<JournalEntry, JournalError>>,
        missing: GivenUp,
    ) -> Result<u64, JournalError> {
        let mut entries = entries.peekable();
        let first = match entries.peek() {
            Some(Ok(entry)) => entry.seq,
            Some(Err(_)) | None => 1,
        };
        let mut putting = self.begin_restore(body, first, (first > 1).then_some(missing))?;
        let put = self.put_entries(&mut putting, entries);
        match put.and_then(|()| self.complete_restore(&putting)) {
            Ok(last) => Ok(last),
            Err(error) => {
                let (of, by) = (body.to_owned(), Arc::clone(&putting.lease));
                self.wait(move |shared| async move { shared.clear(&of, &by).await })?;
                self.own(body, putting.lease, Log::EMPTY);
                Err(error)
            }
        }
    }

    /// Begins a log whose first entry has the number `first`, of a body that is open here.
    pub(in super::super) fn begin_restore(
        &self,
        body: &str,
        first: u64,
        given_up: Option<GivenUp>,
    ) -> Result<PuttingBack, JournalError> {
        let last = first.checked_sub(1).ok_or(JournalError::NotInSequence)?;
        // Nothing is appended meanwhile. After a failure the body is adopted anew, which removes what came.
        let Owned { lease, log, .. } = self.shared.set_aside(body)?;
        let (of, by) = (body.to_owned(), Arc::clone(&lease));
        self.wait(move |shared| async move { shared.set_log(&of, &by, log, true).await })?;
        Ok(PuttingBack { body: body.to_owned(), lease, log: Log { first, given_up, last } })
    }

    /// Writes entries behind those before them.
    pub(in super::super) fn put_entries(
        &self,
        putting: &mut PuttingBack,
        entries: impl Iterator<Item = Result<JournalEntry, JournalError>>,
    ) -> Result<(), JournalError> {
        let (mut page, mut bytes) = (Vec::new(), 0);
        for entry in entries {
            let entry = entry?;
            if entry.sealed.len() > MAX_SEALED_BYTES {
                return Err(JournalError::TooLarge);
            }
            if putting.log.last.checked_add(1) != Some(entry.seq) {
                return Err(JournalError::NotInSequence);
            }
            putting.log.last = entry.seq;
            bytes += entry.sealed.len();
            page.push(entry);
            if page.len() >= PUT_BACK.0 || bytes >= PUT_BACK.1 {
                self.put_page(&putting.body, &putting.lease, std::mem::take(&mut page))?;
                bytes = 0;
            }
        }
        self.put_page(&putting.body, &putting.lease, page)
    }

    /// What was put in is the log from now on; its last number. May be repeated after more was put in.
    pub(in super::super) fn complete_restore(&self, putting: &PuttingBack) -> Result<u64, JournalError> {
        let PuttingBack { body, lease, log } = putting;
        let (of, by, log) = (body.clone(), Arc::clone(lease), *log);
        self.wait(move |shared| async move { shared.set_log(&of, &by, log, false).await })?;
        self.own(body, Arc::clone(lease), log);
        Ok(log.last)
    }

    /// Removes everything of the log of a body that is open here.
    pub(in super::super) fn retire(&self, body: &str) -> Result<(), JournalError> {
        let lease = self.shared.leases.held(body).ok_or(JournalError::NotOwned)?;
        let of = body.to_owned();
        self.wait(move |shared| async move { shared.clear(&of, &lease).await })?;
        hold(&self.shared.owned).remove(body);
        Ok(())
    }

    fn own(&self, body: &str, lease: Arc<Lease>, log: Log) {
        hold(&self.shared.owned).insert(body.to_owned(), Owned { lease, given: log.last, log });
    }

    fn put_page(&self, body: &str, lease: &Arc<Lease>, page: Vec<JournalEntry>) -> Result<(), JournalError> {
        if page.is_empty() {
            return Ok(());
        }
        let (body, lease) = (body.to_owned(), Arc::clone(lease));
        self.wait(move |shared| async move { shared.put_back(&body, &lease, &page).await })
    }

    fn wait<T, F>(&self, work: impl FnOnce(Arc<Shared>) -> F) -> Result<T, JournalError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let done = self.shared.database.wait(work(Arc::clone(&self.shared)));
        Ok(done.map_err(Failure::into_store_error)?)
    }
}

impl Shared {
    fn all(&self) -> Vec<(String, Arc<Lease>)> {
        hold(&self.owned).iter().map(|(body, owned)| (body.clone(), Arc::clone(&owned.lease))).collect()
    }

    fn of(&self, body: &str) -> Result<(Arc<Lease>, Log), JournalError> {
        let owned = hold(&self.owned);
        let owned = owned.get(body).ok_or(JournalError::NotOwned)?;
        Ok((Arc::clone(&owned.lease), owned.log))
    }

    /// Takes a body's journal out of use in which there is nothing, and nothing on its way.
    fn set_aside(&self, body: &str) -> Result<Owned, JournalError> {
        let mut all = hold(&self.owned);
        let owned = all.get(body).ok_or(JournalError::NotOwned)?;
        if owned.given > 0 || owned.log.first > 1 {
            return Err(JournalError::NotEmpty);
        }
        all.remove(body).ok_or(JournalError::NotOwned)
    }

    async fn set_log(&self, body: &str, lease: &Lease, log: Log, restoring: bool) -> Result<(), Failure> {
        let session = self.begun(body, lease).await?;
        let set = session.prepare(&self.sql.set_log).await?;
        let why = i16::from(log.given_up.map_or(0, GivenUp::code));
        let (first, last) = (signed(log.first), signed(log.last));
        session.bounded(session.execute(&set, &[&body, &first, &why, &last, &restoring])).await?;
        session.commit().await
    }

    async fn forget_replays_of(&self, body: &str, lease: &Lease, before_ms: u64) -> Result<(), Failure> {
        let session = self.begun(body, lease).await?;
        let forget = session.prepare(&self.sql.forget_replays).await?;
        let bodies = [body];
        session.bounded(session.execute(&forget, &[&&bodies[..], &signed(before_ms)])).await?;
        session.commit().await
    }

    async fn delete_before(&self, body: &str, lease: &Lease, number: u64) -> Result<(), Failure> {
        loop {
            let session = self.begun(body, lease).await?;
            let delete = session.prepare(&self.sql.delete_some).await?;
            let deleted =
                session.bounded(session.execute(&delete, &[&body, &signed(number), &DELETE])).await?;
            session.commit().await?;
            if i64::try_from(deleted).is_ok_and(|deleted| deleted < DELETE) {
                return Ok(());
            }
        }
    }

    /// Removes what was being put back.
    pub(super) async fn clear(&self, body: &str, lease: &Lease) -> Result<(), Failure> {
        self.delete_before(body, lease, u64::MAX).await?;
        let session = self.begun(body, lease).await?;
        let replays = session.prepare(&self.sql.delete_replays).await?;
        session.bounded(session.execute(&replays, &[&body])).await?;
        session.commit().await?;
        self.set_log(body, lease, Log::EMPTY, false).await
    }
}
