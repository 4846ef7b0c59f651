//! States and answers of a body's own notice, a page at a time (状況確認依頼).

use chukei_relay_client::channel::read_sealed;
use chukei_relay_client::session::AcceptedRequest;
use chukei_wire::body_code::BodyCode;
use chukei_wire::message::notice::{DeliveryState, NoticeStatusPage, NoticeStatusRequest};
use chukei_wire::result::ResultName;

use super::{Ended, channel_of, open, refuse, reply};
use crate::core::Core;
use crate::storage::VaultError;

/// States in one page: what one scan of the store gives.
const PAGE: usize = 1_000;
/// Longest request, bytes.
const REQUEST_MAX: usize = 1_024;

const _: () = assert!(PAGE <= NoticeStatusPage::LIMIT);

/// Answers one query.
pub(super) async fn report(core: &Core, request: &mut AcceptedRequest) -> Ended {
    let channel = match channel_of(core, request) {
        Ok(channel) => channel,
        Err(outcome) => {
            request.end_with(outcome).await?;
            return Ok(ResultName::NotReady);
        }
    };
    let raw = read_sealed(&mut request.recv, REQUEST_MAX).await?;
    let opened = match open(core, request, &channel, &raw).await? {
        Ok(opened) => opened,
        Err(name) => return Ok(name),
    };
    let Ok(query) = opened.message::<NoticeStatusRequest>() else {
        return refuse(request, ResultName::BadFormat).await;
    };
    let page = page(core, channel.scope().body, &query).await.unwrap_or_else(|error| {
        core.store_failed(&error);
        nothing(ResultName::NotReady)
    });
    reply(core, request, &channel, None, &page).await?;
    Ok(page.result)
}

async fn page(
    core: &Core,
    body: BodyCode,
    query: &NoticeStatusRequest,
) -> Result<NoticeStatusPage, VaultError> {
    // Another body's notice is answered like one that does not exist (R1).
    let Some(mark) = core.vault.notice_mark(query.notice).await?.filter(|mark| mark.body == body) else {
        return Ok(nothing(ResultName::NotFound));
    };
    if mark.expiry_day < core.vault.floor(core.today()) {
        return Ok(nothing(ResultName::Expired));
    }
    let (states, more) = match core.vault.states(body, query.notice, query.after, PAGE).await {
        Err(VaultError::KeyDestroyed) => return Ok(nothing(ResultName::Expired)),
        states => states?,
    };
    let states = states.into_iter().map(|(delivery, state)| DeliveryState {
        delivery,
        read_at_ms: state.read_at_ms,
        answers: state.answers,
    });
    Ok(NoticeStatusPage { result: ResultName::Done, states: states.collect(), more })
}

fn nothing(result: ResultName) -> NoticeStatusPage {
    NoticeStatusPage { result, states: Vec::new(), more: false }
}
