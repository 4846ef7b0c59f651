//! Samples of every event, which the tests freeze, take apart and walk through.

use crate::act::Subject;
use crate::erasure::{ErasedKey, ErasedKeyKind, ErasureRecord, ErasureScope, InBackups};
use crate::event::*;

pub(super) fn request() -> Request {
    Request {
        request: [1; 16],
        header: [2; 32],
        channel: Some([3; 16]),
        portal: "mynaportal".to_owned(),
        broker: "broker-a".to_owned(),
        legal_basis: "番号法附則6条3項".to_owned(),
        permit_number: 7,
        datasets: vec!["TM00000000000002".parse().unwrap(), "TM00000000000004".parse().unwrap()],
        authn_ref: Some([4; 32]),
        why: Why::default(),
    }
}

fn erasure() -> ErasureRecord {
    ErasureRecord {
        id: [6; 16],
        body: "982016".parse().unwrap(),
        scope: ErasureScope::Person,
        reference: "R8-0042".to_owned(),
        begun_ms: 1_714_532_400_000,
        live_ms: 1_714_532_401_000,
        epoch: 19_844,
        backups: InBackups::From(19_851),
        rows: 17,
        keys: Vec::new(),
    }
}

fn act(subject: Subject, step: ActStep) -> Event {
    let second = (step != ActStep::Requested).then(|| "chukei://body/982016/staff/u-appr-01".to_owned());
    Event::Act(TwoPersonAct {
        id: [12; 16],
        step,
        subject,
        reference: "R8-0042".to_owned(),
        first: "chukei://body/982016/staff/u-tax-07".to_owned(),
        not_before_ms: second.as_ref().map(|_| 1_714_791_600_000),
        second,
    })
}

/// One of each, so that none is frozen by accident only.
pub(super) fn events() -> Vec<Event> {
    vec![
        Event::Authorised(request()),
        Event::Refused(Request { channel: None, authn_ref: None, datasets: Vec::new(), ..request() }),
        Event::RecordsAsked(Request { datasets: Vec::new(), ..request() }),
        Event::Outcome { request: [1; 16], outcome: Outcome::Delivered },
        Event::Outcome { request: [1; 16], outcome: Outcome::Aborted },
        Event::Outcome { request: [1; 16], outcome: Outcome::Unknown },
        Event::PersonEnrolled { enrolled: 3, unchanged: 2, rejected: 1 },
        Event::CodesRenewed { party: "body/982016".to_owned(), version: 2, renewed: 255, refused: 1 },
        Event::CopiesImported { registered: 1000, unchanged: 20, rejected: 5 },
        Event::NoticeRegistered { targets: 500, expiry_day: 19_874 },
        Event::NoticeDelivered { delivery: [5; 16] },
        Event::NoticeStatusRead { states: 500 },
        Event::Erased { purpose: "notices".to_owned(), day: 19_874 },
        Event::ErasureBegun { id: [6; 16], scope: ErasureScope::Person, reference: "R8-0042".to_owned() },
        Event::Erasure { record: erasure(), signature: vec![7; 64] },
        Event::KeysRotated { class: KeyClass::Standing, number: 13, generation: 42 },
        Event::KeyDestroyed { class: KeyClass::Root, number: 1 },
        Event::KeyDestroyed { class: KeyClass::Epoch, number: 19_867 },
        Event::KeyRetired { purpose: "copies".to_owned(), number: 1 },
        Event::RegisterFounded { document: [13; 32], entries: 8 },
        Event::RegisterChanged {
            version: 9,
            put: vec!["staff/u-tax-08".to_owned()],
            removed: vec!["device/t-02".to_owned()],
        },
        Event::PersonBlocked { datasets: vec!["TM00000000000002".parse().unwrap()] },
        Event::PersonUnblocked { datasets: vec!["TM00000000000002".parse().unwrap()] },
        Event::RecordsUndisclosed { version: 1, datasets: vec!["TM00000000000002".parse().unwrap()] },
        Event::RecordsDisclosed { version: 2, datasets: vec!["TM00000000000002".parse().unwrap()] },
        act(Subject::ErasePerson([9; 16]), ActStep::Requested),
        act(Subject::EraseDataset("TM00000000000002".parse().unwrap()), ActStep::Approved),
        act(Subject::EraseBody, ActStep::Executed),
        act(Subject::Unblock { person: [9; 16], datasets: Vec::new() }, ActStep::Cancelled),
        act(
            Subject::DiscloseRecords { person: [9; 16], datasets: vec!["TM00000000000002".parse().unwrap()] },
            ActStep::Approved,
        ),
        act(Subject::PolicyLoad { name: "hours".to_owned(), digest: [10; 32] }, ActStep::Failed),
        act(Subject::PolicyRemove("hours".to_owned()), ActStep::Failed),
        act(
            Subject::CatalogueLoad { version: "20270401".to_owned(), valid_from: 20_909, digest: [11; 32] },
            ActStep::Expired,
        ),
        act(
            Subject::AuditExport { from_ms: 1_714_532_400_000, until_ms: 1_717_210_800_000 },
            ActStep::Fetched,
        ),
        act(Subject::KeyringCopy, ActStep::Fetched),
        act(Subject::LogGap { epoch_ms: 1_714_532_400_000, first: 42 }, ActStep::Executed),
        Event::LogRestored { backup: [8; 32], last: 41 },
        Event::LogGap {
            epoch_ms: 1_714_532_400_000,
            first: 42,
            backup: [8; 32],
            witnessed: 37,
            requested_by: "chukei://body/982016/staff/u-tax-07".to_owned(),
            approved_by: "chukei://body/982016/staff/u-appr-01".to_owned(),
        },
        Event::RowsMoved { from: "sqlite".to_owned(), to: "sled".to_owned() },
        Event::LogGivenUp { first: 42, before_ms: 1_493_596_800_000 },
        Event::Called { request: [1; 16], why: Why::default() },
        Event::CallRefused { request: [1; 16], why: Why::default() },
        Event::CallEnded { request: [1; 16], count: 12 },
        Event::ReviewOpened(reviewed(1)),
        Event::ReviewSigned(reviewed(12)),
        Event::ExchangeOpened(Exchange {
            request: [1; 16],
            header: [2; 32],
            body: "982016".parse().unwrap(),
            portal: "mynaportal".to_owned(),
            to_body: true,
            person: Some(u64::MAX),
            datasets: vec!["TM00000000000002".parse().unwrap()],
            legal_basis: "番号法附則6条3項".to_owned(),
            permit_number: 7,
            permit_epoch: None,
        }),
        Event::ExchangeClosed { request: [1; 16], answered: false },
        Event::ExchangeOpened(Exchange {
            request: [1; 16],
            header: [2; 32],
            body: "982016".parse().unwrap(),
            portal: "mynaportal".to_owned(),
            to_body: true,
            person: Some(42),
            datasets: Vec::new(),
            legal_basis: "番号法附則6条3項".to_owned(),
            permit_number: 7,
            permit_epoch: Some([14; 16]),
        }),
        Event::ExchangesAsked(ExchangesAsked {
            request: [1; 16],
            party: "portal/mynaportal".to_owned(),
            body: Some("982016".parse().unwrap()),
            person: Some(u64::MAX),
        }),
        Event::RecordsHidden(RecordsHidden {
            body: "982016".parse().unwrap(),
            person: u64::MAX,
            version: 2,
            all: false,
            datasets: vec!["TM00000000000002".parse().unwrap()],
        }),
        Event::Called { request: [1; 16], why: why() },
        Event::Authorised(Request { why: why(), ..request() }),
        Event::CallRefused {
            request: [1; 16],
            why: Why { on_behalf_of: None, ticket: None, delegation: None, ..why() },
        },
    ]
}

