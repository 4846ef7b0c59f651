//! The rewrite at leisure: rows that stand under old numbers are sealed again, and then the numbers are retired.
//!
//! What must hold: a row that changes meanwhile keeps its change; requests go first; a stop or a crash loses nothing,
//! because what is asked for stands in the store until it is done, and a row is under one number or the other. A
//! number is retired when a whole pass found nothing under it, and no batch that was sealed before the pass can still
//! come. The log keeps its numbers: the journal is never rewritten.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chukei_crypto::keyring::Keyring;
use chukei_crypto::seal::{Purpose, SealError};
use chukei_domain::event::Event;
use chukei_store::partition::MAX_SCAN_ROWS;
use chukei_store::{Batch, RowKey, Space, StoreError, Versioned};
use tokio::sync::Notify;

use crate::access::scope::BodyScope;
use crate::app::Node;
use crate::audit::AuditError;
use crate::hosted::HostedBody;
use crate::hosted::rows::{RowError, SealedFor};
use crate::rotation::{blocking, purpose_name};
use crate::telemetry::duty::Duty;

/// Rows looked at under one hold of the body's writers.
const ROWS: usize = 64;
/// Pause after a failed pass, and the shortest after a batch.
const RETRY: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(2);
/// From the end of a pass to the end of its numbers: rows that were read before it are long opened by then.
const GRACE: Duration = Duration::from_secs(2);

/// The rewrite of one body.
#[derive(Debug, Default)]
pub struct Rewriting {
    running: AtomicBool,
    rewritten: AtomicU64,
    wake: Notify,
}

impl Rewriting {
    /// Whether it is asked for and not done.
    pub fn is_running(&self) -> bool {
        self.running.load(Ordering::Acquire)
    }

    /// Rows sealed again since the process started.
    pub fn rewritten(&self) -> u64 {
        self.rewritten.load(Ordering::Relaxed)
    }
}

