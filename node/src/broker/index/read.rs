//! Questions to the index: pages by person or by body, what is hidden, and how far roots go.
//!
//! What must hold: what is found by a name says itself that it belongs there; a question looks at a bounded number of
//! passages, and says from where it goes on.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use chukei_crypto::seal::{Place, open, seal};
use chukei_store::RowKey;
use chukei_wire::body_code::BodyCode;
use chukei_wire::message::exchange::EpochRoot;

use super::rows::{self, BadRow, Indexed, Mark};
use super::{ExchangeIndex, IndexError};
use crate::broker::exchange::OWNER;

/// Passages that one question looks at.
pub(in crate::broker) const LOOKED_MAX: usize = 8_192;
/// Rows read at a time.
const PAGE: usize = 256;
/// The space in the associated data of cursors: no row has it.
const CURSOR: u8 = 129;

/// Which passages.
#[derive(Clone, Copy)]
pub(in crate::broker) struct Asked<'a> {
    /// Of this person; at least this or the body.
    pub(in crate::broker) person: Option<u64>,
    /// With this body.
    pub(in crate::broker) body: Option<&'a BodyCode>,
    /// That began from then on, Unix milliseconds.
    pub(in crate::broker) from_ms: u64,
    /// And before then.
    pub(in crate::broker) until_ms: u64,
}

/// From where a question goes on.
#[derive(Clone)]
pub(in crate::broker) struct Cursor(RowKey);

/// How far a walk went.
pub(in crate::broker) enum Walked {
    /// To the end.
    Whole,
    /// It was broken off, or has looked at as many as it may; the last that was looked at.
    Until(Cursor),
}

impl ExchangeIndex {
    /// Shows passages in order, from behind `after`.
    pub(in crate::broker) async fn walk(
        &self,
        asked: Asked<'_>,
        after: Option<Cursor>,
        mut show: impl FnMut(Indexed, &Cursor) -> ControlFlow<()>,
    ) -> Result<Walked, IndexError> {
        let (partition, keys) = (self.held()?, self.keyring.snapshot());
        let prefix = match (asked.person, asked.body) {
            (Some(person), body) => rows::by_person(&keys, person, body),
            (None, Some(body)) => rows::by_body(&keys, body),
            (None, None) => return Ok(Walked::Whole),
        };
        // Of one body, in order of time: what began before is passed over unseen.
        let begin = asked.body.map(|_| prefix.clone().bucket(asked.from_ms));
        let mut after = after.map(|Cursor(key)| key).max(begin);
        let mut looked = 0;
        loop {
            let page = partition.scan(&prefix, after.as_ref(), PAGE).await?;
            let within = |key: &RowKey| {
                let (begun, number) = rows::begun_and_number(key)?;
                (asked.from_ms..asked.until_ms).contains(&begun).then_some((key.clone(), number))
            };
            let found: Vec<_> = page.rows.iter().filter_map(|(key, _)| within(key)).collect();
            let passages: Vec<_> = found.iter().map(|(_, number)| rows::passage(*number)).collect();
            for ((key, number), stored) in found.into_iter().zip(partition.get_many(&passages).await?) {
                // Gone a moment ago, or about to go: its retention is over.
                let Some(stored) = stored else { continue };
                let (names, indexed) = match rows::open_passage(&keys, number, &stored.value) {
                    Ok(opened) => opened,
                    Err(BadRow::KeyDestroyed) => continue,
                    Err(error) => return Err(self.damaged_by(error)),
                };
                if Some(&key) != names.by_person(number).as_ref() && key != names.by_body(number) {
                    return Err(self.damaged_by(BadRow::Damaged));
                }
                let cursor = Cursor(key);
                if show(indexed, &cursor).is_break() {
                    return Ok(Walked::Until(cursor));
                }
            }
            looked += page.rows.len();
            let over =
                asked.body.is_some() && page.rows.last().is_some_and(|(key, _)| is_past(key, asked.until_ms));
            match page.next().filter(|_| !over) {
                Some(last) if looked >= LOOKED_MAX => return Ok(Walked::Until(Cursor(last))),
                Some(last) => after = Some(last),
                None => return Ok(Walked::Whole),
            }
        }
    }

