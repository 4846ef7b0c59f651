//! What a portal is shown of one passage.

use chukei_wire::codec::encode;
use chukei_wire::message::exchange::ExchangeEnd;

use super::*;
use crate::samples;

const TAX: &str = "TM00000000000002";
const CARE: &str = "TM00000000000004";

fn passage(dataset: &str, result: Option<&str>) -> ExchangeRecord {
    let ended = result.map(|result| ExchangeEnd { at_ms: 2_000, result: result.into() });
    let (datasets, permit_epoch) = (vec![dataset.into()], Some([1; 16]));
    ExchangeRecord { datasets, ended, permit_epoch, ..samples::passage([7; 16], 1_000) }
}

fn mark(all: bool, datasets: &[&str]) -> Mark {
    let datasets = datasets.iter().map(|&dataset| dataset.to_owned()).collect();
    Mark { person: 1, body: "982016".parse().unwrap(), version: 1, all, datasets, number: 9 }
}

/// An entry as it goes to the portal, and what is counted with it.
fn shown(record: ExchangeRecord, mark: Option<&Mark>) -> (Vec<u8>, [u64; 3]) {
    let mut counted = none_of(record.body);
    let entry = to_portal(record, mark);
    count(&mut counted, &entry);
    (encode(&entry).unwrap(), [counted.answered, counted.others, counted.closed])
}

#[test]
fn r50_what_is_hidden_from_a_person_is_to_the_byte_what_has_not_ended() {
    let unfinished = shown(passage(TAX, None), None);
    assert_eq!(unfinished.1, [0, 0, 1]);
    for result in [Some("ANSWERED"), Some("NOT_FOUND"), Some("UNKNOWN"), None] {
        for dataset in [TAX, CARE] {
            let record = passage(dataset, result);
            assert_eq!(shown(record.clone(), Some(&mark(true, &[]))), unfinished, "{record:?}");
            assert_eq!(shown(record.clone(), Some(&mark(false, &[dataset]))), unfinished, "{record:?}");
        }
    }
}

#[test]
fn r50_what_is_not_hidden_is_shown_and_counted_once_it_has_ended() {
    for marks in [None, Some(mark(false, &[])), Some(mark(false, &[CARE]))] {
        for (result, counted) in [("ANSWERED", [1, 0, 0]), ("NOT_FOUND", [0, 1, 0])] {
            let record = passage(TAX, Some(result));
            let open = encode(&ExchangeEntry::Open(Box::new(record.clone()))).unwrap();
            assert_eq!(shown(record, marks.as_ref()), (open, counted), "{result}");
        }
    }
}
