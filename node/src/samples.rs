//! A passage as brokers tell it, for the tests of both roles. All fictitious.

use chukei_wire::header::Kind;
use chukei_wire::id::RequestId;
use chukei_wire::message::exchange::ExchangeRecord;

/// A request of portal `mynaportal` for a person's own information at body 982016, which has not ended.
pub(crate) fn passage(request: [u8; 16], asked_ms: u64) -> ExchangeRecord {
    ExchangeRecord {
        request_id: RequestId(request),
        kind: Kind::SelfInfo.as_str().to_owned(),
        body: "982016".parse().unwrap(),
        portal: "mynaportal".to_owned(),
        to_body: true,
        affair: None,
        datasets: Vec::new(),
        legal_basis: "番号法附則6条3項".to_owned(),
        asked_ms,
        ended: None,
        permit_epoch: None,
        permit_number: 1,
        number: 1,
        person: None,
        undisclosed: false,
    }
}
