//! What persons do with an act: ask for it, approve it, call it off. Each in the log before it counts.

use chukei_crypto::random;
use chukei_domain::act::{Act, ActKind, Moment, State};
use chukei_domain::event::{ActStep, TwoPersonAct};
use chukei_store::Space;
use chukei_wire::codec::encode;
use chukei_wire::header::Header;
use chukei_wire::id::ActId;
use chukei_wire::message::act::ActRequest;
use chukei_wire::result::ResultName;
use zeroize::Zeroizing;

use super::carry::end;
use super::persons::Deciding;
use super::rows::{self, Loaded, Row};
use super::{ActError, subject};
use crate::access::grant::{Grant, Write};
use crate::app::Node;
use crate::audit::By;
use crate::hosted::HostedBody;
use crate::hosted::persons::PersonId;

/// Bytes of an id that are the time it was made, so that acts stand in their order.
const TIME_BYTES: usize = 6;
/// The others.
const TAIL_BYTES: usize = 16 - TIME_BYTES;

impl Node {
    /// Now, as the clocks there are see it.
    pub(super) fn moment(&self) -> Moment {
        Moment::new(self.clock.now_ms(), self.witness.witnessed_ms())
    }
}

/// Asks for an act. The same one again under the same idempotency key is the same act, whatever has become of it and of
/// what it is about.
pub(crate) async fn request(
    node: &Node,
    grant: &Grant<Write>,
    header: &Header,
    asked: ActRequest,
) -> Result<Row, ActError> {
    let (body, at) = (grant.body(), node.moment());
    let by = Deciding::with_role(body, grant.scope().actor(), at.latest_ms)?;
    let _changing = body.acting().changing().await;
    let named = Named::of(body, header, &by, &asked)?;
    let all = rows::all(body).await?;
    // Before anything is looked up: what is carried out may have taken away what it was about.
    if let Some(known) = all.iter().find(|known| known.row.act.id.ends_with(&named.tail)) {
        let same = known.row.request == named.request;
        return if same { Ok(known.row.clone()) } else { Err(ResultName::DuplicateRecordId.into()) };
    }
    let ActRequest { wanted, reference } = asked;
    let (subject, text) = subject::of(node, grant, wanted).await?;
    if all.iter().filter(|known| known.row.act.state.is_open()).count() >= rows::OPEN_MAX {
        return Err(ResultName::Overloaded.into());
    }
    let id = id(at, named.tail);
    let act = Act::request(id, subject, &reference, by.identity(), at, node.two_person)?;
    tell(body, grant.scope().by(), &act, ActStep::Requested, ResultName::Pending, at).await?;
    let row = rows::add(body, Row::new(act, named.request), text.as_deref()).await?;
    tracing::info!(body = %body.code(), act = %ActId(id), kind = row.kind().as_str(), "an act is asked for");
    body.acting().more.notify_one();
    Ok(row)
}

/// The second person decides.
pub(crate) async fn approve(node: &Node, grant: &Grant<Write>, id: ActId) -> Result<Row, ActError> {
    let (body, at) = (grant.body(), node.moment());
    let by = Deciding::of(body, grant.scope().actor())?;
    let _changing = body.acting().changing().await;
    let mut known = rows::load(body, id.0).await?.ok_or(ResultName::NotFound)?;
    known.row.act.approve(by.second(body, at.latest_ms), at, node.two_person)?;
    tell(body, grant.scope().by(), &known.row.act, ActStep::Approved, ResultName::Pending, at).await?;
    let row = known.save(body).await?;
    tracing::info!(body = %body.code(), act = %id, kind = row.kind().as_str(), "an act is approved");
    body.acting().more.notify_one();
    Ok(row)
}

/// Somebody calls it off.
pub(crate) async fn cancel(node: &Node, grant: &Grant<Write>, id: ActId) -> Result<Row, ActError> {
    let body = grant.body();
    Deciding::with_role(body, grant.scope().actor(), node.moment().latest_ms)?;
    let _changing = body.acting().changing().await;
    let known = rows::load(body, id.0).await?.ok_or(ResultName::NotFound)?;
    call_off(node, body, known, grant.scope().by()).await
}

