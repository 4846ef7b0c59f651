//! The sides of each request, put together by its id and in order of time; pages of that.
//!
//! What must hold: a request is one row whichever sides have it; pages neither repeat nor leave out a row; a page ends
//! before the time from which a side is not whole, and goes on behind where it began. Pure.

use std::collections::BTreeMap;

use chukei_wire::header::PersonCode;
use chukei_wire::id::RequestId;
use chukei_wire::message::exchange::ExchangeRecord;
use chukei_wire::message::staff::ListedExchange;
use chukei_wire::result::ResultName;

use super::own::Own;
use super::reading::{APART_MS, Side};
use crate::hosted::persons::{PersonId, PersonRecord};

/// How the body itself is named among those that have a record.
const BODY: &str = "body";

/// One request.
pub(super) struct Row {
    pub(super) person: Option<PersonId>,
    pub(super) code: Option<PersonCode>,
    listed: ListedExchange,
}

/// Where a page ended: the time and the id of its last row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cursor {
    pub(super) at_ms: u64,
    request: [u8; 16],
}

/// Not a cursor.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadCursor;

/// Rows of a page.
pub(super) struct Merged {
    pub(super) rows: Vec<Row>,
    pub(super) next: Option<Cursor>,
}

/// All rows by time, and until when they are whole.
pub(super) struct Rows {
    rows: BTreeMap<Cursor, Row>,
    whole_until_ms: u64,
}

impl Cursor {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, BadCursor> {
        let (at, request) = bytes.split_first_chunk::<8>().ok_or(BadCursor)?;
        let request = request.try_into().map_err(|_| BadCursor)?;
        Ok(Self { at_ms: u64::from_be_bytes(*at), request })
    }

    pub(super) fn write(self) -> Vec<u8> {
        [&self.at_ms.to_be_bytes()[..], &self.request].concat()
    }
}

/// Puts the sides together.
pub(super) fn merge(own: Side<Own>, brokers: Vec<(String, Side<ExchangeRecord>)>) -> Rows {
    let mut whole_until_ms = own.whole_until_ms;
    let mut by_request: BTreeMap<[u8; 16], Row> = BTreeMap::new();
    for own in own.records {
        by_request.insert(own.request.request, Row::of_body(own));
    }
    for (name, side) in brokers {
        whole_until_ms = whole_until_ms.min(side.whole_until_ms);
        for record in side.records {
            match by_request.get_mut(&record.request_id.0) {
                Some(row) => row.add(&name, &record),
                None => drop(by_request.insert(record.request_id.0, Row::of_broker(&name, record))),
            }
        }
    }
    let placed = |(request, row): ([u8; 16], Row)| (Cursor { at_ms: row.listed.asked_ms, request }, row);
    Rows { rows: by_request.into_iter().map(placed).collect(), whole_until_ms }
}

impl Rows {
    /// The rows of a period behind a cursor, as many as the page has and as are whole.
    pub(super) fn page(self, from_ms: u64, until_ms: u64, after: Option<Cursor>, limit: usize) -> Merged {
        let cut = self.whole_until_ms < until_ms.saturating_add(APART_MS);
        // Of what began a little before a side's end, the other side may have been cut off. A side ends behind that.
        let near = self.whole_until_ms.saturating_sub(APART_MS).max(from_ms.saturating_add(1));
        let end = if cut { until_ms.min(near) } else { until_ms };
        let within =
            |at: &Cursor| (from_ms..end).contains(&at.at_ms) && after.is_none_or(|after| *at > after);
        let mut rows = Vec::new();
        let (mut last, mut more) = (None, false);
        for (at, row) in self.rows.into_iter().filter(|(at, _)| within(at)) {
            if rows.len() == limit {
                more = true;
                break;
            }
            last = Some(at);
            rows.push(row);
        }
        let next = match (more, cut && end < until_ms) {
            (true, _) => last,
            (false, true) => Some(Cursor { at_ms: end, request: [0; 16] }),
            (false, false) => None,
        };
        Merged { rows, next }
    }
}

impl Row {
    fn of_body(own: Own) -> Self {
        let Own { request, affair, person, result, at_ms, outcome } = own;
        let known = ResultName::ALL.iter().find(|name| name.as_str() == result);
        let listed = ListedExchange {
            request_id: RequestId(request.request).to_string(),
            at: vec![BODY.to_owned()],
            integrated_addressee_number: None,
            portal: request.portal,
            affair,
            datasets: request.datasets.iter().map(ToString::to_string).collect(),
            legal_basis: request.legal_basis,
            asked_ms: at_ms,
            result: Some(known.copied().unwrap_or(ResultName::IntegrityFailure)),
            outcome: outcome.map(str::to_owned),
            ending: None,
            undisclosed: false,
        };
        Self { person, code: None, listed }
    }

    fn of_broker(name: &str, record: ExchangeRecord) -> Self {
        let listed = ListedExchange {
            request_id: record.request_id.to_string(),
            at: vec![name.to_owned()],
            integrated_addressee_number: None,
            portal: record.portal,
            affair: record.affair,
            datasets: record.datasets,
            legal_basis: record.legal_basis,
            asked_ms: record.asked_ms,
            result: None,
            outcome: None,
            ending: record.ended.map(|end| end.result),
            undisclosed: record.undisclosed,
        };
        Self { person: None, code: record.person, listed }
    }

    /// Another side has it as well.
    fn add(&mut self, name: &str, record: &ExchangeRecord) {
        let listed = &mut self.listed;
        listed.at.push(name.to_owned());
        listed.asked_ms = listed.asked_ms.min(record.asked_ms);
        listed.ending = listed.ending.take().or_else(|| record.ended.as_ref().map(|end| end.result.clone()));
        listed.undisclosed |= record.undisclosed;
        self.code = self.code.or(record.person);
    }

    /// With the person, as they are known now.
    pub(super) fn listed(self, person: Option<&PersonRecord>) -> ListedExchange {
        let mut listed = self.listed;
        listed.at.sort_unstable_by_key(|name| (name != BODY, name.clone()));
        if let Some(person) = person {
            listed.integrated_addressee_number = Some(person.addressee.clone());
            let datasets: Vec<_> = listed.datasets.iter().filter_map(|code| code.parse().ok()).collect();
            listed.undisclosed |= person.flags.hides(&datasets);
        }
        listed
    }
}

#[cfg(test)]
mod tests;
