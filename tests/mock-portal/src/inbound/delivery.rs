//! A notice for one person: checked against the person's binding, stored durably, then acknowledged, sealed.
//!
//! What must hold: the person is the broker's code and the body's binding alike, or nothing is stored (R22);
//! the same delivery again is acknowledged and stored once.

use std::collections::HashSet;

use chukei_crypto::binding::BindingSecret;
use chukei_relay_client::channel::read_sealed;
use chukei_relay_client::permit::VerifiedPermit;
use chukei_relay_client::session::AcceptedRequest;
use chukei_wire::body_code::BodyCode;
use chukei_wire::frame::Outcome;
use chukei_wire::id::HeaderHash;
use chukei_wire::limits::NOTICE_CHOICES_MAX;
use chukei_wire::message::binding::{self, NotProven};
use chukei_wire::message::notice::{NoticeDelivery, NoticeReceipt};
use chukei_wire::result::ResultName;

use super::{Ended, channel_of, open, refuse, reply};
use crate::core::Core;
use crate::storage::VaultError;
use crate::storage::notice::{ContentRow, Stored};
use crate::storage::person::PersonId;

/// Longest notice with all its parts, bytes.
const NOTICE_MAX: usize = 512 * 1024;
/// Milliseconds after which a sender may try again where the store did not answer.
const STORE_RETRY_MS: u32 = 1_000;

/// A decision, and the binding its receipt is sealed under where the person is certain.
type Decided = (ResultName, Option<BindingSecret>);

/// Takes one delivery.
pub(super) async fn take(core: &Core, request: &mut AcceptedRequest, permit: &VerifiedPermit) -> Ended {
    let channel = match channel_of(core, request) {
        Ok(channel) => channel,
        Err(outcome) => {
            request.end_with(outcome).await?;
            return Ok(ResultName::NotReady);
        }
    };
    let raw = read_sealed(&mut request.recv, NOTICE_MAX).await?;
    let opened = match open(core, request, &channel, &raw).await? {
        Ok(opened) => opened,
        Err(name) => return Ok(name),
    };
    let Ok(message) = opened.message::<NoticeDelivery>() else {
        return refuse(request, ResultName::BadFormat).await;
    };
    let body = channel.scope().body;
    let (result, binding) = match decide(core, body, permit, request.header_hash, &message).await {
        Ok(decided) => decided,
        Err(error) => return put_off(core, request, &error).await,
    };
    let receipt = NoticeReceipt { result, delivery: message.delivery };
    reply(core, request, &channel, binding.as_ref(), &receipt).await?;
    if result == ResultName::SubjectMismatch {
        core.metrics.alarm("subject_mismatch", &request.header.request_id);
        channel.stop();
    }
    Ok(result)
}

async fn put_off(core: &Core, request: &mut AcceptedRequest, error: &VaultError) -> Ended {
    // Logged and, where it is a mismatch, alarmed there.
    core.store_failed(error);
    let name = ResultName::NotReady;
    request.end_with(Outcome::RetryAfter(name, STORE_RETRY_MS)).await?;
    Ok(name)
}

async fn decide(
    core: &Core,
    body: BodyCode,
    permit: &VerifiedPermit,
    header: HeaderHash,
    message: &NoticeDelivery,
) -> Result<Decided, VaultError> {
    let Some(row) = core.vault.person_by_codes(permit.codes()).await? else {
        return Ok((ResultName::NotFound, None));
    };
    let Ok(bindings) = core.registry.bindings(row.person, body) else {
        return Ok((ResultName::NotReady, None));
    };
    let binding = match binding::verify(&bindings, &message.binding_tags, header) {
        Ok(binding) => binding.clone(),
        Err(NotProven::Mismatch(_)) => return Ok((ResultName::SubjectMismatch, None)),
        // The body was left behind by a rotation; it has to enrol the person with a newer number.
        Err(NotProven::NoCommonVersion) => return Ok((ResultName::CodeNotAcquired, None)),
        Err(NotProven::Malformed) => return Ok((ResultName::BadFormat, None)),
    };
    let result = store(core, body, row.person, message).await?;
    Ok((result, Some(binding)))
}

async fn store(
    core: &Core,
    body: BodyCode,
    person: PersonId,
    message: &NoticeDelivery,
) -> Result<ResultName, VaultError> {
    let ids: HashSet<&str> = message.choices.iter().map(|choice| choice.id.as_str()).collect();
    if ids.len() != message.choices.len() || ids.len() > NOTICE_CHOICES_MAX {
        return Ok(ResultName::BadFormat);
    }
    let today = core.today();
    if message.expiry_day > today.saturating_add(core.limits.retention_days) {
        return Ok(ResultName::BadRetention);
    }
    let Some(_admitted) = core.vault.admit_day(message.expiry_day, today).await? else {
        return Ok(ResultName::Expired);
    };
    let content = ContentRow {
        body,
        notice: message.notice,
        delivery: message.delivery,
        title: message.title.clone(),
        text: message.text.clone(),
        choices: message.choices.clone(),
        publish_at_ms: message.publish_at_ms,
        expiry_day: message.expiry_day,
    };
    Ok(match core.vault.store_notice(person, &content).await? {
        Stored::New | Stored::Before => ResultName::Registered,
        Stored::Taken => ResultName::NotPermitted,
    })
}