/// A flag of a person is set: acts of this kind, which were asked for to clear it, are called off, also what is approved (R50).
pub(crate) async fn call_off_clearing(
    node: &Node,
    grant: &Grant<Write>,
    person: PersonId,
    kind: ActKind,
) -> Result<(), ActError> {
    let body = grant.body();
    let _changing = body.acting().changing().await;
    let ends_it = |row: &Row| row.act.subject.person() == Some(person) && row.kind() == kind;
    stop(node, body, grant.scope().by(), ends_it).await
}

/// Rows came back from a backup: what was decided then may have been called off or carried out since, and is to be
/// decided anew.
pub(crate) async fn call_off_restored(node: &Node, body: &HostedBody) -> Result<(), ActError> {
    let _changing = body.acting().changing().await;
    stop(node, body, By::itself(&node.actor()), |_| true).await
}

/// Ends what is open of these, whoever asked for it.
async fn stop(
    node: &Node,
    body: &HostedBody,
    by: By<'_>,
    these: impl Fn(&Row) -> bool,
) -> Result<(), ActError> {
    for known in rows::all(body).await?.into_iter().filter(|known| these(&known.row)) {
        match known.row.act.state {
            State::Requested | State::Approved => drop(call_off(node, body, known, by).await?),
            // Begun and not at its end: it does not go on where the node stopped in the middle.
            State::Begun => drop(end(node, body, known, Err(ResultName::Denied), by).await?),
            _ => {}
        }
    }
    Ok(())
}

async fn call_off(node: &Node, body: &HostedBody, mut known: Loaded, by: By<'_>) -> Result<Row, ActError> {
    let at = node.moment();
    known.row.act.cancel(by.actor(), at)?;
    tell(body, by, &known.row.act, ActStep::Cancelled, ResultName::Done, at).await?;
    let row = known.save(body).await?;
    tracing::info!(body = %body.code(), act = %ActId(row.act.id), "an act is called off");
    body.acting().more.notify_one();
    Ok(row)
}

/// The log tells of a step.
pub(super) async fn tell(
    body: &HostedBody,
    by: By<'_>,
    act: &Act,
    step: ActStep,
    result: ResultName,
    at: Moment,
) -> Result<(), ActError> {
    let (person, told) = (act.subject.person(), TwoPersonAct::of(act, step));
    Ok(body.audit().two_person_act(by, person, told, result, at.latest_ms).await?)
}

/// What a request is known by when it comes again.
struct Named {
    /// What the act's id ends with: random, or of whoever asks under an idempotency key always the same.
    tail: [u8; TAIL_BYTES],
    /// What is wanted, where there is such a key.
    request: Option<[u8; 32]>,
}

impl Named {
    fn of(body: &HostedBody, header: &Header, by: &Deciding, asked: &ActRequest) -> Result<Self, ActError> {
        let Some(key) = header.idempotency_key else {
            return Ok(Self { tail: random::bytes()?, request: None });
        };
        let asked = Zeroizing::new(encode(asked).map_err(|_| ResultName::BadFormat)?);
        let (keys, by) = (body.keys(), by.identity().as_bytes());
        let naming = keys.naming();
        let id = naming.name(Space::Act.code(), &[b"act", by, &key.0]);
        let request = naming.name(Space::Act.code(), &[b"act request", by, &key.0, &asked]);
        let mut tail = [0; TAIL_BYTES];
        tail.iter_mut().zip(id).for_each(|(to, from)| *to = from);
        Ok(Self { tail, request: Some(request) })
    }
}

fn id(at: Moment, tail: [u8; TAIL_BYTES]) -> [u8; 16] {
    let mut id = [0; 16];
    let time = at.latest_ms.to_be_bytes().into_iter().skip(8 - TIME_BYTES);
    id.iter_mut().zip(time.chain(tail)).for_each(|(to, from)| *to = from);
    id
}
