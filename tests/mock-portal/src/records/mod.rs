//! What bodies' logs say of a person (情報提供等の記録): fetched page by page, verified against the keys of the signed peer
//! list and against what was verified before, and given out as receipts that anybody can verify.
//!
//! What must hold: with `verify`, nothing is shown that does not verify, and the first place that does not is named; what
//! was verified is remembered durably, so that a log that forgets it is an alarm (R35).

mod against;
mod fetch;
pub(crate) mod files;
mod merged;
pub(crate) mod offline;
mod page;
pub(crate) mod seen;
pub(crate) mod wrong;

use std::collections::BTreeSet;

use chukei_crypto::tlog::{Receipt, Standing};
use chukei_relay_client::dial::Dialer;
use chukei_wire::body_code::BodyCode;
use chukei_wire::id::RequestId;
use chukei_wire::message::records::KnownHead;
use chukei_wire::result::ResultName;

use crate::core::Core;
use crate::failure::Failure;
use crate::protocol::{BodyRecords, Part, PersonRecords, ReceiptFile};
use crate::socket::server::Replies;
use crate::storage::disclosures::Reached;
use crate::storage::person::PersonRow;

use fetch::Asked;
use files::PinnedLog;
use page::{Page, Vouched};
use seen::Seen;
use wrong::{Fault, Wrong};

/// Places of one person at one body that are fetched, at most.
const PLACES_MAX: u64 = 65_536;
/// Receipts given out at a time.
const RECEIPTS_AT_ONCE: usize = 64;

/// What is asked for.
pub(crate) struct Wanted<'a> {
    pub(crate) person: &'a str,
    /// One body's; of every body that may have some where absent.
    pub(crate) body: Option<&'a str>,
    /// Whether to verify it.
    pub(crate) verify: bool,
    /// Whether to give out receipts.
    pub(crate) receipts: bool,
}

/// What was fetched of one body.
struct Fetched {
    count: u64,
    seen: Vec<Seen>,
    /// Least that a page is witnessed by.
    standing: Option<Standing>,
    /// The newest checkpoint: epoch and size.
    head: Option<(u64, u64)>,
}

/// Fetches what is wanted.
pub(crate) async fn of(
    core: &Core,
    links: &Dialer,
    wanted: &Wanted<'_>,
    replies: &Replies,
) -> Result<PersonRecords, Failure> {
    let person = core.person(wanted.person).await?;
    let bodies: BTreeSet<BodyCode> = match wanted.body {
        Some(body) => std::iter::once(core.body(body)?).collect(),
        None => {
            let disclosing = core.vault.disclosing_bodies(person.person);
            std::iter::once(person.body).chain(disclosing).collect()
        }
    };
    let (mut records, mut pinned) = (Vec::with_capacity(bodies.len()), Vec::new());
    for body in bodies {
        records.push(of_body(core, links, wanted, replies, &person, body, &mut pinned).await?);
    }
    if wanted.receipts {
        replies.part(Part::Receipts(vec![files::keys(&pinned)?])).await?;
    }
    let witnessed = records.iter().all(|body| body.standing != standing_name(Standing::Unwitnessed));
    let verified = wanted.verify.then_some(witnessed);
    Ok(PersonRecords { person: wanted.person.to_owned(), verified, bodies: records })
}

async fn of_body(
    core: &Core,
    links: &Dialer,
    wanted: &Wanted<'_>,
    replies: &Replies,
    person: &PersonRow,
    body: BodyCode,
    pinned: &mut Vec<PinnedLog>,
) -> Result<BodyRecords, Failure> {
    let before = core.vault.reached(person.person, body).await.map_err(|error| core.store_failed(&error))?;
    let login = core.folders.enter(person.person, core.clock.now_ms())?;
    let bindings = core.registry.bindings(person.person, body)?;
    let asked = Asked { code: person.code, body, bindings, login };
    let begun_ms = core.clock.now_ms();
    // Taken before the pages, so that what is disclosed meanwhile is for the next time.
    let disclosures = core.vault.disclosures(person.person, body);
    let fetched = fetched(core, links, wanted, replies, &asked, before, pinned).await?;
    if let Some((epoch, size)) = fetched.head.filter(|_| wanted.verify) {
        let against = before.filter(|before| before.epoch == epoch);
        let verified = seen::chained(&fetched.seen)
            .and_then(|()| {
                let continues = |before| seen::continues(&fetched.seen, fetched.count, size, before);
                against.as_ref().map_or(Ok(()), continues)
            })
            .and_then(|()| seen::disclosed(&fetched.seen, fetched.count, size, &disclosures))
            .map_err(|fault| refused(core, body, fault))?;
        let last = fetched.seen.last();
        let reached = Reached {
            epoch,
            size,
            count: fetched.count,
            number: last.map_or(0, |last| last.number),
            leaf: last.map_or([0; 32], |last| last.leaf),
        };
        let settled = core.vault.settle(person.person, body, reached, &verified, core.clock.now_ms()).await;
        settled.map_err(|error| core.store_failed(&error))?;
    }
    let shown = fetched.seen.len() as u64;
    let differences = match wanted.verify {
        true => compared(core, links, &asked, &fetched, begun_ms).await,
        false => None,
    };
    Ok(BodyRecords {
        body: body.to_string(),
        standing: standing_name(fetched.standing.unwrap_or(Standing::Unwitnessed)).to_owned(),
        count: fetched.count,
        shown,
        closed: fetched.count.saturating_sub(shown),
        complete: differences.as_ref().map(Vec::is_empty),
        differences: differences.iter().flatten().map(ToString::to_string).collect(),
        records: merged::merged(&fetched.seen),
    })
}

