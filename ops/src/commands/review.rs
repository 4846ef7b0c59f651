//! `review`: what waits for a reviewer, and the reviewer's word (R7).

use chukei_domain::outcome::Refusal;
use chukei_domain::review::check_note;
use chukei_wire::header::Kind;
use chukei_wire::message::review::{
    ReviewItem, ReviewListRequest, ReviewPage, ReviewSignReply, ReviewSignRequest, ReviewWanted,
};
use chukei_wire::result::ResultName;
use serde_json::{Value, json};

use crate::cli::ReviewCommand;
use crate::failure::{Exit, Failure};
use crate::japan_time;
use crate::link::NodeLink;
use crate::report::Report;

/// Items shown by one list.
const LIST_MAX: usize = 100_000;

/// One of the commands of `review`.
pub(crate) async fn run(link: &mut NodeLink, command: ReviewCommand) -> Result<Report, Failure> {
    match command {
        ReviewCommand::List { overdue, signed } => {
            let wanted = match (overdue, signed) {
                (true, _) => ReviewWanted::Overdue,
                (_, true) => ReviewWanted::Signed,
                _ => ReviewWanted::Open,
            };
            list(link, wanted).await
        }
        ReviewCommand::Show { number } => show(link, number).await,
        ReviewCommand::Sign { number, count, note } => {
            sign(link, ReviewSignRequest { number, count, note }).await
        }
    }
}

async fn list(link: &mut NodeLink, wanted: ReviewWanted) -> Result<Report, Failure> {
    let mut items: Vec<ReviewItem> = Vec::new();
    let mut after = None;
    loop {
        let page: ReviewPage = link.ask(Kind::ReviewList, &ReviewListRequest { wanted, after }).await?;
        items.extend(page.items);
        after = page.next.filter(|next| after.is_none_or(|before| before < *next));
        if after.is_none() || items.len() >= LIST_MAX {
            break;
        }
    }
    let lines: Vec<String> = items.iter().map(line).collect();
    let text = format!("{}\n{}件", lines.join("\n"), lines.len()).trim_start().to_owned();
    let shown: Vec<Value> = items.iter().map(item).collect();
    Ok(Report { json: json!({ "items": shown, "more": after.is_some() }), text })
}

async fn show(link: &mut NodeLink, number: u64) -> Result<Report, Failure> {
    let wanted = ReviewWanted::Number(number);
    let page: ReviewPage = link.ask(Kind::ReviewList, &ReviewListRequest { wanted, after: None }).await?;
    let found = page.items.first().ok_or_else(|| Failure::of_result(ResultName::NotFound))?;
    Ok(Report { json: item(found), text: sheet(found) })
}

/// Signs what the reviewer has looked at before, and nothing that was added since. May be repeated: the same word again
/// changes nothing.
async fn sign(link: &mut NodeLink, word: ReviewSignRequest) -> Result<Report, Failure> {
    // What may be somebody's number does not leave this machine (R10).
    check_note(&word.note).map_err(|refusal| {
        Failure::of_result(match refusal {
            Refusal::ForbiddenIdentifier => ResultName::ForbiddenIdentifier,
            _ => ResultName::BadFormat,
        })
    })?;
    let reply = match link.ask(Kind::ReviewSign, &word).await {
        Err(failure) if failure.code == ResultName::TwoPersonRequired.as_str() => {
            let message = "自分の操作についての項目は点検できません。他の点検者に依頼してください";
            return Err(Failure::refused(ResultName::TwoPersonRequired, message));
        }
        Err(failure) if failure.code == ResultName::AlreadyAnswered.as_str() => {
            let message = "すでに別の内容または他の点検者により点検済みです。review show で確認してください";
            return Err(Failure::refused(ResultName::AlreadyAnswered, message));
        }
        answered => answered?,
    };
    match reply {
        ReviewSignReply::Signed(signed) => {
            let text = format!("{}番を点検済みにしました\n{}", signed.number, sheet(&signed));
            Ok(Report { json: item(&signed), text })
        }
        ReviewSignReply::Outdated => Err(outdated()),
    }
}

