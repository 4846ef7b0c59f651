//! R23: the record of an erasure has one form, which is frozen, and room for nobody's data.

use super::*;

fn record(scope: ErasureScope) -> ErasureRecord {
    ErasureRecord {
        id: [1; 16],
        body: "982016".parse().unwrap(),
        scope,
        reference: "R8-zei/0042".to_owned(),
        begun_ms: 1_714_532_400_000,
        live_ms: 1_714_532_401_000,
        epoch: 19_844,
        backups: InBackups::From(19_851),
        rows: 17,
        keys: vec![
            ErasedKey { kind: ErasedKeyKind::Page, of: 3, number: 1 },
            ErasedKey { kind: ErasedKeyKind::Epoch, of: 0, number: 19_844 },
            ErasedKey { kind: ErasedKeyKind::Root, of: 0, number: 1 },
            ErasedKey { kind: ErasedKeyKind::Keyring, of: 0, number: 42 },
        ],
    }
}

fn records() -> [ErasureRecord; 3] {
    let since = InBackups::Since(1_715_137_200_000);
    [
        record(ErasureScope::Person),
        record(ErasureScope::Dataset("TM00000000000002".parse().unwrap())),
        ErasureRecord { backups: since, ..record(ErasureScope::Body) },
    ]
}

#[test]
fn r23_frozen_bytes_of_the_record_that_is_signed() {
    let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let frozen = records().map(|record| hex(record.to_signed_bytes().unwrap()));
    // A changed byte needs a new format version, and a reader for this one: certificates outlive releases.
    insta::assert_snapshot!(frozen.join("\n"));
}

#[test]
fn records_round_trip_and_any_changed_bit_is_seen() {
    for record in records() {
        let bytes = record.to_bytes().unwrap();
        assert_eq!(ErasureRecord::from_bytes(&bytes).as_ref(), Ok(&record));
        for at in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[at / 8] ^= 1 << (at % 8);
            assert_ne!(ErasureRecord::from_bytes(&changed).as_ref(), Ok(&record), "bit {at}");
        }
    }
}

#[test]
fn r10_a_reference_has_no_room_for_a_persons_number_or_name() {
    for good in ["a", "R8-zei/0042", "2026.11.21_7", &"x".repeat(REFERENCE_MAX)] {
        assert!(is_reference(good), "{good}");
    }
    for bad in ["", "海鳴", "a b", "123456789018", "x123456789018", "000009820160101", &"x".repeat(65)] {
        assert!(!is_reference(bad), "{bad}");
        let named = ErasureRecord { reference: (*bad).to_owned(), ..record(ErasureScope::Person) };
        assert!(ErasureRecord::from_bytes(&named.to_bytes().unwrap()).is_err());
    }
}
