//! `act`, `erase` and the requests of `person unblock`, `policy load` and `remove`, `catalogue load`, `audit export` and `keys copy`: acts that
//! two persons decide (二人承認).

mod fetch;
mod shown;

use std::path::Path;

use chukei_wire::header::Kind;
use chukei_wire::id::ActId;
use chukei_wire::limits::ACT_TEXT_MAX;
use chukei_wire::message::act::{ActListPage, ActListRequest, ActNamed, ActRequest, ActShown, ActWanted};
use chukei_wire::result::ResultName;
use serde_bytes::ByteBuf;
use serde_json::{Value, json};

use crate::cli::{ActCommand, EraseArgs, EraseCommand, Reference, RequestCommand, Withheld};
use crate::commands::arguments::{self, read_text};
use crate::commands::register;
use crate::failure::Failure;
use crate::link::NodeLink;
use crate::report::Report;

pub(crate) use fetch::record_line;

/// `act`.
pub(crate) async fn run(link: &mut NodeLink, command: ActCommand) -> Result<Report, Failure> {
    match command {
        ActCommand::Request(RequestCommand::LogGap { reference }) => {
            request(link, ActWanted::LogGap, reference).await
        }
        ActCommand::List { open } => list(link, open, |_| true).await,
        ActCommand::Show { act, text: None } => Ok(report(&one(link, act).await?, "")),
        ActCommand::Show { act, text: Some(path) } => fetch::text(link, act, &path).await,
        ActCommand::Approve { act } => approve(link, act).await,
        ActCommand::Cancel { act } => cancel(link, act).await,
        ActCommand::Fetch { act, out } => fetch::result(link, act, &out).await,
    }
}

/// `erase`.
pub(crate) async fn erase(link: &mut NodeLink, command: EraseCommand) -> Result<Report, Failure> {
    match command {
        EraseCommand::Request(args) => {
            let EraseArgs { what, reference } = args;
            let wanted = match (what.person, what.dataset, what.all) {
                (Some(person), ..) => {
                    ActWanted::ErasePerson { integrated_addressee_number: arguments::addressee(person)? }
                }
                (None, Some(dataset), _) => {
                    ActWanted::EraseDataset { info_name_code: arguments::dataset(dataset)? }
                }
                (None, None, true) => ActWanted::EraseBody,
                (None, None, false) => ActWanted::EraseRecords,
            };
            request(link, wanted, reference).await
        }
        EraseCommand::Approve { act } => approve(link, act).await,
        EraseCommand::Cancel { act } => cancel(link, act).await,
        EraseCommand::Status { act: Some(act) } => Ok(report(&one(link, act).await?, "")),
        EraseCommand::Status { act: None } => list(link, false, |act| act.kind.starts_with("erase-")).await,
    }
}

/// `policy load`.
pub(crate) async fn load_policy(
    link: &mut NodeLink,
    file: &Path,
    name: String,
    reference: Reference,
) -> Result<Report, Failure> {
    let text = register::accepted_policy(file)?;
    request(link, ActWanted::PolicyLoad { name, text }, reference).await
}

/// `policy remove`.
pub(crate) async fn remove_policy(
    link: &mut NodeLink,
    name: String,
    reference: Reference,
) -> Result<Report, Failure> {
    request(link, ActWanted::PolicyRemove { name }, reference).await
}

/// `catalogue load`.
pub(crate) async fn catalogue(
    link: &mut NodeLink,
    file: &Path,
    reference: Reference,
) -> Result<Report, Failure> {
    let text = read_text(file, ACT_TEXT_MAX)?;
    request(link, ActWanted::CatalogueLoad { text }, reference).await
}

/// `person unblock`.
pub(crate) async fn unblock(
    link: &mut NodeLink,
    what: Withheld,
    reference: Reference,
) -> Result<Report, Failure> {
    let (integrated_addressee_number, datasets) = arguments::withheld(what)?;
    request(link, ActWanted::Unblock { integrated_addressee_number, datasets }, reference).await
}

