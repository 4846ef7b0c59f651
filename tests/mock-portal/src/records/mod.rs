//! What bodies' logs say of a person (情報提供等の記録): fetched page by page, verified against the keys of the signed peer
//! list and against what was verified before, and given out as receipts that anybody can verify.
//!
//! What must hold: with `verify`, nothing is shown that does not verify, and the first place that does not is named; what
//! was verified is remembered durably, so that a log that forgets it is an alarm (R35).

mod against;
mod fetch;
pub(crate) mod files;
mod gather;
mod growth;
mod merged;
pub(crate) mod offline;
mod page;
mod permits;
pub(crate) mod seen;
pub(crate) mod wrong;

use std::collections::{BTreeMap, BTreeSet};

use chukei_crypto::tlog::Standing;
use chukei_relay_client::dial::Dialer;
use chukei_wire::body_code::BodyCode;
use chukei_wire::id::RequestId;
use chukei_wire::limits::CLOCK_SKEW_MS;

use crate::core::Core;
use crate::failure::Failure;
use crate::protocol::{BodyRecords, Part, PersonRecords};
use crate::socket::server::Replies;
use crate::storage::person::PersonRow;
use crate::storage::reached::Reached;

use against::{Differences, NotCompared};
use fetch::Asked;
use files::PinnedLog;
use gather::{Gathered, Gathering};
use seen::{Log, Told};
use wrong::{Fault, Wrong};

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
    let asked = Asked { person: person.person, code: person.code, body, bindings, login };
    let begun_ms = core.clock.now_ms();
    // Taken before the pages, so that what is disclosed meanwhile is for the next time.
    let disclosures = core.vault.disclosures(person.person, body);
    let known = before.as_ref().map(|before| &before.log);
    let gathering = Gathering { core, links, wanted, replies, asked: &asked, known };
    let mut gathered = gathering.gather(pinned).await?;
    let mut lost = before.as_ref().map(|before| before.lost.clone()).unwrap_or_default();
    if wanted.verify {
        let mut judged = judge(&gathered, before.as_ref(), &disclosures, begun_ms);
        if judged.is_err() && gathered.pages > 1 {
            // What a body shows may change between two pages, by a restore or by a flag: then all of it is fetched anew.
            gathered = gathering.gather(pinned).await?;
            judged = judge(&gathered, before.as_ref(), &disclosures, begun_ms);
        }
        let told = judged.map_err(|fault| refused(core, body, fault))?;
        if let Some(reached) = reached(&gathered, before.as_ref(), &told) {
            lost.clone_from(&reached.lost);
            let settled = [told.verified, told.lost].concat();
            let settled =
                core.vault.settle(person.person, body, reached, &settled, core.clock.now_ms()).await;
            settled.map_err(|error| core.store_failed(&error))?;
        }
    }
    if wanted.receipts {
        gathering.give_out(&gathered).await?;
    }
    let compared = match wanted.verify {
        true => against::compared(core, links, &asked, &gathered, &lost, begun_ms).await,
        false => Ok(None),
    };
    let compared = compared.map_err(|failed| match failed {
        NotCompared::Wrong(wrong) => refused(core, body, wrong.into()),
        NotCompared::Store(error) => core.store_failed(&error),
    })?;
    let complete = compared.as_ref().map(|differences| lost.is_empty() && differences.is_none());
    let Differences { left_out, kept_closed, unproven } = compared.unwrap_or_default();
    let named = |requests: Vec<RequestId>| requests.iter().map(ToString::to_string).collect();
    let shown = gathered.seen.len() as u64;
    Ok(BodyRecords {
        body: body.to_string(),
        standing: standing_name(gathered.standing.unwrap_or(Standing::Unwitnessed)).to_owned(),
        count: gathered.count,
        shown,
        closed: gathered.count.saturating_sub(shown),
        complete,
        differences: named(left_out),
        kept_closed: named(kept_closed),
        unproven: named(unproven),
        lost: named(lost),
        records: merged::merged(&gathered.seen),
    })
}

/// What became of the disclosures, where everything that was gathered is one log's word on one person, and continues what was
/// verified before. Nothing, while the log states nothing.
fn judge(
    gathered: &Gathered,
    before: Option<&Reached>,
    disclosures: &BTreeMap<RequestId, u64>,
    now_ms: u64,
) -> Result<Told, Fault> {
    let Some((least, newest)) = &gathered.logs else { return Ok(Told::default()) };
    if gathered.is_of_two_epochs() {
        return Err(Wrong::Page.into());
    }
    // It is the time of the newest restore, which excuses what was disclosed before.
    if newest.epoch > now_ms.saturating_add(CLOCK_SKEW_MS) {
        return Err(Wrong::Epoch.into());
    }
    let (seen, count) = (&gathered.seen, gathered.count);
    seen::chained(seen)?;
    if let Some(before) = before.filter(|before| before.log.epoch == newest.epoch) {
        seen::continues(seen, count, before)?;
    }
    seen::disclosed(seen, Log { epoch: newest.epoch, size: least.size, count }, disclosures)
}

/// How far that is verified; `None` where the log states nothing, or no broker vouches for it: it could be one that is shown
/// to this portal alone.
fn reached(gathered: &Gathered, before: Option<&Reached>, told: &Told) -> Option<Reached> {
    let (_, newest) = gathered.logs.as_ref().filter(|_| gathered.standing != Some(Standing::Unwitnessed))?;
    let last = gathered.seen.last();
    let lost_before = before.map(|before| before.lost.as_slice()).unwrap_or_default();
    Some(Reached {
        log: newest.clone(),
        count: gathered.count,
        number: last.map_or(0, |last| last.number),
        leaf: last.map_or([0; 32], |last| last.leaf),
        lost: [lost_before, &told.lost].concat(),
    })
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
