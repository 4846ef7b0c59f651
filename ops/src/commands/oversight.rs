//! `provision`, `catalogue` and `config`: what was done, what is in force.

use std::path::Path;

use chukei_wire::header::Kind;
use chukei_wire::message::staff::{
    CatalogueItem, CatalogueReply, Provision, ProvisionStatusReply, ProvisionStatusRequest,
};
use serde_json::{Value, json};

use crate::acting::Acting;
use crate::commands::arguments;
use crate::config::StaffConfig;
use crate::failure::Failure;
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
