//! What an act has brought out, into a new file: records as JSON Lines, a keyring and texts as they are.
//!
//! What must hold: nothing is overwritten; the file is its owner's alone, and durable, before its arrival is reported.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use chukei_domain::event::{Record, Target};
use chukei_wire::header::Kind;
use chukei_wire::id::ActId;
use chukei_wire::message::act::{ActNamed, ActPiece, ActShown};
use chukei_wire::result::ResultName;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::{explained, one};
use crate::failure::Failure;
use crate::folder;
use crate::link::{Fault, NodeLink};
use crate::report::Report;

/// `act fetch`.
pub(super) async fn result(link: &mut NodeLink, act: ActId, out: &Path) -> Result<Report, Failure> {
    let shown = one(link, act).await?;
    let records = match shown.kind.as_str() {
        "audit-export" => true,
        "keyring-copy" => false,
        _ => return Err(nothing()),
    };
    let (bytes, lines) = fetch(link, act, out, records).await?;
    let mut json = super::shown::json(&shown);
    let added = [("file", json!(out.to_string_lossy())), ("bytes", bytes.into()), ("records", lines.into())];
    if let Some(fields) = json.as_object_mut() {
        fields.extend(added.map(|(name, value)| (name.to_owned(), value)));
    }
    let what = lines.map_or_else(|| format!("{bytes}バイト"), |lines| format!("{lines}件"));
    Ok(Report { json, text: format!("書き込みました: {} ({what})", out.display()) })
}

/// `act show --text`.
pub(super) async fn text(link: &mut NodeLink, act: ActId, out: &Path) -> Result<Report, Failure> {
    let shown: ActShown = one(link, act).await?;
    if shown.digest.is_none() {
        return Err(nothing());
    }
    fetch(link, act, out, false).await?;
    let mut report = super::report(&shown, "");
    report.text.push_str(&format!("\n本文\t{}", out.display()));
    Ok(report)
}

/// The act brings nothing out.
fn nothing() -> Failure {
    let message = "この申請に受け取るものはありません。act show で内容を確認してください";
    Failure::refused(ResultName::NotFound, message)
}

/// Bytes received, and how many records they were.
async fn fetch(
    link: &mut NodeLink,
    act: ActId,
    out: &Path,
    records: bool,
) -> Result<(u64, Option<u64>), Failure> {
    let failed = |error: std::io::Error| {
        let message = format!("{} に書き込めません: {error}。場所と権限を確認してください", out.display());
        Failure::usage("NOT_WRITTEN", message)
    };
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(out).map_err(failed)?;
    let received = receive(link, act, &file, records).await;
    let done = match received {
        Ok(done) => file.sync_all().and_then(|()| folder::sync_of(out)).map(|()| done).map_err(failed),
        Err(failure) => Err(failure),
    };
    if done.is_err() {
        // Half of it is nothing.
        let _ = std::fs::remove_file(out);
    }
    done
}

async fn receive(
    link: &mut NodeLink,
    act: ActId,
    file: &File,
    records: bool,
) -> Result<(u64, Option<u64>), Failure> {
    let unsaid = |fault| match fault {
        Fault::Final(failure) | Fault::Later(_, failure) => explained(failure),
    };
    let mut out = BufWriter::new(file);
    let write = |error: std::io::Error| Failure::other("NOT_WRITTEN", format!("書き込めません: {error}"));
    let mut talk = link.open(Kind::ActResult).await.map_err(unsaid)?;
    talk.say(&ActNamed { act, proven: false }).await.map_err(unsaid)?;
    talk.finish().await.map_err(unsaid)?;
    let (mut bytes, mut lines) = (0_u64, 0);
    while let Some(piece) = talk.hear_next::<ActPiece>().await.map_err(unsaid)? {
        bytes += piece.bytes.len() as u64;
        if records {
            for (record, bytes) in each(&piece.bytes)? {
                writeln!(out, "{}", record_line(&record, bytes, &act.to_string())).map_err(write)?;
                lines += 1;
            }
        } else {
            out.write_all(&piece.bytes).map_err(write)?;
        }
    }
    out.flush().map_err(write)?;
    Ok((bytes, records.then_some(lines)))
}

/// Whole records with their bytes, each behind its length.
fn each(mut bytes: &[u8]) -> Result<Vec<(Record, &[u8])>, Failure> {
    let broken = || Failure::of_result(ResultName::IntegrityFailure);
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(broken)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| broken())?;
        let (record, rest) = rest.split_at_checked(length).ok_or_else(broken)?;
        records.push((Record::from_bytes(record).map_err(|_| broken())?, record));
        bytes = rest;
    }
    Ok(records)
}

/// One record: what people look for (R3), and its one byte form.
pub(crate) fn record_line(record: &Record, bytes: &[u8], act: &str) -> Value {
    let target = record.target.map(|target| match target {
        Target::Person(id) => json!({ "person": HEXLOWER.encode(&id) }),
        Target::Notice(id) => json!({ "notice": HEXLOWER.encode(&id) }),
    });
    let (why, request) = (record.event.why(), record.call.or(record.event.request()));
    let event = serde_json::to_value(&record.event).ok();
    let event = event.as_ref().and_then(Value::as_object).and_then(|event| event.keys().next().cloned());
    json!({
        "act": act,
        "seq": record.seq,
        "at_ms": record.at_ms,
        "actor": record.actor,
        "action": record.action,
        "target": target,
        "affair": record.affair.map(|affair| affair.to_string()),
        "result": record.result,
        "event": event,
        "request": request.map(|id| HEXLOWER.encode(&id)),
        "device": why.map(|why| &why.device),
        "department": why.map(|why| &why.department),
        "reasons": why.map(|why| &why.reasons),
        "ticket": why.map(|why| &why.ticket),
        "on_behalf_of": why.and_then(|why| why.on_behalf_of).map(|body| body.to_string()),
        "delegation": why.map(|why| &why.delegation),
        "record": HEXLOWER.encode(bytes),
    })
}
