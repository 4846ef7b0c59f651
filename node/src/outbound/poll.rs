//! Read states and answers, pulled from the portal (状況確認依頼): by the clock, and when staff ask.

use std::sync::Arc;
use std::time::Duration;

use chukei_domain::day::day_of;
use chukei_store::{Batch, RowKey, Space};
use chukei_wire::header::Kind;
use chukei_wire::id::{DeliveryId, HeaderHash};
use chukei_wire::message::notice::{DeliveryState, NoticeStatusPage, NoticeStatusRequest};
use chukei_wire::result::ResultName;

use crate::access::grant::{Grant, Write, duty_write};
use crate::access::scope::BodyScope;
use crate::app::Node;
use crate::hosted::HostedBody;
use crate::hosted::notices::{NoticeStub, TargetProgress};
use crate::hosted::rows::RowError;
use crate::outbound::portal::{Outgoing, PortalError, ask};

/// How long staff wait for news before they are shown what is known.
const NEWS_WAIT: Duration = Duration::from_secs(5);
/// Stubs looked at in one step of a round.
const STUBS: usize = 200;

#[derive(Debug, thiserror::Error)]
enum PollError {
    #[error("portal: {0}")]
    Portal(#[from] PortalError),
    #[error("data: {0}")]
    Row(#[from] RowError),
    #[error("log: {0}")]
    Audit(#[from] crate::audit::AuditError),
    #[error("the portal's answer is malformed")]
    Malformed,
}

/// Polls the body's open notices until the node stops.
pub async fn run(node: Arc<Node>, body: Arc<HostedBody>) {
    let interval = Duration::from_secs(node.limits.notice_poll_seconds);
    let scope = BodyScope::of_duty(body, &node.name);
    while node.sleep(interval).await {
        if node.log_disk.admits(Kind::NoticeStatus).is_err() {
            continue;
        }
        if let Err(error) = round(&node, &scope).await {
            tracing::info!(body = %scope.code(), %error, "notice states not pulled");
        }
    }
}

/// Pulls one notice's states now, within a bounded time; what fails is tried again by the clock.
pub async fn refresh(node: &Node, scope: &BodyScope, stub: &NoticeStub) {
    let duty = BodyScope::of_duty(scope.body().clone(), &node.name);
    let grant = duty_write(&duty, "notice_poll");
    match tokio::time::timeout(NEWS_WAIT, pull(node, &grant, stub)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::info!(notice = %stub.id, %error, "no news from the portal"),
        Err(_) => tracing::info!(notice = %stub.id, "no news from the portal in time"),
    }
}

async fn round(node: &Node, scope: &BodyScope) -> Result<(), PollError> {
    let body = scope.body();
    // Whoever registers one meanwhile is heard after this.
    if !body.may_have_open_notices() {
        return Ok(());
    }
    body.note_open_notices(false);
    let pulled = pull_all(node, scope).await;
    if !matches!(pulled, Ok(false)) {
        body.note_open_notices(true);
    }
    pulled.map(|_| ())
}

/// Pulls every open notice; tells whether there is one.
async fn pull_all(node: &Node, scope: &BodyScope) -> Result<bool, PollError> {
    let body = scope.body();
    let prefix = RowKey::new(Space::Notice).bytes(&[0]);
    let mut after: Option<RowKey> = None;
    let mut open = false;
    loop {
        let rows = body.scan(&prefix, after.as_ref(), STUBS).await?;
        let today = day_of(node.clock.now_ms());
        for (row, stored) in &rows.rows {
            let stub: NoticeStub = body.open_value(Space::Notice, row, &stored.value).await?;
            let grant = duty_write(scope, "notice_poll");
            if stub.expiry_day < today {
                continue;
            }
            open = true;
            if body.delivery_progress(&grant, stub.id).await?.delivered > 0 {
                pull(node, &grant, &stub).await?;
            }
        }
        match rows.next() {
            Some(next) => after = Some(next),
            None => return Ok(open),
        }
    }
}

async fn pull(node: &Node, grant: &Grant<Write>, stub: &NoticeStub) -> Result<(), PollError> {
    let mut after: Option<DeliveryId> = None;
    let mut changed = 0;
    // Every page but the last moves on, and there are no more deliveries than targets.
    for _ in 0..=stub.targets {
        let page = page(node, grant.body(), stub, after).await?;
        if page.result != ResultName::Done {
            break;
        }
        changed += keep(grant, stub, &page.states).await?;
        let last = page
            .states
            .last()
            .map(|state| state.delivery)
            .filter(|last| after.is_none_or(|prev| *last > prev));
        match (page.more, last) {
            (true, Some(last)) => after = Some(last),
            (true, None) => return Err(PollError::Malformed),
            (false, _) => break,
        }
    }
    if changed > 0 {
        let actor = grant.scope().actor();
        grant.body().audit().notice_polled(actor, stub.id, changed, node.clock.now_ms()).await?;
    }
    Ok(())
}

async fn page(
    node: &Node,
    body: &HostedBody,
    stub: &NoticeStub,
    after: Option<DeliveryId>,
) -> Result<NoticeStatusPage, PollError> {
    let message = |_: HeaderHash| NoticeStatusRequest { notice: stub.id, after };
    let outgoing = Outgoing {
        kind: Kind::NoticeStatus,
        affair: Some(stub.affair.clone()),
        person: None,
        idempotency_key: None,
        message: &message,
        bindings: None,
    };
    let page: NoticeStatusPage =
        ask(node, body, outgoing).await?.message().map_err(|_| PollError::Malformed)?;
    if page.states.len() > NoticeStatusPage::LIMIT { Err(PollError::Malformed) } else { Ok(page) }
}

/// Keeps what is new of a page; how many targets it changed.
async fn keep(grant: &Grant<Write>, stub: &NoticeStub, states: &[DeliveryState]) -> Result<u32, PollError> {
    let body = grant.body();
    let _writing = body.writing().await;
    let mut batch = Batch::new();
    let mut changed = 0;
    for state in states {
        let [a, b, c, d, ..] = state.delivery.0;
        let ordinal = u32::from_be_bytes([a, b, c, d]);
        let stored = body.notice_targets(grant, stub, ordinal, 1).await?;
        if stored.is_empty() && ordinal < stub.targets {
            // Erased since it was delivered.
            continue;
        }
        let known = stored.into_iter().find(|(_, target, _)| target.delivery == state.delivery);
        let Some((_, target, before)) = known else { return Err(PollError::Malformed) };
        let now =
            TargetProgress { delivered: true, read_at_ms: state.read_at_ms, answers: state.answers.clone() };
        if before.as_ref() != Some(&now) {
            batch = body.put_target_progress(batch, stub, ordinal, &target.person, &now).await?;
            changed += 1;
        }
    }
    if !batch.is_empty() {
        body.apply(batch).await?;
    }
    Ok(changed)
}
