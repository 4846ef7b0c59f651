//! From records to rows: a begin makes a passage, an end is put to it by its request, a body's word about what is hidden
//! takes the place of an older one.
//!
//! What must hold: the rows are a function of the records in their order, wherever the reading of them was interrupted; of
//! two passages under one request id the one that began first ends first. Pure but for the keys.

use std::collections::{BTreeSet, HashMap, VecDeque};

use chukei_crypto::keyring::Keyring;
use chukei_crypto::permit::Epoch;
use chukei_domain::event::{Event, Exchange, Record, RecordsHidden};
use chukei_relay_client::permit::{Evidence, EvidenceOf};
use chukei_store::Batch;
use chukei_store::journal::JournalEntry;
use chukei_wire::id::RequestId;
use chukei_wire::message::exchange::{ExchangeEnd, ExchangeRecord};

use super::rows::{self, BadRow, Covered, Indexed, Mark, Names};
use crate::audit::SealedLog;

/// Passages without an end, by their request: as many as are in work, and those of a process that stopped.
#[derive(Default)]
pub(super) struct Unended(HashMap<[u8; 16], VecDeque<Indexed>>);

impl Unended {
    /// One that stands in the rows.
    pub(super) fn begins(&mut self, indexed: Indexed) {
        self.0.entry(indexed.record.request_id.0).or_default().push_back(indexed);
    }

    /// Requests of those whose record is at most `number`, one for each.
    pub(super) fn until(&self, number: u64) -> Vec<[u8; 16]> {
        let all = self.0.values().flatten().filter(|one| one.record.number <= number);
        all.map(|one| one.record.request_id.0).collect()
    }

    fn ends(&mut self, request: &[u8; 16], end: ExchangeEnd) -> Option<Indexed> {
        let begun = self.0.get_mut(request)?;
        let mut indexed = begun.pop_front()?;
        if begun.is_empty() {
            self.0.remove(request);
        }
        indexed.record.ended = Some(end);
        Some(indexed)
    }

    fn all(&self) -> impl Iterator<Item = &Indexed> {
        self.0.values().flatten()
    }
}

/// What some records in a row come to.
#[derive(Default)]
pub(super) struct Step {
    ended: Vec<Indexed>,
    /// The newest word on each person and body among these records.
    pub(super) marks: Vec<Mark>,
    roots: HashMap<[u8; 16], Covered>,
}

impl Step {
    /// Takes the next record.
    pub(super) fn take(&mut self, unended: &mut Unended, record: &Record) {
        match &record.event {
            Event::ExchangeOpened(exchange) => {
                if let Some(indexed) = begun(record, exchange) {
                    unended.begins(indexed);
                }
            }
            Event::ExchangeClosed { request, .. } => {
                let end = ExchangeEnd { at_ms: record.at_ms, result: record.result.clone() };
                self.ended.extend(unended.ends(request, end));
            }
            Event::RecordsHidden(hidden) => {
                if let Some(mark) = marked(record, hidden)
                    && self.marks.iter().all(|known| is_no_newer(known, &mark))
                {
                    self.marks.retain(|known| (known.person, known.body) != (mark.person, mark.body));
                    self.marks.push(mark);
                }
            }
            _ => {}
        }
    }

    /// Takes the next entry of evidence.
    pub(super) fn take_evidence(&mut self, entry: &JournalEntry) {
        let Ok(evidence) = Evidence::from_bytes(&entry.sealed) else { return };
        let EvidenceOf::Root(root) = evidence.of else { return };
        let count = u64::try_from(root.leaves.len() / 32).unwrap_or(0);
        let epoch = Epoch { broker: evidence.broker, receiver: evidence.receiver, id: root.epoch };
        if let Some(hash) = epoch.root(&root.previous, root.first, &root.leaves) {
            let covered = root.first.saturating_add(count).saturating_sub(1);
            self.roots.insert(root.epoch, Covered { covered, root: hash, at_ms: entry.at_ms });
        }
    }

    /// Marks that are not older than what is stored stay.
    pub(super) fn keep_newer(&mut self, stored: &[Mark]) {
        self.marks.retain(|mark| stored.iter().all(|known| is_no_newer(known, mark)));
    }

    /// The writes. Passages up to record `before` stand in the rows already.
    pub(super) fn into_batch(
        self,
        keys: &Keyring,
        records: &SealedLog,
        unended: &Unended,
        before: u64,
    ) -> Result<Batch, BadRow> {
        let mut batch = Batch::new();
        for indexed in &self.ended {
            batch = put(batch, keys, records, indexed, before)?;
            if indexed.record.number <= before {
                batch = batch.delete(rows::unended().bucket(indexed.record.number));
            }
        }
        let begun: BTreeSet<u64> =
            unended.all().map(|one| one.record.number).filter(|number| *number > before).collect();
        for indexed in unended.all().filter(|one| begun.contains(&one.record.number)) {
            batch = put(batch, keys, records, indexed, before)?;
            batch = batch.put(rows::unended().bucket(indexed.record.number), Vec::new());
        }
        for mark in &self.marks {
            let key = rows::mark(keys, mark.person, &mark.body);
            // Stands as long as the word does, whatever becomes of the record that brought it.
            let standing = records.standing_ids();
            batch = batch.put(key.clone(), rows::seal_at(keys, standing, &key, mark)?);
        }
        for (epoch, covered) in &self.roots {
            let value = chukei_wire::codec::encode(covered)?;
            batch = batch.put(rows::root(epoch), value);
        }
        Ok(batch)
    }
}

/// Whether `known` is of another person or body, or not newer than `mark`.
fn is_no_newer(known: &Mark, mark: &Mark) -> bool {
    (known.person, known.body) != (mark.person, mark.body) || known.version <= mark.version
}

fn put(
    batch: Batch,
    keys: &Keyring,
    records: &SealedLog,
    indexed: &Indexed,
    before: u64,
) -> Result<Batch, BadRow> {
    let number = indexed.record.number;
    let sealed = rows::seal_passage(keys, records.key_ids(indexed.record.asked_ms, keys), indexed)?;
    let batch = batch.put(rows::passage(number), sealed);
    if number <= before {
        return Ok(batch);
    }
    let names = Names::of(keys, indexed);
    let batch = batch.put(names.by_body(number), Vec::new());
    Ok(match names.by_person(number) {
        Some(by_person) => batch.put(by_person, Vec::new()),
        None => batch,
    })
}

/// A passage as it begins. `None` for one whose body has no code: none is recorded so.
fn begun(record: &Record, exchange: &Exchange) -> Option<Indexed> {
    let shown = ExchangeRecord {
        request_id: RequestId(exchange.request),
        kind: record.action.clone(),
        body: exchange.body.as_str().parse().ok()?,
        portal: exchange.portal.clone(),
        to_body: exchange.to_body,
        affair: record.affair.as_ref().map(ToString::to_string),
        datasets: exchange.datasets.iter().map(ToString::to_string).collect(),
        legal_basis: exchange.legal_basis.clone(),
        asked_ms: record.at_ms,
        ended: None,
        permit_epoch: exchange.permit_epoch,
        permit_number: exchange.permit_number,
        number: record.seq,
        person: None,
        undisclosed: false,
    };
    Some(Indexed { person: exchange.person, record: shown })
}

fn marked(record: &Record, hidden: &RecordsHidden) -> Option<Mark> {
    Some(Mark {
        person: hidden.person,
        body: hidden.body.as_str().parse().ok()?,
        version: hidden.version,
        all: hidden.all,
        datasets: hidden.datasets.iter().map(ToString::to_string).collect(),
        number: record.seq,
    })
}
