//! Registered notices, without what they say.

use std::sync::Arc;

use chukei_domain::day::{Day, day_of};
use chukei_store::{RowKey, Space};
use chukei_wire::message::staff::{NoticeListPage, NoticeListRequest, NoticeSummary};

use super::PAGE;
use crate::access::grant::{Grant, Read};
use crate::app::Node;
use crate::bodies::call::{Call, CallError, Done};
use crate::hosted::notices::NoticeStub;
use crate::hosted::rows::RowError;

/// One page of notices per request message, until the caller has said all.
pub async fn list(node: &Arc<Node>, grant: &Grant<Read>, call: &mut Call) -> Result<Done, CallError> {
    let mut shown = 0;
    while let Some(request) = call.next::<NoticeListRequest>().await? {
        let page = page(grant, request, day_of(node.clock.now_ms())).await?;
        shown += page.notices.len();
        call.reply(&page).await?;
    }
    Ok(Done::of(shown))
}

async fn page(
    grant: &Grant<Read>,
    request: NoticeListRequest,
    today: u32,
) -> Result<NoticeListPage, RowError> {
    let prefix = RowKey::new(Space::Notice).bytes(&[0]);
    let after = request.after.map(|cursor| prefix.clone().bytes(&cursor));
    let rows = grant.body().scan(&prefix, after.as_ref(), PAGE).await?;
    let next = rows.next().and_then(|row| row.strip(&prefix).map(|rest| rest.to_vec().into()));
    let mut notices = Vec::with_capacity(rows.rows.len());
    for (row, stored) in &rows.rows {
        let stub: NoticeStub = grant.body().open_value(Space::Notice, row, &stored.value).await?;
        if grant.sees(&stub.affair) {
            notices.push(summary(grant, stub, today).await?);
        }
    }
    Ok(NoticeListPage { notices, next })
}

async fn summary(grant: &Grant<Read>, stub: NoticeStub, today: u32) -> Result<NoticeSummary, RowError> {
    let progress = grant.body().delivery_progress(grant, stub.id).await?;
    Ok(NoticeSummary {
        notice: stub.id,
        affair: stub.affair,
        targets: stub.targets,
        delivered: progress.delivered,
        expires: Day::from_number(stub.expiry_day).to_string(),
        state: if stub.expiry_day < today { "ERASED" } else { "OPEN" }.to_owned(),
    })
}
