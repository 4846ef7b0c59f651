//! The two forms of an export's lines: JSON, and comma-separated values. What is read back is written anew, and is the same
//! or was altered.

use chukei_crypto::tlog::Hash;
use chukei_domain::event::Record;
use clap::ValueEnum;
use data_encoding::HEXLOWER;
use serde_json::{Map, Value, json};

use super::line::{Ends, Line, Shown};
use crate::commands::act::record_line;
use crate::result_file::neutral;

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated values with a header.
    Csv,
}

/// Columns of the second form.
const COLUMNS: [&str; 22] = [
    "kind",
    "seq",
    "at_ms",
    "actor",
    "action",
    "event",
    "result",
    "affair",
    "target",
    "request",
    "device",
    "department",
    "reasons",
    "ticket",
    "on_behalf_of",
    "delegation",
    "act",
    "record",
    "leaf",
    "salt",
    "other",
    "proof",
];

impl Form {
    /// What stands before the lines.
    pub(super) fn header(self) -> Option<String> {
        (self == Self::Csv).then(|| COLUMNS.join(","))
    }

    /// A line without its newline.
    pub(super) fn write(self, line: &Line) -> String {
        let value = object(line);
        match self {
            Self::Jsonl => value.to_string(),
            Self::Csv => cells(line, &value),
        }
    }

    /// Reads a line; `None` where it is not exactly what [`Self::write`] writes.
    pub(super) fn read(self, text: &str) -> Option<Line> {
        let line = match self {
            Self::Jsonl => parse(&serde_json::from_str(text).ok()?)?,
            Self::Csv => parse(&from_cells(text)?)?,
        };
        (self.write(&line) == text).then_some(line)
    }
}

fn hex(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| HEXLOWER.encode(hash)).collect()
}

fn object(line: &Line) -> Value {
    match line {
        Line::Begins { body, act, first, roots } => {
            json!({ "begins": first, "body": body, "act": act, "roots": hex(roots) })
        }
        Line::Record(shown) => {
            let Shown { act, record, bytes, leaf, opens } = &**shown;
            let mut value = record_line(record, bytes, act);
            if let Some(fields) = value.as_object_mut() {
                fields.insert("leaf".to_owned(), HEXLOWER.encode(leaf).into());
                fields.insert("salt".to_owned(), HEXLOWER.encode(&opens.0).into());
                fields.insert("other".to_owned(), HEXLOWER.encode(&opens.1).into());
            }
            value
        }
        Line::Leaf(number, leaf) => json!({ "seq": number, "leaf": HEXLOWER.encode(leaf) }),
        Line::Ends(ends) => json!({
            "ends": ends.last,
            "proof": hex(&ends.proof),
            "checkpoint": ends.checkpoint,
            "log_key": HEXLOWER.encode(&ends.key),
            "certificate": HEXLOWER.encode(&ends.certificate),
        }),
    }
}

/// The line that an object is of, by the fields that nothing else can be made of.
fn parse(value: &Value) -> Option<Line> {
    let fields = value.as_object()?;
    let number = |name: &str| fields.get(name).and_then(Value::as_u64);
    if let Some(first) = number("begins") {
        let [body, act] = ["body", "act"].map(|name| text(fields, name));
        return Some(Line::Begins { body: body?, act: act?, first, roots: hashes(fields, "roots")? });
    }
    if let Some(last) = number("ends") {
        let (key, certificate) = (fixed(fields, "log_key")?, fixed(fields, "certificate")?);
        let (proof, checkpoint) = (hashes(fields, "proof")?, text(fields, "checkpoint")?);
        return Some(Line::Ends(Box::new(Ends { last, proof, checkpoint, key, certificate })));
    }
    let (seq, leaf) = (number("seq")?, fixed(fields, "leaf")?);
    let Some(bytes) = fields.get("record") else { return Some(Line::Leaf(seq, leaf)) };
    let bytes = HEXLOWER.decode(bytes.as_str()?.as_bytes()).ok()?;
    let record = Record::from_bytes(&bytes).ok()?;
    let opens = (fixed(fields, "salt")?, fixed(fields, "other")?);
    let act = text(fields, "act")?;
    Some(Line::Record(Box::new(Shown { act, record, bytes, leaf, opens })))
}

fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    fields.get(name)?.as_str().map(str::to_owned)
}

fn fixed<const N: usize>(fields: &Map<String, Value>, name: &str) -> Option<[u8; N]> {
    HEXLOWER.decode(fields.get(name)?.as_str()?.as_bytes()).ok()?.try_into().ok()
}

fn hashes(fields: &Map<String, Value>, name: &str) -> Option<Vec<Hash>> {
    let hash = |hash: &Value| HEXLOWER.decode(hash.as_str()?.as_bytes()).ok()?.try_into().ok();
    fields.get(name)?.as_array()?.iter().map(hash).collect()
}

fn cells(line: &Line, value: &Value) -> String {
    let (kind, proof) = match line {
        Line::Begins { .. } => ("begins", true),
        Line::Record(_) => ("record", false),
        Line::Leaf(..) => ("leaf", false),
        Line::Ends(_) => ("ends", true),
    };
    let cell = |column: &&str| match *column {
        "kind" => kind.to_owned(),
        "proof" if proof => value.to_string(),
        _ if proof => String::new(),
        column => cell(value.get(column)),
    };
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    let written = writer.write_record(COLUMNS.iter().map(cell));
    let bytes = written.ok().and_then(|()| writer.into_inner().ok()).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default().trim_end_matches(['\r', '\n']).to_owned()
}

/// One value as a cell that no spreadsheet takes for a formula.
fn cell(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(values)) => {
            let words: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
            words.join(" ")
        }
        Some(Value::Object(one)) => {
            let named =
                one.iter().map(|(name, value)| format!("{name}:{}", value.as_str().unwrap_or_default()));
            named.collect::<Vec<_>>().join(" ")
        }
        Some(other) => other.to_string(),
    };
    neutral(&text)
}

/// The object that a row was written of, as far as lines are made of it.
fn from_cells(text: &str) -> Option<Value> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let row = reader.records().next()?.ok()?;
    let cell = |name: &str| row.get(COLUMNS.iter().position(|column| *column == name)?);
    let optional = |name: &str| cell(name).filter(|text| !text.is_empty()).map_or(Value::Null, Value::from);
    match cell("kind")? {
        "begins" | "ends" => serde_json::from_str(cell("proof")?).ok(),
        kind => {
            let mut fields = Map::new();
            fields.insert("seq".to_owned(), cell("seq")?.parse::<u64>().ok()?.into());
            fields.insert("leaf".to_owned(), cell("leaf")?.into());
            if kind == "record" {
                for name in ["record", "salt", "other", "act"] {
                    fields.insert(name.to_owned(), optional(name));
                }
            }
            Some(Value::Object(fields))
        }
    }
}