fn reviewed(count: u64) -> Reviewed {
    let subject = "chukei://body/982016/staff/u-tax-07".to_owned();
    Reviewed { item: 7, rule: crate::review::Rule::ManyPersons, subject, count }
}

pub(super) fn why() -> Why {
    Why {
        device: Some("chukei://body/982016/device/t-01".to_owned()),
        department: Some("zeimu".to_owned()),
        reasons: vec!["staff_and_systems_work".to_owned(), "many_persons".to_owned()],
        policy: Some([8; 8]),
        ticket: Some("T-1".to_owned()),
        on_behalf_of: Some("982024".parse().unwrap()),
        delegation: Some("d-tax".to_owned()),
    }
}

pub(super) fn record(event: Event) -> Record {
    Record {
        seq: 1,
        at_ms: 1_714_532_400_000,
        actor: "chukei://portal/mynaportal".to_owned(),
        action: "self-info".to_owned(),
        target: Some(Target::Person([9; 16])),
        affair: Some("JM99000000001000".parse().unwrap()),
        result: "DONE".to_owned(),
        call: None,
        event,
    }
}

/// A place that is not the first.
pub(super) fn place() -> Place {
    Place { number: 2, previous: Some(Previous { index: 40, leaf: [14; 32] }) }
}

/// What the frozen ones leave empty.
fn fuller_events() -> Vec<Event> {
    let dataset = "TM00000000000002".parse().unwrap();
    let key = ErasedKey { kind: ErasedKeyKind::Page, of: 3, number: 2 };
    let backups = InBackups::Since(1_714_532_402_000);
    let record =
        ErasureRecord { scope: ErasureScope::Dataset(dataset), keys: vec![key], backups, ..erasure() };
    vec![
        Event::Erasure { record, signature: vec![7; 64] },
        act(Subject::Unblock { person: [9; 16], datasets: vec![dataset] }, ActStep::Requested),
    ]
}

/// Every event in a record with everything, and in one with nothing beside it.
pub(super) fn all_records() -> Vec<Record> {
    let mut records = Vec::new();
    for event in events().into_iter().chain(fuller_events()) {
        let whole = Record { call: Some([15; 16]), ..record(event) };
        records.push(Record { target: Some(Target::Notice([8; 16])), ..whole.clone() });
        records.push(Record { target: None, affair: None, call: None, ..whole.clone() });
        records.push(whole);
    }
    records
}
