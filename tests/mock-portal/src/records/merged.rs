//! Records as a person reads them: a request and what came of it as one.

use std::collections::HashMap;

use chukei_domain::event::{Disclosure, Shown};

use super::seen::Seen;
use crate::protocol::ShownRecord;

/// One for each request, in the order in which they were told.
pub(super) fn merged(seen: &[Seen]) -> Vec<ShownRecord> {
    let mut records: Vec<ShownRecord> = Vec::new();
    let mut places = HashMap::new();
    for place in seen {
        match &place.part.shown {
            Shown::Asked(asked) => {
                places.insert(asked.request, records.len());
                records.push(record(place, asked));
            }
            Shown::Ended(ended) => {
                let asked = places.get(&ended.request).and_then(|at| records.get_mut(*at));
                if let Some(asked) = asked {
                    asked.outcome = Some(ended.end.as_str().to_owned());
                }
            }
        }
    }
    records
}

fn record(place: &Seen, asked: &Disclosure) -> ShownRecord {
    ShownRecord {
        number: place.number,
        index: place.index,
        request_id: place.request().to_string(),
        asked_ms: asked.asked_ms(),
        at_ms: place.part.at_ms,
        portal: asked.portal.clone(),
        legal_basis: asked.legal_basis.clone(),
        affair: asked.affair.as_ref().map(ToString::to_string),
        datasets: asked.datasets.iter().map(ToString::to_string).collect(),
        result: asked.result.as_str().to_owned(),
        outcome: None,
    }
}
