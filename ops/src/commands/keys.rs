//! `keys`: the body's own keys are rotated at its node, and how they stand is shown.

use chukei_domain::day::Day;
use chukei_wire::header::Kind;
use chukei_wire::message::keys::{KeysRotateRequest, KeysStatusReply, PurposeKeys, Rewrite};
use chukei_wire::result::ResultName;
use serde_json::{Value, json};

use crate::cli::RotateArgs;
use crate::failure::Failure;
use crate::link::NodeLink;
use crate::report::Report;

/// `keys rotate`. A rotation that a lost connection repeats is one rotation more, and does no harm.
pub(crate) async fn rotate(link: &mut NodeLink, args: RotateArgs) -> Result<Report, Failure> {
    let reply: KeysStatusReply = link.ask(Kind::KeysRotate, &asked(args)).await.map_err(|failure| {
        if failure.code != ResultName::NotFound.as_str() {
            return failure;
        }
        let message = "新しいルート鍵がありません。鍵の保管者が次の番号の鍵を置いてからやり直してください";
        Failure::refused(ResultName::NotFound, message)
    })?;
    Ok(report(&reply, "鍵を更新しました"))
}

/// Nothing named: root, epoch and standing keys, as in the yearly rotation. Data is sealed again only on demand.
fn asked(args: RotateArgs) -> KeysRotateRequest {
    let RotateArgs { root, epoch, standing, rewrite } = args;
    let all = !(root || epoch || standing || rewrite);
    KeysRotateRequest { root: root || all, epoch: epoch || all, standing: standing || all, rewrite }
}

/// `keys status`.
pub(crate) async fn status(link: &mut NodeLink) -> Result<Report, Failure> {
    let reply: KeysStatusReply = link.ask_plain(Kind::KeysStatus).await?;
    Ok(report(&reply, "鍵の状態"))
}

fn report(status: &KeysStatusReply, title: &str) -> Report {
    let KeysStatusReply { generation, root, epoch, epochs, purposes, pages, rewrite } = status;
    let shown: Vec<Value> = purposes.iter().map(purpose).collect();
    let days: Vec<String> = epochs.iter().map(|day| dashed(*day)).collect();
    let Rewrite { running, rewritten, left } = rewrite;
    let json = json!({
        "generation": generation,
        "root": root,
        "epoch": dashed(*epoch),
        "epochs": days,
        "purposes": shown,
        "pages": pages,
        "rewrite": { "running": running, "rewritten": rewritten, "left": left },
    });
    let mut lines = vec![
        title.to_owned(),
        format!("世代\t{generation}"),
        format!("ルート鍵\t第{root}号"),
        format!("エポック\t{}(保持 {}件: {})", dashed(*epoch), days.len(), days.join(" ")),
    ];
    lines.extend(purposes.iter().map(purpose_line));
    lines.push(format!("個人鍵のページ\t{pages}件"));
    lines.push(rewrite_line(rewrite));
    Report { json, text: lines.join("\n") }
}

fn purpose(keys: &PurposeKeys) -> Value {
    json!({ "purpose": keys.purpose, "days": keys.days, "standing": keys.standing })
}

fn purpose_line(keys: &PurposeKeys) -> String {
    let numbers: Vec<String> = keys.standing.iter().map(u32::to_string).collect();
    format!("{}\t日鍵 {}件、常設鍵 {}", keys.purpose, keys.days, numbers.join(" "))
}

fn rewrite_line(rewrite: &Rewrite) -> String {
    let Rewrite { running, rewritten, left } = rewrite;
    let state = if *running { "実行中" } else { "停止中" };
    let left = left.map_or_else(|| "未計数".to_owned(), |rows| format!("{rows}件"));
    format!("書き直し\t{state}、済み {rewritten}件、残り {left}")
}

fn dashed(day: u32) -> String {
    Day::from_number(day).to_string()
}