/// `person disclose`.
pub(crate) async fn disclose(
    link: &mut NodeLink,
    what: Withheld,
    reference: Reference,
) -> Result<Report, Failure> {
    let (integrated_addressee_number, datasets) = arguments::withheld(what)?;
    request(link, ActWanted::DiscloseRecords { integrated_addressee_number, datasets }, reference).await
}

/// `audit export`.
pub(crate) async fn export(
    link: &mut NodeLink,
    [from_ms, until_ms]: [u64; 2],
    reference: String,
) -> Result<Report, Failure> {
    request(link, ActWanted::AuditExport { from_ms, until_ms }, Reference { reference }).await
}

/// `keys copy`.
pub(crate) async fn keyring(link: &mut NodeLink, reference: Reference) -> Result<Report, Failure> {
    request(link, ActWanted::KeyringCopy, reference).await
}

async fn request(link: &mut NodeLink, wanted: ActWanted, reference: Reference) -> Result<Report, Failure> {
    link.as_one_act()?;
    let asked = ActRequest { wanted, reference: reference.reference };
    let act: ActShown = link.ask(Kind::ActRequest, &asked).await.map_err(explained)?;
    Ok(report(&act, "申請しました。別の職員(承認者)に承認を依頼してください"))
}

async fn approve(link: &mut NodeLink, act: ActId) -> Result<Report, Failure> {
    let act: ActShown =
        link.ask(Kind::ActApprove, &ActNamed { act, proven: false }).await.map_err(explained)?;
    Ok(report(&act, "承認しました。待機期間が過ぎると実行されます。それまでは取り消せます"))
}

async fn cancel(link: &mut NodeLink, act: ActId) -> Result<Report, Failure> {
    let act: ActShown =
        link.ask(Kind::ActCancel, &ActNamed { act, proven: false }).await.map_err(explained)?;
    Ok(report(&act, "取り消しました"))
}

async fn one(link: &mut NodeLink, act: ActId) -> Result<ActShown, Failure> {
    let asked = ActListRequest { act: Some(act), open: false, after: None };
    let page: ActListPage = link.ask(Kind::ActList, &asked).await?;
    page.acts.into_iter().next().ok_or_else(|| Failure::of_result(ResultName::NotFound))
}

async fn list(
    link: &mut NodeLink,
    open: bool,
    wanted: impl Fn(&ActShown) -> bool,
) -> Result<Report, Failure> {
    let mut acts: Vec<ActShown> = Vec::new();
    let question = |after: Option<ByteBuf>| ActListRequest { act: None, open, after };
    link.pages(Kind::ActList, question, |page: ActListPage| {
        acts.extend(page.acts);
        page.next
    })
    .await?;
    acts.retain(wanted);
    let shown: Vec<Value> = acts.iter().map(shown::json).collect();
    let mut lines: Vec<String> = acts.iter().map(shown::line).collect();
    lines.push(format!("{}件", acts.len()));
    Ok(Report { json: json!({ "acts": shown }), text: lines.join("\n") })
}

fn report(act: &ActShown, said: &str) -> Report {
    let text = format!("{said}\n{}", shown::text(act));
    Report { json: shown::json(act), text: text.trim_start().to_owned() }
}

/// What a refusal means of an act.
fn explained(failure: Failure) -> Failure {
    let said = [
        (ResultName::Replay, "この申請はすでに決まっています。act show で経過を確認してください"),
        (ResultName::Expired, "この申請は期限を過ぎています。必要であれば申請し直してください"),
        (ResultName::OutsideWindow, "まだできません。待機期間と端末の時刻を確認してください"),
        (ResultName::DuplicateRecordId, "同じ操作が別の内容で申請されています。act list で確認してください"),
        (ResultName::BadFormat, "申請の内容または参照の形式が正しくありません。入力内容を確認してください"),
        (ResultName::BadPeriod, "期間が正しくないか、より新しい版が有効です。日付を確認してください"),
    ];
    match said.into_iter().find(|(name, _)| name.as_str() == failure.code) {
        Some((name, message)) => Failure::refused(name, message),
        None => failure,
    }
}
