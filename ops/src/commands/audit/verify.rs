//! `audit verify` at the node: the log read again and held against its tree.

use std::path::Path;

use chukei_relay_client::clock::Clock;
use chukei_store::image::BackupSet;
use chukei_wire::header::Kind;
use chukei_wire::limits::LOG_CHECKPOINT_MAX;
use chukei_wire::message::audit::{AuditVerifyReply, AuditVerifyRequest, LogFault};
use chukei_wire::result::ResultName;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use crate::cli::{AuditVerifyArgs, Trusted};
use crate::commands::backup::not_checked;
use crate::failure::{Exit, Failure, explain};
use crate::link::{Fault, NodeLink};
use crate::progress::Progress;
use crate::report::Report;

use super::{backup, export, given, stamps, trusted};

/// `audit verify`. A log that is not whole is a refusal whose JSON says where.
pub(crate) async fn verify(
    link: &mut NodeLink,
    args: AuditVerifyArgs,
    show: bool,
) -> Result<(Report, Option<Exit>), Failure> {
    let believed = match (&args.time_stamps, trusted_by(&args)) {
        (Some(roots), Some(trusted)) => Some(stamps::Believed::open(roots, &trusted)?),
        _ => None,
    };
    let checkpoint = args.checkpoint.as_deref().map(checkpoint).transpose()?;
    let asked = AuditVerifyRequest { checkpoint: checkpoint.map(Into::into) };
    let reply = link.persist(async |link| ask(link, &asked, show).await).await.map_err(explained)?;
    match (report(&reply), believed) {
        ((log, None), Some(believed)) => stamps::at_node(link, &believed, log).await,
        (told, _) => Ok(told),
    }
}

/// What was named of whom to believe.
fn trusted_by(args: &AuditVerifyArgs) -> Option<Trusted> {
    Some(Trusted { peers: args.peers.clone()?, root: args.root.clone()? })
}

async fn ask(link: &mut NodeLink, asked: &AuditVerifyRequest, show: bool) -> Result<AuditVerifyReply, Fault> {
    let mut talk = link.open(Kind::AuditVerify).await?;
    talk.say(asked).await?;
    talk.finish().await?;
    let progress = Progress::records(0, show);
    loop {
        let reply: AuditVerifyReply = talk.hear().await?;
        let Some(of) = reply.of else {
            talk.end().await?;
            return Ok(reply);
        };
        progress.of_all(of);
        progress.advance_to(reply.events);
    }
}

fn checkpoint(path: &Path) -> Result<Vec<u8>, Failure> {
    let unread = |cause: &str| {
        let message = format!("チェックポイントを読めません: {cause}。{} を確認してください", path.display());
        Failure::usage("FILE_IO", message)
    };
    given::read(path, LOG_CHECKPOINT_MAX).map_err(|cause| unread(&cause))
}

fn report(reply: &AuditVerifyReply) -> (Report, Option<Exit>) {
    let mut json = json!({
        "verified": reply.verified,
        "events": reply.events,
        "first_bad": reply.first_bad,
        "reason": reply.reason.map(LogFault::as_str),
        "tree_size": reply.tree_size,
        "tree_root": reply.tree_root.map(|root| HEXLOWER.encode(&root)),
        "witnessed": reply.witnessed,
        "expired": reply.expired.unwrap_or_default(),
    });
    if reply.verified {
        let witnessed = match reply.witnessed {
            Some(size) => format!("、証人は{size}件目まで確認済み"),
            None => "、証人の確認はまだありません".to_owned(),
        };
        let text = format!("操作ログ {}件に改ざんと欠落はありません{witnessed}", reply.events);
        return (Report { json, text }, None);
    }
    let mut fields = vec![("events", json!(reply.events))];
    for name in ["tree_size", "tree_root", "witnessed", "expired"] {
        fields.push((name, json.get_mut(name).map(Value::take).unwrap_or_default()));
    }
    faulty(reply.first_bad, reply.reason.unwrap_or(LogFault::Altered), fields)
}

