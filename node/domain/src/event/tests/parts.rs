//! What the person may see: frozen bytes, one form, a bound, and nothing that depends on what they may not see.

use proptest::prelude::*;

use super::samples::{all_records, events, place, record, request, why};
use crate::codec::CodecError;
use crate::event::*;
use crate::local_body_code::LocalBodyCode;

/// What no person may see, where it stands in samples.
const HIDDEN: [&str; 9] = [
    "chukei://body/982016/staff/u-tax-07",
    "chukei://portal/mynaportal via broker-a",
    "chukei://body/982016/device/t-01",
    "zeimu",
    "staff_and_systems_work",
    "broker-a",
    "self_info_blocked",
    "T-1",
    "d-tax",
];

fn body() -> LocalBodyCode {
    "982016".parse().unwrap()
}

fn part(record: &Record) -> Vec<u8> {
    record.parts(body(), Some(place())).unwrap().person
}

fn asked(result: &str, event: Event) -> Record {
    Record { result: result.to_owned(), ..record(event) }
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn frozen_bytes_of_what_a_person_sees() {
    let ended = |outcome| record(Event::Outcome { request: [1; 16], outcome });
    let none = Request { datasets: Vec::new(), ..request() };
    let records = [
        ("given", asked("DONE", Event::Authorised(request()))),
        ("nothing there", asked("NO_DATA", Event::Authorised(request()))),
        ("ask the body", asked("UNAVAILABLE_ASK_BODY", Event::Authorised(request()))),
        ("refused", asked("DENIED", Event::Refused(none))),
        ("delivered", ended(Outcome::Delivered)),
        ("aborted", ended(Outcome::Aborted)),
        ("unknown", ended(Outcome::Unknown)),
    ];
    let mut frozen = String::new();
    for (name, record) in &records {
        for place in [Place::FIRST, place()] {
            let bytes = record.parts(body(), Some(place)).unwrap().person;
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            frozen.push_str(&format!("{name}, {}: {hex}\n", place.number));
        }
    }
    // A changed byte changes leaves that are under a root: it needs a new format version, and a reader for this one.
    insta::assert_snapshot!(frozen.trim_end());
}

#[test]
fn requests_for_own_information_are_shown_and_nothing_else() {
    for record in all_records() {
        let about_person = matches!(record.target, Some(Target::Person(_)));
        let of_request =
            matches!(record.event, Event::Authorised(_) | Event::Refused(_) | Event::Outcome { .. });
        assert_eq!(record.shown_to(), (about_person && of_request).then_some([9; 16]), "{record:?}");
        let (given, missing) = (record.parts(body(), Some(place())), record.parts(body(), None));
        if record.shown_to().is_some() {
            assert_eq!(missing, Err(PartsError::NoPlace));
            assert_eq!(given.unwrap().internal, record.to_bytes().unwrap());
        } else {
            assert_eq!(given, Err(PartsError::NotShown));
            assert_eq!(missing, Ok(RecordParts { person: Vec::new(), internal: record.to_bytes().unwrap() }));
        }
    }
}

#[test]
fn r22_a_request_of_an_unproven_subject_is_shown_to_nobody() {
    for result in ["SUBJECT_MISMATCH", "CODE_NOT_ACQUIRED", "BAD_FORMAT", "NOT_FOUND"] {
        assert_eq!(asked(result, Event::Refused(request())).shown_to(), None, "{result}");
    }
    for result in ["DENIED", "UNKNOWN_INFO_NAME", "INTEGRITY_STOP", "NOT_PERMITTED"] {
        assert_eq!(asked(result, Event::Refused(request())).shown_to(), Some([9; 16]), "{result}");
    }
}

#[test]
fn r50_what_is_withheld_is_what_is_looked_at_by_hand_and_no_result_has_a_size_of_its_own() {
    let withheld = asked("UNAVAILABLE_ASK_BODY", Event::Authorised(Request { why: why(), ..request() }));
    let by_hand = asked("PENDING", Event::Authorised(request()));
    assert_eq!(part(&withheld), part(&by_hand));
    let lengths = ["DONE", "NO_DATA", "UNAVAILABLE_ASK_BODY", "PENDING"]
        .map(|result| part(&asked(result, Event::Authorised(request()))).len());
    assert_eq!(lengths, [lengths[0]; 4]);
    let refused = part(&asked("DENIED", Event::Refused(request())));
    assert_eq!(refused.len(), lengths[0]);
    assert_eq!(refused, part(&asked("INTEGRITY_STOP", Event::Refused(request()))), "why stays with the body");
    assert_eq!(refused, part(&asked("DONE", Event::Refused(request()))), "a refusal gave nothing");
}

#[test]
fn every_field_arrives_as_it_was_told() {
    let part = PersonPart::from_bytes(&part(&record(Event::Authorised(request())))).unwrap();
    let Shown::Asked(shown) = &part.shown else { panic!("{part:?}") };
    assert_eq!((part.body, part.place, part.at_ms), (body(), place(), 1_714_532_400_000));
    assert_eq!(
        (shown.request, &shown.portal, &shown.legal_basis),
        ([1; 16], &request().portal, &request().legal_basis)
    );
    assert_eq!(
        (shown.affair, &shown.datasets),
        (record(Event::Authorised(request())).affair, &request().datasets)
    );
    assert_eq!((shown.result, shown.asked_ms()), (ShownResult::Given, None));
    let id = [0x01, 0x8f, 0x32, 0x18, 0x3b, 0x80, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(Disclosure { request: id, ..shown.clone() }.asked_ms(), Some(1_714_532_400_000));
}

#[test]
fn a_place_is_the_first_or_has_one_before_it() {
    let told = record(Event::Authorised(request()));
    let before = place().previous;
    for (number, previous) in [(0, None), (0, before), (1, before), (2, None)] {
        let wrong = told.parts(body(), Some(Place { number, previous }));
        assert_eq!(wrong, Err(PartsError::Codec(CodecError::Malformed)), "{number}");
    }
    assert_eq!(Place::FIRST.next(40, [14; 32]), Some(place()));
    assert_eq!(Place { number: u64::MAX, ..place() }.next(1, [0; 32]), None);
    // Written past the check, it is not read.
    let first = PersonPart::from_bytes(&told.parts(body(), Some(Place::FIRST)).unwrap().person).unwrap();
    let wrong = PersonPart { place: Place { number: 2, previous: None }, ..first };
    let bytes = crate::codec::encode(PART_VERSION, &wrong, PART_MAX).unwrap();
    assert_eq!(PersonPart::from_bytes(&bytes), Err(CodecError::Malformed));
}

#[test]
fn any_changed_bit_of_a_part_is_refused_or_another_part() {
    for event in events() {
        let Ok(parts) = record(event).parts(body(), Some(place())) else { continue };
        let part = PersonPart::from_bytes(&parts.person).unwrap();
        for at in 0..parts.person.len() {
            for bit in 0..8 {
                let mut changed = parts.person.clone();
                changed[at] ^= 1 << bit;
                assert_ne!(PersonPart::from_bytes(&changed).as_ref(), Ok(&part), "byte {at} bit {bit}");
            }
        }
    }
    assert_eq!(PersonPart::from_bytes(&[]), Err(CodecError::Malformed));
    assert_eq!(
        PersonPart::from_bytes(&[PART_VERSION + 1, 0xa0]),
        Err(CodecError::UnknownVersion(PART_VERSION + 1))
    );
    assert_eq!(PersonPart::from_bytes(&[PART_VERSION; PART_MAX + 1]), Err(CodecError::TooLong));
}

/// What a person may see of a request.
fn open_side() -> impl Strategy<Value = (Request, Option<u8>, Place)> {
    let names = ("[a-z0-9-]{1,40}", "\\PC{0,80}", prop::collection::vec(0_u8..100, 0..32), any::<[u8; 16]>());
    let place = prop_oneof![
        Just(Place::FIRST),
        (2_u64.., any::<u64>(), any::<[u8; 32]>())
            .prop_map(|(number, index, leaf)| Place { number, previous: Some(Previous { index, leaf }) }),
    ];
    (names, prop::option::of(0_u8..100), place).prop_map(
        |((portal, legal_basis, datasets, id), affair, place)| {
            let datasets = datasets.iter().map(|code| format!("TM{code:014}").parse().unwrap()).collect();
            (Request { request: id, portal, legal_basis, datasets, ..request() }, affair, place)
        },
    )
}

/// What they may not: who acted, what decided, hashes, the channel, the permit, the call.
type Hidden = (String, Why, [u8; 32], Option<[u8; 16]>, Option<[u8; 32]>, u64, Option<[u8; 16]>, String);

fn hidden_side() -> impl Strategy<Value = Hidden> {
    let why = (
        prop::option::of("[a-z/]{1,60}"),
        prop::collection::vec("[a-z_]{1,30}", 0..8),
        any::<Option<[u8; 8]>>(),
    )
        .prop_map(|(device, reasons, policy)| Why { device, reasons, policy, ..Why::default() });
    let option = || any::<Option<[u8; 16]>>();
    (
        "[a-z:/-]{0,80}",
        why,
        any::<[u8; 32]>(),
        option(),
        any::<Option<[u8; 32]>>(),
        any::<u64>(),
        option(),
        "[a-z]{1,30}",
    )
}

fn told(shown: &(Request, Option<u8>, Place), hidden: Hidden, at_ms: u64) -> Record {
    let (actor, why, header, channel, authn_ref, permit_number, call, broker) = hidden;
    let request = Request { why, header, channel, authn_ref, permit_number, broker, ..shown.0.clone() };
    let affair = shown.1.map(|code| format!("JM{code:014}").parse().unwrap());
    Record { seq: permit_number, at_ms, actor, call, affair, ..record(Event::Authorised(request)) }
}

proptest! {
    #[test]
    fn nothing_hidden_changes_a_part(shown in open_side(), one in hidden_side(), other in hidden_side(), at_ms: u64) {
        let [one, other] = [one, other].map(|hidden| told(&shown, hidden, at_ms).parts(body(), Some(shown.2)).unwrap());
        prop_assert_eq!(&one.person, &other.person);
        let part = PersonPart::from_bytes(&one.person).unwrap();
        prop_assert_eq!(part.to_bytes().unwrap(), one.person.clone());
        prop_assert!(one.person.len() <= one.internal.len() + 128);
        let Shown::Asked(asked) = part.shown else { panic!("a request") };
        prop_assert_eq!((asked.request, asked.portal, asked.datasets), (shown.0.request, shown.0.portal.clone(), shown.0.datasets.clone()));
    }

    #[test]
    fn what_is_a_record_has_its_parts(shown in open_side(), hidden in hidden_side(), long in 0_usize..RECORD_MAX) {
        let mut shown = shown;
        shown.0.legal_basis = "x".repeat(long);
        let record = told(&shown, hidden, u64::MAX);
        let parts = record.parts(body(), Some(shown.2));
        prop_assert_eq!(parts.is_ok(), record.to_bytes().is_ok());
        prop_assert!(parts.is_err() || parts.unwrap().person.len() <= PART_MAX);
    }

    #[test]
    fn other_bytes_are_refused_or_the_only_form(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(part) = PersonPart::from_bytes(&bytes) {
            prop_assert_eq!(part.to_bytes().unwrap(), bytes);
        }
    }
}

#[test]
fn nothing_of_staff_devices_reasons_or_flags_occurs_in_a_part() {
    let why =
        Why { reasons: vec!["staff_and_systems_work".to_owned(), "self_info_blocked".to_owned()], ..why() };
    for result in ["DONE", "UNAVAILABLE_ASK_BODY", "DENIED"] {
        for event in [
            Event::Authorised(Request { why: why.clone(), ..request() }),
            Event::Refused(Request { why: why.clone(), ..request() }),
            Event::Outcome { request: [1; 16], outcome: Outcome::Delivered },
        ] {
            for actor in &HIDDEN[..2] {
                let record = Record {
                    actor: (*actor).to_owned(),
                    call: Some([77; 16]),
                    ..asked(result, event.clone())
                };
                let part = part(&record);
                for hidden in HIDDEN {
                    assert!(!holds(&part, hidden.as_bytes()), "{hidden}");
                }
                // Header, channel, card assertion, person, call, result name.
                for bytes in [&[2; 8][..], &[3; 8], &[4; 8], &[9; 8], &[77; 8], result.as_bytes()] {
                    assert!(!holds(&part, bytes), "{bytes:?}");
                }
            }
        }
    }
}
