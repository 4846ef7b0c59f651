//! `copy`: registration of copies (副本登録) and what is registered.

use chukei_wire::header::Kind;
use chukei_wire::message::staff::{CopyRecord, CopyShowReply, CopyShowRequest};
use serde_json::{Value, json};

use crate::batches::Task;
use crate::cli::FileArgs;
use crate::commands::arguments;
use crate::commands::person::run_file;
use crate::failure::Failure;
use crate::link::NodeLink;
use crate::report::Report;

/// `copy import`.
pub(crate) async fn import(link: &mut NodeLink, args: FileArgs, show: bool) -> Result<Report, Failure> {
    run_file(link, Task::Import, args, show).await
}

/// `copy show`.
pub(crate) async fn show(link: &mut NodeLink, person: String, dataset: String) -> Result<Report, Failure> {
    let request = CopyShowRequest {
        integrated_addressee_number: arguments::addressee(person)?,
        info_name_code: arguments::dataset(dataset)?,
    };
    let reply: CopyShowReply = link.ask(Kind::CopyShow, &request).await?;
    let lines: Vec<String> = reply.records.iter().map(line).collect();
    let records: Vec<Value> = reply.records.iter().map(record).collect();
    let json = json!({
        "integrated_addressee_number": request.integrated_addressee_number,
        "info_name_code": request.info_name_code,
        "generation": reply.generation,
        "records": records,
    });
    Ok(Report { json, text: format!("{}\n{}件", lines.join("\n"), records.len()).trim_start().to_owned() })
}

fn record(record: &CopyRecord) -> Value {
    json!({
        "record_id": record.record_id,
        "info_item_code": record.info_item_code,
        "record_key": record.record_key,
        "layout_version": record.layout_version,
        "publication_date": record.publication_date,
        "publication_end_date": record.publication_end_date,
        "delete": record.deleted,
        "reason_of_null": record.reason_of_null,
        "value": record.value,
    })
}

fn line(record: &CopyRecord) -> String {
    let CopyRecord { record_id, info_item_code, record_key, publication_date, value, .. } = record;
    let shown = if record.deleted {
        "(削除)".to_owned()
    } else if value.is_empty() {
        format!("(未設定事由 {})", record.reason_of_null)
    } else {
        value.clone()
    };
    let end = &record.publication_end_date;
    format!("{record_id}\t{info_item_code}\t{record_key}\t{publication_date}〜{end}\t{shown}")
}
