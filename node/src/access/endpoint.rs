//! Every operation on a body's data, in one table: what it does to the data and who may ask for it.
//!
//! A request whose kind has no line here is refused; tests walk the table.

use chukei_wire::header::Kind;

/// What an operation does with a body's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Opens stored data for its own body's staff.
    Read,
    /// Adds or changes stored data.
    Write,
    /// Releases data out of the body: to the person it concerns.
    Deliver,
}

/// From where a request reaches the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entrance {
    /// A body's own staff or systems, over a hop of their own.
    Staff,
    /// The portal, through a broker, by permit.
    Broker,
}

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The request's kind.
    pub kind: Kind,
    /// Where it may come from.
    pub entrance: Entrance,
    /// What it does.
    pub effect: Effect,
    /// Name in events, metrics and policies.
    pub action: &'static str,
}

const fn staff(kind: Kind, effect: Effect, action: &'static str) -> Endpoint {
    Endpoint { kind, entrance: Entrance::Staff, effect, action }
}

/// The table.
pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        kind: Kind::SelfInfo,
        entrance: Entrance::Broker,
        effect: Effect::Deliver,
        action: "self_info",
    },
    staff(Kind::PersonEnroll, Effect::Write, "person_enroll"),
    staff(Kind::PersonList, Effect::Read, "person_list"),
    staff(Kind::PersonBlock, Effect::Write, "person_block"),
    staff(Kind::CopyImport, Effect::Write, "copy_import"),
    staff(Kind::CopyShow, Effect::Read, "copy_show"),
    staff(Kind::NoticeSend, Effect::Write, "notice_send"),
    staff(Kind::NoticeShow, Effect::Read, "notice_status"),
    staff(Kind::NoticeList, Effect::Read, "notice_list"),
    staff(Kind::ProvisionStatus, Effect::Read, "provision_status"),
    staff(Kind::AuditVerify, Effect::Read, "audit_verify"),
    staff(Kind::CatalogueList, Effect::Read, "catalogue_list"),
    staff(Kind::KeysRotate, Effect::Write, "keys_rotate"),
    staff(Kind::KeysStatus, Effect::Read, "keys_status"),
    staff(Kind::BackupCreate, Effect::Read, "backup_create"),
];

/// The line of `kind` for requests that come in by `entrance`.
pub fn endpoint(kind: Kind, entrance: Entrance) -> Option<&'static Endpoint> {
    ENDPOINTS.iter().find(|endpoint| endpoint.kind == kind && endpoint.entrance == entrance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_staff_call_of_the_protocol_has_exactly_one_line() {
        for kind in Kind::ALL.iter().filter(|kind| kind.is_staff_call()) {
            assert_eq!(ENDPOINTS.iter().filter(|line| line.kind == *kind).count(), 1, "{kind:?}");
            assert!(endpoint(*kind, Entrance::Staff).is_some(), "{kind:?}");
            assert!(endpoint(*kind, Entrance::Broker).is_none(), "{kind:?}");
        }
    }
}
