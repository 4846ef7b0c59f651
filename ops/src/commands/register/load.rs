//! The whole register: shown as a file, and made what a file says.

use std::collections::BTreeSet;

use chukei_domain::day::day_of;
use chukei_domain::local_body_code::LocalBodyCode;
use chukei_domain::register::{
    CHANGE_MAX, Class, Entry, FILE_MAX, RegisterError, RegisterFile, Why, has_administrator,
};
use chukei_wire::result::ResultName;
use serde_json::{Value, json};

use super::{Shown, change, json_of, refusal, shown};
use crate::cli::RegisterCommand;
use crate::commands::arguments::read_text;
use crate::failure::Failure;
use crate::link::NodeLink;
use crate::register_words::class_name;
use crate::report::Report;

/// Bytes of entries in one change: well within one message.
const CHANGE_BYTES: usize = 512 * 1024;

/// `register`.
pub(crate) async fn register(link: &mut NodeLink, command: RegisterCommand) -> Result<Report, Failure> {
    match command {
        RegisterCommand::Show => show(link).await,
        RegisterCommand::Load { file, dry_run } => {
            let text = read_text(&file, FILE_MAX)?;
            load(link, &text, dry_run).await
        }
    }
}

async fn show(link: &mut NodeLink) -> Result<Report, Failure> {
    let shown = shown(link, None).await?;
    let body = own_body(link)?;
    let entries: Vec<Value> = shown
        .entries
        .iter()
        .map(|entry| json!({ "class": entry.class().as_str(), "entry": json_of(entry) }))
        .collect();
    let file = RegisterFile::of(body, shown.entries);
    let mut text = file.to_toml().map_err(|error| refusal(&error))?;
    if shown.withheld {
        text.push_str("\n# 試行の対象者は管理者だけに表示されます\n");
    }
    let json = json!({ "version": shown.version, "withheld": shown.withheld, "entries": entries });
    Ok(Report { json, text: text.trim_end().to_owned() })
}

/// Whose register it is.
fn own_body(link: &NodeLink) -> Result<LocalBodyCode, Failure> {
    let body = link.body().and_then(|body| body.as_str().parse().ok());
    body.ok_or_else(|| Failure::usage("BAD_CONFIG", "設定に body がありません。団体コードを指定してください"))
}

/// What the file changes, in an order in which each part can stand by itself: devices before the tickets that name
/// them, tickets gone before their devices.
struct Difference {
    put: Vec<Entry>,
    remove: Vec<(Class, String)>,
}

impl Difference {
    fn between(shown: &Shown, wanted: Vec<Entry>) -> Result<Self, Failure> {
        let of_policies = |entry: &&Entry| entry.class() == Class::Policy;
        let same = shown.entries.iter().filter(of_policies).eq(wanted.iter().filter(of_policies));
        if !same {
            let message = "ポリシーの変更は2人の承認が必要です。policy load を使ってください";
            return Err(Failure::refused(ResultName::TwoPersonRequired, message));
        }
        let named: BTreeSet<(Class, &str)> =
            wanted.iter().map(|entry| (entry.class(), entry.name())).collect();
        let kept =
            |entry: &Entry| entry.class() == Class::Health || named.contains(&(entry.class(), entry.name()));
        let gone = shown.entries.iter().filter(|entry| !kept(entry));
        let mut remove: Vec<(Class, String)> =
            gone.map(|entry| (entry.class(), entry.name().to_owned())).collect();
        remove.sort_by_key(|(class, _)| *class == Class::Device);
        let mut put: Vec<Entry> = wanted.into_iter().filter(|entry| !shown.entries.contains(entry)).collect();
        put.sort_by_key(|entry| entry.class() != Class::Device);
        Ok(Self { put, remove })
    }

    /// Parts that one change can hold.
    fn parts(self) -> Vec<Self> {
        let empty = || Self { put: Vec::new(), remove: Vec::new() };
        let mut parts = vec![empty()];
        let mut bytes = 0;
        for entry in self.put {
            let length = entry.to_bytes().map(|bytes| bytes.len()).unwrap_or_default();
            let full = |part: &Self| part.len() >= CHANGE_MAX || bytes + length > CHANGE_BYTES;
            if parts.last().is_some_and(full) {
                parts.push(empty());
                bytes = 0;
            }
            bytes += length;
            if let Some(part) = parts.last_mut() {
                part.put.push(entry);
            }
        }
        for entry in self.remove {
            if parts.last().is_some_and(|part| part.len() >= CHANGE_MAX) {
                parts.push(empty());
            }
            if let Some(part) = parts.last_mut() {
                part.remove.push(entry);
            }
        }
        parts.retain(|part| part.len() > 0);
        parts
    }

    fn len(&self) -> usize {
        self.put.len() + self.remove.len()
    }

    fn lines(&self) -> Vec<String> {
        let put = self.put.iter().map(|entry| format!("+ {} {}", class_name(entry.class()), entry.name()));
        let removed = self.remove.iter().map(|(class, name)| format!("- {} {name}", class_name(*class)));
        put.chain(removed).collect()
    }
}

async fn load(link: &mut NodeLink, text: &str, dry_run: bool) -> Result<Report, Failure> {
    let file = RegisterFile::parse(text).map_err(|error| refusal(&error))?;
    if file.body != own_body(link)? {
        return Err(refusal(&RegisterError::whole(Why::OtherBody)));
    }
    let wanted = file.check().map_err(|error| refusal(&error))?;
    if !has_administrator(&wanted, day_of(link.now_ms())) {
        return Err(refusal(&RegisterError::whole(Why::NoAdministrator)));
    }
    let shown = shown(link, None).await?;
    if shown.withheld {
        return Err(Failure::of_result(ResultName::NotPermitted));
    }
    let difference = Difference::between(&shown, wanted)?;
    let (lines, put, removed) = (difference.lines(), difference.put.len(), difference.remove.len());
    let mut version = shown.version;
    if !dry_run {
        // Each part is whole or nothing; where one is refused, those before it stand, and the file can be loaded again.
        for part in difference.parts() {
            version = change(link, version, part.put, part.remove).await?;
        }
    }
    let json = json!({ "version": version, "put": put, "removed": removed, "dry_run": dry_run });
    let mut text = lines;
    text.push(format!("書き込み {put}件、削除 {removed}件、台帳の版 {version}"));
    Ok(Report { json, text: text.join("\n") })
}
