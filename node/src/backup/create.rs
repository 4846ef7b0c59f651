//! `backup-create`: rows, log and a signed manifest, sent while the body is served.

use std::sync::Arc;

use chukei_store::Partition;
use chukei_wire::limits::BACKUP_PIECE_MAX;
use chukei_wire::message::backup::{BackupBase, BackupBegun, BackupFile, BackupPiece, BackupRequest};
use chukei_wire::result::ResultName;

use crate::access::grant::{Grant, Read};
use crate::app::Node;
use crate::backup::image::{Since, Sink, Taking, TakingError, rows_and_log};
use crate::bodies::call::{Call, CallError, Done};
use crate::hosted::rows::RowError;
use crate::hosted::sealed_body::SealedBody;
use chukei_store::image::{Base, ImageError};

/// Sends an image of the body's rows and log.
pub async fn create(node: &Arc<Node>, grant: &Grant<Read>, call: &mut Call) -> Result<Done, CallError> {
    let asked: BackupRequest = call.request().await?;
    let body = grant.scope().body().clone();
    let taking = Taking {
        body: SealedBody::of(body.clone()),
        clock: node.clock.clone(),
        since: asked.base.map(since_of),
    };
    let rows = taking.begin().await.map_err(refusal)?;
    let bytes = body.rows_as_they_are().usage().await.map_err(RowError::from)?.bytes;
    call.reply(&BackupBegun { body: body.code().to_string(), at_ms: node.clock.now_ms(), bytes }).await?;
    let mut sink = Pieces(call);
    let (signed, manifest, _) = rows_and_log(&taking, rows, &mut sink).await.map_err(ended)?;
    send(sink.0, BackupFile::Manifest, &signed).await?;
    Ok(Done { result: ResultName::Done, count: manifest.records() })
}

fn since_of(base: BackupBase) -> Since {
    let BackupBase { id, lineage, newest, last_number } = base;
    Since { lineage, base: Base { id, newest, last_number } }
}

/// Chunks go to the caller in pieces.
struct Pieces<'a>(&'a mut Call);

impl Sink for Pieces<'_> {
    type Error = CallError;

    async fn chunk(&mut self, file: BackupFile, payload: &[u8]) -> Result<(), CallError> {
        send(self.0, file, payload).await
    }
}

async fn send(call: &mut Call, file: BackupFile, payload: &[u8]) -> Result<(), CallError> {
    let mut pieces = payload.chunks(BACKUP_PIECE_MAX).peekable();
    while let Some(bytes) = pieces.next() {
        call.piece(&BackupPiece { file, ends: pieces.peek().is_none(), bytes: bytes.to_vec() }).await?;
    }
    Ok(())
}

fn ended(error: TakingError<CallError>) -> CallError {
    match error {
        TakingError::Sink(error) => error,
        TakingError::Image(error) => refusal(error),
        TakingError::NotReady(what) => {
            tracing::error!(what, "no backup taken");
            CallError::NotNow(ResultName::NotReady)
        }
    }
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
