//! A request and its reply: asked by the portal, let in by a node under a permit, answered once, opened by the portal.
//!
//! A delivery that is refused changes nothing here. In the product it stops the channel and the peer is held off;
//! the broker of the model may try again without end.

use crate::bounds::Window;
use crate::state::{Act, Answer, Evidence, Reply, Session, State};
use crate::system::{Step, System};
use crate::terms::{Body, Header, Key, Person, Plain, Salt, Sealed, Secret, Tag, Way};

/// Id of requests that the broker makes up.
const FORGED: u8 = 99;
/// Room for the ids of one act's requests.
const IDS_PER_ACT: u8 = 8;
const DATASETS: [u8; 2] = [1, 2];

/// What a broker vouches for. It holds the key of its own connection, so every permit is its choice.
pub(crate) struct Permit {
    pub(crate) hop: u8,
    pub(crate) person: Person,
    pub(crate) header: Header,
    pub(crate) number: u8,
}

/// The act a request id of the portal belongs to.
pub(crate) fn act_of(id: u8) -> usize {
    usize::from(id / IDS_PER_ACT)
}

fn key(
    system: &System,
    secret: Secret,
    way: Way,
    header: Header,
    bound: Option<(Person, Body)>,
    salt: Salt,
) -> Key {
    let protections = &system.protections;
    Key {
        secret,
        way: protections.way_in_key.then_some(way),
        salt,
        header: protections.header_in_key.then_some(header),
        bound: bound.filter(|_| protections.binding_key),
    }
}

fn salt(system: &System, way: Way, id: u8, nth: usize) -> Salt {
    if system.protections.fresh_salt {
        Salt::Fresh(way, id, u8::try_from(nth).unwrap_or(u8::MAX))
    } else {
        Salt::Fixed
    }
}

fn tag(system: &System, person: Person, body: Body, header: Header) -> Tag {
    Tag { person, body, header: system.protections.header_in_tag.then_some(header) }
}

pub(crate) fn steps(system: &System, state: &State, steps: &mut Vec<Step>) {
    asks(system, state, steps);
    for body in [Body::A, Body::B].into_iter().filter(|body| system.bounds.compromised != Some(*body)) {
        for (header, sealed) in requests(system, state, body) {
            for hop in 0..system.bounds.hops {
                answers(system, state, (body, hop), header, sealed, steps);
            }
        }
    }
    shows(system, state, steps);
}

fn asks(system: &System, state: &State, steps: &mut Vec<Step>) {
    for ((act, (_, body, _)), number) in state.acts.iter().zip(&system.bounds.acts).zip(0..) {
        let may = match act {
            Act::Idle => true,
            Act::Asked(header) => header.id % IDS_PER_ACT < system.bounds.retries,
            Act::Ended(..) => false,
        };
        let reaching = system.bounds.setups.iter().zip(&state.sessions).zip(0..);
        for ((_, session), at) in reaching.filter(|((reached, _), _)| *reached == body) {
            if may && matches!(session, Session::Up(_)) {
                steps.push(Step::Ask(number, at));
            }
        }
    }
}

/// Everything that can be brought before a node: sealed bodies seen, and those the broker can seal itself, each
/// under every header seen and every header changed in its dataset.
fn requests(system: &System, state: &State, body: Body) -> Vec<(Header, Sealed)> {
    let mut found = Vec::new();
    for seen in state.headers.iter().filter(|header| header.body == body) {
        for header in DATASETS.map(|dataset| Header { dataset, ..*seen }) {
            found.extend(state.sealed.iter().map(|sealed| (header, *sealed)));
        }
    }
    for channel in state.node(body).up().filter(|channel| system.broker_knows(state, &channel.secret)) {
        let secret = channel.secret;
        let header = Header { id: FORGED, body, dataset: 1, channel: secret, retry_of: None };
        let key = key(system, secret, Way::ToBody, header, None, Salt::Broker);
        let tags = known_tags(system, state).map(Some).chain([None]);
        found.extend(tags.map(|tag| (header, Sealed { key, plain: Plain::Request(tag) })));
    }
    found
}

/// Tags in requests that the broker can open.
fn known_tags(system: &System, state: &State) -> impl Iterator<Item = Tag> {
    state.sealed.iter().filter_map(|sealed| match sealed.plain {
        Plain::Request(tag) if system.broker_knows(state, &sealed.key.secret) => tag,
        _ => None,
    })
}

