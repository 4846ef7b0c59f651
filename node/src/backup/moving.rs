//! Moves of a body's rows while it is served: to another engine of this node, or out of this node for another one.
//!
//! What must hold: writes wait only while the last changes are copied; at every moment exactly one place has the rows,
//! and a place that gave them away never writes again.

use std::path::Path;
use std::time::Duration;

use chukei_store::image::{BackupSet, ImageError, ImageFile, ImageWriter, Place, move_rows};
use chukei_store::{EngineKind, StoreError};
use chukei_wire::body_code::BodyCode;
use chukei_wire::message::backup::BackupFile;
use serde_json::json;
use tokio::time::Instant;

use crate::app::Node;
use crate::audit::By;
use crate::backup::companions::Companions;
use crate::backup::image::{Since, Sink, Taking, TakingError, rows_and_log};
use crate::backup::outcome::{Exit, Failure, Report};
use crate::home::Home;
use crate::hosted::sealed_body::SealedBody;

/// Time that requests which began before a move have, until the old place can be removed.
const LETTING_GO: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// What the last image of a body may have: nobody serves it until that is put in elsewhere. Rows that changed and events;
/// and bytes of the log.
const LAST_RECORDS: u64 = 20_000;
const LAST_LOG_MAX: usize = 16 << 20;

/// The body, if its rows are at hand.
fn opened(node: &Node, code: BodyCode) -> Result<SealedBody, Failure> {
    let text = format!("body {code} is not open in this node: see its fault under /readyz");
    node.bodies
        .opened(code)
        .map(SealedBody::of)
        .ok_or_else(|| Failure::new(Exit::Unavailable, "NOT_READY", text))
}

/// Moves a body's rows to another engine, with its log and its keyring where those lie beside the rows. Its log tells that
/// `by` did it.
pub(crate) async fn to_engine(
    node: &Node,
    home: &Home,
    code: BodyCode,
    to: EngineKind,
    by: By<'_>,
    copied: &(dyn Fn(u64) + Send + Sync),
) -> Result<Report, Failure> {
    let body = opened(node, code)?;
    let (observed, name) = (body.rows(), code.as_str());
    let _alone = home.engines.moving(name)?;
    let from = observed.engine();
    if from == to {
        let text = format!("the rows of body {code} lie with {to} already");
        return Err(Failure::new(Exit::Usage, "ALREADY_THERE", text));
    }
    // What an earlier move left.
    home.tidy(name).await?;
    let target = home.engines.of(to).await.map_err(|error| no_engine(to, &error))?;
    home.set_place(name, Place::Moving { from, to })?;
    let moved = async {
        let rows = target.open(name).await?;
        let mut along = Companions::begin(home, &body, from, to).await.map_err(Moving::Over)?;
        let moved = move_rows(observed, (rows, to), copied, &mut along).await;
        moved.map_err(|error| if along.is_abandoned() { Moving::Unknown(error) } else { Moving::Over(error) })
    };
    let moved = match moved.await {
        Ok(moved) => moved,
        Err(Moving::Over(error)) => {
            undo(home, name, to, from).await;
            return Err(error.into());
        }
        // The body is opened anew, where its place is looked for.
        Err(Moving::Unknown(error)) => return Err(error.into()),
    };
    if let Err(error) = body.tell_move(by, [from, to], node.clock.now_ms()).await {
        tracing::error!(body = %code, %error, "a move is not in the log");
    }
    // The node announces its bodies anew: the epoch of the new place is higher.
    node.announcements.want(Duration::ZERO);
    let left = let_go(home, name, from, to).await;
    let [pause_ms, commit_ms] = [moved.pause, moved.commit].map(|time| time.as_secs_f64() * 1_000.0);
    tracing::info!(body = %code, %from, %to, records = moved.records, pause_ms, commit_ms, "rows moved");
    let json = json!({
        "moved": true, "body": name, "from": from.as_str(), "to": to.as_str(),
        "records": moved.records, "pause_ms": pause_ms, "commit_ms": commit_ms, "old_removed": left,
    });
    let rest =
        if left { "what was left there is removed" } else { "what is left there goes at the next start" };
    let text = format!(
        "body {code} moved from {from} to {to}: {} records, writes waited {pause_ms:.1} ms, of which {commit_ms:.1} ms \
         for the disk or the server to confirm it; {rest}\n\
         next: take a complete backup; incremental ones do not build on those before a move",
        moved.records,
    );
    Ok(Report { json, text })
}

/// Why a move did not come about.
enum Moving {
    /// Everything is where it was.
    Over(ImageError),
    /// It may have come about.
    Unknown(ImageError),
}

impl From<StoreError> for Moving {
    fn from(error: StoreError) -> Self {
        Self::Over(error.into())
    }
}

fn no_engine(to: EngineKind, error: &StoreError) -> Failure {
    match error {
        StoreError::OtherEngine => {
            let text = format!("the configuration does not say how to open {to}: add its section");
            Failure::new(Exit::Usage, "NO_ENGINE", text)
        }
        error => error.into(),
    }
}

