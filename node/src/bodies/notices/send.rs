//! Registration of a notice: wholly, or not at all, and once per idempotency key.
//!
//! Targets are written first, in bounded batches that nothing leads to yet; the last batch writes the stub, the
//! content and the outbox entry together. A registration that broke off is completed by its repetition, because
//! the key decides the notice's id and so every row.

use std::sync::Arc;

use chukei_crypto::seal::Purpose;
use chukei_domain::codes::AddresseeNumber;
use chukei_domain::notice::{Choice, NoticeDraft as Draft, NoticeLimits, ValidNotice};
use chukei_store::{Batch, RowKey, Space};
use chukei_wire::limits::{NOTICE_TARGET_BATCH, NOTICE_TARGETS_MAX};
use chukei_wire::message::staff::{NoticeDraft, NoticeSendReply, NoticeTargets};
use chukei_wire::result::ResultName;

use crate::access::asked::Learnt;
use crate::access::grant::{Grant, Write};
use crate::app::Node;
use crate::bodies::call::{Call, CallError, Done};
use crate::hosted::HostedBody;
use crate::hosted::notices::{NoticeStub, NoticeTarget};
use crate::hosted::persons::PersonRef;
use crate::hosted::rows::{RowError, SealedFor};

/// Targets resolved and written at once.
const TARGET_BATCH: usize = 1_000;

/// Registers a notice.
pub async fn send(node: &Arc<Node>, grant: Grant<Write>, call: &mut Call) -> Result<Done, CallError> {
    let draft: NoticeDraft = call.request().await?;
    node.room(grant.body().code())?;
    let limits =
        NoticeLimits { retention_days_max: node.limits.notice_retention_days, ..NoticeLimits::default() };
    let now_ms = node.clock.now_ms();
    let draft = as_draft(draft);
    let valid = draft.validate(&node.catalogue(grant.body()), grant.body().affairs(), &limits, now_ms)?;
    // Decided for one affair, sent for it.
    if call.header.affair.as_deref() != Some(draft.affair.as_str()) {
        return Err(CallError::Refused(ResultName::BadFormat));
    }
    let targets = receive_targets(call, valid.targets()).await?;
    grant.learn(Learnt { reaches: &targets, ..Learnt::default() })?;
    let (of, grant) = (node.clone(), Arc::new(grant));
    let held = grant.clone();
    let work = async move { register(&of, &held, &draft, valid, targets, now_ms).await };
    let stub = node.admit_batch(call, work).await?;
    node.wake_deliveries(grant.body().code());
    call.reply(&NoticeSendReply { notice: stub.id, targets: stub.targets, result: ResultName::Registered })
        .await?;
    Ok(Done { result: ResultName::Registered, count: u64::from(stub.targets) })
}

fn as_draft(draft: NoticeDraft) -> Draft {
    let choices =
        draft.choices.into_iter().map(|choice| Choice { id: choice.id, label: choice.label }).collect();
    Draft {
        idempotency_key: draft.idempotency_key,
        affair: draft.affair,
        title: draft.title,
        body: draft.body,
        choices,
        attachments: draft.attachments,
        publish_at_ms: draft.publish_at_ms,
        retention_days: draft.retention_days,
        targets: draft.targets,
    }
}

async fn receive_targets(call: &mut Call, expected: u32) -> Result<Vec<AddresseeNumber>, CallError> {
    let bad = CallError::Refused(ResultName::BadFormat);
    let expected = usize::try_from(expected).unwrap_or(usize::MAX).min(NOTICE_TARGETS_MAX);
    let mut targets: Vec<AddresseeNumber> = Vec::with_capacity(expected);
    while let Some(batch) = call.next::<NoticeTargets>().await? {
        if batch.targets.len() > NOTICE_TARGET_BATCH || targets.len() + batch.targets.len() > expected {
            return Err(bad);
        }
        for target in &batch.targets {
            if chukei_domain::individual_number::find(target) {
                return Err(CallError::Refused(ResultName::ForbiddenIdentifier));
            }
            targets.push(target.parse().map_err(|_| CallError::Refused(ResultName::BadFormat))?);
        }
    }
    // One notice to one person, once: a repeated target would be two deliveries.
    let distinct: std::collections::HashSet<&AddresseeNumber> = targets.iter().collect();
    if targets.len() == expected && distinct.len() == targets.len() { Ok(targets) } else { Err(bad) }
}

