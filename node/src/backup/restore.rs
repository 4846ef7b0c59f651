//! `chukei-node backup restore`: a body's rows and log come back from a chain of backups, into a data folder that no node
//! has open.
//!
//! What must hold: nothing is put over rows that are there; every byte is checked before the first row is written; the body
//! is not served before all of it is there, and its log then says that it was restored. The keyring is brought back apart:
//! the one in use opens what has not been erased since, and nothing else.

use std::path::Path;
use std::time::Instant;

use chukei_relay_client::bounded_file;
use chukei_relay_client::peers::PeerList;
use chukei_store::image::{BackupSet, Checked, ImageError, Importer, Restored, check_chain};
use chukei_store::journal::GivenUp;
use chukei_store::{Journal, JournalEntry, JournalError};
use chukei_wire::body_code::BodyCode;
use serde_json::json;

use crate::backup::outcome::{Exit, Failure, Report};
use crate::backup::progress::Progress;
use crate::config::clock;
use crate::config::serve::NodeConfig;
use crate::home::Home;

/// Bytes of a file with a public key at most.
const IDENTITY_MAX: usize = 4 * 1024;

/// What is asked for.
pub(crate) struct Restore<'a> {
    /// The body.
    pub(crate) body: BodyCode,
    /// Folder of the last backup of the chain.
    pub(crate) from: &'a Path,
    /// File with the public identity that signed, where the peer list no longer names it.
    pub(crate) identity: Option<&'a Path>,
    /// Put rows in and leave the end open: later backups of the chain follow.
    pub(crate) preload: bool,
    /// Whether somebody watches.
    pub(crate) show: bool,
}

/// What became of the log.
enum Log {
    /// It came from the backup.
    Restored,
    /// It was there, with everything that is in the backup: only rows came back.
    Kept,
}

/// Epochs that nodes may have taken between a backup and its restore, each a start of the node: the new owner is above.
const STARTS: u64 = 1 << 20;

/// Restores, and tells what was restored and how long it took.
pub(crate) async fn restore(config: &NodeConfig, home: &Home, asked: Restore<'_>) -> Result<Report, Failure> {
    let begun = Instant::now();
    let identities = identities(config, &asked)?;
    let chain = BackupSet::open(asked.from, &identities)?.chain(&identities)?;
    let last = chain.last().ok_or(ImageError::BrokenChain)?;
    if last.manifest().body != asked.body.as_str() {
        let text = format!("this is a backup of body {}, not of {}", last.manifest().body, asked.body);
        return Err(Failure::new(Exit::Usage, "OTHER_BODY", text));
    }
    let engine = home.of_body(asked.body.as_str()).await?;
    let partition = engine.open(asked.body.as_str()).await?;
    home.adopt(asked.body.as_str(), engine.kind()).await?;
    let journal = &home.journal;
    let log = log_to_be(journal, asked.body, last)?;
    let mut importer = Importer::begin(partition).await?;
    // Behind what an earlier run has put in wholly.
    let there = importer.whole().and_then(|there| chain.iter().position(|backup| backup.id() == there));
    let missing = chain.get(there.map_or(0, |there| there + 1)..).unwrap_or_default();
    let checked = checked(missing, asked.show)?;
    let rows = Progress::of("rows", checked.records, asked.show);
    for backup in missing {
        for chunk in backup.rows()? {
            let (section, records) = chunk?;
            importer.take(section, records).await?;
            rows.advance_to(importer.records());
        }
        importer.end_image(Some(backup.id())).await?;
    }
    drop(rows);
    if !asked.preload {
        let last_number = last.manifest().journal_span.last;
        if matches!(log, Log::Restored) && journal.last_number(asked.body.as_str()) == 0 {
            journal.import(asked.body.as_str(), entries(&chain), GivenUp::NotRestored)?;
        }
        let epoch = last.manifest().owner_epoch.saturating_add(STARTS);
        importer.finish(Some(Restored { backup: last.id(), last_number }), epoch).await?;
    }
    Ok(report(last, checked, &log, &asked, begun))
}

