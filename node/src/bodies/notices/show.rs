//! States and answers of one notice, pulled from the portal where it can be reached.

use std::sync::Arc;

use chukei_wire::message::staff::{NoticeShowPage, NoticeShowRequest, TargetState};
use chukei_wire::result::ResultName;

use super::PAGE;
use crate::access::grant::{Grant, Read};
use crate::app::Node;
use crate::bodies::call::{Call, CallError, Done};
use crate::hosted::notices::{NoticeStub, NoticeTarget, TargetProgress};
use crate::outbound::poll;

/// One page of targets per request message. The first asks the portal for news; where the portal cannot be
/// reached, what was pulled before is shown.
pub async fn show(node: &Arc<Node>, grant: &Grant<Read>, call: &mut Call) -> Result<Done, CallError> {
    let mut shown = 0;
    while let Some(request) = call.next::<NoticeShowRequest>().await? {
        let stub = grant
            .body()
            .notice_stub(grant, request.notice)
            .await?
            .ok_or(CallError::Refused(ResultName::NotFound))?;
        // Another affair's is not there (R4).
        if !grant.sees(&stub.affair) {
            return Err(CallError::Refused(ResultName::NotFound));
        }
        if stub.expiry_day < chukei_domain::day::day_of(node.clock.now_ms()) {
            return Err(CallError::Refused(ResultName::Erased));
        }
        if request.after.is_none() {
            poll::refresh(node, grant.scope(), &stub).await;
        }
        let page = page(grant, &stub, request.after.as_deref().map(Vec::as_slice)).await?;
        shown += page.targets.len();
        call.reply(&page).await?;
    }
    Ok(Done::of(shown))
}

async fn page(
    grant: &Grant<Read>,
    stub: &NoticeStub,
    after: Option<&[u8]>,
) -> Result<NoticeShowPage, CallError> {
    let from = match after {
        None => 0,
        Some(cursor) => {
            let cursor = cursor.try_into().map_err(|_| CallError::Refused(ResultName::BadFormat))?;
            u32::from_be_bytes(cursor)
        }
    };
    let count = u32::try_from(PAGE).unwrap_or(u32::MAX);
    let rows = grant.body().notice_targets(grant, stub, from, count).await?;
    let end = from.saturating_add(count);
    let next = (end < stub.targets).then(|| end.to_be_bytes().to_vec().into());
    Ok(NoticeShowPage { targets: rows.into_iter().map(state).collect(), next })
}

fn state((_, target, progress): (u32, NoticeTarget, Option<TargetProgress>)) -> TargetState {
    let state = match &progress {
        None => "PENDING",
        Some(progress) if !progress.delivered => "FAILED",
        Some(progress) if progress.read_at_ms.is_none() => "UNREAD",
        Some(_) => "READ",
    };
    TargetState {
        integrated_addressee_number: target.addressee,
        state: state.to_owned(),
        answers: progress.map(|progress| progress.answers).unwrap_or_default(),
    }
}
