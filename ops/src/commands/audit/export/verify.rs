//! An export held against the peer list, with nothing else at hand.
//!
//! What must hold: one line is in memory at a time; what verifies is every line, in unbroken order, and leads to a checkpoint
//! that the log has signed and brokers have cosigned, by keys of the signed list.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use chukei_crypto::tlog::{Frontier, Hash, Proof, SignedCheckpoint, Standing, verify_consistency};
use chukei_relay_client::log_key::{LogKey, LogOrigin};
use chukei_relay_client::peers::PeerList;
use chukei_wire::message::audit::LogFault;
use serde_json::{Value, json};

use super::form::Form;
use super::line::{Ends, Line};
use crate::commands::audit::verify::faulty;
use crate::failure::{Exit, Failure};
use crate::progress::Progress;
use crate::report::Report;

/// Bytes of the longest line: a record twice over in hexadecimal, or a checkpoint with its proof.
const LINE_MAX: u64 = 256 * 1024;

/// What was read so far.
struct Reading {
    frontier: Frontier,
    body: String,
    act: String,
    records: u64,
    leaves: u64,
}

/// Where an export is wrong, and what.
type Bad = (Option<u64>, LogFault);

/// `audit verify --export`.
pub(crate) fn verify(path: &Path, peers: &PeerList, show: bool) -> Result<(Report, Option<Exit>), Failure> {
    let unread = |error: std::io::Error| {
        let message = format!("{}: {error}。ファイルを確認してください", path.display());
        Failure::usage("FILE_IO", message)
    };
    let file = File::open(path).map_err(unread)?;
    let progress = Progress::bytes(file.metadata().map_err(unread)?.len(), show);
    let mut lines = Lines { input: BufReader::new(file), read: 0 };
    let mut reading = None;
    let ended = walk(&mut lines, &mut reading, peers, &progress).map_err(unread)?;
    drop(progress);
    Ok(report(ended, reading))
}

/// Reads to the end; how far the checkpoint is witnessed.
fn walk(
    lines: &mut Lines,
    reading: &mut Option<Reading>,
    peers: &PeerList,
    progress: &Progress,
) -> std::io::Result<Result<Ended, Bad>> {
    let Some(head) = lines.next()? else { return Ok(Err((None, LogFault::CutShort))) };
    let (form, mut text) = match Form::Csv.header() == Some(head.clone()) {
        true => (Form::Csv, lines.next()?),
        false => (Form::Jsonl, Some(head)),
    };
    let mut ended = None;
    while let Some(line) = text {
        progress.advance_to(lines.read);
        let due = reading.as_ref().map(|reading| reading.frontier.size() + 1);
        let taken = match (form.read(&line), &mut *reading) {
            (None, _) => Err((due, LogFault::Altered)),
            // Whatever stands behind the end was put there.
            (Some(_), _) if ended.is_some() => Err((due, LogFault::Altered)),
            (Some(Line::Begins { body, act, first, roots }), None) => {
                begin(body, act, first, roots).map(|begun| *reading = Some(begun))
            }
            (Some(Line::Ends(ends)), Some(reading)) => {
                end(&ends, reading, peers).map(|witnessed| ended = Some(witnessed))
            }
            (Some(line), Some(reading)) => reading.take(line),
            (Some(_), None) => Err((None, LogFault::Missing)),
        };
        if let Err(bad) = taken {
            return Ok(Err(bad));
        }
        text = lines.next()?;
    }
    let behind = reading.as_ref().map(|reading| reading.frontier.size() + 1);
    Ok(ended.ok_or((behind, LogFault::CutShort)))
}

fn begin(body: String, act: String, first: u64, roots: Vec<Hash>) -> Result<Reading, Bad> {
    let before = first.checked_sub(1).and_then(|before| Frontier::from_roots(before, roots).ok());
    let frontier = before.ok_or((Some(first), LogFault::Altered))?;
    Ok(Reading { frontier, body, act, records: 0, leaves: 0 })
}

