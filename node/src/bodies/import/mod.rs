//! Copy import (副本登録): batches of rows become documents, each batch durable before it is answered.
//!
//! What must hold: one outcome per row, the first rule that applies; the same file again changes nothing; an
//! interrupted import has whole batches or none of them. Rows of one batch are judged in their order.

mod judge;
mod loaded;
mod record_index;

use std::sync::Arc;

use chukei_domain::copy_row::CopyRow;
use chukei_domain::outcome::Refusal;
use chukei_wire::limits::IMPORT_BATCH_ROWS;
use chukei_wire::message::staff::{ImportBatch, RowOutcome};
use chukei_wire::result::ResultName;

use crate::access::grant::{Grant, Write};
use crate::app::Node;
use crate::bodies::batches::{self, counts};
use crate::bodies::call::{Call, CallError, Done};
use judge::Judged;

/// A parsed row, or why it is refused, and whether its record id was accepted earlier in the file.
struct ParsedRow {
    row: Result<CopyRow, Refusal>,
    repeated: bool,
}

/// Serves one import, batch by batch.
pub async fn import(node: &Arc<Node>, grant: Grant<Write>, call: &mut Call) -> Result<Done, CallError> {
    let fits = |batch: &ImportBatch| batch.rows.len() <= IMPORT_BATCH_ROWS;
    batches::serve(node, grant, call, fits, import_batch).await
}

async fn import_batch(
    node: Arc<Node>,
    grant: Arc<Grant<Write>>,
    batch: ImportBatch,
) -> Result<Vec<RowOutcome>, CallError> {
    let body = grant.body();
    let _writing = body.writing().await;
    // Parsing a batch is milliseconds of work without a break: not on the threads that serve requests.
    let (of, held) = (node.clone(), grant.clone());
    let parsed = tokio::task::spawn_blocking(move || parse(&of, &held, batch)).await;
    let parsed = parsed.map_err(|_| CallError::NotNow(ResultName::NotReady))?;
    let Judged { outcomes, batches } = judge::judge(&grant, parsed, node.clock.now_ms()).await?;
    let written = async {
        for batch in batches {
            body.apply(batch).await?;
        }
        Ok::<_, CallError>(())
    };
    let (log, counts, now_ms) = (body.audit(), counts(&outcomes), node.clock.now_ms());
    let logged = async { Ok(log.imported(grant.scope().by(), counts, now_ms).await?) };
    // Rows and event go to the disk side by side; both are there before the batch is answered.
    tokio::try_join!(written, logged)?;
    Ok(outcomes)
}

fn parse(node: &Node, grant: &Grant<Write>, batch: ImportBatch) -> Vec<ParsedRow> {
    let (code, catalogue) = (grant.body().local_code(), node.catalogue(grant.body()));
    let parse = |row: &chukei_wire::message::staff::ImportRow| ParsedRow {
        row: CopyRow::parse(&row.fields, &code, &catalogue),
        repeated: row.repeated,
    };
    batch.rows.iter().map(parse).collect()
}

#[cfg(test)]
mod tests;