/// What the brokers' records and the body's differ in; `None` where a broker does not tell.
async fn compared(
    core: &Core,
    links: &Dialer,
    asked: &Asked,
    fetched: &Fetched,
    begun_ms: u64,
) -> Option<Vec<RequestId>> {
    let told = against::told(core, links, asked.code, asked.body, begun_ms).await?;
    let requests = fetched.seen.iter().filter(|place| place.is_asked()).map(Seen::request).collect();
    let closed = fetched.count.saturating_sub(fetched.seen.len() as u64);
    let until_ms = begun_ms.saturating_sub(against::SETTLING_MS);
    Some(against::differences(&told, &against::Shown { asked: &requests, closed, until_ms }))
}

/// Every page of a body, one after the other.
async fn fetched(
    core: &Core,
    links: &Dialer,
    wanted: &Wanted<'_>,
    replies: &Replies,
    asked: &Asked,
    before: Option<Reached>,
    pinned: &mut Vec<PinnedLog>,
) -> Result<Fetched, Failure> {
    let body = asked.body;
    let mut known = before.map(|before| KnownHead { epoch: before.epoch, size: before.size });
    let mut fetched = Fetched { count: 0, seen: Vec::new(), standing: None, head: None };
    let mut from = 1;
    loop {
        let reply = fetch::page(core, links, asked, from, known).await?;
        let page = Page::read(body, from, reply).map_err(|fault| refused(core, body, fault))?;
        if page.count > PLACES_MAX {
            return Err(Failure::refused(ResultName::Overloaded));
        }
        if let Some(stated) = &page.stated {
            let head = KnownHead { epoch: stated.epoch(), size: stated.size() };
            let older = |known: &KnownHead| {
                head.epoch < known.epoch || (head.epoch == known.epoch && head.size < known.size)
            };
            if known.as_ref().is_some_and(older) {
                return Err(refused(core, body, Wrong::Stale.into()));
            }
            known = Some(head);
        }
        if wanted.verify || wanted.receipts {
            let vouched = page.verify(&core.peers.load()).map_err(|fault| refused(core, body, fault))?;
            if let Some(Vouched { pins, standing, .. }) = vouched {
                fetched.standing = Some(fetched.standing.map_or(standing, |least| lesser(least, standing)));
                fetched.head = known.map(|head| (head.epoch, head.size));
                files::pin(pinned, body, &pins);
            }
        }
        fetched.count = page.count;
        from += page.places;
        if wanted.receipts {
            give_out(replies, body, &page).await?;
        }
        fetched.seen.extend(page.open.into_iter().map(|open| open.seen));
        if from > page.count || page.places == 0 {
            return Ok(fetched);
        }
    }
}

/// Gives out the receipts of a page.
async fn give_out(replies: &Replies, body: BodyCode, page: &Page) -> Result<(), Failure> {
    let Some(stated) = &page.stated else { return Ok(()) };
    for some in page.open.chunks(RECEIPTS_AT_ONCE) {
        let file = |open: &page::Open| {
            let (opening, index) = (open.opening.clone(), open.seen.index);
            let checkpoint = stated.checkpoint.clone();
            let receipt = Receipt { opening, index, proof: open.proof.clone(), checkpoint };
            ReceiptFile { name: files::name(body, open.seen.number), text: receipt.to_text().to_string() }
        };
        replies.part(Part::Receipts(some.iter().map(file).collect())).await?;
    }
    Ok(())
}

fn refused(core: &Core, body: BodyCode, fault: Fault) -> Failure {
    core.metrics.alarm("records", &"-");
    tracing::error!(%body, place = fault.number, what = fault.wrong.as_str(), "records about a person do not verify");
    fault.failure(body)
}

fn lesser(one: Standing, other: Standing) -> Standing {
    let rank = |standing| match standing {
        Standing::Unwitnessed => 0,
        Standing::Provisional => 1,
        Standing::Final => 2,
    };
    if rank(other) < rank(one) { other } else { one }
}

/// The stable name.
pub(crate) fn standing_name(standing: Standing) -> &'static str {
    match standing {
        Standing::Unwitnessed => "UNWITNESSED",
        Standing::Provisional => "PROVISIONAL",
        Standing::Final => "FINAL",
    }
}
