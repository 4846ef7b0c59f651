//! What staff and systems of a body ask for, and what they are answered. All fictitious.

use chukei_wire::id::NoticeId;
use chukei_wire::message::audit::AuditVerifyReply;
use chukei_wire::message::{keys::*, staff::*};
use chukei_wire::result::ResultName;
use serde_bytes::ByteBuf;

use super::{TAX, Visit, addressee, choices, request_id, text};

pub(super) fn visit(visitor: &mut impl Visit) {
    let cursor = Some(ByteBuf::from(vec![9; 4]));
    let row = EnrollRow { integrated_addressee_number: addressee(), acquisition_number: text("AQ1-abc") };
    visitor.message("EnrollBatch", &EnrollBatch { rows: vec![row] });
    let rows = vec![
        RowOutcome::Registered,
        RowOutcome::Unchanged,
        RowOutcome::Rejected(ResultName::CodeNotAcquired),
    ];
    visitor.message("BatchReply", &BatchReply { rows });
    visitor.message("ImportBatch", &import());
    visitor.message("PersonListRequest", &PersonListRequest { after: None });
    visitor.message("PersonListPage", &PersonListPage { persons: vec![addressee()], next: cursor.clone() });
    let block = PersonBlockRequest { integrated_addressee_number: addressee(), datasets: vec![text(TAX)] };
    visitor.message("PersonBlockRequest", &block);
    undisclosing(visitor);
    let show = CopyShowRequest { integrated_addressee_number: addressee(), info_name_code: text(TAX) };
    visitor.message("CopyShowRequest", &show);
    visitor.message("CopyShowReply", &copies());
    visitor.message("NoticeDraft", &draft());
    visitor.message("NoticeTargets", &NoticeTargets { targets: vec![addressee()] });
    let sent = NoticeSendReply { notice: NoticeId([0x10; 16]), targets: 1, result: ResultName::Registered };
    visitor.message("NoticeSendReply", &sent);
    let ask = NoticeShowRequest { notice: NoticeId([0x10; 16]), after: cursor.clone() };
    visitor.message("NoticeShowRequest", &ask);
    let target = TargetState {
        integrated_addressee_number: addressee(),
        state: text("READ"),
        answers: vec![text("a")],
    };
    visitor.message("NoticeShowPage", &NoticeShowPage { targets: vec![target], next: None });
    visitor.message("NoticeListRequest", &NoticeListRequest { after: cursor.clone() });
    visitor.message("NoticeListPage", &NoticeListPage { notices: vec![summary()], next: cursor });
    let asked = ProvisionStatusRequest {
        integrated_addressee_number: Some(addressee()),
        from_ms: Some(1_795_219_200_000),
        limit: 100,
    };
    visitor.message("ProvisionStatusRequest", &asked);
    visitor.message("ProvisionStatusReply", &provisions());
    let broken = AuditVerifyReply { events: 9, first_bad: Some(4), ..AuditVerifyReply::default() };
    visitor.message("AuditVerifyReply", &broken);
    visitor.message("CatalogueReply", &catalogue());
    let rotate = KeysRotateRequest { root: true, epoch: false, standing: true, rewrite: false };
    visitor.message("KeysRotateRequest", &rotate);
    visitor.message("KeysStatusReply", &keys());
}

fn undisclosing(visitor: &mut impl Visit) {
    let undisclose =
        PersonUndiscloseRequest { integrated_addressee_number: addressee(), datasets: vec![text(TAX)] };
    visitor.message("PersonUndiscloseRequest", &undisclose);
    let reply = PersonUndiscloseReply {
        outcome: RowOutcome::Registered,
        result: ResultName::Pending,
        waiting: vec![text("broker-b")],
    };
    visitor.message("PersonUndiscloseReply", &reply);
    let cursor = Some(ByteBuf::from(vec![9; 4]));
    let list = ExchangeListRequest {
        integrated_addressee_number: Some(addressee()),
        from_ms: 1_795_219_200_000,
        until_ms: 1_795_305_600_000,
        limit: 100,
        after: cursor.clone(),
    };
    visitor.message("ExchangeListRequest", &list);
    let listed = ListedExchange {
        request_id: request_id().to_string(),
        at: vec![text("body"), text("broker-a")],
        integrated_addressee_number: Some(addressee()),
        portal: text("mynaportal"),
        affair: None,
        datasets: vec![text(TAX)],
        legal_basis: text("番号法附則6条3項"),
        asked_ms: 1_795_219_200_000,
        result: Some(ResultName::Done),
        outcome: Some(text("delivered")),
        ending: Some(text("ANSWERED")),
        undisclosed: true,
    };
    let page = ExchangeListPage { exchanges: vec![listed], next: cursor, unheard: vec![text("broker-b")] };
    visitor.message("ExchangeListPage", &page);
}

fn import() -> ImportBatch {
    let fields =
        ["r1", "982016", "000009820160101", TAX, "TAX1", "1", "0001", "20260401", "", "0", "", "①髙﨑～"];
    ImportBatch { rows: vec![ImportRow { fields: fields.map(text).to_vec(), repeated: false }] }
}

fn copies() -> CopyShowReply {
    let record = CopyRecord {
        record_id: text("r1"),
        info_item_code: text("TAX1"),
        record_key: text("1"),
        layout_version: text("0001"),
        publication_date: text("20260401"),
        publication_end_date: text(""),
        deleted: false,
        reason_of_null: text(""),
        value: text("①髙﨑～"),
    };
    CopyShowReply { generation: 2, records: vec![record] }
}

fn draft() -> NoticeDraft {
    NoticeDraft {
        idempotency_key: text("kenshin-2026-1"),
        affair: text("JM99000000002000"),
        title: text("健診のご案内"),
        body: text("受付方法を選んでください。"),
        choices: choices(),
        attachments: Vec::new(),
        publish_at_ms: None,
        retention_days: 30,
        targets: 1,
    }
}

fn provisions() -> ProvisionStatusReply {
    let provision = Provision {
        request_id: request_id().to_string(),
        integrated_addressee_number: Some(text("000009820160101")),
        datasets: vec![text(TAX)],
        result: ResultName::Done,
        authorised_ms: 1_795_219_200_000,
        outcome: Some(text("delivered")),
    };
    ProvisionStatusReply { provisions: vec![provision] }
}

fn keys() -> KeysStatusReply {
    let names = PurposeKeys { purpose: text("names"), days: 0, standing: vec![6, 13] };
    KeysStatusReply {
        generation: 42,
        root: 2,
        epoch: 20_778,
        epochs: vec![20_777, 20_778],
        purposes: vec![PurposeKeys { purpose: text("notices"), days: 31, standing: vec![2] }, names],
        pages: 118,
        rewrite: Rewrite { running: true, rewritten: 1_000, left: Some(29_208) },
    }
}

fn catalogue() -> CatalogueReply {
    let item = CatalogueItem {
        info_name_code: text(TAX),
        info_name: text("地方税関係"),
        info_item_code: text("TAX1"),
        item_name: text("備考"),
        item_type: text("text"),
        max_length: 1000,
    };
    CatalogueReply { version: text("20240101"), items: vec![item] }
}

fn summary() -> NoticeSummary {
    NoticeSummary {
        notice: NoticeId([0x10; 16]),
        affair: text("JM99000000002000"),
        targets: 2,
        delivered: 1,
        expires: text("2026-12-21"),
        state: text("OPEN"),
    }
}