fn outdated() -> Failure {
    let message = "項目の回数が --count と異なります。確認の後に操作が加わった可能性があるため、点検済みにしていません。review show で内容を確認し、その回数でやり直してください"
        .to_owned();
    Failure { exit: Exit::Refused, code: "OUTDATED", message }
}

/// What a rule looks for. A name of a newer node is shown as it is.
fn rule_text(rule: &str) -> &str {
    match rule {
        "many_persons" => "短時間に多数の対象者",
        "refused_elsewhere" => "他団体への要求が繰り返し拒否",
        "device" => "端末の問題(未登録・異常・区画外)",
        "outside_hours" => "執務時間外の操作",
        "delegated" => "事務代行による操作",
        "failed_factors" => "追加の認証に繰り返し失敗",
        "not_evaluated" => "評価できないポリシー",
        "second_person" => "二人承認を一人で試行",
        "queue_full" => "点検一覧が満杯のため記載できなかった操作",
        other => other,
    }
}

fn state_text(item: &ReviewItem) -> &'static str {
    match (&item.signed, item.overdue) {
        (Some(_), _) => "点検済み",
        (None, true) => "期限超過",
        (None, false) => "点検待ち",
    }
}

fn state(item: &ReviewItem) -> &'static str {
    match (&item.signed, item.overdue) {
        (Some(_), _) => "SIGNED",
        (None, true) => "OVERDUE",
        (None, false) => "OPEN",
    }
}

fn line(item: &ReviewItem) -> String {
    let opened = japan_time::print(item.opened_ms);
    let (state, rule) = (state_text(item), rule_text(&item.rule));
    format!("{}\t{state}\t{opened}\t{rule}\t{}\t{}回", item.number, item.subject, item.count)
}

/// The whole of an item, a line for each thing that is known of it.
fn sheet(item: &ReviewItem) -> String {
    let mut lines = vec![
        format!("番号\t{}", item.number),
        format!("状態\t{}", state_text(item)),
        format!("内容\t{} ({})", rule_text(&item.rule), item.rule),
        format!("対象\t{}", item.subject),
        format!("期間\t{} から {}", japan_time::print(item.opened_ms), japan_time::print(item.last_ms)),
        format!("期限\t{}", japan_time::print(item.due_ms)),
        format!("回数\t{}回", item.count),
    ];
    if item.persons > 0 {
        lines.push(format!("10分間の対象者\t{}人", item.persons));
    }
    for (name, words) in [
        ("操作者", &item.actors),
        ("操作", &item.actions),
        ("結果", &item.results),
        ("ポリシー", &item.reasons),
        ("端末", &item.devices),
    ] {
        if !words.is_empty() {
            lines.push(format!("{name}\t{}", words.join(" ")));
        }
    }
    if let Some(signed) = &item.signed {
        lines.push(format!("点検者\t{}", signed.by));
        lines.push(format!("点検日時\t{}", japan_time::print(signed.at_ms)));
        lines.push(format!("点検結果\t{}", signed.note));
    }
    lines.join("\n")
}

fn item(item: &ReviewItem) -> Value {
    let signed = item.signed.as_ref();
    json!({
        "id": item.number,
        "state": state(item),
        "rule": item.rule,
        "subject": item.subject,
        "opened_ms": item.opened_ms,
        "last_ms": item.last_ms,
        "due_ms": item.due_ms,
        "count": item.count,
        "persons": item.persons,
        "actors": item.actors,
        "actions": item.actions,
        "results": item.results,
        "reasons": item.reasons,
        "devices": item.devices,
        "signed_by": signed.map(|signed| &signed.by),
        "signed_ms": signed.map(|signed| signed.at_ms),
        "note": signed.map(|signed| &signed.note),
    })
}
