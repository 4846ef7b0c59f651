//! Reading a body's journal: page by page, in order; and how far it has come.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::super::checkpoint::GivenUp;
use super::super::entry::JournalEntry;
use super::super::error::JournalError;
use super::{Log, Shared};
use crate::postgres::backoff::Backoff;
use crate::postgres::failure::Failure;
use crate::postgres::lease::Lease;

/// Entries of one page at most.
const PAGE: i64 = 512;

type Values = Vec<Box<dyn ToSql + Send + Sync>>;

/// The entries of one body in order of their numbers, up to the last that was durable when it was made.
pub(in super::super) struct TableReader {
    shared: Arc<Shared>,
    body: Arc<str>,
    next: u64,
    last: u64,
    page: VecDeque<JournalEntry>,
}

impl TableReader {
    pub(super) fn new(shared: Arc<Shared>, body: &str, from: u64) -> Self {
        let log = shared.log(body).unwrap_or(Log::EMPTY);
        let (next, last) = (from.max(log.first), log.last);
        Self { shared, body: Arc::from(body), next, last, page: VecDeque::new() }
    }

    fn step(&mut self) -> Result<JournalEntry, JournalError> {
        if self.page.is_empty() {
            let (shared, body, next) = (Arc::clone(&self.shared), Arc::clone(&self.body), self.next);
            let page = self.shared.database.wait(async move { shared.page(&body, next).await });
            self.page = page.map_err(Failure::into_store_error)?;
        }
        match self.page.pop_front() {
            Some(entry) if entry.seq == self.next => Ok(entry),
            _ if self.shared.log(&self.body).is_some_and(|log| self.next < log.first) => {
                Err(JournalError::GivenUp)
            }
            Some(entry) => Err(JournalError::OutOfOrder { due: self.next, found: entry.seq }),
            None => Err(JournalError::CorruptLog { first: self.next, offset: 0 }),
        }
    }
}

impl Iterator for TableReader {
    type Item = Result<JournalEntry, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next > self.last {
            return None;
        }
        let entry = self.step();
        self.next = if entry.is_ok() { self.next + 1 } else { u64::MAX };
        Some(entry)
    }
}

impl Shared {
    async fn page(&self, body: &str, from: u64) -> Result<VecDeque<JournalEntry>, Failure> {
        let values: Values = vec![Box::new(body.to_owned()), Box::new(signed(from)), Box::new(PAGE)];
        self.select(body, &self.sql.page, &values).await?.iter().map(entry).collect()
    }

    /// The replay ids of these bodies.
    pub(super) async fn replay_ids(
        &self,
        bodies: Vec<String>,
        since_ms: u64,
    ) -> Result<Vec<([u8; 16], u64)>, Failure> {
        let list = bodies.join(",");
        let values: Values = vec![Box::new(bodies), Box::new(signed(since_ms))];
        let rows = self.select(&list, &self.sql.replays, &values).await?;
        let id = |row: &Row| Ok((fixed(row.try_get(0)?)?, unsigned(row.try_get(1)?)));
        rows.iter().map(id).collect()
    }

    /// Reads rows of the bodies named in `bodies`, trying again within the stated time.
    async fn select(&self, bodies: &str, sql: &str, values: &Values) -> Result<Vec<Row>, Failure> {
        let until = Instant::now() + self.database.try_within;
        let mut backoff = Backoff::default();
        loop {
            match self.select_once(bodies, sql, values).await {
                Err(failure) if failure.may_pass() && Instant::now() < until => backoff.wait().await,
                read => return read,
            }
        }
    }

    async fn select_once(&self, bodies: &str, sql: &str, values: &Values) -> Result<Vec<Row>, Failure> {
        let session = self.database.session().await?;
        let select = session.prepare(sql).await?;
        let values: Vec<&(dyn ToSql + Sync)> =
            values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect();
        let rows = session.bounded(async {
            session.begin_unfenced("BEGIN READ ONLY", bodies).await?;
            session.query(&select, &values).await
        });
        let rows = rows.await?;
        session.commit().await?;
        Ok(rows)
    }

    /// How far the journal of a body has come that this process owns. What was being put back when everything stopped
    /// is removed.
    pub(super) async fn found(&self, body: &str, lease: &Lease) -> Result<Log, Failure> {
        let (log, last) = self.look(body, lease).await?;
        let Some(row) = log else { return Ok(Log { last, ..Log::EMPTY }) };
        if row.restoring {
            self.clear(body, lease).await?;
            return Ok(Log::EMPTY);
        }
        Ok(Log { first: row.first, given_up: row.given_up, last: last.max(row.last) })
    }

    async fn look(&self, body: &str, lease: &Lease) -> Result<(Option<LogRow>, u64), Failure> {
        let session = self.begun(body, lease).await?;
        let (log, last) = (session.prepare(&self.sql.log).await?, session.prepare(&self.sql.last).await?);
        let found = session.bounded(async {
            let (log, last) = (session.query(&log, &[&body]).await?, session.query(&last, &[&body]).await?);
            let last: i64 = last.first().map_or(Ok(0), |row| row.try_get(0))?;
            Ok((log.first().map(LogRow::of).transpose()?, unsigned(last)))
        });
        let found = found.await?;
        session.commit().await?;
        Ok(found)
    }
}

/// What is noted of a body's journal.
struct LogRow {
    first: u64,
    given_up: Option<GivenUp>,
    last: u64,
    restoring: bool,
}

impl LogRow {
    fn of(row: &Row) -> Result<Self, Failure> {
        let why: i16 = row.try_get(1)?;
        Ok(Self {
            first: unsigned(row.try_get(0)?),
            given_up: u8::try_from(why).ok().and_then(GivenUp::of_code),
            last: unsigned(row.try_get(2)?),
            restoring: row.try_get(3)?,
        })
    }
}

fn entry(row: &Row) -> Result<JournalEntry, Failure> {
    let kind: i16 = row.try_get(2)?;
    let replay: Option<&[u8]> = row.try_get(3)?;
    Ok(JournalEntry {
        seq: unsigned(row.try_get(0)?),
        at_ms: unsigned(row.try_get(1)?),
        kind: u8::try_from(kind).unwrap_or(u8::MAX),
        replay: replay.map(fixed).transpose()?,
        sealed: row.try_get(4)?,
    })
}

fn fixed(id: &[u8]) -> Result<[u8; 16], Failure> {
    id.try_into().map_err(|_| Failure::Refused(crate::StoreError::Corrupt))
}

pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
