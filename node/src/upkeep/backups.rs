//! `upkeep-backup` and `upkeep-verify`: images of a body's sealed rows and log in the node's own folder.

use std::path::PathBuf;
use std::sync::Arc;

use chukei_store::image::{BackupSet, check_chain};
use chukei_wire::message::upkeep::{UpkeepBackup, UpkeepVerify};
use serde_json::json;

use crate::app::Node;
use crate::backup::kept;
use crate::backup::outcome::{Exit, Failure, Report};
use crate::bodies::call::{Call, CallError, Done};
use crate::upkeep::folder::{name_of, no_such};
use crate::upkeep::{UpkeepGrant, answer};

/// Takes a backup of the scope's body.
pub(super) async fn create(
    node: &Arc<Node>,
    grant: &UpkeepGrant,
    call: &mut Call,
) -> Result<Done, CallError> {
    let asked: UpkeepBackup = call.request().await?;
    let begun = (|| {
        let sealed = grant.scope().sealed()?;
        let (desk, code) = (node.desk()?, sealed.code());
        let folder = desk.backups()?;
        let base = asked.base.map(|base| folder.existing(code, &base)).transpose()?;
        let out = folder.fresh(code, node.clock.now_ms())?;
        Ok((desk.turn(code)?, sealed, base, out))
    })();
    let clock = node.clock.clone();
    match begun {
        Ok((turn, sealed, base, out)) => {
            let work = |_| async move {
                let _turn = turn;
                let manifest = kept::backup(sealed, clock, base.as_deref(), &out).await?;
                let json = json!({
                    "backup": name_of(&out),
                    "body": manifest.body,
                    "incremental": manifest.base.is_some(),
                    "records": manifest.records(),
                    "bytes": manifest.payload_bytes(),
                    "last_number": manifest.journal_span.last,
                    "pause_us": manifest.pause_us,
                });
                let text = format!(
                    "backup {} of body {}: {} records, log up to {}\n\
                     next: verify it, and copy it to another machine; the keyring is backed up apart",
                    name_of(&out),
                    manifest.body,
                    manifest.records(),
                    manifest.journal_span.last,
                );
                Ok(Report { json, text })
            };
            answer::carry_out(node, call, work).await
        }
        Err(failure) => answer::end(call, Err(failure)).await,
    }
}

/// Checks a backup of the scope's body, with all that it builds on. No key is needed.
pub(super) async fn verify(
    node: &Arc<Node>,
    grant: &UpkeepGrant,
    call: &mut Call,
) -> Result<Done, CallError> {
    let asked: UpkeepVerify = call.request().await?;
    let begun = (|| {
        let code = grant.scope().hosted()?;
        let path = node.desk()?.backups()?.existing(code, &asked.backup)?;
        let peers = node.peers();
        let listed = peers.body(&code).ok_or_else(no_such)?;
        let identities: Vec<Vec<u8>> = listed.identities.iter().map(<[u8]>::to_vec).collect();
        Ok((code.to_string(), path, identities))
    })();
    match begun {
        Ok((code, path, identities)) => {
            let work = |_| async move {
                let checking = tokio::task::spawn_blocking(move || checked(&code, path, &identities));
                checking.await.unwrap_or_else(|_| {
                    Err(Failure::new(Exit::Other, "BROKE_OFF", "the check broke off: run it again"))
                })
            };
            answer::carry_out(node, call, work).await
        }
        Err(failure) => answer::end(call, Err(failure)).await,
    }
}

fn checked(code: &str, path: PathBuf, identities: &[Vec<u8>]) -> Result<Report, Failure> {
    let backup = BackupSet::open(&path, identities)?;
    if backup.manifest().body != code {
        return Err(no_such());
    }
    let chain = backup.chain(identities)?;
    let checked = check_chain(&chain, &mut |_| ())?;
    let json = json!({
        "verified": true, "body": code, "backup": name_of(&path), "backups": checked.backups,
        "records": checked.records, "entries": checked.entries, "bytes": checked.bytes,
    });
    let text = format!(
        "backup {} of body {code} is whole: {} records from {} backups",
        name_of(&path),
        checked.records,
        checked.backups,
    );
    Ok(Report { json, text })
}
