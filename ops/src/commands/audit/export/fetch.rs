//! From the node into a file.

use std::io::{BufWriter, Write};

use chukei_wire::header::Kind;
use chukei_wire::id::ActId;
use chukei_wire::message::act::{ActNamed, ActPiece};
use chukei_wire::result::ResultName;
use serde_json::json;
use tempfile::NamedTempFile;

use super::form::Form;
use super::line::{Line, lines};
use crate::cli::FetchedExport;
use crate::failure::Failure;
use crate::folder;
use crate::link::{Fault, NodeLink};
use crate::progress::Progress;
use crate::report::Report;

/// What was written.
#[derive(Default)]
struct Written {
    records: u64,
    leaves: u64,
    whole: bool,
}

/// `audit export --act`.
pub(crate) async fn export(link: &mut NodeLink, args: FetchedExport, show: bool) -> Result<Report, Failure> {
    let FetchedExport { act, form, out } = args;
    if out.exists() {
        let message = format!("{} はすでにあります。別の名前を指定してください", out.display());
        return Err(Failure::usage("NOT_WRITTEN", message));
    }
    let written = link
        .persist(async |link| {
            let mut file =
                NamedTempFile::with_prefix_in(".chukei-export-", folder::of(&out)).map_err(unwritten)?;
            let written = receive(link, act, form, &mut file, show).await?;
            file.as_file().sync_all().map_err(unwritten)?;
            file.persist_noclobber(&out).map_err(|error| unwritten(error.error))?;
            folder::sync_of(&out).map_err(unwritten)?;
            Ok(written)
        })
        .await?;
    let json = json!({
        "act": act.to_string(),
        "file": out.to_string_lossy(),
        "records": written.records,
        "leaves": written.leaves,
    });
    let text = format!(
        "書き込みました: {} ({}件)\n次に: chukei audit verify --export {} --peers FILE --root FILE で検査できます",
        out.display(),
        written.records,
        out.display(),
    );
    Ok(Report { json, text })
}

async fn receive(
    link: &mut NodeLink,
    act: ActId,
    form: Form,
    file: &mut NamedTempFile,
    show: bool,
) -> Result<Written, Fault> {
    let mut out = BufWriter::new(file);
    let mut put = |text: &str| writeln!(out, "{text}").map_err(unwritten);
    if let Some(header) = form.header() {
        put(&header)?;
    }
    let (name, mut written) = (act.to_string(), Written::default());
    let mut talk = link.open(Kind::ActResult).await?;
    talk.say(&ActNamed { act, proven: true }).await?;
    talk.finish().await?;
    let progress = Progress::records(0, show);
    while let Some(piece) = talk.hear_next::<ActPiece>().await? {
        for line in lines(&piece.bytes, &name)? {
            match &line {
                Line::Record(_) => written.records += 1,
                Line::Leaf(..) => written.leaves += 1,
                Line::Begins { .. } => {}
                Line::Ends(_) => written.whole = true,
            }
            put(&form.write(&line))?;
        }
        progress.of_all(written.records);
        progress.advance_to(written.records);
    }
    if !written.whole {
        return Err(Failure::of_result(ResultName::IntegrityFailure).into());
    }
    out.flush().map_err(unwritten)?;
    Ok(written)
}

fn unwritten(error: std::io::Error) -> Failure {
    let message = format!("書き込めません: {error}。場所、権限、空き容量を確認してください");
    Failure::usage("NOT_WRITTEN", message)
}
