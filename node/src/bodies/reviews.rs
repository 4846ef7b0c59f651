//! The review queue (R7): what waits for a reviewer, and the reviewer's word.

use std::sync::Arc;

use chukei_domain::review::{Item, Signature};
use chukei_wire::message::review::{
    ReviewItem, ReviewListRequest, ReviewPage, ReviewSignReply, ReviewSignRequest, ReviewSignature,
    ReviewWanted,
};
use chukei_wire::result::ResultName;

use crate::access::grant::{Grant, Read, Write};
use crate::app::Node;
use crate::bodies::call::{Call, CallError, Done};
use crate::review::SignError;

/// Items in one page.
const PAGE: usize = 100;

/// One page of items per request message, until the caller has said all. What is shown is durable.
pub async fn list(node: &Arc<Node>, grant: &Grant<Read>, call: &mut Call) -> Result<Done, CallError> {
    let mut shown = 0;
    while let Some(request) = call.next::<ReviewListRequest>().await? {
        let page = page(node, grant, request).await?;
        shown += page.items.len();
        call.reply(&page).await?;
    }
    Ok(Done::of(shown))
}

async fn page(node: &Node, grant: &Grant<Read>, request: ReviewListRequest) -> Result<ReviewPage, CallError> {
    let (body, now_ms) = (grant.body(), node.clock.now_ms());
    let (days, after) = (node.review.days, request.after.unwrap_or_default());
    let reviews = body.reviews();
    let items = match request.wanted {
        ReviewWanted::Open => reviews.open_items(after, PAGE, |_| true),
        ReviewWanted::Overdue => reviews.open_items(after, PAGE, |item| item.is_overdue(days, now_ms)),
        ReviewWanted::Signed => reviews.signed_items(body, after, PAGE).await?,
        ReviewWanted::Number(number) => match reviews.open_item(number) {
            Some(item) => vec![item],
            None => {
                let signed = reviews.signed_item(body, number).await?;
                vec![signed.ok_or(CallError::Refused(ResultName::NotFound))?]
            }
        },
    };
    // After the look: what is signed by its count is there with that count after a crash, too.
    reviews.settle(body, &node.actor(), now_ms).await?;
    let next = items.last().filter(|_| items.len() == PAGE).map(|item| item.number);
    Ok(ReviewPage { items: items.into_iter().map(|item| told(item, days, now_ms)).collect(), next })
}

/// Signs one item off, as its reviewer saw it.
pub async fn sign(node: &Arc<Node>, grant: &Grant<Write>, call: &mut Call) -> Result<Done, CallError> {
    let ReviewSignRequest { number, count, note } = call.request().await?;
    let (body, now_ms) = (grant.body(), node.clock.now_ms());
    let signature = Signature { by: grant.scope().actor().to_owned(), at_ms: now_ms, note };
    let by = grant.scope().by();
    let (reply, done) = match body.reviews().sign(body, &node.actor(), number, count, signature, by).await {
        Ok(item) => (ReviewSignReply::Signed(Box::new(told(item, node.review.days, now_ms))), Done::of(1)),
        Err(SignError::Outdated) => {
            (ReviewSignReply::Outdated, Done { result: ResultName::NotReady, count: 0 })
        }
        Err(SignError::Refused(name)) => return Err(name.into()),
        Err(SignError::Review(error)) => return Err(error.into()),
    };
    call.reply(&reply).await?;
    Ok(done)
}

fn told(item: Item, days: u32, now_ms: u64) -> ReviewItem {
    let (due_ms, overdue) = (item.due_ms(days), item.is_overdue(days, now_ms));
    let signed =
        item.signed.map(|signed| ReviewSignature { by: signed.by, at_ms: signed.at_ms, note: signed.note });
    ReviewItem {
        number: item.number,
        rule: item.rule.as_str().to_owned(),
        subject: item.subject,
        opened_ms: item.opened_ms,
        last_ms: item.last_ms,
        due_ms,
        overdue,
        count: item.count,
        persons: item.persons,
        actors: item.actors,
        actions: item.actions,
        results: item.results,
        reasons: item.reasons,
        devices: item.devices,
        signed,
    }
}