    /// What bodies hide from a person, by body.
    pub(in crate::broker) async fn marks_of(
        &self,
        person: u64,
    ) -> Result<HashMap<BodyCode, Mark>, IndexError> {
        let (partition, keys) = (self.held()?, self.keyring.snapshot());
        let prefix = rows::marks(&keys, Some(person));
        let (mut marks, mut after) = (HashMap::new(), None);
        loop {
            let page = partition.scan(&prefix, after.as_ref(), PAGE).await?;
            for (key, row) in &page.rows {
                let mark: Mark =
                    rows::open_at(&keys, key, &row.value).map_err(|error| self.damaged_by(error))?;
                marks.insert(mark.body, mark);
            }
            after = page.next();
            if after.is_none() {
                return Ok(marks);
            }
        }
    }

    /// What one body hides from these persons, at most as many as are read at a time.
    pub(in crate::broker) async fn marks_at(
        &self,
        body: &BodyCode,
        persons: &[u64],
    ) -> Result<HashMap<u64, Mark>, IndexError> {
        let (partition, keys) = (self.held()?, self.keyring.snapshot());
        let names: Vec<_> = persons.iter().map(|person| rows::mark(&keys, *person, body)).collect();
        let mut marks = HashMap::new();
        for (key, row) in names.iter().zip(partition.get_many(&names).await?) {
            if let Some(row) = row {
                let mark: Mark =
                    rows::open_at(&keys, key, &row.value).map_err(|error| self.damaged_by(error))?;
                marks.insert(mark.person, mark);
            }
        }
        Ok(marks)
    }

    /// How far the roots of these epochs go, in order; those without one are left out.
    pub(in crate::broker) async fn roots_of(
        &self,
        epochs: &[[u8; 16]],
    ) -> Result<Vec<EpochRoot>, IndexError> {
        let names: Vec<_> = epochs.iter().map(rows::root).collect();
        let stored = self.held()?.get_many(&names).await?;
        let mut roots = Vec::new();
        for (epoch, row) in epochs.iter().zip(stored) {
            if let Some(row) = row {
                let covered = rows::covered(&row.value).map_err(|error| self.damaged_by(error))?;
                roots.push(EpochRoot { epoch: *epoch, covered: covered.covered, root: covered.root });
            }
        }
        Ok(roots)
    }

    /// A cursor for whoever asked, which shows nothing.
    pub(in crate::broker) fn sealed_cursor(
        &self,
        cursor: &Cursor,
        asker: &str,
    ) -> Result<Vec<u8>, IndexError> {
        let ids = self.records.standing_ids();
        let keys = self.keyring.snapshot();
        Ok(seal(&*keys, ids, place(asker), cursor.0.as_bytes()).map_err(BadRow::from)?)
    }

    /// The cursor that was given to whoever asks, for a question about the same.
    pub(in crate::broker) fn opened_cursor(
        &self,
        sealed: &[u8],
        asker: &str,
        asked: Asked<'_>,
    ) -> Result<Cursor, IndexError> {
        let keys = self.keyring.snapshot();
        let opened = open(&*keys, place(asker), sealed).map_err(|_| IndexError::Cursor)?;
        let (_, rest) = opened.get().split_first().ok_or(IndexError::Cursor)?;
        let key = RowKey::new(chukei_store::Space::ExchangeIndex).bytes(rest);
        let prefix = match (asked.person, asked.body) {
            (Some(person), body) => rows::by_person(&keys, person, body),
            (None, Some(body)) => rows::by_body(&keys, body),
            (None, None) => return Err(IndexError::Cursor),
        };
        if key.strip(&prefix).is_some() { Ok(Cursor(key)) } else { Err(IndexError::Cursor) }
    }

    /// A row that is not what belongs there: whoever grows the index makes it anew.
    fn damaged_by(&self, error: BadRow) -> IndexError {
        tracing::error!(%error, "the index of exchange records is damaged");
        self.damaged.store(true, Ordering::Relaxed);
        self.wanted.notify_one();
        error.into()
    }
}

fn is_past(key: &RowKey, until_ms: u64) -> bool {
    rows::begun_and_number(key).is_some_and(|(begun, _)| begun >= until_ms)
}

fn place(asker: &str) -> Place<'_> {
    Place { body: OWNER.as_bytes(), space: CURSOR, row: asker.as_bytes() }
}
