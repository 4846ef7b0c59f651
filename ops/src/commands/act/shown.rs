//! An act as it is shown: one JSON object for scripts, lines for people.

use chukei_domain::day::Day;
use chukei_domain::erasure::{ErasureRecord, ErasureScope, InBackups};
use chukei_wire::message::act::{ActErasure, ActShown, ActStep};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use crate::japan_time;

/// For scripts.
pub(super) fn json(act: &ActShown) -> Value {
    let by = |step: &Option<ActStep>| step.as_ref().map(|step| step.by.clone());
    let at = |step: &Option<ActStep>| step.as_ref().map(|step| step.at_ms);
    json!({
        "act": act.act.to_string(),
        "kind": act.kind,
        "state": act.state,
        "reference": act.reference,
        "integrated_addressee_number": act.integrated_addressee_number,
        "datasets": act.datasets,
        "name": act.name,
        "digest": act.digest,
        "period_ms": act.period_ms,
        "requested_by": act.requested.by,
        "requested_ms": act.requested.at_ms,
        "approved_by": by(&act.approved),
        "approved_ms": at(&act.approved),
        "not_before_ms": act.not_before_ms,
        "until_ms": act.until_ms,
        "ended_by": by(&act.ended),
        "ended_ms": at(&act.ended),
        "failure": act.failure,
        "fetched": act.fetched,
        "certificate": act.erasure.as_ref().map(certificate),
    })
}

/// One line of a list.
pub(super) fn line(act: &ActShown) -> String {
    let second = act.approved.as_ref().map_or("-", |step| &step.by);
    format!(
        "{}\t{}\t{}\t{}\t{}\t{second}\t{}",
        act.act,
        state(&act.state),
        kind(&act.kind),
        japan_time::print(act.requested.at_ms),
        act.requested.by,
        act.reference,
    )
}

/// All of it, for people.
pub(super) fn text(act: &ActShown) -> String {
    let time = |step: &ActStep| format!("{}\t{}", japan_time::print(step.at_ms), step.by);
    let mut lines = vec![
        format!("申請ID\t{}", act.act),
        format!("内容\t{}", kind(&act.kind)),
        format!("状態\t{}", state(&act.state)),
        format!("参照\t{}", act.reference),
    ];
    let about = [
        ("対象者", act.integrated_addressee_number.clone()),
        ("特定個人情報", Some(act.datasets.join(" ")).filter(|codes| !codes.is_empty())),
        ("名前・版", act.name.clone()),
        ("本文のSHA-256", act.digest.clone()),
        (
            "期間",
            act.period_ms
                .map(|[from, until]| format!("{} ～ {}", japan_time::print(from), japan_time::print(until))),
        ),
        ("申請", Some(time(&act.requested))),
        ("承認", act.approved.as_ref().map(time)),
        ("実行可能", act.not_before_ms.map(japan_time::print)),
        ("期限", Some(japan_time::print(act.until_ms))),
        ("終了", act.ended.as_ref().map(time)),
        ("理由", act.failure.clone()),
    ];
    lines.extend(about.into_iter().filter_map(|(name, value)| Some(format!("{name}\t{}", value?))));
    if act.fetched {
        lines.push("結果\t受取済み".to_owned());
    }
    lines.extend(act.erasure.as_ref().and_then(certificate_lines).into_iter().flatten());
    lines.join("\n")
}

fn kind(name: &str) -> &str {
    match name {
        "erase-person" => "対象者の暗号化消去",
        "erase-dataset" => "特定個人情報の暗号化消去",
        "erase-body" => "団体の暗号化消去",
        "unblock" => "自己情報提供不可フラグの解除",
        "disclose-records" => "不開示該当フラグの解除",
        "policy-load" => "ポリシーの登録",
        "policy-remove" => "ポリシーの削除",
        "catalogue-load" => "カタログの登録",
        "audit-export" => "操作ログの出力",
        "keyring-copy" => "鍵束の控えの持出し",
        "log-gap" => "復元した操作ログの継続",
        other => other,
    }
}

fn state(name: &str) -> &str {
    match name {
        "requested" => "承認待ち",
        "approved" => "待機中",
        "begun" => "実行中",
        "executed" => "実行済み",
        "failed" => "失敗",
        "cancelled" => "取消",
        "expired" => "期限切れ",
        other => other,
    }
}

/// The record with both times, and the bytes that are signed.
fn certificate(erasure: &ActErasure) -> Value {
    let ActErasure { record, signature } = erasure;
    let signed = json!({ "record": HEXLOWER.encode(record), "signature": HEXLOWER.encode(signature) });
    let Ok(read) = ErasureRecord::from_bytes(record) else { return signed };
    let (since_ms, from) = match read.backups {
        InBackups::Since(ms) => (Some(ms), None),
        InBackups::From(day) => (None, Some(Day::from_number(day).to_string())),
    };
    json!({
        "body": read.body.as_str(),
        "scope": scope(&read),
        "reference": read.reference,
        "begun_ms": read.begun_ms,
        "live_ms": read.live_ms,
        "backups_ms": since_ms,
        "backups_not_before": from,
        "rows": read.rows,
        "keys": read.keys.len(),
        "record": HEXLOWER.encode(record),
        "signature": HEXLOWER.encode(signature),
    })
}

fn scope(record: &ErasureRecord) -> &'static str {
    match record.scope {
        ErasureScope::Person => "person",
        ErasureScope::Dataset(_) => "dataset",
        ErasureScope::Body => "body",
    }
}

fn certificate_lines(erasure: &ActErasure) -> Option<Vec<String>> {
    let record = ErasureRecord::from_bytes(&erasure.record).ok()?;
    let backups = match record.backups {
        InBackups::Since(ms) => format!("{} に確定", japan_time::print(ms)),
        InBackups::From(day) => format!("{} 以降に確定", Day::from_number(day)),
    };
    Some(vec![
        format!("消去(現行データ)\t{} に確定", japan_time::print(record.live_ms)),
        format!("消去(控え)\t{backups}"),
        format!("消去した行\t{}", record.rows),
        format!("消去証明の署名\t{}", HEXLOWER.encode(&erasure.signature)),
    ])
}
