//! `provision`, `audit`, `catalogue` and `config`: what was done, whether the log is whole, what is in force.

use std::path::Path;

use chukei_wire::header::Kind;
use chukei_wire::message::staff::{
    AuditVerifyReply, CatalogueItem, CatalogueReply, Provision, ProvisionStatusReply, ProvisionStatusRequest,
};
use chukei_wire::result::ResultName;
use serde_json::{Value, json};

use crate::acting::Acting;
use crate::commands::arguments;
use crate::config::StaffConfig;
use crate::failure::{Exit, Failure, explain};
use crate::japan_time;
use crate::link::NodeLink;
use crate::report::Report;

/// `provision status` (提供状況確認).
pub(crate) async fn provision_status(
    link: &mut NodeLink,
    person: Option<String>,
    from_ms: Option<u64>,
    limit: u32,
) -> Result<Report, Failure> {
    let integrated_addressee_number = person.map(arguments::addressee).transpose()?;
    let request = ProvisionStatusRequest { integrated_addressee_number, from_ms, limit };
    let reply: ProvisionStatusReply = link.ask(Kind::ProvisionStatus, &request).await?;
    let shown: Vec<Value> = reply.provisions.iter().map(provision).collect();
    let lines: Vec<String> = reply.provisions.iter().map(provision_line).collect();
    let text = format!("{}\n{}件", lines.join("\n"), lines.len()).trim_start().to_owned();
    Ok(Report { json: json!({ "provisions": shown }), text })
}

fn provision(provision: &Provision) -> Value {
    json!({
        "request_id": provision.request_id,
        "integrated_addressee_number": provision.integrated_addressee_number,
        "datasets": provision.datasets,
        "result": provision.result.as_str(),
        "authorised_ms": provision.authorised_ms,
        "outcome": provision.outcome,
    })
}

fn provision_line(provision: &Provision) -> String {
    let person = provision.integrated_addressee_number.as_deref().unwrap_or("-");
    let outcome = match provision.outcome.as_deref() {
        Some("delivered") => "到達",
        Some("aborted") => "中断",
        Some("unknown") => "不明",
        Some(other) => other,
        None => "処理中",
    };
    let time = japan_time::print(provision.authorised_ms);
    format!("{time}\t{person}\t{}\t{}\t{outcome}", provision.datasets.join(" "), provision.result)
}

/// `audit verify`. A log that is not whole is a refusal whose JSON says where.
pub(crate) async fn audit_verify(link: &mut NodeLink) -> Result<(Report, Option<Exit>), Failure> {
    let reply: AuditVerifyReply = link.ask_plain(Kind::AuditVerify).await?;
    let AuditVerifyReply { verified, events, first_bad } = reply;
    let mut json = json!({ "verified": verified, "events": events, "first_bad": first_bad });
    if verified {
        let text = format!("操作ログ {events}件に改ざんと欠落はありません");
        return Ok((Report { json, text }, None));
    }
    let name = ResultName::IntegrityFailure;
    if let Some(fields) = json.as_object_mut() {
        fields.insert("code".to_owned(), name.as_str().into());
        fields.insert("message".to_owned(), explain(name).into());
    }
    let at = first_bad.map_or_else(|| "-".to_owned(), |sequence| sequence.to_string());
    let text = format!("エラー: 操作ログの{at}番目に異常があります。{} ({name})", explain(name));
    Ok((Report { json, text }, Some(Exit::Refused)))
}

/// `catalogue list`.
pub(crate) async fn catalogue_list(link: &mut NodeLink) -> Result<Report, Failure> {
    let reply: CatalogueReply = link.ask_plain(Kind::CatalogueList).await?;
    let shown: Vec<Value> = reply.items.iter().map(item).collect();
    let line = |item: &CatalogueItem| {
        let CatalogueItem { info_name_code, info_name, info_item_code, item_name, item_type, max_length } =
            item;
        format!("{info_name_code}\t{info_name}\t{info_item_code}\t{item_name}\t{item_type}\t{max_length}")
    };
    let lines: Vec<String> = reply.items.iter().map(line).collect();
    let text = format!("版 {}\n{}", reply.version, lines.join("\n"));
    Ok(Report { json: json!({ "version": reply.version, "items": shown }), text })
}

fn item(item: &CatalogueItem) -> Value {
    json!({
        "info_name_code": item.info_name_code,
        "info_name": item.info_name,
        "info_item_code": item.info_item_code,
        "item_name": item.item_name,
        "type": item.item_type,
        "max_length": item.max_length,
    })
}

/// `config check`: the file loads and the user's certificate can be used. Sends nothing.
pub(crate) fn config_check(file: &Path) -> Result<Report, Failure> {
    let config = StaffConfig::load(file)?;
    let (body, node) = (config.body, config.node.name.clone());
    NodeLink::new(config, Acting::default())?;
    let of = body.map_or_else(|| "なし(基盤)".to_owned(), |body| body.to_string());
    let text = format!("設定に誤りはありません: 団体 {of}、ノード {node}");
    let body = body.map(|body| body.to_string());
    Ok(Report { json: json!({ "body": body, "node": node, "result": "DONE" }), text })
}
