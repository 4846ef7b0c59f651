//! Messages about a body's log.

use chukei_wire::message::audit::*;
use serde_bytes::ByteBuf;

use super::{Visit, addressee, request_id, text};

pub(super) fn visit(visitor: &mut impl Visit) {
    let asked = AuditVerifyRequest { checkpoint: Some(ByteBuf::from(vec![0x63; 4])) };
    visitor.message("AuditVerifyRequest", &asked);
    visitor.message("AuditVerifyRequest nothing", &AuditVerifyRequest::default());
    let faults = [
        LogFault::Altered,
        LogFault::Missing,
        LogFault::Reordered,
        LogFault::Duplicated,
        LogFault::NotInTree,
        LogFault::TreeDamaged,
        LogFault::CutShort,
        LogFault::RolledBack,
    ];
    for fault in faults {
        let reply = AuditVerifyReply { reason: Some(fault), ..AuditVerifyReply::default() };
        visitor.message(&format!("AuditVerifyReply {}", fault.as_str()), &reply);
    }
    let whole = AuditVerifyReply {
        verified: true,
        events: 9,
        tree_size: Some(10),
        tree_root: Some([0x72; 32]),
        witnessed: Some(8),
        expired: Some(1),
        of: Some(12),
        ..AuditVerifyReply::default()
    };
    visitor.message("AuditVerifyReply everything", &whole);
    let asked = AuditSearchRequest {
        actor: Some(text("u-tax-07")),
        action: Some(text("copy-show")),
        person: Some(addressee()),
        from_ms: Some(1_795_219_200_000),
        until_ms: Some(1_795_219_260_000),
        result: Some(text("DENIED")),
        request: Some(request_id()),
        newest_first: true,
        after: Some(7),
        limit: 100,
    };
    visitor.message("AuditSearchRequest", &asked);
    visitor.message("AuditSearchRequest nothing", &AuditSearchRequest::default());
    let event = AuditEvent {
        number: 7,
        at_ms: 1_795_219_200_000,
        actor: text("chukei://body/982016/staff/u-tax-07"),
        action: text("copy-show"),
        event: text("called"),
        result: text("PENDING"),
        affair: Some(text("JM99000000001000")),
        person: Some(text("0102030405060708090a0b0c0d0e0f10")),
        request: Some(request_id()),
        device: Some(text("chukei://body/982016/device/t-01")),
        reasons: vec![text("staff_and_systems_work")],
        on_behalf_of: Some(text("982024")),
    };
    visitor.message("AuditSearchPage", &AuditSearchPage { events: vec![event], next: Some(7) });
    let begins = ExportItem::Begins {
        body: "982016".parse().unwrap(),
        first: 3,
        roots: vec![ByteBuf::from(vec![0x72; 32])],
    };
    visitor.message("ExportItem begins", &begins);
    visitor
        .message("ExportItem record", &ExportItem::Record { number: 3, opening: ByteBuf::from(vec![1, 2]) });
    visitor.message("ExportItem leaf", &ExportItem::Leaf { number: 5, leaf: [0x6c; 32] });
    let ends = ExportEnds {
        last: 5,
        proof: ByteBuf::from(vec![0xd7; 32]),
        checkpoint: ByteBuf::from(vec![0x63; 4]),
        key: [0x31; 32],
        certificate: [0x32; 64],
    };
    visitor.message("ExportItem ends", &ExportItem::Ends(Box::new(ends)));
    visitor.message("AuditFollowRequest", &AuditFollowRequest { from: 7, size: 6 });
    let entry = FollowedEntry {
        number: 7,
        at_ms: 1_795_219_200_000,
        kind: 2,
        request: Some(request_id()),
        sealed: ByteBuf::from(vec![0x5e; 8]),
    };
    let head =
        FollowedHead { checkpoint: ByteBuf::from(vec![0x63; 4]), key: [0x31; 32], certificate: [0x32; 64] };
    let page = AuditFollowPage {
        first: 1,
        last: 7,
        entries: vec![entry],
        leaves: ByteBuf::from(vec![0x6c; 32]),
        checkpoint: Some(head),
    };
    visitor.message("AuditFollowPage", &page);
    visitor.message("AuditStampsRequest", &AuditStampsRequest { after: Some(20_778) });
    let head =
        FollowedHead { checkpoint: ByteBuf::from(vec![0x63; 4]), key: [0x31; 32], certificate: [0x32; 64] };
    let stamped = TimeStamped {
        day: 20_779,
        head: head.clone(),
        token: ByteBuf::from(vec![0x30, 0]),
        proof: Some(ByteBuf::from(vec![0xd7; 32])),
    };
    visitor.message(
        "AuditStampsPage",
        &AuditStampsPage { stamps: vec![stamped], next: Some(20_779), head: Some(head) },
    );
}
