//! A body's register from the command line: what it holds, and changes to it.
//!
//! What must hold: an entry is checked here by the node's own rules before it is sent; a change is made for the version
//! that was looked at, and refused where somebody else was faster.

mod entries;
mod lists;
mod load;
mod policy;

use chukei_domain::register::{Class, Entry, RegisterError, Why};
use chukei_wire::header::Kind;
use chukei_wire::message::register::{
    EntryName, RegisterChangeReply, RegisterChangeRequest, RegisterPage, RegisterRefusal, RegisterShowRequest,
};
use chukei_wire::result::ResultName;
use serde_bytes::ByteBuf;
use serde_json::{Value, json};

use crate::failure::{Exit, Failure};
use crate::link::NodeLink;
use crate::register_words::{self, class_name};
use crate::report::Report;

pub(crate) use entries::{body, delegation, device, staff, ticket};
pub(crate) use load::register;
pub(crate) use policy::{accepted as accepted_policy, check as check_policy, list as list_policies};

/// How often a listing begins anew because the register changes while it is read.
const TRIES: u32 = 5;

/// What the node showed.
pub(super) struct Shown {
    /// The version that all entries are of.
    pub(super) version: u64,
    /// Entries in the order of class and name.
    pub(super) entries: Vec<Entry>,
    /// Whether persons of a trial were left out.
    pub(super) withheld: bool,
}

impl Shown {
    fn find(&self, class: Class, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.class() == class && entry.name() == name)
    }
}

/// Reads the register, or one class of it.
pub(super) async fn shown(link: &mut NodeLink, class: Option<Class>) -> Result<Shown, Failure> {
    for _ in 0..TRIES {
        let mut pages: Vec<RegisterPage> = Vec::new();
        let class = class.map(|class| class.as_str().to_owned());
        let question = |after| RegisterShowRequest { class: class.clone(), after };
        link.pages(Kind::RegisterShow, question, |page: RegisterPage| {
            let next = page.next.clone();
            pages.push(page);
            next
        })
        .await?;
        let version = pages.first().map(|page| page.version).unwrap_or_default();
        if pages.iter().any(|page| page.version != version) {
            continue;
        }
        let withheld = pages.iter().any(|page| page.withheld);
        let entries = pages.iter().flat_map(|page| &page.entries).map(|bytes| Entry::from_bytes(bytes));
        let entries = entries.collect::<Result<_, _>>().map_err(|_| newer())?;
        return Ok(Shown { version, entries, withheld });
    }
    Err(outdated())
}

/// Puts one entry in; `replace` says that one of its name may be there.
pub(super) async fn put(
    link: &mut NodeLink,
    make: impl FnOnce(Option<&Entry>) -> Entry,
    (class, name): (Class, &str),
    replace: bool,
) -> Result<Report, Failure> {
    let shown = shown(link, Some(class)).await?;
    let known = shown.find(class, name);
    if known.is_some() && !replace {
        let message = format!(
            "{} {name} はすでに台帳にあります。書き換えるには --replace を付けてください",
            class_name(class)
        );
        return Err(Failure::usage("EXISTS", message));
    }
    let entry = make(known);
    let version = change(link, shown.version, vec![entry], Vec::new()).await?;
    Ok(told(version, &[(class, name)], &[]))
}

/// Takes one entry out.
pub(super) async fn remove(link: &mut NodeLink, class: Class, name: String) -> Result<Report, Failure> {
    let shown = shown(link, Some(class)).await?;
    if shown.find(class, &name).is_none() {
        return Err(refusal(&RegisterError::named(class, &name, Why::Missing)));
    }
    let version = change(link, shown.version, Vec::new(), vec![(class, name.clone())]).await?;
    Ok(told(version, &[], &[(class, &name)]))
}

/// Sends a change made for `version`; the version that is in force then.
pub(super) async fn change(
    link: &mut NodeLink,
    version: u64,
    mut put: Vec<Entry>,
    remove: Vec<(Class, String)>,
) -> Result<u64, Failure> {
    let mut encoded = Vec::with_capacity(put.len());
    for entry in &mut put {
        entry.sort();
        entry.check_alone().map_err(|error| refusal(&error))?;
        let bytes = entry.to_bytes().map_err(|_| refusal(&RegisterError::of(entry, Why::TooLong)))?;
        encoded.push(ByteBuf::from(bytes));
    }
    let named = |(class, name): (Class, String)| EntryName { class: class.as_str().to_owned(), name };
    let request = RegisterChangeRequest {
        expected_version: version,
        put: encoded,
        remove: remove.into_iter().map(named).collect(),
    };
    match link.ask(Kind::RegisterChange, &request).await? {
        RegisterChangeReply::Changed { version } => Ok(version),
        RegisterChangeReply::Outdated { .. } => Err(outdated()),
        RegisterChangeReply::Refused(refused) => Err(of_node(refused)),
    }
}

/// What was changed.
pub(super) fn told(version: u64, put: &[(Class, &str)], removed: &[(Class, &str)]) -> Report {
    let names = |entries: &[(Class, &str)]| -> Vec<String> {
        entries.iter().map(|(class, name)| format!("{class}/{name}")).collect()
    };
    let lines = |entries: &[(Class, &str)], what: &str| -> Vec<String> {
        entries.iter().map(|(class, name)| format!("{} {name} を{what}", class_name(*class))).collect()
    };
    let mut text = lines(put, "台帳に載せました");
    text.extend(lines(removed, "台帳から外しました"));
    text.push(format!("台帳の版: {version}"));
    Report {
        json: json!({ "version": version, "put": names(put), "removed": names(removed) }),
        text: text.join("\n"),
    }
}

/// A rule refuses.
pub(super) fn refusal(error: &RegisterError) -> Failure {
    let name = match error.why {
        Why::IndividualNumber => ResultName::ForbiddenIdentifier,
        Why::Period => ResultName::BadPeriod,
        Why::Missing => ResultName::NotFound,
        Why::Device => ResultName::DeviceUnknown,
        Why::NoAdministrator => ResultName::Denied,
        _ => ResultName::BadFormat,
    };
    Failure::refused(name, register_words::explain(error))
}

/// The node's refusal, in the same words.
fn of_node(refused: RegisterRefusal) -> Failure {
    let RegisterRefusal { class, name, why, detail } = refused;
    let class = class.and_then(|class| Class::ALL.into_iter().find(|known| known.as_str() == class));
    let Some(why) = Why::of_code(&why) else { return newer() };
    let error = match class {
        Some(class) => RegisterError::named(class, &name, why),
        None => RegisterError::whole(why),
    };
    refusal(&error.detailed(detail))
}

fn outdated() -> Failure {
    let message = "他の人が同時に台帳を変更しました。内容を確認してからやり直してください".to_owned();
    Failure { exit: Exit::Refused, code: "OUTDATED", message }
}

fn newer() -> Failure {
    Failure::other("PROTOCOL", "ノードの台帳を読み取れません。ノードと端末の版を管理者に確認してください")
}

/// An entry as scripts read it.
fn json_of(entry: &Entry) -> Value {
    let value = match entry {
        Entry::Staff(staff) => serde_json::to_value(staff),
        Entry::Device(device) => serde_json::to_value(device),
        Entry::Ticket(ticket) => serde_json::to_value(ticket),
        Entry::Function(function) => serde_json::to_value(function),
        Entry::Affair(affair) => serde_json::to_value(affair),
        Entry::Policy(policy) => serde_json::to_value(policy),
        Entry::Delegation(delegation) => serde_json::to_value(delegation),
        Entry::Health(health) => serde_json::to_value(health),
    };
    value.unwrap_or_default()
}
