//! Exchange records as brokers show them. The signature verifies nothing.

use chukei_wire::header::PersonCode;
use chukei_wire::message::exchange::*;
use serde_bytes::ByteBuf;

use super::{TAX, Visit, request_id, text};

pub(super) fn visit(visitor: &mut impl Visit) {
    visitor.message("ExchangeQuery", &query());
    let first = ExchangeQuery { after: None, ..query() };
    visitor.message("ExchangeQuery first", &first);
    let counts = vec![BodyCount { body: "982016".parse().unwrap(), answered: 1, others: 0, closed: 1 }];
    let roots = vec![EpochRoot { epoch: [0x55; 16], covered: 7, root: [0x99; 32] }];
    let statement = ExchangeStatement {
        broker: text("broker-a"),
        told: text("portal/mynaportal"),
        request_id: request_id(),
        person: Some([0x88; 32]),
        body: Some("982016".parse().unwrap()),
        query: query(),
        at_ms: 1_795_219_200_000,
        last_record: 11,
        entries: vec![ExchangeEntry::Closed, ExchangeEntry::Open(Box::new(record()))],
        next: Some(ByteBuf::from(vec![9; 4])),
        counts,
        roots,
    };
    visitor.message("ExchangePage", &ExchangePage { statement, signature: [0x66; 64] });
    let told = ExchangeRecord {
        ended: None,
        permit_epoch: None,
        permit_number: 0,
        person: Some(PersonCode([0x11; 17])),
        undisclosed: true,
        ..record()
    };
    visitor.message("ExchangeEntry closed", &ExchangeEntry::Closed);
    visitor.message("ExchangeEntry to a body", &ExchangeEntry::Open(Box::new(told)));
    visitor
        .message("UndisclosedMark", &UndisclosedMark { version: 3, all: false, datasets: vec![text(TAX)] });
}

fn query() -> ExchangeQuery {
    ExchangeQuery {
        from_ms: 1_795_219_200_000,
        until_ms: 1_795_305_600_000,
        after: Some(ByteBuf::from(vec![9; 4])),
        limit: 256,
    }
}

fn record() -> ExchangeRecord {
    ExchangeRecord {
        request_id: request_id(),
        kind: text("self-info"),
        body: "982016".parse().unwrap(),
        portal: text("mynaportal"),
        to_body: true,
        affair: Some(text("JM99000000001000")),
        datasets: vec![text(TAX)],
        legal_basis: text("番号法附則6条3項"),
        asked_ms: 1_795_219_200_000,
        ended: Some(ExchangeEnd { at_ms: 1_795_219_200_250, result: text(ANSWERED) }),
        permit_epoch: Some([0x55; 16]),
        permit_number: 7,
        number: 10,
        person: None,
        undisclosed: false,
    }
}
