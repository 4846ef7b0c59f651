//! Time stamps of an authority on the log's checkpoints: fetched into files that OpenSSL reads too, and checked, at the node or
//! from such files.

mod files;
mod judge;

use std::path::Path;

use chukei_crypto::stamp::Roots;
use chukei_domain::day::Day;
use chukei_relay_client::bounded_file::PEM_MAX;
use chukei_relay_client::clock::Clock;
use chukei_relay_client::peers::PeerList;
use chukei_wire::header::Kind;
use chukei_wire::message::audit::{AuditStampsPage, AuditStampsRequest};
use chukei_wire::result::ResultName;
use serde_bytes::ByteBuf;
use serde_json::{Value, json};

use super::{given, trusted};
use crate::cli::Trusted;
use crate::failure::{Exit, Failure, explain};
use crate::japan_time;
use crate::link::NodeLink;
use crate::report::Report;

use judge::{BadStamp, Judge};

/// By what stamps are believed.
pub(super) struct Believed {
    pub(super) roots: Roots,
    pub(super) peers: PeerList,
}

impl Believed {
    /// Reads what was named.
    pub(super) fn open(roots: &Path, trusted: &Trusted) -> Result<Self, Failure> {
        let unread = |cause: &str| {
            let message = format!(
                "時刻認証局のルート証明書を読めません: {cause}。{} を確認してください",
                roots.display()
            );
            Failure::usage("BAD_ROOTS", message)
        };
        let pem = given::read(roots, PEM_MAX).map_err(|cause| unread(&cause))?;
        let read = Roots::from_pem(&pem).map_err(|error| unread(&error.to_string()))?;
        Ok(Self { roots: read, peers: trusted::peers(trusted, Clock::system().now_ms())? })
    }
}

/// `audit stamps`: writes them into a folder.
pub(crate) async fn fetch(link: &mut NodeLink, out: &Path) -> Result<Report, Failure> {
    let folder = files::Folder::create(out)?;
    let mut pages = Vec::new();
    ask(link, |page| pages.push(page)).await?;
    let count: usize = pages.iter().map(|page| page.stamps.len()).sum();
    folder.write(&pages)?;
    let json = json!({ "stamps": count, "folder": out.to_string_lossy() });
    let text = format!(
        "タイムスタンプ {count}件を書き込みました: {}\n次に: chukei audit verify --stamps {} --time-stamps ROOTS.pem --peers FILE --root FILE で検査できます",
        out.display(),
        out.display(),
    );
    Ok(Report { json, text })
}

async fn ask(link: &mut NodeLink, mut take: impl FnMut(AuditStampsPage)) -> Result<(), Failure> {
    let question = |after: Option<ByteBuf>| AuditStampsRequest {
        after: after.and_then(|after| after.first_chunk().map(|after| u32::from_be_bytes(*after))),
    };
    link.pages(Kind::AuditStamps, question, |page: AuditStampsPage| {
        let next = page.next.map(|next| ByteBuf::from(next.to_be_bytes()));
        take(page);
        next
    })
    .await
}

/// Checks those at the node, behind what is told of its log.
pub(super) async fn at_node(
    link: &mut NodeLink,
    believed: &Believed,
    mut log: Report,
) -> Result<(Report, Option<Exit>), Failure> {
    let mut judge = Judge::new(&believed.roots, &believed.peers, link.body());
    let mut found = Ok(());
    ask(link, |page| {
        if found.is_ok() {
            found = judge.page(&page);
        }
    })
    .await?;
    let (stamps, exit) = report(&judge, found);
    if exit.is_some() {
        return Ok((stamps, exit));
    }
    if let (Some(all), Some(of_stamps)) = (log.json.as_object_mut(), stamps.json.as_object()) {
        all.insert("time_stamps".to_owned(), of_stamps.clone().into());
    }
    log.text = format!("{}\n{}", log.text, stamps.text);
    Ok((log, None))
}

/// Checks those in a folder.
pub(super) fn in_folder(folder: &Path, believed: &Believed) -> Result<(Report, Option<Exit>), Failure> {
    let mut judge = Judge::new(&believed.roots, &believed.peers, None);
    let mut found = Ok(());
    for page in files::read(folder)? {
        found = found.and_then(|()| judge.page(&page));
    }
    Ok(report(&judge, found))
}

fn report(judge: &Judge<'_>, found: Result<(), (u32, BadStamp)>) -> (Report, Option<Exit>) {
    let time = |at_ms: Option<u64>| at_ms.map_or(Value::Null, |at_ms| japan_time::print(at_ms).into());
    let mut json = json!({
        "verified": found.is_ok(),
        "stamps": judge.stamps,
        "first": time(judge.first_ms),
        "last": time(judge.newest_ms()),
        "before_restore": judge.before_restore,
    });
    let Err((day, bad)) = found else {
        let last = judge.newest_ms().map_or_else(|| "なし".to_owned(), japan_time::print);
        let text = format!("タイムスタンプ {}件は正当です(最新: {last})", judge.stamps);
        return (Report { json, text }, None);
    };
    let (name, date) = (ResultName::IntegrityFailure, Day::from_number(day).to_string());
    if let Some(fields) = json.as_object_mut() {
        fields.insert("first_bad_stamp".to_owned(), date.clone().into());
        fields.insert("reason".to_owned(), bad.as_str().into());
        fields.insert("code".to_owned(), name.as_str().into());
        fields.insert("message".to_owned(), explain(name).into());
    }
    let text = format!("エラー: {date} のタイムスタンプ: {}。{} ({name})", said(bad), explain(name));
    (Report { json, text }, Some(Exit::Refused))
}

/// What is wrong, for people.
fn said(bad: BadStamp) -> String {
    match bad {
        BadStamp::Token(error) => format!("時刻認証局のものと確認できません({error})"),
        BadStamp::Checkpoint => "この団体の操作ログのチェックポイントではありません".to_owned(),
        BadStamp::NotWitnessed => "チェックポイントに証人の署名がありません".to_owned(),
        BadStamp::NotContinued => "操作ログがこのチェックポイントの続きではありません".to_owned(),
        BadStamp::OutOfOrder => "時刻と件数の順序が前後しています".to_owned(),
    }
}
