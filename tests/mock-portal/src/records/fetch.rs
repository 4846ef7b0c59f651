//! Fetching a page of a person's records from a body.

use std::time::Duration;

use chukei_crypto::binding::Bindings;
use chukei_relay_client::channel::{Channel, read_sealed, write_sealed};
use chukei_relay_client::dial::Dialer;
use chukei_relay_client::session::open_request;
use chukei_wire::body_code::BodyCode;
use chukei_wire::codec;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Header, Hop, Kind, PersonCode};
use chukei_wire::id::RequestId;
use chukei_wire::limits::SEALED_BODY_MAX;
use chukei_wire::message::binding;
use chukei_wire::message::records::{KnownHead, RecordsReply, RecordsRequest};
use chukei_wire::result::ResultName;
use tokio::time::Instant;

use crate::asking::{Broken, TRY_PART, Tried, Try, not_answered, on_channel, repeated};
use crate::core::Core;
use crate::failure::Failure;
use crate::folder::Login;
use crate::storage::person::PersonId;

/// What stays the same over all pages of a body.
pub(super) struct Asked {
    pub(super) person: PersonId,
    pub(super) code: PersonCode,
    pub(super) body: BodyCode,
    pub(super) bindings: Bindings,
    pub(super) login: Login,
}

/// The page that begins with place `from`, under no checkpoint that is smaller than `known`.
pub(super) async fn page(
    core: &Core,
    links: &Dialer,
    asked: &Asked,
    from: u64,
    known: Option<KnownHead>,
) -> Result<RecordsReply, Failure> {
    let whole = Duration::from_millis(u64::from(core.limits.deadline_ms));
    let attempt = move |of: Try| async move { attempt(core, asked, from, known, &of).await };
    repeated(links, Instant::now() + whole, whole / TRY_PART, attempt).await
}

async fn attempt(
    core: &Core,
    asked: &Asked,
    from: u64,
    known: Option<KnownHead>,
    of: &Try,
) -> (Option<RequestId>, Tried<RecordsReply>) {
    let whom = (Kind::PersonRecords, asked.body, &asked.login);
    on_channel(core, of, whom, |channel, header| async move {
        exchange(core, of, asked, &channel, &header, (from, known)).await
    })
    .await
}

async fn exchange(
    core: &Core,
    of: &Try,
    asked: &Asked,
    channel: &Channel,
    header: &Header,
    (from, known): (u64, Option<KnownHead>),
) -> Result<Tried<RecordsReply>, Broken> {
    let hop = Hop { sender_code: Some(asked.code), permit: None, leave: None };
    let mut open = open_request(&of.broker, header, &hop).await?;
    let hash = open.header_hash;
    let request = RecordsRequest { binding_tags: binding::prove(&asked.bindings, hash), from, known };
    write_sealed(&mut open.send, channel.seal_body(hash, None, &codec::encode(&request)?, 0)?).await?;
    open.send.finish().await?;
    match open.read_status().await? {
        Outcome::Answered => {}
        other => return Ok(not_answered(core, channel, other)),
    }
    let raw = read_sealed(&mut open.recv, SEALED_BODY_MAX).await?;
    let opened = channel.open_body(hash, Some(&asked.bindings), &raw)?;
    let reply: RecordsReply = opened.message()?;
    Ok(match (reply.result, opened.bound()) {
        (ResultName::Done, true) => Tried::Ended(Ok(reply)),
        // Not yet, or not as far as was known.
        (ResultName::NotReady, false) => Tried::Again(Duration::ZERO, Failure::refused(reply.result)),
        (ResultName::Done, false) | (_, true) => {
            // What tells of a person is bound to them, and nothing else is (R22).
            core.metrics.alarm("records", &header.request_id);
            channel.stop();
            Tried::Ended(Err(Failure::refused(ResultName::IntegrityFailure)))
        }
        (refused, false) => Tried::Ended(Err(Failure::refused(refused))),
    })
}
