//! Messages about a body's review queue.

use chukei_wire::message::review::*;

use super::{Visit, text};

pub(super) fn visit(visitor: &mut impl Visit) {
    for wanted in [ReviewWanted::Open, ReviewWanted::Overdue, ReviewWanted::Signed, ReviewWanted::Number(7)] {
        visitor.message("ReviewListRequest", &ReviewListRequest { wanted, after: Some(6) });
    }
    let item = ReviewItem {
        number: 7,
        rule: text("many_persons"),
        subject: text("chukei://body/982016/staff/u-tax-07"),
        opened_ms: 1_795_219_200_000,
        last_ms: 1_795_219_260_000,
        due_ms: 1_795_824_000_000,
        overdue: false,
        count: 2,
        persons: 301,
        actors: Vec::new(),
        actions: vec![text("copy_show")],
        results: vec![text("STEP_UP_REQUIRED")],
        reasons: vec![text("many_persons")],
        devices: vec![text("chukei://body/982016/device/t-01")],
        signed: Some(ReviewSignature {
            by: text("chukei://body/982016/staff/u-rev-01"),
            at_ms: 1_795_219_300_000,
            note: text("窓口の混雑を確認"),
        }),
    };
    visitor.message("ReviewPage", &ReviewPage { items: vec![item.clone()], next: Some(7) });
    let note = text("窓口の混雑を確認");
    visitor.message("ReviewSignRequest", &ReviewSignRequest { number: 7, count: 2, note });
    for reply in [ReviewSignReply::Signed(Box::new(item)), ReviewSignReply::Outdated] {
        visitor.message("ReviewSignReply", &reply);
    }
}
