//! Acts that two persons decide. All fictitious.

use chukei_wire::id::ActId;
use chukei_wire::message::act::*;
use serde_bytes::ByteBuf;

use super::{TAX, Visit, addressee, text};

pub(super) fn visit(visitor: &mut impl Visit) {
    let wanted = vec![
        ActWanted::ErasePerson { integrated_addressee_number: addressee() },
        ActWanted::EraseDataset { info_name_code: text(TAX) },
        ActWanted::EraseBody,
        ActWanted::EraseRecords,
        ActWanted::Unblock { integrated_addressee_number: addressee(), datasets: vec![text(TAX)] },
        ActWanted::DiscloseRecords { integrated_addressee_number: addressee(), datasets: vec![text(TAX)] },
        ActWanted::PolicyLoad { name: text("hours"), text: text("forbid (principal, action, resource);") },
        ActWanted::PolicyRemove { name: text("hours") },
        ActWanted::CatalogueLoad { text: text("version = \"20270401\"") },
        ActWanted::AuditExport { from_ms: 1_795_219_200_000, until_ms: 1_795_305_600_000 },
        ActWanted::KeyringCopy,
        ActWanted::LogGap,
    ];
    for wanted in wanted {
        visitor.message("ActRequest", &ActRequest { wanted, reference: text("R8-42") });
    }
    let act = ActId([0x70; 16]);
    visitor.message("ActNamed", &ActNamed { act, proven: false });
    visitor.message("ActNamed proven", &ActNamed { act, proven: true });
    let cursor = Some(ByteBuf::from(vec![9; 4]));
    visitor.message("ActListRequest", &ActListRequest { act: Some(act), open: true, after: cursor.clone() });
    let step = |name: &str, at_ms| ActStep { by: format!("chukei://body/982016/staff/{name}"), at_ms };
    let shown = ActShown {
        act,
        kind: text("erase-person"),
        state: text("executed"),
        reference: text("R8-42"),
        integrated_addressee_number: Some(addressee()),
        datasets: vec![text(TAX)],
        name: Some(text("hours")),
        digest: Some("70".repeat(32)),
        period_ms: Some([1_795_219_200_000, 1_795_305_600_000]),
        requested: step("u-tax-07", 1_795_219_200_000),
        approved: Some(step("u-appr-01", 1_795_222_800_000)),
        not_before_ms: Some(1_795_482_000_000),
        until_ms: 1_796_691_600_000,
        ended: Some(ActStep { by: text("chukei://node/node-a"), at_ms: 1_795_482_000_500 }),
        failure: Some(text("NOT_FOUND")),
        fetched: true,
        erasure: Some(ActErasure { record: vec![1, 0xa0], signature: vec![7; 64] }),
    };
    visitor.message("ActListPage", &ActListPage { acts: vec![shown], next: cursor });
    visitor.message("ActPiece", &ActPiece { bytes: vec![0, 0, 0, 2, 1, 0xa0] });
}