/// A move that did not come about leaves nothing behind where that can be done now; the next one or the next start does
/// the rest.
async fn undo(home: &Home, name: &str, to: EngineKind, from: EngineKind) {
    let undone = match home.clear(name, to, from).await {
        Ok(()) => home.settle(name, from).map(drop),
        Err(error) => Err(error),
    };
    if let Err(error) = undone {
        tracing::warn!(body = name, code = error.code(), %to, "what a move that broke off left remains");
    }
}

/// Removes what is left in the old place once nobody reads there any more.
async fn let_go(home: &Home, name: &str, from: EngineKind, to: EngineKind) -> bool {
    let deadline = Instant::now() + LETTING_GO;
    loop {
        match home.clear(name, from, to).await.and_then(|()| home.settle(name, to)) {
            Ok(_) => return true,
            Err(ImageError::Store(StoreError::Owned)) if Instant::now() < deadline => {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            Err(error) => {
                tracing::warn!(code = error.code(), %from, "what a move left is not removed yet");
                return false;
            }
        }
    }
}

/// Writes the last image of a body into `out` and gives the rows away: from then on this node never writes them again.
pub(crate) async fn leave(
    node: &Node,
    code: BodyCode,
    out: &Path,
    base: Option<&Path>,
) -> Result<Report, Failure> {
    let body = opened(node, code)?;
    let since = base.map(BackupSet::peek).transpose()?;
    let since = since.map(|(manifest, base)| Since { lineage: manifest.lineage, base });
    let taking = Taking { body: body.clone(), clock: node.clock.clone(), since };
    let writer = ImageWriter::create(out)?;
    let rows = taking.begin().await?.keep_holding();
    let mut sink = Last { files: Files(writer), room: LAST_LOG_MAX };
    // What is refused here goes with the sink, and the body is served on.
    let begun = rows_and_log(&taking, rows, &mut sink).await.map_err(|error| match error {
        TakingError::Sink(None) => too_much(code),
        TakingError::Sink(Some(error)) | TakingError::Image(error) => Failure::from(error),
        TakingError::NotReady(what) => {
            Failure::new(Exit::Unavailable, "NOT_READY", format!("{what} of body {code}: not at hand now"))
        }
    });
    let (signed, manifest, held) = begun?;
    if manifest.changes() > LAST_RECORDS {
        return Err(too_much(code));
    }
    let folder = sink.files.0.finish(&signed)?;
    let held = held.ok_or_else(|| Failure::new(Exit::Other, "NOT_HELD", "writes were not held"))?;
    held.leave().await?;
    tracing::info!(body = %code, "the body's rows were given away");
    let json = json!({
        "left": true, "body": code.as_str(), "backup": folder.to_string_lossy(),
        "records": manifest.records(), "last_number": manifest.journal_span.last,
    });
    let text = format!(
        "body {code} has left this node; its last image is in {}\n\
         next: on the new node: chukei-node backup restore --body {code} --from … of a copy of that folder",
        folder.display(),
    );
    Ok(Report { json, text })
}

fn too_much(code: BodyCode) -> Failure {
    let text = format!(
        "more than {LAST_RECORDS} rows and events of body {code}, or {} MiB of its log, came since the base, and nobody \
         would serve it until they are put in elsewhere: take another incremental backup, --preload it on the new node, \
         and name it as --base",
        LAST_LOG_MAX >> 20
    );
    Failure::new(Exit::Refused, "TOO_MUCH", text)
}

/// Chunks go to a folder, those of the log as long as there is room for them.
struct Last<S> {
    files: S,
    room: usize,
}

impl<S: Sink + Send> Sink for Last<S> {
    /// `None`: there is no more room.
    type Error = Option<S::Error>;

    async fn chunk(&mut self, file: BackupFile, payload: &[u8]) -> Result<(), Self::Error> {
        if file == BackupFile::Journal {
            self.room = self.room.checked_sub(payload.len()).ok_or(None)?;
        }
        self.files.chunk(file, payload).await.map_err(Some)
    }
}

/// Chunks go to a folder.
pub(super) struct Files(pub(super) ImageWriter);

impl Sink for Files {
    type Error = ImageError;

    async fn chunk(&mut self, file: BackupFile, payload: &[u8]) -> Result<(), ImageError> {
        let file = match file {
            BackupFile::Journal => ImageFile::Journal,
            BackupFile::Rows | BackupFile::Manifest => ImageFile::Rows,
        };
        tokio::task::block_in_place(|| self.0.chunk(file, payload)).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts what it takes.
    struct Counted(usize);

    impl Sink for Counted {
        type Error = ImageError;

        async fn chunk(&mut self, _: BackupFile, payload: &[u8]) -> Result<(), ImageError> {
            self.0 += payload.len();
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_last_image_takes_as_much_of_the_log_as_it_has_room_for_and_no_more() {
        let mut last = Last { files: Counted(0), room: 10 };
        for (file, bytes, taken) in
            [(BackupFile::Rows, 20, true), (BackupFile::Journal, 11, false), (BackupFile::Journal, 10, true)]
        {
            let done = last.chunk(file, &vec![0; bytes]).await;
            assert!(matches!((done, taken), (Ok(()), true) | (Err(None), false)), "{bytes} bytes");
        }
        assert_eq!(last.files.0, 30);
    }
}