/// The ways in which a node lets this request in: checks in the product's order.
fn answers(
    system: &System,
    state: &State,
    (body, hop): (Body, u8),
    header: Header,
    sealed: Sealed,
    steps: &mut Vec<Step>,
) {
    let node = state.node(body);
    let used = node.answers.iter().filter(|answer| answer.header.id == header.id);
    let fresh = match system.protections.window {
        Window::AllBrokers => used.count() == 0,
        Window::PerBroker => used.filter(|answer| answer.hop == hop).count() == 0,
        Window::Nowhere => used.count() < 2,
    };
    let known = node.up().any(|channel| channel.secret == header.channel);
    let opens = sealed.key == key(system, header.channel, Way::ToBody, header, None, sealed.key.salt);
    if node.stopped.contains(&hop) || !fresh || !known || !opens {
        return;
    }
    let next = u8::try_from(node.taken(hop)).unwrap_or(u8::MAX).saturating_add(1);
    for permit_header in state.headers.iter().copied().chain([header]) {
        if system.protections.permit_names_header && permit_header != header {
            continue;
        }
        for number in 1..=next {
            if system.protections.permit_numbers && number != next {
                continue;
            }
            for person in [Person::X, Person::Y] {
                steps.push(Step::Answer(body, hop, header, sealed, person, permit_header, number));
            }
        }
    }
}

fn shows(system: &System, state: &State, steps: &mut Vec<Step>) {
    for ((act, (person, body, _)), number) in state.acts.iter().zip(&system.bounds.acts).zip(0..) {
        let Act::Asked(header) = act else { continue };
        let opens = |sealed: &Sealed| {
            // A reply that tells of a person must be bound to the person asked for; a refusal is not.
            [Some((*person, *body)), None].into_iter().any(|bound| {
                let right = key(system, header.channel, Way::ToPortal, *header, bound, sealed.key.salt);
                let fits = bound.is_some() || !matches!(sealed.plain, Plain::Record(..));
                right == sealed.key && fits
            })
        };
        steps.extend(
            state.sealed.iter().filter(|sealed| opens(sealed)).map(|sealed| Step::Show(number, *sealed)),
        );
        if system.broker_knows(state, &header.channel) {
            let forged = Sealed {
                key: key(system, header.channel, Way::ToPortal, *header, None, Salt::Broker),
                plain: Plain::Forged,
            };
            steps.push(Step::Show(number, forged));
        }
    }
}

pub(crate) fn ask(system: &System, state: &mut State, number: u8, session: u8) -> Option<()> {
    let (person, body, dataset) = *system.bounds.acts.get(usize::from(number))?;
    let Session::Up(channel) = *state.sessions.get(usize::from(session))? else { return None };
    let act = state.acts.get_mut(usize::from(number))?;
    let (id, retry_of) = match act {
        Act::Idle => (number * IDS_PER_ACT, None),
        Act::Asked(last) => (last.id + 1, Some(last.id)),
        Act::Ended(..) => return None,
    };
    let header = Header { id, body, dataset, channel, retry_of };
    *act = Act::Asked(header);
    state.headers.insert(header);
    let tag = tag(system, person, body, header);
    let key = key(system, channel, Way::ToBody, header, None, salt(system, Way::ToBody, id, 0));
    state.send(Sealed { key, plain: Plain::Request(Some(tag)) });
    Some(())
}

pub(crate) fn answer(
    system: &System,
    state: &mut State,
    body: Body,
    header: Header,
    sealed: Sealed,
    permit: Permit,
) {
    let expected = tag(system, permit.person, body, header);
    let proven = !system.protections.binding_tag || sealed.plain == Plain::Request(Some(expected));
    let tick = state.tick;
    let node = state.node_mut(body);
    let nth = node.answers.iter().filter(|answer| answer.header.id == header.id).count();
    let reply = if proven { Reply::Record(permit.person) } else { Reply::Refusal };
    node.answers.push(Answer {
        hop: permit.hop,
        header,
        reply,
        permit_header: permit.header,
        number: permit.number,
        tick,
        evidence: Evidence::Missing,
    });
    let (bound, plain) = match reply {
        Reply::Record(person) => (Some((person, body)), Plain::Record(person, body, header.dataset)),
        Reply::Refusal => (None, Plain::Refusal),
    };
    let salt = salt(system, Way::ToPortal, header.id, nth);
    let key = key(system, header.channel, Way::ToPortal, header, bound, salt);
    state.send(Sealed { key, plain });
}

pub(crate) fn show(state: &mut State, number: u8, sealed: Sealed) -> Option<()> {
    let act = state.acts.get_mut(usize::from(number))?;
    let Act::Asked(header) = *act else { return None };
    *act = Act::Ended(header, sealed.plain);
    Some(())
}
