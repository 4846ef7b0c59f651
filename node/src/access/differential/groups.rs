//! Groups of actions, in plain words.

pub(super) const WORK: &[&str] = &[
    "copy_import",
    "copy_show",
    "provision_status",
    "notice_send",
    "notice_status",
    "person_enroll",
    "person_list",
    "notice_list",
    "person_block",
    "person_undisclose",
    "exchange_list",
];
pub(super) const OF_AN_AFFAIR: &[&str] =
    &["copy_import", "copy_show", "exchange_list", "provision_status", "notice_send", "notice_status"];
pub(super) const OPENS: &[&str] =
    &["copy_show", "exchange_list", "provision_status", "person_block", "person_undisclose"];
pub(super) const LOGS: &[&str] = &["audit_verify", "audit_search", "audit_follow"];
pub(super) const SETTINGS: &[&str] =
    &["catalogue_list", "keys_status", "access_explain", "register_show", "act_list"];
pub(super) const RIGHTS: &[&str] = &["register_change"];
pub(super) const ACTS: &[&str] = &["act_request", "act_approve", "act_cancel", "act_execute"];
pub(super) const UPKEEP: &[&str] =
    &["backup_create", "backup_restore", "body_move", "node_restart", "store_compact", "upkeep_status"];

pub(super) const RELEASES: &[&str] = &["self_info", "person_records", "notice_send"];
