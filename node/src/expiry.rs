//! Expiry: when a civil day in Japan is over, the day keys of notices and answers that ended with it are
//! destroyed, and then their rows are swept away at leisure.
//!
//! What must hold: what was sealed until a day cannot be opened after it, whatever remains of its rows; the event
//! of the erasure stays, and the stub of each notice.

use std::sync::Arc;
use std::time::Duration;

use chukei_crypto::seal::Purpose;
use chukei_domain::day::day_of;
use chukei_store::{Batch, RowKey, Space};

use crate::access::decision::{Grant, Write, duty_write};
use crate::access::scope::BodyScope;
use crate::app::Node;
use crate::audit::AuditError;
use crate::hosted::HostedBody;
use crate::hosted::notices::NoticeStub;
use crate::hosted::rows::RowError;

/// How often the day is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// Rows removed in one batch.
const SWEEP_ROWS: usize = 500;

#[derive(Debug, thiserror::Error)]
enum ExpiryError {
    #[error("data: {0}")]
    Row(#[from] RowError),
    #[error("log: {0}")]
    Audit(#[from] AuditError),
}

/// Watches the day until the node stops.
pub async fn run(node: Arc<Node>, body: Arc<HostedBody>) {
    let scope = BodyScope::of_duty(body, &node.name);
    let mut done_until = 0;
    while node.sleep(LOOK).await {
        let today = day_of(node.clock.now_ms());
        if today == done_until {
            continue;
        }
        match expire(&node, &scope, today).await {
            Ok(()) => done_until = today,
            Err(error) => tracing::error!(body = %scope.code(), %error, "expiry to be tried again"),
        }
    }
}

async fn expire(node: &Node, scope: &BodyScope, today: u32) -> Result<(), ExpiryError> {
    let grant = duty_write(scope, "expiry");
    for (purpose, day) in scope.body().destroy_days_before(today)? {
        scope.body().audit().erased(scope.actor(), purpose, day, node.clock.now_ms()).await?;
        tracing::info!(body = %scope.code(), purpose, day, "day key destroyed");
    }
    Ok(sweep(&grant, today).await?)
}

/// Removes what can no longer be opened.
async fn sweep(grant: &Grant<Write>, today: u32) -> Result<(), RowError> {
    let body = grant.body();
    let prefix = RowKey::new(Space::Notice).bytes(&[0]);
    let mut after: Option<RowKey> = None;
    loop {
        let rows = body.scan(&prefix, after.as_ref(), SWEEP_ROWS)?;
        for (row, stored) in &rows {
            let stub: NoticeStub = body.open_value(Space::Notice, row, &stored.value)?;
            if stub.expiry_day < today {
                sweep_notice(body, &stub).await?;
            }
        }
        match rows.into_iter().next_back() {
            Some((last, _)) => after = Some(last),
            None => return Ok(()),
        }
    }
}

async fn sweep_notice(body: &HostedBody, stub: &NoticeStub) -> Result<(), RowError> {
    let prefix = HostedBody::targets_prefix(stub.id);
    loop {
        let rows = body.scan(&prefix, None, SWEEP_ROWS)?;
        let content = HostedBody::content_row(stub.id);
        if rows.is_empty() && body.get_row(&content)?.is_none() {
            return Ok(());
        }
        let mut batch = Batch::new().delete(content).delete(HostedBody::outbox_row(stub));
        for (row, _) in rows {
            batch = batch.delete(row);
        }
        body.apply(batch).await?;
    }
}

/// What a purpose is called in events.
fn name(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Copies => "copies",
        Purpose::Notices => "notices",
        Purpose::Answers => "answers",
        Purpose::Audit => "audit",
        Purpose::Exchange => "exchange",
        Purpose::Names => "names",
        Purpose::Search => "search",
    }
}

impl HostedBody {
    /// Destroys every day key of days before `today`, durably, and names what they were for.
    fn destroy_days_before(&self, today: u32) -> Result<Vec<(&'static str, u32)>, RowError> {
        let gone = self.keyring().update(|keys| Ok(keys.destroy_days_before(today)));
        let gone = gone.map_err(|error| RowError::Keyring(error.to_string()))?;
        Ok(gone.into_iter().map(|(purpose, day)| (name(purpose), day)).collect())
    }
}
