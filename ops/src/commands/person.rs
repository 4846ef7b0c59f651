//! `person`: enrolment, list, and the flags that withhold a person's own information and hide exchange records (R50).

use chukei_wire::header::Kind;
use chukei_wire::message::staff::{
    PersonBlockRequest, PersonListPage, PersonListRequest, PersonUndiscloseReply, PersonUndiscloseRequest,
    RowOutcome,
};
use chukei_wire::result::ResultName;
use serde_json::{Map, Value, json};

use crate::batches::{Counts, Job, Task};
use crate::cli::{FileArgs, Withheld};
use crate::commands::arguments;
use crate::failure::Failure;
use crate::link::NodeLink;
use crate::report::Report;

/// `person enroll`.
pub(crate) async fn enroll(link: &mut NodeLink, args: FileArgs, show: bool) -> Result<Report, Failure> {
    run_file(link, Task::Enroll, args, show).await
}

/// Sends a file of rows and reports what became of them.
pub(super) async fn run_file(
    link: &mut NodeLink,
    task: Task,
    args: FileArgs,
    show: bool,
) -> Result<Report, Failure> {
    let FileArgs { file, encoding, result_file } = args;
    let ready = Job { task, file, encoding, result_file }.prepare()?;
    let (counts, result_file) = ready.run(link, show).await?;
    let done = if task == Task::Enroll { "enrolled" } else { "registered" };
    let mut json = Map::new();
    json.insert("rows".to_owned(), counts.rows.into());
    json.insert(done.to_owned(), counts.registered.into());
    json.insert("unchanged".to_owned(), counts.unchanged.into());
    json.insert("rejected".to_owned(), json!(counts.rejected));
    let path = result_file.to_string_lossy();
    json.insert("result_file".to_owned(), Value::from(path.as_ref()));
    Ok(Report { json: json.into(), text: text(&counts, &path) })
}

fn text(counts: &Counts, result_file: &str) -> String {
    let Counts { rows, registered, unchanged, rejected } = counts;
    let total: u64 = rejected.values().sum();
    let mut text = format!("{rows}行: 登録 {registered}、変更なし {unchanged}、却下 {total}");
    for (code, count) in rejected {
        text.push_str(&format!("\n  {code} {count}"));
    }
    if total > 0 {
        text.push_str(&format!(
            "\n却下された行は {result_file} を確認し、直した行だけでも同じファイルでもやり直せます"
        ));
    }
    text
}

/// `person list`: at most `limit` persons.
pub(crate) async fn list(link: &mut NodeLink, limit: u32) -> Result<Report, Failure> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut persons = Vec::new();
    let mut more = false;
    let question = |after| PersonListRequest { after };
    link.pages(Kind::PersonList, question, |page: PersonListPage| {
        persons.extend(page.persons);
        more = persons.len() > limit || (page.next.is_some() && persons.len() == limit);
        page.next.filter(|_| persons.len() < limit)
    })
    .await?;
    persons.truncate(limit);
    let shown: Vec<Value> =
        persons.iter().map(|person| json!({ "integrated_addressee_number": person })).collect();
    let mut text = persons.join("\n");
    text.push_str(&format!("{}{}名", if persons.is_empty() { "" } else { "\n" }, persons.len()));
    if more {
        text.push_str("(続きがあります。--limit を増やしてください)");
    }
    Ok(Report { json: json!({ "persons": shown, "more": more }), text })
}

/// `person block`.
pub(crate) async fn block(link: &mut NodeLink, what: Withheld) -> Result<Report, Failure> {
    let (integrated_addressee_number, datasets) = arguments::withheld(what)?;
    let request = PersonBlockRequest { integrated_addressee_number, datasets };
    let (result, text) = match link.ask(Kind::PersonBlock, &request).await? {
        RowOutcome::Registered => ("REGISTERED", "自己情報の提供を止めました"),
        RowOutcome::Unchanged => ("UNCHANGED", "すでに止められています"),
        RowOutcome::Rejected(result) => return Err(Failure::of_result(result)),
    };
    let PersonBlockRequest { integrated_addressee_number, datasets } = request;
    let json = json!({
        "integrated_addressee_number": integrated_addressee_number, "datasets": datasets, "result": result,
    });
    Ok(Report { json, text: text.to_owned() })
}

/// `person undisclose`: DONE when every broker hides the records, PENDING before.
pub(crate) async fn undisclose(link: &mut NodeLink, what: Withheld) -> Result<Report, Failure> {
    let (integrated_addressee_number, datasets) = arguments::withheld(what)?;
    let request = PersonUndiscloseRequest { integrated_addressee_number, datasets };
    let reply: PersonUndiscloseReply = link.ask(Kind::PersonUndisclose, &request).await?;
    let PersonUndiscloseReply { outcome, result, waiting } = reply;
    let mut text = match outcome {
        RowOutcome::Registered => "情報提供等の記録を本人に開示しないものとしました".to_owned(),
        RowOutcome::Unchanged => "すでに開示しないものとされています".to_owned(),
        RowOutcome::Rejected(refused) => return Err(Failure::of_result(refused)),
    };
    if result == ResultName::Pending {
        let names = waiting.join(" ");
        text.push_str(&format!("\n次の中継機関にはまだ伝わっていません(自動で再送します): {names}"));
    }
    let PersonUndiscloseRequest { integrated_addressee_number, datasets } = request;
    let json = json!({
        "integrated_addressee_number": integrated_addressee_number, "datasets": datasets,
        "changed": outcome == RowOutcome::Registered, "result": result.as_str(), "waiting": waiting,
    });
    Ok(Report { json, text })
}
