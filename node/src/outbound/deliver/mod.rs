//! Delivery of notices: one task a body, woken by a registration, by time, or by its own retries.
//!
//! What must hold: a notice leaves the outbox only when every target is dealt with and that is durable; a restart
//! in between repeats deliveries that the portal recognises by their id. Waits grow and are jittered.

mod one;

use std::sync::Arc;
use std::time::Duration;

use chukei_domain::day::day_of;
use chukei_domain::register::{FunctionName, Mode};
use chukei_store::{Batch, RowKey, Space};
use chukei_wire::header::Kind;
use chukei_wire::id::NoticeId;
use chukei_wire::result::ResultName;
use tokio::task::JoinSet;

use crate::access::duty;
use crate::access::grant::{Deliver, Grant, Write, duty_deliver, duty_write};
use crate::access::scope::BodyScope;
use crate::app::Node;
use crate::hosted::HostedBody;
use crate::hosted::notices::{NoticeStub, NoticeTarget, Progress, TargetProgress};
use crate::hosted::rows::RowError;
use one::{Delivered, Parcel};

/// Targets dealt with before progress is written.
const CHUNK: u32 = 128;
/// How often the outbox is looked at when nothing wakes the task; a followed clock may have jumped.
const LOOK: Duration = Duration::from_millis(500);
const RETRY_MIN: Duration = Duration::from_millis(200);
const RETRY_MAX: Duration = Duration::from_secs(30);

