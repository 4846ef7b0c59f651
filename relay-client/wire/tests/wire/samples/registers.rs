//! What is said about a body's register.

use chukei_wire::message::register::*;
use serde_bytes::ByteBuf;

use super::Visit;

/// One or more of each message.
pub(super) fn visit(visitor: &mut impl Visit) {
    let (staff, name) = (|| "staff".to_owned(), || "u-tax-08".to_owned());
    visitor.message("RegisterShowRequest", &RegisterShowRequest::default());
    let after = Some(ByteBuf::from(*b"\0u-tax-07"));
    visitor
        .message("RegisterShowRequest", &RegisterShowRequest { class: Some(staff()), after: after.clone() });
    let entries = vec![ByteBuf::from([1, 0xa1, 0x61])];
    let page = RegisterPage { version: 7, entries: entries.clone(), withheld: true, next: after };
    visitor.message("RegisterPage", &page);
    let remove = vec![EntryName { class: staff(), name: name() }];
    visitor.message(
        "RegisterChangeRequest",
        &RegisterChangeRequest { expected_version: 7, put: entries, remove },
    );
    visitor.message("RegisterChangeReply", &RegisterChangeReply::Changed { version: 8 });
    visitor.message("RegisterChangeReply", &RegisterChangeReply::Outdated { version: 9 });
    let refusal = RegisterRefusal {
        class: Some(staff()),
        name: name(),
        why: "period".to_owned(),
        detail: String::new(),
    };
    visitor.message("RegisterChangeReply", &RegisterChangeReply::Refused(refusal));
}
