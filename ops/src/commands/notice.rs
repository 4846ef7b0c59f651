//! `notice`: registration, states and answers, list.

use std::path::Path;

use chukei_wire::header::Kind;
use chukei_wire::id::NoticeId;
use chukei_wire::limits::{NOTICE_TARGET_BATCH, NOTICE_TARGETS_MAX};
use chukei_wire::message::staff::{
    NoticeListPage, NoticeListRequest, NoticeSendReply, NoticeShowPage, NoticeShowRequest, NoticeTargets,
    TargetState,
};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::link::NodeLink;
use crate::notice_file::{self, Notice};
use crate::report::Report;

/// Notices shown by one list.
const LIST_MAX: usize = 100_000;

/// `notice send`. May be repeated: the idempotency key decides which notice it is.
pub(crate) async fn send(link: &mut NodeLink, file: &Path) -> Result<Report, Failure> {
    let Notice { draft, targets } = notice_file::read(file)?;
    if let Ok(affair) = draft.affair.parse() {
        link.work_on(affair);
    }
    let parts: Vec<NoticeTargets> =
        targets.chunks(NOTICE_TARGET_BATCH).map(|part| NoticeTargets { targets: part.to_vec() }).collect();
    let sent: NoticeSendReply = link
        .persist(async |link| {
            let mut talk = link.open(Kind::NoticeSend).await?;
            talk.say(&draft).await?;
            for part in &parts {
                talk.say(part).await?;
            }
            talk.finish().await?;
            let reply = talk.hear().await?;
            talk.end().await?;
            Ok(reply)
        })
        .await?;
    let id = sent.notice.to_string();
    let text = format!("お知らせを登録しました: {id} (対象 {}名)", sent.targets);
    let json = json!({ "notice_id": id, "targets": sent.targets, "result": sent.result.as_str() });
    Ok(Report { json, text })
}

/// `notice status`.
pub(crate) async fn status(link: &mut NodeLink, notice: NoticeId) -> Result<Report, Failure> {
    let mut targets: Vec<TargetState> = Vec::new();
    let question = |after| NoticeShowRequest { notice, after };
    link.pages(Kind::NoticeShow, question, |page: NoticeShowPage| {
        targets.extend(page.targets);
        page.next.filter(|_| targets.len() < NOTICE_TARGETS_MAX)
    })
    .await?;
    let shown: Vec<Value> = targets
        .iter()
        .map(|target| {
            json!({
                "integrated_addressee_number": target.integrated_addressee_number,
                "state": target.state,
                "answers": target.answers,
            })
        })
        .collect();
    let line = |target: &TargetState| {
        let answers = target.answers.join(" ");
        format!("{}\t{}\t{answers}", target.integrated_addressee_number, state_text(&target.state))
    };
    let text = targets.iter().map(line).collect::<Vec<_>>().join("\n");
    Ok(Report { json: json!({ "notice_id": notice.to_string(), "targets": shown }), text })
}

fn state_text(state: &str) -> &str {
    match state {
        "PENDING" => "配信前",
        "UNREAD" => "未読",
        "READ" => "既読",
        "FAILED" => "配信不能",
        other => other,
    }
}

/// `notice list`.
pub(crate) async fn list(link: &mut NodeLink) -> Result<Report, Failure> {
    let mut notices = Vec::new();
    let mut more = false;
    link.pages(
        Kind::NoticeList,
        |after| NoticeListRequest { after },
        |page: NoticeListPage| {
            notices.extend(page.notices);
            more = page.next.is_some();
            page.next.filter(|_| notices.len() < LIST_MAX)
        },
    )
    .await?;
    let (mut shown, mut lines) = (Vec::new(), Vec::new());
    for notice in &notices {
        let id = notice.notice.to_string();
        let state = if notice.state == "ERASED" { "消去済み" } else { "保存中" };
        let (done, all) = (notice.delivered, notice.targets);
        lines.push(format!("{id}\t{}\t配信 {done}/{all}\t{}まで\t{state}", notice.affair, notice.expires));
        shown.push(json!({
            "notice_id": id,
            "affair": notice.affair,
            "targets": all,
            "delivered": done,
            "expires": notice.expires,
            "state": notice.state,
        }));
    }
    Ok(Report { json: json!({ "notices": shown, "more": more }), text: lines.join("\n") })
}