fn report(last: &BackupSet, checked: Checked, log: &Log, asked: &Restore<'_>, begun: Instant) -> Report {
    let (manifest, seconds) = (last.manifest(), begun.elapsed().as_secs_f64());
    let kept = matches!(log, Log::Kept);
    let json = json!({
        "restored": !asked.preload,
        "body": manifest.body,
        "backups": checked.backups,
        "records": checked.records,
        "last_number": manifest.journal_span.last,
        "log": if kept { "kept" } else { "restored" },
        "keyring_generation": manifest.keyring.generation,
        "epoch": manifest.keyring.epoch,
        "seconds": seconds,
    });
    let log = if kept { "the log was there and stays" } else { "the log came back" };
    if asked.preload {
        let text = format!(
            "{} records of body {} put in, {seconds:.1} s\nnext: restore the last backup of the chain, without --preload",
            checked.records, manifest.body,
        );
        return Report { json, text };
    }
    let text = format!(
        "body {} restored in {seconds:.1} s: {} records from {} backups; {log}\n\
         next: bring its keyring back where it is not there (chukei keys restore), then start the node",
        manifest.body, checked.records, checked.backups,
    );
    Report { json, text }
}

fn checked(chain: &[BackupSet], show: bool) -> Result<Checked, Failure> {
    let bytes = chain.iter().map(|backup| backup.manifest().payload_bytes()).sum();
    let progress = Progress::of("checking", bytes, show);
    Ok(check_chain(chain, &mut |bytes| progress.advance(bytes))?)
}

/// Who may have signed.
fn identities(config: &NodeConfig, asked: &Restore<'_>) -> Result<Vec<Vec<u8>>, Failure> {
    if let Some(path) = asked.identity {
        return Ok(vec![identity(path)?]);
    }
    let now_ms = clock(config.clock_file.as_ref(), &config.base).now_ms();
    let (file, root) = (config.path(&config.peers.file), config.path(&config.peers.root));
    let list = PeerList::load(&file, &root, now_ms).map_err(|error| {
        let text = format!("peer list: {error}; have it signed anew by its root, or use --identity");
        Failure::new(Exit::Usage, "BAD_PEERS", text)
    })?;
    let listed = list.body(&asked.body).ok_or_else(|| {
        let text = format!("the peer list names no body {}: use --identity", asked.body);
        Failure::new(Exit::Usage, "BAD_PEERS", text)
    })?;
    Ok(listed.identities.iter().map(<[u8]>::to_vec).collect())
}

fn identity(path: &Path) -> Result<Vec<u8>, Failure> {
    let refused = || {
        let text = format!("{}: not one line of hexadecimal with a public key", path.display());
        Failure::new(Exit::Usage, "BAD_KEY_FILE", text)
    };
    let text = bounded_file::read(path, IDENTITY_MAX).map_err(|_| refused())?;
    data_encoding::HEXLOWER_PERMISSIVE.decode(text.trim_ascii()).map_err(|_| refused())
}

/// A log that is there stays if it has what the backup has: then only rows were lost.
fn log_to_be(journal: &Journal, body: BodyCode, last: &BackupSet) -> Result<Log, Failure> {
    let (stands, saved) = (journal.last_number(body.as_str()), last.manifest().journal_span.last);
    if stands == 0 {
        return Ok(Log::Restored);
    }
    let mine = if stands < saved || saved == 0 { None } else { journal.read(body.as_str(), saved).next() };
    let theirs = last_entry(last)?;
    match (mine.transpose()?, theirs) {
        (Some(mine), Some(theirs)) if mine == theirs => Ok(Log::Kept),
        _ => {
            let text = "the body has another log here, and nothing is put over it: restore into an empty data folder";
            Err(Failure::new(Exit::Refused, "NOT_EMPTY", text))
        }
    }
}

fn last_entry(last: &BackupSet) -> Result<Option<JournalEntry>, Failure> {
    let mut found = None;
    for chunk in last.entries()? {
        found = chunk?.pop().or(found);
    }
    Ok(found)
}

/// The entries of a chain that was checked, in order.
fn entries(chain: &[BackupSet]) -> impl Iterator<Item = Result<JournalEntry, JournalError>> {
    let unreadable = |error: ImageError| {
        tracing::error!(code = error.code(), "a backup that was checked cannot be read");
        JournalError::Io(std::io::Error::other(error))
    };
    chain.iter().flat_map(move |backup| {
        let (chunks, refused) = match backup.entries() {
            Ok(chunks) => (Some(chunks), None),
            Err(error) => (None, Some(Err(unreadable(error)))),
        };
        let entries = chunks.into_iter().flatten().flat_map(move |chunk| match chunk {
            Ok(entries) => entries.into_iter().map(Ok).collect::<Vec<_>>(),
            Err(error) => vec![Err(unreadable(error))],
        });
        refused.into_iter().chain(entries)
    })
}
