//! Notice files: TOML or JSON, refused with the name of the key at fault and never with its text (R11).

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use chukei_wire::limits::{MESSAGE_MAX, NOTICE_TARGETS_MAX};
use chukei_wire::message::notice::Choice;
use chukei_wire::message::staff::NoticeDraft;
use chukei_wire::result::ResultName;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::failure::Failure;
use crate::japan_time;

/// Longest file, bytes: 100,000 targets and the text.
const FILE_MAX: u64 = 8 * 1024 * 1024;
/// Text of a notice, bytes, so that it fits one message whatever else is in it.
const TEXT_MAX: usize = MESSAGE_MAX / 2;

/// A notice and whom it is for.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    /// All but the targets.
    pub(crate) draft: NoticeDraft,
    /// Integrated addressee numbers, each once.
    pub(crate) targets: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoticeFile {
    idempotency_key: String,
    affair: String,
    title: String,
    body: String,
    #[serde(default)]
    choices: Vec<ChoiceEntry>,
    #[serde(default)]
    attachments: Vec<PathBuf>,
    publish_at: Option<String>,
    retention_days: u32,
    targets: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChoiceEntry {
    id: String,
    label: String,
}

/// Reads a notice file; `.json` is JSON, everything else TOML.
pub(crate) fn read(path: &Path) -> Result<Notice, Failure> {
    let text = read_text(path)?;
    let json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    let file = if json { from_json(&text) } else { from_toml(&text) };
    check(file.map_err(|problem| bad(path, &problem))?, path)
}

fn read_text(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(FILE_MAX + 1).read_to_string(&mut text));
    match read {
        Ok(length) if u64::try_from(length).is_ok_and(|length| length <= FILE_MAX) => Ok(text),
        Ok(_) => Err(bad(path, "ファイルが大きすぎます")),
        Err(error) => Err(bad(path, &format!("読み込めません: {error}"))),
    }
}

fn from_json(text: &str) -> Result<NoticeFile, String> {
    let place = |error: &serde_json::Error| format!("({}行目)", error.line());
    let mut input = serde_json::Deserializer::from_str(text);
    let file = tracked(&mut input, place)?;
    input.end().map_err(|error| format!("JSONの後ろに余分な文字があります{}", place(&error)))?;
    Ok(file)
}

fn from_toml(text: &str) -> Result<NoticeFile, String> {
    let mut table: toml::Table =
        toml::from_str(text).map_err(|error: toml::de::Error| place(text, &error))?;
    // A TOML time and a quoted one mean the same.
    if let Some(at @ toml::Value::Datetime(_)) = table.get_mut("publish_at") {
        *at = toml::Value::String(at.to_string());
    }
    tracked(table, |_| String::new())
}

/// Deserialises, and says which key is at fault without repeating its value.
fn tracked<'de, T, D>(input: D, place: impl Fn(&D::Error) -> String) -> Result<T, String>
where
    T: DeserializeOwned,
    D: serde::Deserializer<'de>,
{
    serde_path_to_error::deserialize(input).map_err(|error| {
        let (key, place) = (error.path().to_string(), place(error.inner()));
        let key = if key == "." { String::new() } else { format!("{key}: ") };
        format!("{key}{}{place}", reason(&error.inner().to_string()))
    })
}

/// What serde says of a field, where that cannot hold a value.
fn reason(message: &str) -> String {
    for (said, meaning) in [("unknown field `", "不明な項目"), ("missing field `", "必要な項目がありません")]
    {
        if let Some(name) = message.strip_prefix(said).and_then(|rest| rest.split('`').next()) {
            return format!("{meaning} {name} ");
        }
    }
    "値の形が正しくありません ".to_owned()
}

fn place(text: &str, error: &toml::de::Error) -> String {
    let start = error.span().map_or(0, |span| span.start);
    let line = text.get(..start).map_or(0, |before| before.matches('\n').count()) + 1;
    format!("TOMLとして読み取れません({line}行目)")
}

fn check(file: NoticeFile, path: &Path) -> Result<Notice, Failure> {
    let publish_at_ms = match file.publish_at.as_deref().map(japan_time::parse_ms).transpose() {
        Ok(publish) => publish,
        Err(_) => return Err(bad(path, "publish_at は 2026-11-21T09:00:00+09:00 の形で指定してください")),
    };
    let distinct: HashSet<&String> = file.targets.iter().collect();
    if distinct.len() != file.targets.len() {
        let message = "同じ対象者が複数回指定されています。targets を確認してください";
        return Err(Failure::refused(ResultName::BadFormat, message));
    }
    if file.targets.len() > NOTICE_TARGETS_MAX {
        let message = format!("対象者が上限の{NOTICE_TARGETS_MAX}名を超えています。分割してください");
        return Err(Failure::refused(ResultName::BadFormat, message));
    }
    let texts = [&file.idempotency_key, &file.affair, &file.title, &file.body];
    let choices = file.choices.iter().map(|choice| choice.id.len() + choice.label.len());
    if texts.iter().map(|text| text.len()).chain(choices).sum::<usize>() > TEXT_MAX {
        let message = "お知らせの文面が長すぎます。短くしてください";
        return Err(Failure::refused(ResultName::BadFormat, message));
    }
    Ok(notice(file, publish_at_ms))
}

fn notice(file: NoticeFile, publish_at_ms: Option<u64>) -> Notice {
    let choice = |choice: ChoiceEntry| Choice { id: choice.id, label: choice.label };
    // Folders of this machine are nobody else's business.
    let attachment =
        |path: PathBuf| path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let draft = NoticeDraft {
        idempotency_key: file.idempotency_key,
        affair: file.affair,
        title: file.title,
        body: file.body,
        choices: file.choices.into_iter().map(choice).collect(),
        attachments: file.attachments.into_iter().map(attachment).collect(),
        publish_at_ms,
        retention_days: file.retention_days,
        targets: u32::try_from(file.targets.len()).unwrap_or(u32::MAX),
    };
    Notice { draft, targets: file.targets }
}

fn bad(path: &Path, problem: &str) -> Failure {
    let message = format!("{}: {}。お知らせファイルを確認してください", path.display(), problem.trim_end());
    Failure::usage("BAD_NOTICE_FILE", message)
}

#[cfg(test)]
mod tests;