/// What is told of a log that is not whole: a refusal that says where.
pub(super) fn faulty(
    first: Option<u64>,
    fault: LogFault,
    fields: Vec<(&str, Value)>,
) -> (Report, Option<Exit>) {
    let name = ResultName::IntegrityFailure;
    let mut json = json!({ "verified": false, "first_bad": first, "reason": fault.as_str() });
    if let Some(object) = json.as_object_mut() {
        object.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
        object.insert("code".to_owned(), Value::from(name.as_str()));
        object.insert("message".to_owned(), explain(name).into());
    }
    let what = said(fault);
    let text = match first {
        Some(number) => format!("エラー: 操作ログの{number}番目: {what}。{} ({name})", explain(name)),
        None => format!("エラー: 操作ログ: {what}。{} ({name})", explain(name)),
    };
    (Report { json, text }, Some(Exit::Refused))
}

/// `audit verify` of what lies on this machine: an export, a backup or time stamps, against the peer list. `None` where neither is named.
pub(crate) fn verify_here(
    args: &AuditVerifyArgs,
    show: bool,
) -> Option<Result<(Report, Option<Exit>), Failure>> {
    if args.export.is_none() && args.backup.is_none() && args.stamps.is_none() {
        return None;
    }
    Some(here(args, show))
}

fn here(args: &AuditVerifyArgs, show: bool) -> Result<(Report, Option<Exit>), Failure> {
    let trusted = trusted_by(args)
        .ok_or_else(|| Failure::usage("BAD_USAGE", "--peers と --root を指定してください"))?;
    if let (Some(folder), Some(roots)) = (&args.stamps, &args.time_stamps) {
        return stamps::in_folder(folder, &stamps::Believed::open(roots, &trusted)?);
    }
    let peers = trusted::peers(&trusted, Clock::system().now_ms())?;
    match (&args.export, &args.backup) {
        (Some(file), _) => export::verify(file, &peers, show),
        (None, Some(folder)) => {
            let (manifest, _) = BackupSet::peek(folder).map_err(|error| not_checked(&error))?;
            let listed = manifest.body.parse().ok().and_then(|code| peers.body(&code));
            let identities = listed.map(|peer| peer.identities.iter().map(<[u8]>::to_vec).collect());
            backup::verify(folder, &identities.unwrap_or_else(Vec::new), show)
        }
        (None, None) => Err(Failure::usage("BAD_USAGE", "--export または --backup を指定してください")),
    }
}

/// What is wrong, for people.
pub(super) fn said(fault: LogFault) -> &'static str {
    match fault {
        LogFault::Altered => "内容が書き換えられています",
        LogFault::Missing => "記録が失われています",
        LogFault::Reordered => "順序が入れ替わっています",
        LogFault::Duplicated => "前の記録が重複しています",
        LogFault::NotInTree => "記録がログの木と一致しません(鍵を持つ者による差し替えの疑い)",
        LogFault::TreeDamaged => "ログの木が壊れているか書き換えられています",
        LogFault::CutShort => "末尾が切り取られています",
        LogFault::RolledBack => "証人が確認した内容と違います(古い写しへの差し戻しの疑い)",
    }
}

fn explained(failure: Failure) -> Failure {
    let told = [
        (
            ResultName::BadFormat,
            "この団体の操作ログのチェックポイントではありません。ファイルを確認してください",
        ),
        (
            ResultName::BadSignature,
            "チェックポイントの署名が操作ログの鍵のものではありません。ファイルを確認してください",
        ),
        (ResultName::Expired, "復元より前のチェックポイントです。復元後のものを指定してください"),
    ];
    match told.into_iter().find(|(name, _)| name.as_str() == failure.code) {
        Some((name, message)) => Failure::refused(name, message),
        None => failure,
    }
}
