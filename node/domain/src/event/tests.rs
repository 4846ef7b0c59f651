//! Audit records: frozen bytes of every event, one form, nothing changed unnoticed; and what is told about them.

mod catalogue;
mod circumstances;
mod parts;
mod samples;

use samples::{events, record};

use super::*;
use crate::codec::CodecError;

fn name(event: &Event) -> String {
    let printed = format!("{event:?}");
    printed.split([' ', '(', '{']).next().unwrap_or_default().to_owned()
}

#[test]
fn r3_frozen_bytes_of_every_event() {
    let frozen: Vec<String> = events()
        .into_iter()
        .map(|event| {
            let name = name(&event);
            let bytes = record(event).to_bytes().unwrap();
            format!("{name}: {}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        })
        .collect();
    // A changed byte needs a new format version, and a reader for this one.
    insta::assert_snapshot!(frozen.join("\n"));
}

/// Everything that was written before stays readable: the frozen bytes are of format 1, of records that
/// do not name their call.
#[test]
fn records_of_format_1_are_read_as_they_were_written() {
    let frozen = include_str!("snapshots/chukei_domain__event__tests__r3_frozen_bytes_of_every_event.snap");
    let lines: Vec<&str> = frozen.lines().filter_map(|line| line.split_once(": 01")?.1.into()).collect();
    assert_eq!(lines.len(), events().len());
    for (hex, event) in lines.into_iter().zip(events()) {
        let digits = format!("01{hex}");
        let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        let bytes: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
        assert_eq!(Record::from_bytes(&bytes).unwrap(), record(event));
    }
}

#[test]
fn a_record_names_the_call_in_which_it_was_done() {
    let told = record(Event::PersonEnrolled { enrolled: 3, unchanged: 2, rejected: 1 });
    let of_call = Record { call: Some([21; 16]), ..told.clone() };
    let bytes = of_call.to_bytes().unwrap();
    assert_eq!(Record::from_bytes(&bytes).as_ref(), Ok(&of_call));
    // The key `q`, a byte string of 16, and nothing else: frozen like the rest.
    let call: &[u8] = &[[0x61, b'q', 0x50].as_slice(), &[21; 16]].concat();
    let at = bytes.windows(call.len()).position(|window| window == call).unwrap();
    let mut without = [&bytes[..at], &bytes[at + call.len()..]].concat();
    // A map of one entry less.
    without[1] -= 1;
    assert_eq!(without, told.to_bytes().unwrap());
}

#[test]
fn records_round_trip() {
    for event in events() {
        let mut record = record(event);
        for target in [None, Some(Target::Notice([8; 16])), Some(Target::Person([9; 16]))] {
            record.target = target;
            assert_eq!(Record::from_bytes(&record.to_bytes().unwrap()).as_ref(), Ok(&record));
        }
    }
}

#[test]
fn any_changed_bit_is_refused_or_another_record() {
    for event in events() {
        let record = record(event);
        let bytes = record.to_bytes().unwrap();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                assert_ne!(Record::from_bytes(&changed).as_ref(), Ok(&record), "byte {at} bit {bit}");
            }
        }
    }
}

#[test]
fn records_are_bounded_and_versioned() {
    let mut long = record(Event::Called { request: [1; 16], why: Why::default() });
    long.actor = "a".repeat(RECORD_MAX);
    assert_eq!(long.to_bytes(), Err(CodecError::TooLong));
    assert_eq!(Record::from_bytes(&[VERSION; RECORD_MAX + 1]), Err(CodecError::TooLong));
    assert_eq!(Record::from_bytes(&[VERSION + 1, 0xa0]), Err(CodecError::UnknownVersion(VERSION + 1)));
    assert_eq!(Record::from_bytes(&[VERSION, 0xa0]), Err(CodecError::Malformed));
}