/// Why a round of deliveries ended early.
#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error("data: {0}")]
    Row(#[from] RowError),
    #[error("log: {0}")]
    Audit(#[from] crate::audit::AuditError),
    #[error("not delivered yet: {0}")]
    NotNow(ResultName),
}

/// Delivers the body's notices until the node stops.
pub async fn run(node: Arc<Node>, body: Arc<HostedBody>) {
    let mut wait = LOOK;
    // When the first entry of the outbox is due, once that is known; nobody else writes there.
    let mut next_ms = 0;
    while !node.is_draining() {
        let woken = tokio::time::timeout(wait, node.next_delivery_wake(body.code())).await.is_ok();
        if !woken && next_ms > node.clock.now_ms() {
            continue;
        }
        wait = match round(&node, &body).await {
            Ok(next) => {
                next_ms = next;
                LOOK
            }
            Err(error) => {
                next_ms = 0;
                tracing::info!(body = %body.code(), %error, "deliveries wait");
                (wait * 2).clamp(RETRY_MIN, RETRY_MAX).mul_f64(jitter())
            }
        };
    }
}

/// Between 0.75 and 1.0, so that many bodies do not retry together.
fn jitter() -> f64 {
    let [byte] = chukei_crypto::random::bytes::<1>().unwrap_or([128]);
    0.75 + f64::from(byte) / 1024.0
}

/// Delivers what is due, oldest publication first; when the next is, Unix milliseconds.
async fn round(node: &Arc<Node>, body: &Arc<HostedBody>) -> Result<u64, RoundError> {
    let scope = BodyScope::of_duty(body.clone(), &node.name);
    loop {
        give_way(node)?;
        let now_ms = node.clock.now_ms();
        let (row, notice) = match first(body, now_ms).await? {
            First::Due(row, notice) => (row, notice),
            First::Later(at_ms) => return Ok(at_ms),
        };
        let write = duty_write(&scope, "notice_delivery");
        let stub = body.notice_stub(&write, notice).await?.ok_or(RowError::Malformed)?;
        if stub.expiry_day >= day_of(now_ms) {
            deliver(node, &scope, &write, &stub).await?;
        }
        body.apply(Batch::new().delete(row)).await?;
    }
}

/// Notices wait while the log's disk has no space for their events (R41).
fn give_way(node: &Node) -> Result<(), RoundError> {
    node.log_disk.admits(Kind::NoticeDelivery).map_err(|_| RoundError::NotNow(ResultName::Overloaded))
}

/// The first entry of the outbox.
enum First {
    Due(RowKey, NoticeId),
    /// At this time, Unix milliseconds; never where there is none.
    Later(u64),
}

async fn first(body: &HostedBody, now_ms: u64) -> Result<First, RowError> {
    let prefix = RowKey::new(Space::Outbox);
    let first = body.scan(&prefix, None, 1).await?.rows.into_iter().next();
    let Some((row, stored)) = first else { return Ok(First::Later(u64::MAX)) };
    let bucket = row.strip(&prefix).and_then(|rest| rest.first_chunk::<8>());
    let due_ms = u64::from_be_bytes(*bucket.ok_or(RowError::Malformed)?);
    if due_ms > now_ms {
        return Ok(First::Later(due_ms));
    }
    let notice = body.open_value(Space::Outbox, &row, &stored.value).await?;
    Ok(First::Due(row, notice))
}

async fn deliver(
    node: &Arc<Node>,
    scope: &BodyScope,
    write: &Grant<Write>,
    stub: &NoticeStub,
) -> Result<(), RoundError> {
    let body = scope.body();
    if duty::enabled(body, FunctionName::Notices, node.clock.now_ms()) == Mode::Off {
        // What was registered before the function was switched off waits.
        return Err(RoundError::NotNow(ResultName::NotPermitted));
    }
    let grant = duty_deliver(scope, "notice_delivery");
    let content = Arc::new(body.notice_content(&grant, stub.id).await?.ok_or(RowError::Malformed)?);
    let mut progress = body.delivery_progress(write, stub.id).await?;
    while progress.next < stub.targets {
        give_way(node)?;
        let targets = body.notice_targets(&grant, stub, progress.next, CHUNK).await?;
        let parcels = targets.into_iter().map(|(ordinal, target, _)| (ordinal, target));
        let dealt = chunk(node, &grant, stub, &content, parcels.collect()).await?;
        progress = finish(node, write, stub, progress, dealt).await?;
    }
    Ok(())
}

type Dealt = Vec<(u32, NoticeTarget, Delivered)>;

/// Delivers to some targets, a bounded number at a time. Ends early where one must be tried again.
async fn chunk(
    node: &Arc<Node>,
    grant: &Grant<Deliver>,
    stub: &NoticeStub,
    content: &Arc<chukei_domain::notice::NoticeContent>,
    targets: Vec<(u32, NoticeTarget)>,
) -> Result<Dealt, RoundError> {
    let body = grant.scope().body();
    let mut waiting = targets.into_iter();
    let mut running = JoinSet::new();
    let mut dealt = Vec::new();
    let mut not_now = None;
    loop {
        while running.len() < node.limits.deliveries && not_now.is_none() {
            let Some((ordinal, target)) = waiting.next() else { break };
            let person = body.person(grant, &target.person.id).await?;
            let parcel = Parcel { stub: stub.clone(), content: content.clone(), target, person };
            let (node, body) = (node.clone(), body.clone());
            running.spawn(async move {
                let outcome = one::deliver(&node, &body, &parcel).await;
                (ordinal, parcel.target, outcome)
            });
        }
        match running.join_next().await {
            None => break,
            Some(Ok((ordinal, target, Ok(delivered)))) => dealt.push((ordinal, target, delivered)),
            Some(Ok((_, _, Err(result)))) => not_now = Some(result),
            Some(Err(_)) => not_now = Some(ResultName::NotReady),
        }
    }
    // What was delivered but not written down is recognised by the portal when it comes again.
    not_now.map_or(Ok(dealt), |result| Err(RoundError::NotNow(result)))
}

async fn finish(
    node: &Node,
    write: &Grant<Write>,
    stub: &NoticeStub,
    before: Progress,
    dealt: Dealt,
) -> Result<Progress, RoundError> {
    let body = write.scope().body();
    let now_ms = node.clock.now_ms();
    // Every one of the chunk is dealt with; who is not among them is erased.
    let next = before.next.saturating_add(CHUNK).min(stub.targets);
    let mut progress = Progress { next, ..before };
    let mut batch = Batch::new();
    let mut answers = Vec::with_capacity(dealt.len());
    for (ordinal, target, delivered) in dealt {
        let ok = delivered.result == ResultName::Registered;
        progress.delivered += u32::from(ok);
        let state = TargetProgress { delivered: ok, read_at_ms: None, answers: Vec::new() };
        batch = body.put_target_progress(batch, stub, ordinal, &target.person, &state).await?;
        answers.push((target.delivery, delivered.result));
    }
    let row = HostedBody::delivery_progress_row(stub.id);
    batch = body.put(batch, Space::Notice, row, HostedBody::STUB, &progress).await?;
    let written = async { Ok::<_, RoundError>(body.apply(batch).await?) };
    let (log, actor) = (body.audit(), write.scope().actor());
    let logged = async { Ok(log.notices_delivered(actor, stub.id, &answers, now_ms).await?) };
    tokio::try_join!(written, logged)?;
    Ok(progress)
}
