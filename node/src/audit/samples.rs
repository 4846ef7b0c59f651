//! Requests in a log, for tests.

use chukei_domain::event::{Event, Outcome, Request, Target, Why};
use chukei_wire::id::RequestId;
use chukei_wire::result::ResultName;

use super::AuditLog;
use super::log::Draft;
use crate::hosted::persons::PersonId;

const PORTAL: &str = "chukei://portal/mynaportal via broker-a";
const NOW: u64 = 1_795_219_200_000;

/// A request of the portal for own information.
pub(crate) fn request(id: [u8; 16]) -> Request {
    Request {
        request: id,
        header: [2; 32],
        channel: None,
        portal: "mynaportal".to_owned(),
        broker: "broker-a".to_owned(),
        legal_basis: "番号法附則6条3項".to_owned(),
        permit_number: 7,
        datasets: vec!["TM00000000000002".parse().unwrap()],
        authn_ref: None,
        why: Why::default(),
    }
}

/// A request of a person for their own information is authorised; durable when it returns.
pub(crate) async fn authorised(log: &AuditLog, person: PersonId, id: u8) {
    let event = Event::Authorised(request([id; 16]));
    let draft = Draft::new(PORTAL, "self_info", ResultName::Done, event);
    log.write(draft.about(Some(Target::Person(person))), NOW).await.unwrap();
}

/// And ends; durable when it returns.
pub(crate) async fn ended(log: &AuditLog, person: PersonId, id: u8) {
    log.outcome(PORTAL, RequestId([id; 16]), Some(Target::Person(person)), Outcome::Delivered, NOW);
    // Queued before this, and so durable with it.
    log.erased("chukei://node/node-a", "notices", 1, NOW).await.unwrap();
}