#[derive(Debug, thiserror::Error)]
enum RewriteError {
    #[error("data: {0}")]
    Row(#[from] RowError),
    #[error("log: {0}")]
    Audit(#[from] AuditError),
    #[error("the node stops")]
    Stopping,
}

impl HostedBody {
    const ASKED: SealedFor = SealedFor { purpose: Purpose::Names, day: 0, person: None };

    fn asked_row() -> RowKey {
        RowKey::new(Space::Meta).bytes(b"rewrite")
    }

    /// Asks for a rewrite; durable before it returns.
    pub(crate) async fn ask_for_rewrite(&self) -> Result<(), RowError> {
        let batch = self.put(Batch::new(), Space::Meta, Self::asked_row(), Self::ASKED, &1_u8).await?;
        self.apply(batch).await?;
        self.rewriting().running.store(true, Ordering::Release);
        self.rewriting().wake.notify_one();
        Ok(())
    }
}

/// Rewrites whenever it is asked for, until the node stops. What a stop left undone goes on.
pub async fn run(node: Arc<Node>, body: Arc<HostedBody>) {
    let scope = BodyScope::of_duty(body.clone(), &node.name);
    let mut stopping = node.stopping();
    let mut duty = Duty::new("rewrite", body.code(), &node.metrics);
    loop {
        match attend(&node, &scope).await {
            Ok(()) => {
                duty.done();
                tokio::select! {
                    () = body.rewriting().wake.notified() => {}
                    _ = stopping.wait_for(|stop| *stop) => return,
                }
            }
            Err(RewriteError::Stopping) => return,
            Err(error) => {
                duty.failed(&error);
                if !node.sleep(RETRY).await {
                    return;
                }
            }
        }
    }
}

/// One pass for what is asked; asked again meanwhile, it is asked still.
async fn attend(node: &Node, scope: &BodyScope) -> Result<(), RewriteError> {
    let body = scope.body();
    loop {
        let row = HostedBody::asked_row();
        let Some(asked) = body.get_row(&row).await? else {
            body.rewriting().running.store(false, Ordering::Release);
            return Ok(());
        };
        body.rewriting().running.store(true, Ordering::Release);
        let Passed { rewritten, stuck } = pass(node, scope).await?;
        tracing::info!(body = %body.code(), rewritten, stuck, "rewritten");
        match body.apply(Batch::new().require_version(row.clone(), asked.version).delete(row)).await {
            Ok(()) | Err(RowError::Store(StoreError::Conflict)) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[derive(Default)]
struct Passed {
    rewritten: u64,
    /// Rows that do not open: they keep their numbers from being retired.
    stuck: u64,
}

/// One look at every row, and the retirement of what it leaves unused.
async fn pass(node: &Node, scope: &BodyScope) -> Result<Passed, RewriteError> {
    let body = scope.body();
    let newest = Newest::of(&body.keys());
    // From here on every batch is sealed under these numbers or newer ones; a write of nothing, durable behind those
    // before it, says that they are in the store.
    body.applied().await;
    body.apply(Batch::new().delete(RowKey::new(Space::Meta).bytes(b"rewrite-order"))).await?;
    let mut passed = Passed::default();
    for space in Space::ALL {
        let mut after = None;
        loop {
            let begun = Instant::now();
            let step = step(body, *space, after.as_ref()).await?;
            passed.rewritten += step.rewritten;
            passed.stuck += step.stuck;
            body.rewriting().rewritten.fetch_add(step.rewritten, Ordering::Relaxed);
            match step.next {
                Some(next) => after = Some(next),
                None => break,
            }
            yield_to_traffic(node, begun.elapsed()).await?;
        }
    }
    if passed.stuck > 0 {
        node.metrics.alarm("rewrite", &"-");
        tracing::error!(body = %body.code(), rows = passed.stuck, "rows do not open: their key numbers stay");
        return Ok(passed);
    }
    if !node.sleep(GRACE).await {
        return Err(RewriteError::Stopping);
    }
    retire(node, scope, newest).await?;
    Ok(passed)
}

/// As long as the batch took, and four times as long where requests are in work.
async fn yield_to_traffic(node: &Node, took: Duration) -> Result<(), RewriteError> {
    let weight = if node.metrics.in_flight.get() > 0 { 4 } else { 1 };
    let pause = took.saturating_mul(weight).max(PAUSE);
    if node.sleep(pause).await { Ok(()) } else { Err(RewriteError::Stopping) }
}

#[derive(Default)]
pub(super) struct Step {
    pub(super) rewritten: u64,
    pub(super) stuck: u64,
    /// Behind which row the next step goes on; absent at the end of the space.
    pub(super) next: Option<RowKey>,
}

/// Some rows of a space, sealed again under the versions that they were read in.
pub(super) async fn step(body: &HostedBody, space: Space, after: Option<&RowKey>) -> Result<Step, RowError> {
    let _writing = body.writing().await;
    let rows = body.scan(&RowKey::new(space), after, ROWS).await?;
    let mut step = Step { next: rows.next(), ..Step::default() };
    let mut batch = Batch::new();
    for (row, stored) in &rows.rows {
        match body.renewed(row, &stored.value).await {
            Ok(None) => {}
            Ok(Some(renewed)) => {
                batch = batch.require_version(row.clone(), stored.version).put(row.clone(), renewed);
                step.rewritten += 1;
            }
            // Erased by its key: nothing opens it, whatever becomes of the number.
            Err(RowError::Seal(SealError::KeyDestroyed)) => {}
            Err(error @ (RowError::Shut(_) | RowError::Store(_))) => return Err(error),
            Err(_) => step.stuck += 1,
        }
    }
    if !batch.is_empty() {
        body.apply(batch).await?;
    }
    Ok(step)
}

/// Standing numbers and page keys older than those of `newest` go, with an event each.
async fn retire(node: &Node, scope: &BodyScope, newest: Newest) -> Result<(), RewriteError> {
    let body = scope.body();
    // Whoever read rows in order to change them has written them now.
    let writing = body.writing().await;
    let retired = blocking(body, move |body| {
        let retired = body.keyring().update(|keys| Ok(newest.retire_older(keys)))?;
        body.forget_old_pages();
        Ok(retired)
    })
    .await?;
    drop(writing);
    for (purpose, number) in retired {
        tracing::info!(body = %body.code(), purpose, number, "standing key retired");
        let event = Event::KeyRetired { purpose: purpose.to_owned(), number };
        body.audit().keys_changed(scope.by(), "keys_rewrite", event, node.clock.now_ms()).await?;
    }
    Ok(())
}

/// The newest numbers at the beginning of a pass. Numbers and no keys: a pass may take hours.
pub(super) struct Newest {
    purposes: Vec<(Purpose, u32)>,
    pages: BTreeMap<u32, u32>,
}

impl Newest {
    pub(super) fn of(keys: &Keyring) -> Self {
        let last = |purpose| Some((purpose, *keys.day_numbers(purpose, 0).last()?));
        let last_of_page = |page| Some((page, *keys.page_numbers(page).last()?));
        Self {
            purposes: rewritten_purposes().filter_map(last).collect(),
            pages: keys.pages().into_iter().filter_map(last_of_page).collect(),
        }
    }

    /// Destroys what is older, and names it.
    pub(super) fn retire_older(&self, keys: &mut Keyring) -> Vec<(&'static str, u32)> {
        let mut retired = Vec::new();
        for (purpose, last) in &self.purposes {
            for number in keys.day_numbers(*purpose, 0).into_iter().filter(|number| number < last) {
                if keys.retire(*purpose, number) == Ok(true) {
                    retired.push((purpose_name(*purpose), number));
                }
            }
        }
        // A page that was given a newer key since keeps its older ones until the next pass.
        let settled = self.pages.iter().filter(|(page, last)| keys.page_numbers(**page).last() == Some(last));
        let settled: Vec<u32> = settled.map(|(page, _)| *page).collect();
        let pages: usize = settled.into_iter().map(|page| keys.retire_page(page)).sum();
        if pages > 0 {
            retired.push(("pages", u32::try_from(pages).unwrap_or(u32::MAX)));
        }
        retired
    }
}

/// Every purpose whose values stand in rows; those of the log stand in the journal.
fn rewritten_purposes() -> impl Iterator<Item = Purpose> {
    Purpose::ALL.into_iter().filter(|purpose| *purpose != Purpose::Audit)
}

/// Rows under old numbers. Looks at every row, where there are old numbers at all.
pub(super) async fn count_outdated(body: &HostedBody) -> Result<u64, RowError> {
    let keys = body.keys();
    let several = |numbers: Vec<u32>| numbers.len() > 1;
    let old = rewritten_purposes().any(|purpose| several(keys.day_numbers(purpose, 0)))
        || keys.pages().into_iter().any(|page| several(keys.page_numbers(page)));
    if !old {
        return Ok(0);
    }
    let mut outdated = 0;
    for space in Space::ALL {
        let mut after = None;
        loop {
            let rows = body.scan(&RowKey::new(*space), after.as_ref(), MAX_SCAN_ROWS).await?;
            let is_old =
                |(row, stored): &&(RowKey, Versioned)| body.is_outdated(row, &stored.value).unwrap_or(true);
            outdated += rows.rows.iter().filter(is_old).count() as u64;
            match rows.next() {
                Some(next) => after = Some(next),
                None => break,
            }
            tokio::task::yield_now().await;
        }
    }
    Ok(outdated)
}
