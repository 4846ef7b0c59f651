//! `backup-create`: rows, log and a signed manifest, sent while the body is served.

use std::sync::Arc;

use chukei_crypto::sign::IdentityKey;
use chukei_relay_client::clock::Clock;
use chukei_store::image::{
    Base, Chunk, ChunkBuilder, FileSums, ImageError, JournalSpan, KeyringNeed, Manifest, Outgoing,
    SignedManifest, Taken,
};
use chukei_store::{JournalError, Partition};
use chukei_wire::limits::BACKUP_PIECE_MAX;
use chukei_wire::message::backup::{BackupBase, BackupBegun, BackupFile, BackupPiece, BackupRequest};
use chukei_wire::result::ResultName;
use tokio::sync::mpsc;

use crate::access::decision::{Grant, Read};
use crate::app::Node;
use crate::audit::AuditLog;
use crate::bodies::call::{Call, CallError, Done};
use crate::hosted::HostedBody;
use crate::hosted::rows::RowError;

/// Chunks of the journal that are read before they are sent.
const READ_AHEAD: usize = 2;

/// What is noted while writes wait.
struct Moment {
    at_ms: u64,
    last_number: u64,
    keyring: KeyringNeed,
}

/// Sends an image of the body's rows and log.
pub async fn create(node: &Arc<Node>, grant: &Grant<Read>, call: &mut Call) -> Result<Done, CallError> {
    let asked: BackupRequest = call.request().await?;
    let body = grant.scope().body().clone();
    let moment = moment(&body, &node.clock);
    let since = asked.base.map(|base| (base.lineage, base.newest));
    let observed = body.rows_as_they_are();
    let mut rows = Outgoing::begin(observed, since, moment).await.map_err(refusal)?;
    let bytes = observed.usage().await.map_err(RowError::from)?.bytes;
    call.reply(&BackupBegun { body: body.code().to_string(), at_ms: node.clock.now_ms(), bytes }).await?;
    while let Some(chunk) = rows.next().await.map_err(refusal)? {
        send(call, BackupFile::Rows, &chunk.payload).await?;
    }
    let taken = rows.taken().ok_or(CallError::NotNow(ResultName::NotReady))?;
    let (journal, journal_span) = send_journal(&body, asked.base, taken.noted.last_number, call).await?;
    let Taken { newest, lineage, pause, rows, spaces, noted } = taken;
    let manifest = Manifest {
        format: Manifest::FORMAT,
        body: body.code().to_string(),
        engine: observed.engine().to_string(),
        created_ms: noted.at_ms,
        base: asked.base.map(base_of),
        lineage,
        newest,
        rows,
        spaces,
        journal,
        journal_span,
        keyring: noted.keyring,
        pause_us: u64::try_from(pause.as_micros()).unwrap_or(u64::MAX),
    };
    tracing::info!(body = %body.code(), records = manifest.records(), pause_us = manifest.pause_us, "backup taken");
    send(call, BackupFile::Manifest, &signed(&manifest, body.identity()).await?).await?;
    Ok(Done { result: ResultName::Done, count: manifest.records() })
}

fn moment(body: &Arc<HostedBody>, clock: &Clock) -> impl FnOnce() -> Moment + use<> {
    let (body, clock) = (body.clone(), clock.clone());
    move || {
        let ids = body.keyring().ids();
        let generation = body.keys().generation();
        let keyring = KeyringNeed { generation, root: ids.root, epoch: ids.epoch };
        Moment { at_ms: clock.now_ms(), last_number: body.audit().last_number(), keyring }
    }
}

fn base_of(base: BackupBase) -> Base {
    Base { id: base.id, newest: base.newest, last_number: base.last_number }
}

async fn send(call: &mut Call, file: BackupFile, payload: &[u8]) -> Result<(), CallError> {
    let mut pieces = payload.chunks(BACKUP_PIECE_MAX).peekable();
    while let Some(bytes) = pieces.next() {
        call.reply(&BackupPiece { file, ends: pieces.peek().is_none(), bytes: bytes.to_vec() }).await?;
    }
    Ok(())
}

/// Sends the entries behind the base's up to `last`.
async fn send_journal(
    body: &HostedBody,
    base: Option<BackupBase>,
    last: u64,
    call: &mut Call,
) -> Result<(FileSums, JournalSpan), CallError> {
    let from = base.map_or(1, |base| base.last_number + 1);
    let (chunks, mut ready) = mpsc::channel(READ_AHEAD);
    let log = body.audit().clone();
    let reading = tokio::task::spawn_blocking(move || read_journal(&log, from, last, &chunks));
    let mut sums = FileSums::default();
    while let Some(chunk) = ready.recv().await {
        send(call, BackupFile::Journal, &chunk.payload).await?;
        sums.chunks.push(chunk.sum);
    }
    let not_ready = CallError::NotNow(ResultName::NotReady);
    match reading.await {
        Ok(Ok(first)) => Ok((sums, JournalSpan { first, last })),
        Ok(Err(error)) => {
            tracing::error!(body = %body.code(), code = error.code(), "the log cannot be backed up");
            Err(not_ready)
        }
        Err(_) => Err(not_ready),
    }
}

/// Number of the first entry. What was given up on purpose, at the beginning, is not there.
fn read_journal(
    log: &AuditLog,
    from: u64,
    last: u64,
    chunks: &mpsc::Sender<Chunk>,
) -> Result<u64, JournalError> {
    let mut builder = ChunkBuilder::default();
    let mut first = None;
    for entry in log.entries(from) {
        let entry = entry?;
        if entry.seq > last {
            break;
        }
        first.get_or_insert(entry.seq);
        if builder.entry(&entry).is_some_and(|chunk| chunks.blocking_send(chunk).is_err()) {
            break;
        }
    }
    if let Some(chunk) = builder.finish() {
        // Nobody waits for it where the caller has gone away.
        let _ = chunks.blocking_send(chunk);
    }
    Ok(first.unwrap_or(last + 1))
}

/// The manifest, signed. A key in a token may block.
async fn signed(manifest: &Manifest, identity: Arc<IdentityKey>) -> Result<Vec<u8>, CallError> {
    let manifest = manifest.to_bytes().map_err(refusal)?;
    let signing = tokio::task::spawn_blocking(move || {
        let signature = identity.sign(&SignedManifest::message(&manifest)).ok()?;
        SignedManifest::new(manifest, signature).to_bytes().ok()
    });
    signing.await.ok().flatten().ok_or(CallError::NotNow(ResultName::NotReady))
}

fn refusal(error: ImageError) -> CallError {
    match error {
        ImageError::InProgress | ImageError::NoQuiet => CallError::NotNow(ResultName::Overloaded),
        // The base is of rows that are no more: a complete one is to be taken.
        ImageError::OtherLineage => CallError::Refused(ResultName::Expired),
        ImageError::Store(error) => CallError::Row(RowError::Store(error)),
        error => {
            tracing::error!(code = error.code(), "no backup taken");
            CallError::NotNow(ResultName::NotReady)
        }
    }
}