impl Reading {
    fn take(&mut self, line: Line) -> Result<(), Bad> {
        let due = self.frontier.size() + 1;
        let (number, leaf, fits) = match &line {
            Line::Record(shown) => {
                let fits = shown.is_its_leaf() && shown.act == self.act;
                (shown.record.seq, shown.leaf, fits)
            }
            Line::Leaf(number, leaf) => (*number, *leaf, true),
            Line::Begins { .. } | Line::Ends(_) => return Err((Some(due), LogFault::Duplicated)),
        };
        if number != due {
            return Err((Some(due), if number < due { LogFault::Duplicated } else { LogFault::Missing }));
        }
        if !fits || self.frontier.append(leaf).is_err() {
            return Err((Some(due), LogFault::Altered));
        }
        match line {
            Line::Record(_) => self.records += 1,
            _ => self.leaves += 1,
        }
        Ok(())
    }
}

/// How an export ended.
struct Ended {
    size: u64,
    standing: Standing,
    witnesses: Vec<(String, u64)>,
}

fn end(ends: &Ends, reading: &Reading, peers: &PeerList) -> Result<Ended, Bad> {
    let head = reading.frontier.head();
    if ends.last != head.size {
        let fault = if ends.last > head.size { LogFault::Missing } else { LogFault::Altered };
        return Err((Some(head.size.min(ends.last) + 1), fault));
    }
    witnessed(ends, reading, peers).ok_or((None, LogFault::NotInTree))
}

/// Whether the leaves lead to a checkpoint of this body's log, and which brokers vouch for it: the log's own word is none.
fn witnessed(ends: &Ends, reading: &Reading, peers: &PeerList) -> Option<Ended> {
    let checkpoint = SignedCheckpoint::parse(ends.checkpoint.as_bytes()).ok()?;
    let origin: LogOrigin = checkpoint.unverified().origin().parse().ok()?;
    if origin.body.to_string() != reading.body {
        return None;
    }
    let key = LogKey { body: origin.body, public: ends.key, signature: ends.certificate };
    let pins = key.pins(origin.epoch, peers).ok()?;
    let (stated, witnessed) = checkpoint.verify(&pins).ok()?;
    if witnessed.standing == Standing::Unwitnessed {
        return None;
    }
    let proof = Proof::new(ends.proof.clone()).ok()?;
    verify_consistency(&proof, &reading.frontier.head(), stated.head()).ok()?;
    Some(Ended { size: stated.head().size, standing: witnessed.standing, witnesses: witnessed.by })
}

fn report(ended: Result<Ended, Bad>, reading: Option<Reading>) -> (Report, Option<Exit>) {
    let counted = reading.as_ref();
    let mut fields = vec![
        ("events", json!(counted.map_or(0, |reading| reading.records))),
        ("leaves", json!(counted.map_or(0, |reading| reading.leaves))),
        ("body", json!(counted.map(|reading| &reading.body))),
        ("act", json!(counted.map(|reading| &reading.act))),
    ];
    match ended {
        Ok(ended) => {
            let standing = match ended.standing {
                Standing::Final => "FINAL",
                Standing::Provisional => "PROVISIONAL",
                Standing::Unwitnessed => "UNWITNESSED",
            };
            let names: Vec<&str> = ended.witnesses.iter().map(|(name, _)| name.as_str()).collect();
            fields.extend([
                ("tree_size", json!(ended.size)),
                ("standing", json!(standing)),
                ("witnesses", json!(names)),
            ]);
            let mut json = json!({ "verified": true, "first_bad": null, "reason": null });
            extend(&mut json, fields);
            let records = counted.map_or(0, |reading| reading.records);
            let text =
                format!("{records}件は、証人 {} が確認した操作ログの記録です({standing})", names.len());
            (Report { json, text }, None)
        }
        Err((first, fault)) => faulty(first, fault, fields),
    }
}

fn extend(json: &mut Value, fields: Vec<(&str, Value)>) {
    if let Some(object) = json.as_object_mut() {
        object.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
}

/// Lines of bounded length.
struct Lines {
    input: BufReader<File>,
    read: u64,
}

impl Lines {
    /// The next line without its newline. One that is too long, or no text, is an empty one, which no line is.
    fn next(&mut self) -> std::io::Result<Option<String>> {
        let mut bytes = Vec::new();
        let read = (&mut self.input).take(LINE_MAX).read_until(b'\n', &mut bytes)?;
        if read == 0 {
            return Ok(None);
        }
        self.read += read as u64;
        let whole = bytes.pop() == Some(b'\n');
        Ok(Some(String::from_utf8(bytes).ok().filter(|_| whole).unwrap_or_default()))
    }
}
