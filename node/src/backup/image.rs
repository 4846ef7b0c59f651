//! A body's rows and log on their way into a backup, and the manifest that its identity signs.

use chukei_relay_client::clock::Clock;
use chukei_store::image::{
    Base, Chunk, ChunkBuilder, FileSums, HeldWrites, ImageError, JournalSpan, KeyringNeed, Manifest,
    Outgoing, Taken,
};
use chukei_store::{JournalError, Partition};
use chukei_wire::message::backup::BackupFile;
use tokio::sync::mpsc;

use crate::hosted::sealed_body::SealedBody;

/// Chunks of the journal that are read before they are sent.
const READ_AHEAD: usize = 2;

/// Where chunks go.
pub(super) trait Sink {
    /// Why one did not go.
    type Error;

    /// Takes a whole chunk.
    fn chunk(
        &mut self,
        file: BackupFile,
        payload: &[u8],
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// Why an image was not taken.
pub(super) enum TakingError<E> {
    /// The sink did not take a chunk.
    Sink(E),
    /// The rows could not be copied.
    Image(ImageError),
    /// The log or the identity is not at hand.
    NotReady(&'static str),
}

/// The backup that another builds on.
#[derive(Clone, Copy)]
pub(super) struct Since {
    pub(super) lineage: [u8; 16],
    pub(super) base: Base,
}

/// What is taken.
pub(super) struct Taking {
    pub(super) body: SealedBody,
    pub(super) clock: Clock,
    pub(super) since: Option<Since>,
}

/// What is noted while writes wait.
pub(super) struct Moment {
    at_ms: u64,
    last_number: u64,
    keyring: KeyringNeed,
}

impl Taking {
    /// Begins.
    pub(super) async fn begin(
        &self,
    ) -> Result<Outgoing<Moment, impl FnOnce() -> Moment + use<>>, ImageError> {
        let (body, clock) = (self.body.clone(), self.clock.clone());
        let moment = move || {
            let keyring = body.keyring_need();
            Moment { at_ms: clock.now_ms(), last_number: body.last_number(), keyring }
        };
        let since = self.since.map(|since| (since.lineage, since.base.newest));
        Outgoing::begin(self.body.rows(), since, moment).await
    }
}

/// Sends rows and log; the signed manifest, what it says, and writes that are held still.
pub(super) async fn rows_and_log<S: Sink, F: FnOnce() -> Moment + Send>(
    taking: &Taking,
    mut rows: Outgoing<Moment, F>,
    sink: &mut S,
) -> Result<(Vec<u8>, Manifest, Option<HeldWrites>), TakingError<S::Error>> {
    let body = &taking.body;
    while let Some(chunk) = rows.next().await.map_err(TakingError::Image)? {
        sink.chunk(BackupFile::Rows, &chunk.payload).await.map_err(TakingError::Sink)?;
    }
    let taken = rows.taken().ok_or(TakingError::NotReady("rows"))?;
    let Taken { newest, lineage, pause, rows, spaces, noted, held } = taken;
    let base = taking.since.map(|since| since.base);
    let (journal, journal_span) = log(body, base, noted.last_number, sink).await?;
    let observed = body.rows();
    let manifest = Manifest {
        format: Manifest::FORMAT,
        body: body.code().to_string(),
        engine: observed.engine().to_string(),
        created_ms: noted.at_ms,
        base,
        lineage,
        newest,
        owner_epoch: observed.epoch(),
        rows,
        spaces,
        journal,
        journal_span,
        keyring: noted.keyring,
        pause_us: u64::try_from(pause.as_micros()).unwrap_or(u64::MAX),
    };
    tracing::info!(body = %body.code(), records = manifest.records(), pause_us = manifest.pause_us, "image taken");
    let signed = body.sign(&manifest).await.ok_or(TakingError::NotReady("identity"))?;
    Ok((signed, manifest, held))
}

/// Sends the entries behind the base's up to `last`.
async fn log<S: Sink>(
    body: &SealedBody,
    base: Option<Base>,
    last: u64,
    sink: &mut S,
) -> Result<(FileSums, JournalSpan), TakingError<S::Error>> {
    let from = base.map_or(1, |base| base.last_number + 1);
    let (chunks, mut ready) = mpsc::channel(READ_AHEAD);
    let log = body.clone();
    let reading = tokio::task::spawn_blocking(move || read_log(&log, from, last, &chunks));
    let mut sums = FileSums::default();
    while let Some(chunk) = ready.recv().await {
        sink.chunk(BackupFile::Journal, &chunk.payload).await.map_err(TakingError::Sink)?;
        sums.chunks.push(chunk.sum);
    }
    match reading.await {
        Ok(Ok(first)) => Ok((sums, JournalSpan { first, last })),
        Ok(Err(error)) => {
            tracing::error!(body = %body.code(), code = error.code(), "the log cannot be backed up");
            Err(TakingError::NotReady("log"))
        }
        Err(_) => Err(TakingError::NotReady("log")),
    }
}

/// Number of the first entry. What was given up on purpose, at the beginning, is not there.
fn read_log(
    log: &SealedBody,
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
