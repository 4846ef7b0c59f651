//! Every operation on a body, and every upkeep of the platform, in one table: what it does and who may ask for it.
//!
//! A request whose kind has no line here is refused; tests walk the table.

pub use chukei_access::facts::Effect;
use chukei_domain::register::FunctionName;
use chukei_wire::header::Kind;

/// From where a request reaches the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entrance {
    /// A body's own staff, auditors or systems, over a hop of their own.
    Staff,
    /// Operators and maintenance of the platform, over the same: ciphertext and processes only (R2).
    Upkeep,
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
    /// Name in policies.
    pub action: &'static str,
    /// The function that a body enables before anybody may use it (R14); `None` for what needs no enabling.
    pub function: Option<FunctionName>,
    /// It concerns every body of the node, whichever is named: no body alone gives leave for it.
    pub whole_node: bool,
}

impl Endpoint {
    const fn of(self, function: FunctionName) -> Self {
        Self { function: Some(function), ..self }
    }

    const fn of_the_whole_node(self) -> Self {
        Self { whole_node: true, ..self }
    }
}

const fn staff(kind: Kind, effect: Effect, action: &'static str) -> Endpoint {
    Endpoint { kind, entrance: Entrance::Staff, effect, action, function: None, whole_node: false }
}

/// Upkeep touches no stored content.
const fn upkeep(kind: Kind, action: &'static str) -> Endpoint {
    Endpoint { entrance: Entrance::Upkeep, ..staff(kind, Effect::Operate, action) }
}

const fn broker(kind: Kind, effect: Effect, action: &'static str) -> Endpoint {
    Endpoint { entrance: Entrance::Broker, ..staff(kind, effect, action) }
}

/// The table.
pub const ENDPOINTS: &[Endpoint] = &[
    broker(Kind::SelfInfo, Effect::Deliver, "self_info").of(FunctionName::SelfInfo),
    // No function of its own: what was given out is told of, whatever is enabled today.
    broker(Kind::PersonRecords, Effect::Deliver, "person_records"),
    staff(Kind::PersonEnroll, Effect::Write, "person_enroll"),
    staff(Kind::PersonList, Effect::Read, "person_list"),
    staff(Kind::PersonBlock, Effect::Write, "person_block"),
    staff(Kind::PersonUndisclose, Effect::Write, "person_undisclose"),
    staff(Kind::CopyImport, Effect::Write, "copy_import").of(FunctionName::Copies),
    staff(Kind::CopyShow, Effect::Read, "copy_show").of(FunctionName::Copies),
    staff(Kind::NoticeSend, Effect::Write, "notice_send").of(FunctionName::Notices),
    staff(Kind::NoticeShow, Effect::Read, "notice_status").of(FunctionName::Notices),
    staff(Kind::NoticeList, Effect::Read, "notice_list").of(FunctionName::Notices),
    staff(Kind::ProvisionStatus, Effect::Read, "provision_status"),
    staff(Kind::ExchangeList, Effect::Read, "exchange_list"),
    staff(Kind::AuditVerify, Effect::Read, "audit_verify"),
    // Whoever may check the log may check its time stamps.
    staff(Kind::AuditStamps, Effect::Read, "audit_verify"),
    staff(Kind::AuditSearch, Effect::Read, "audit_search"),
    staff(Kind::AuditFollow, Effect::Read, "audit_follow"),
    staff(Kind::CatalogueList, Effect::Read, "catalogue_list"),
    staff(Kind::KeysRotate, Effect::Write, "keys_rotate"),
    staff(Kind::KeysStatus, Effect::Read, "keys_status"),
    staff(Kind::BackupCreate, Effect::Read, "backup_create"),
    upkeep(Kind::UpkeepStatus, "upkeep_status"),
    upkeep(Kind::NodeRestart, "node_restart").of_the_whole_node(),
    upkeep(Kind::UpkeepBackup, "backup_create"),
    // Whoever may take backups checks them.
    upkeep(Kind::UpkeepVerify, "backup_create"),
    upkeep(Kind::UpkeepRestore, "backup_restore"),
    upkeep(Kind::UpkeepMove, "body_move"),
    upkeep(Kind::UpkeepCompact, "store_compact"),
    staff(Kind::ReviewList, Effect::Read, "review_list"),
    staff(Kind::ReviewSign, Effect::Write, "review_sign_off"),
    staff(Kind::ActRequest, Effect::Write, "act_request"),
    staff(Kind::ActApprove, Effect::Write, "act_approve"),
    staff(Kind::ActCancel, Effect::Write, "act_cancel"),
    staff(Kind::ActList, Effect::Read, "act_list"),
    staff(Kind::ActResult, Effect::Export, "act_execute"),
    staff(Kind::AccessExplain, Effect::Operate, "access_explain"),
    staff(Kind::Signal, Effect::Write, "signal_report"),
    staff(Kind::RegisterShow, Effect::Read, "register_show"),
    staff(Kind::RegisterChange, Effect::Write, "register_change"),
];

/// The line of `kind` for requests that come in by `entrance`.
pub fn endpoint(kind: Kind, entrance: Entrance) -> Option<&'static Endpoint> {
    ENDPOINTS.iter().find(|endpoint| endpoint.kind == kind && endpoint.entrance == entrance)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chukei_domain::register::platform::UPKEEP_ACTIONS;

    use super::*;

    #[test]
    fn every_call_of_the_protocol_has_a_line_and_none_twice() {
        for kind in Kind::ALL.iter().filter(|kind| kind.is_staff_call()) {
            let of = |entrance| {
                ENDPOINTS.iter().filter(|line| line.kind == *kind && line.entrance == entrance).count()
            };
            let entrances = [of(Entrance::Staff), of(Entrance::Upkeep)];
            assert!(entrances.iter().all(|lines| *lines <= 1) && entrances.contains(&1), "{kind:?}");
            assert!(endpoint(*kind, Entrance::Broker).is_none(), "{kind:?}");
        }
    }

    #[test]
    fn tickets_of_the_platform_are_for_upkeep_and_nothing_else() {
        let lines = ENDPOINTS.iter().filter(|line| line.entrance == Entrance::Upkeep);
        let actions: BTreeSet<&str> = lines.map(|line| line.action).collect();
        assert!(actions.iter().eq(&UPKEEP_ACTIONS), "{actions:?}");
    }

    #[test]
    fn the_table_and_the_policies_know_the_same_actions() {
        let book = chukei_access::PolicyBook::new().unwrap();
        for line in ENDPOINTS {
            assert!(book.actions().any(|action| action == line.action), "{}", line.action);
        }
        // What no operation does would be a right without effect.
        for action in book.actions() {
            assert!(ENDPOINTS.iter().any(|line| line.action == action), "{action}");
        }
    }
}
