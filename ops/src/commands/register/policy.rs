//! The body's own policies: checked on this machine as the node checks them, and listed.

use std::path::Path;

use chukei_access::PolicyBook;
use chukei_domain::register::{Class, POLICY_TEXT_MAX};
use chukei_wire::result::ResultName;
use serde_json::json;

use super::lists;
use crate::commands::arguments::read_text;
use crate::failure::Failure;
use crate::link::NodeLink;
use crate::report::Report;

/// `policy list`.
pub(crate) async fn list(link: &mut NodeLink) -> Result<Report, Failure> {
    lists::of_class(link, Class::Policy).await
}

/// `policy check`: limits, syntax, annotations, strict validation. Needs no node.
pub(crate) fn check(file: &Path) -> Result<Report, Failure> {
    accepted(file)?;
    let text = "受け付けられるポリシーです。policy load で2人の承認を求めてください".to_owned();
    Ok(Report { json: json!({ "accepted": true }), text })
}

/// The text of a file that a body may have as its policies.
pub(crate) fn accepted(file: &Path) -> Result<String, Failure> {
    let text = read_text(file, POLICY_TEXT_MAX)?;
    let broken =
        |_| Failure::other("POLICY", "この版のポリシーを読み込めません。版を管理者に確認してください");
    let checked = PolicyBook::new().map_err(broken)?.check(&text);
    checked.map(|_| text).map_err(|error| {
        let line = error.line().map(|line| format!("{line}行目から: ")).unwrap_or_default();
        let detail = Some(error.detail()).filter(|detail| !detail.is_empty());
        let detail = detail.map(|detail| format!("\n{detail}")).unwrap_or_default();
        let fault = error.fault().as_str();
        let message = format!("{line}ポリシーとして受け付けられません。書き直してください [{fault}]{detail}");
        Failure::refused(ResultName::BadFormat, message)
    })
}