async fn register(
    node: &Node,
    grant: &Grant<Write>,
    draft: &Draft,
    valid: ValidNotice,
    targets: Vec<AddresseeNumber>,
    now_ms: u64,
) -> Result<NoticeStub, CallError> {
    let body = grant.body();
    let _writing = body.writing().await;
    let content = valid.content();
    let stub = NoticeStub {
        id: body.notice_id(&draft.idempotency_key),
        affair: content.affair.to_string(),
        targets: valid.targets(),
        publish_at_ms: content.publish_at_ms,
        expiry_day: content.expiry_day,
        fingerprint: fingerprint(body, draft, &targets),
    };
    if let Some(known) = body.notice_stub(grant, stub.id).await? {
        // Same key, same content: the same notice. Same key, other content: refused, nothing changed.
        let same = known.fingerprint == stub.fingerprint;
        return if same { Ok(known) } else { Err(CallError::Refused(ResultName::DuplicateRecordId)) };
    }
    body.ensure_days(&[Purpose::Notices, Purpose::Answers], stub.expiry_day)?;
    let batch = write_targets(body, &stub, &targets).await?;
    let mut batch = batch.require_absent(HostedBody::stub_row(stub.id));
    batch = body.put(batch, Space::Notice, HostedBody::stub_row(stub.id), HostedBody::STUB, &stub).await?;
    let seal = SealedFor::until(Purpose::Notices, stub.expiry_day, None);
    batch = body.put(batch, Space::Notice, HostedBody::content_row(stub.id), seal, content).await?;
    batch = body.put(batch, Space::Outbox, HostedBody::outbox_row(&stub), HostedBody::STUB, &stub.id).await?;
    batch = body.put_expiry(batch, &stub).await?;
    let written = async { Ok::<_, CallError>(body.apply(batch).await?) };
    let (log, by) = (body.audit(), grant.scope().by());
    let logged = async { Ok(log.notice_registered(by, &stub, now_ms).await?) };
    tokio::try_join!(written, logged)?;
    body.note_open_notices(true);
    tracing::info!(notice = %stub.id, targets = stub.targets, node = %node.name, "notice registered");
    Ok(stub)
}

/// Writes all targets but those of the last part, whose writes go with the returned batch.
async fn write_targets(
    body: &HostedBody,
    stub: &NoticeStub,
    targets: &[AddresseeNumber],
) -> Result<Batch, CallError> {
    let mut ordinal = 0_u32;
    let mut batch = Batch::new();
    for part in targets.chunks(TARGET_BATCH) {
        if !batch.is_empty() {
            body.apply(std::mem::take(&mut batch)).await?;
        }
        let persons = resolve(body, part).await?;
        for (addressee, person) in part.iter().zip(persons) {
            let delivery = body.delivery_id(stub.id, ordinal);
            let target = NoticeTarget { person, addressee: addressee.as_str().to_owned(), delivery };
            batch = body.put_target(batch, stub, ordinal, &target).await?;
            ordinal += 1;
        }
    }
    Ok(batch)
}

/// Every target must be enrolled; otherwise the notice is refused as a whole.
async fn resolve(body: &HostedBody, part: &[AddresseeNumber]) -> Result<Vec<PersonRef>, CallError> {
    let rows: Vec<RowKey> = part.iter().map(|addressee| body.addressee_row(addressee)).collect();
    let found = body.resolve(Space::PersonByAddressee, &rows).await.map_err(CallError::from)?;
    found.into_iter().map(|person| person.ok_or(CallError::Refused(ResultName::NotFound))).collect()
}

fn fingerprint(body: &HostedBody, draft: &Draft, targets: &[AddresseeNumber]) -> [u8; 32] {
    let choices: Vec<[&[u8]; 2]> =
        draft.choices.iter().map(|choice| [choice.id.as_bytes(), choice.label.as_bytes()]).collect();
    let publish = draft.publish_at_ms.map(u64::to_be_bytes);
    let (retention, count) = (draft.retention_days.to_be_bytes(), (choices.len() as u64).to_be_bytes());
    let mut parts: Vec<&[u8]> = vec![b"fingerprint", draft.affair.as_bytes(), draft.title.as_bytes()];
    parts.extend([draft.body.as_bytes(), &retention, publish.as_ref().map_or(&[][..], |bytes| bytes)]);
    parts.push(&count);
    parts.extend(choices.iter().flatten());
    parts.extend(targets.iter().map(|target| target.as_str().as_bytes()));
    body.keys().naming().name(Space::Notice.code(), &parts)
}

impl HostedBody {
    /// Makes sure that values until `day` can be sealed; durable before it returns.
    fn ensure_days(&self, purposes: &[Purpose], day: u32) -> Result<(), RowError> {
        for purpose in purposes {
            let made = self.keyring().ensure_day_key(*purpose, day);
            made.map_err(|error| RowError::Keyring(error.to_string()))?;
        }
        Ok(())
    }
}
