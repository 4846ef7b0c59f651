//! `audit verify --backup`: the entries of the log in a chain of backups, where there is no key (R2).
//!
//! What must hold: signatures, hashes and unbroken numbers are what can be seen of ciphertext; that records open and are their
//! leaves is seen once the chain is put back into an empty node, by `audit verify` there.

use std::path::Path;

use chukei_store::image::{BackupSet, ImageError};
use chukei_wire::message::audit::LogFault;
use serde_json::json;

use crate::commands::backup::not_checked;
use crate::failure::{Exit, Failure};
use crate::progress::Progress;
use crate::report::Report;

use super::verify::faulty;

/// Walks the entries of all backups of the chain that ends with the one in `folder`.
pub(super) fn verify(
    folder: &Path,
    identities: &[Vec<u8>],
    show: bool,
) -> Result<(Report, Option<Exit>), Failure> {
    let opened = BackupSet::open(folder, identities);
    let chain = opened.and_then(|opened| opened.chain(identities)).map_err(|error| not_checked(&error))?;
    let last = chain.last().map_or(0, |backup| backup.manifest().journal_span.last);
    let first = chain.first().map_or(1, |backup| backup.manifest().journal_span.first);
    let progress = Progress::records(last, show);
    let mut next = first;
    for backup in &chain {
        for entries in backup.entries().map_err(|error| not_checked(&error))? {
            let entries = match entries {
                Ok(entries) => entries,
                Err(ImageError::Io { path, source }) => {
                    return Err(not_checked(&ImageError::Io { path, source }));
                }
                Err(_) => return Ok(bad(next, first, LogFault::Altered)),
            };
            for entry in entries {
                if entry.seq != next {
                    let fault = if entry.seq < next { LogFault::Duplicated } else { LogFault::Missing };
                    return Ok(bad(next, first, fault));
                }
                next += 1;
            }
            progress.advance_to(next);
        }
    }
    if next != last + 1 {
        return Ok(bad(next, first, LogFault::CutShort));
    }
    let events = next - first;
    let json = json!({
        "verified": true, "events": events, "first_bad": null, "reason": null,
        "first": first, "last": last, "backups": chain.len(),
    });
    let text = format!(
        "控えの操作ログ {events}件({first}番から{last}番)に改ざんと欠落はありません(暗号文の検査)\n\
        次に: 空のノードに復元して chukei audit verify を実行すると、内容と木も検査できます"
    );
    Ok((Report { json, text }, None))
}

fn bad(next: u64, first: u64, fault: LogFault) -> (Report, Option<Exit>) {
    faulty(Some(next), fault, vec![("events", json!(next - first))])
}
