//! What a resident reads on the terminal, in Japanese.
//!
//! Control characters of received text are shown as ␦, so that no text moves the cursor or hides another.

use std::fmt::Write;

use crate::protocol::{
    Answered, Done, LoggedOut, NoticeList, OpenedNotice, PersonRecords, SelfInfo, ShownRecord,
    VerifiedReceipts,
};

/// The text of a finished call.
pub(crate) fn text(done: &Done) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    let _ = match done {
        Done::SelfInfo(answer) => self_info(&mut out, answer),
        Done::Records(told) => records(&mut out, told),
        Done::Notices(list) => notices(&mut out, list),
        Done::Read(notice) => opened(&mut out, notice),
        Done::Answered(answered) => answer(&mut out, answered),
        Done::LoggedOut(done) => logged_out(&mut out, done),
        Done::PersonsAdded | Done::PersonsReissued | Done::PersonsListed => Ok(()),
    };
    out
}

fn self_info(out: &mut String, answer: &SelfInfo) -> std::fmt::Result {
    writeln!(out, "自己情報表示　団体 {}　結果 {}", answer.body, answer.result)?;
    match answer.result.as_str() {
        "DONE" => {}
        "NO_DATA" => writeln!(out, "該当する情報は登録されていません。")?,
        _ => writeln!(out, "この情報は画面に表示できません。地方公共団体の窓口にお問い合わせください。")?,
    }
    for dataset in &answer.datasets {
        writeln!(out, "■ {}（{}）", plain(&dataset.info_name), plain(&dataset.info_name_code))?;
        for item in &dataset.items {
            let indent = "　".repeat(usize::from(item.level.clamp(1, 16)));
            let value = match &item.reason_of_null {
                Some(reason) => format!("（未設定: {}）", plain(reason)),
                None => plain(&item.value),
            };
            writeln!(out, "{indent}{}［{}］　{value}", plain(&item.item_name), plain(&item.record_key))?;
        }
    }
    writeln!(out, "受付番号 {}", answer.request_id)
}

fn records(out: &mut String, told: &PersonRecords) -> std::fmt::Result {
    for body in &told.bodies {
        writeln!(out, "情報提供等記録表示　団体 {}　{}", body.body, standing(&body.standing))?;
        shown(out, &body.records)?;
        writeln!(out, "記録 {}件　表示できない記録 {}件", body.count, body.closed)?;
        if body.complete == Some(true) {
            writeln!(out, "中継機関の記録と一致しています。")?;
        }
        let told = [
            ("DIFFERENCES: 中継機関の記録と一致しません", &body.differences),
            ("KEPT_CLOSED: 中継機関が示す要求を団体が表示していません", &body.kept_closed),
            ("UNPROVEN: 中継機関の署名で許可を確認できない要求です", &body.unproven),
            ("LOST_WITH_RESTORE: 記録の復元により失われた記録です", &body.lost),
        ];
        for (what, requests) in told.into_iter().filter(|(_, requests)| !requests.is_empty()) {
            writeln!(out, "{what}: {}", plain(&requests.join("、")))?;
        }
    }
    match told.verified {
        Some(true) => writeln!(out, "署名と記録のつながりを確認しました。"),
        Some(false) => writeln!(out, "まだ確認できない記録があります。"),
        None => Ok(()),
    }
}

/// The text of verified receipts.
pub(crate) fn receipts(verified: &VerifiedReceipts) -> String {
    let mut out = String::new();
    for body in &verified.bodies {
        // Writing to a String does not fail.
        let _ = writeln!(out, "情報提供等の記録　団体 {}　{}", body.body, standing(&body.standing))
            .and_then(|()| shown(&mut out, &body.records));
    }
    let _ = writeln!(out, "{}件の証明を確認しました。", verified.receipts);
    out
}

fn standing(name: &str) -> &'static str {
    match name {
        "FINAL" => "確定（すべての中継機関が連署）",
        "PROVISIONAL" => "暫定（一部の中継機関が連署）",
        _ => "未確認（連署なし）",
    }
}

fn shown(out: &mut String, records: &[ShownRecord]) -> std::fmt::Result {
    for record in records {
        let result = match record.result.as_str() {
            "given" => "提供しました",
            "nothing-there" => "該当する情報はありませんでした",
            "ask-body" => "窓口での確認が必要です",
            _ => "提供しませんでした",
        };
        let outcome = match record.outcome.as_deref() {
            Some("delivered") => "受け取りを確認",
            Some("aborted") => "受け取りを確認できず",
            Some(_) => "受け取りは不明",
            None => "－",
        };
        let at = crate::notices::instant(record.at_ms);
        let datasets = plain(&record.datasets.join("、"));
        writeln!(out, "{}番　{at}　{}　{datasets}", record.number, plain(&record.portal))?;
        let affair = record.affair.as_deref().unwrap_or("－");
        writeln!(out, "　根拠 {}　事務 {}", plain(&record.legal_basis), plain(affair))?;
        writeln!(out, "　{result}　{outcome}　受付番号 {}", record.request_id)?;
    }
    Ok(())
}

fn notices(out: &mut String, list: &NoticeList) -> std::fmt::Result {
    if list.notices.is_empty() {
        return writeln!(out, "お知らせはありません。");
    }
    for notice in &list.notices {
        let state = match (notice.state.as_str(), notice.answered) {
            (_, true) => "回答済",
            ("READ", false) => "既読　",
            _ => "未読　",
        };
        let (id, body, until) = (&notice.notice_id, &notice.body, &notice.expires);
        writeln!(out, "{state}　{id}　{}　団体 {body}　{until} まで", plain(&notice.title))?;
    }
    Ok(())
}

fn opened(out: &mut String, notice: &OpenedNotice) -> std::fmt::Result {
    writeln!(out, "お知らせ　{}", plain(&notice.title))?;
    writeln!(out, "団体 {}　公開 {}　{} まで", notice.body, notice.published, notice.expires)?;
    writeln!(out)?;
    for line in notice.text.lines() {
        writeln!(out, "{}", plain(line))?;
    }
    if !notice.choices.is_empty() {
        writeln!(out, "\n選択肢")?;
    }
    for choice in &notice.choices {
        let mark = if notice.answers.contains(&choice.id) { "●" } else { "○" };
        writeln!(out, "  {mark} {}　{}", plain(&choice.id), plain(&choice.label))?;
    }
    Ok(())
}

fn answer(out: &mut String, answered: &Answered) -> std::fmt::Result {
    writeln!(out, "回答しました: {}", plain(&answered.answers.join("、")))
}

fn logged_out(out: &mut String, done: &LoggedOut) -> std::fmt::Result {
    writeln!(out, "ログアウトしました。利用者フォルダーの情報を消去しました（{}件）。", done.erased)
}

fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '␦' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn received_text_cannot_write_over_the_screen() {
        assert_eq!(plain("a\u{1b}[2Jb\r髙①"), "a␦[2Jb␦髙①");
    }

    #[test]
    fn an_unavailable_answer_says_only_whom_to_ask() {
        let text = text(&Done::SelfInfo(SelfInfo {
            result: "UNAVAILABLE_ASK_BODY".into(),
            request_id: "0190".into(),
            body: "982016".into(),
            datasets: Vec::new(),
        }));
        assert!(text.contains("窓口にお問い合わせください"), "{text}");
        assert!(!text.contains("登録されていません"), "{text}");
    }
}
