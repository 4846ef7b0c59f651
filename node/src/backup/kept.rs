//! A backup of one body into a folder of the node's own host.

use std::path::Path;

use chukei_relay_client::clock::Clock;
use chukei_store::image::{BackupSet, ImageWriter, Manifest};

use crate::backup::image::{Since, Taking, TakingError, rows_and_log};
use crate::backup::moving::Files;
use crate::backup::outcome::{Exit, Failure};
use crate::hosted::sealed_body::SealedBody;

/// Takes a backup into `out`, which is not there yet, building on the one in `base`. What breaks off leaves a folder whose
/// name ends in `.partial`, which is removed where that can be done.
pub(crate) async fn backup(
    body: SealedBody,
    clock: Clock,
    base: Option<&Path>,
    out: &Path,
) -> Result<Manifest, Failure> {
    let since = base.map(BackupSet::peek).transpose()?;
    let since = since.map(|(manifest, base)| Since { lineage: manifest.lineage, base });
    let taking = Taking { body, clock, since };
    let rows = taking.begin().await?;
    let mut sink = Files(ImageWriter::create(out)?);
    let taken = rows_and_log(&taking, rows, &mut sink).await.map_err(|error| match error {
        TakingError::Sink(error) | TakingError::Image(error) => Failure::from(error),
        TakingError::NotReady(what) => {
            Failure::new(Exit::Unavailable, "NOT_READY", format!("{what}: not at hand now, try again"))
        }
    });
    let finished = taken.and_then(|(signed, manifest, _)| {
        tokio::task::block_in_place(|| sink.0.finish(&signed))?;
        Ok(manifest)
    });
    if finished.is_err() {
        let mut partial = out.as_os_str().to_owned();
        partial.push(".partial");
        // What stays is told apart by its name.
        let _ = std::fs::remove_dir_all(partial);
    }
    finished
}
