//! What must hold in every state, and what must be reachable at all.

use stateright::Property;

use crate::evidence::is_served_unproven;
use crate::exchange::act_of;
use crate::state::{Act, Reply, Session, State};
use crate::system::System;
use crate::terms::{Body, Plain, Secret, SetupHeader};

/// The broker never reads a record of an honest body.
pub const SECRECY: &str = "no record is known to the broker";
/// A mix-up of persons never becomes a disclosure (R22, R30).
pub const RIGHT_PERSON: &str = "a person is shown that person's record, of the body and dataset asked for";
/// What the portal opens is the reply to that request (R32, R33).
pub const AUTHENTIC_REPLY: &str = "what the portal opens was sealed by that body for that request";
/// A record goes out only for a person the portal asks for, by a request it made (R22).
pub const AUTHENTIC_REQUEST: &str = "a body discloses only what the portal asked for, of that person";
/// Single use (R22).
pub const ANSWERED_ONCE: &str = "no request is answered twice";
/// No two bodies are sealed under one key.
pub const KEY_ONCE: &str = "no key is used twice";
/// Channels are between the parties meant, and nobody else holds their secrets (R24).
pub const CHANNEL: &str = "both ends of a channel agree, and nobody else knows its secret";
/// Every answer stands under a permit of its own (R22).
pub const PERMIT: &str = "every answer has a permit of its own that names it";
/// Evidence follows within its bound, or the broker is not served.
pub const EVIDENCE: &str = "a broker is served only while its permits are signed for in time";
/// The protocol does its work.
pub const DELIVERS: &str = "every act ends with its record";
/// A lost exchange is made good by a new request.
pub const RETRY_DELIVERS: &str = "a retry ends with the record";

const BODIES: [Body; 2] = [Body::A, Body::B];

pub(crate) fn of(system: &System) -> Vec<Property<System>> {
    let mut properties = vec![
        Property::always(SECRECY, secrecy),
        Property::always(RIGHT_PERSON, right_person),
        Property::always(AUTHENTIC_REPLY, authentic_reply),
        Property::always(AUTHENTIC_REQUEST, authentic_request),
        Property::always(ANSWERED_ONCE, answered_once),
        Property::always(KEY_ONCE, |_, state: &State| !state.key_reused),
        Property::always(CHANNEL, channel),
        Property::always(PERMIT, permit),
        Property::always(EVIDENCE, |_, state: &State| {
            BODIES.iter().all(|body| !is_served_unproven(state, *body))
        }),
    ];
    let honest = |body: &Body| system.bounds.compromised != Some(*body);
    if system.bounds.acts.iter().all(|(_, body, _)| honest(body)) {
        properties.push(Property::sometimes(DELIVERS, delivers));
        if system.bounds.retries > 0 {
            properties.push(Property::sometimes(RETRY_DELIVERS, retry_delivers));
        }
    }
    properties
}

fn is_compromised(system: &System, body: Body) -> bool {
    system.bounds.compromised == Some(body)
}

/// Whether the broker holds everything the key is derived from.
fn secrecy(system: &System, state: &State) -> bool {
    state.sealed.iter().all(|sealed| {
        let bound = sealed.key.bound;
        let binding_known = bound.is_none_or(|(_, body)| is_compromised(system, body));
        let readable = system.broker_knows(state, &sealed.key.secret) && binding_known;
        !(readable && matches!(sealed.plain, Plain::Record(..)))
    })
}

fn right_person(system: &System, state: &State) -> bool {
    state.acts.iter().zip(&system.bounds.acts).all(|(act, (person, body, dataset))| match act {
        Act::Ended(_, Plain::Record(shown, of, part)) => (shown, of, part) == (person, body, dataset),
        _ => true,
    })
}

fn authentic_reply(system: &System, state: &State) -> bool {
    state.acts.iter().all(|act| {
        let Act::Ended(header, plain) = act else { return true };
        let sealed = state.node(header.body).answers.iter().any(|answer| {
            let said = match answer.reply {
                Reply::Record(person) => Plain::Record(person, header.body, answer.header.dataset),
                Reply::Refusal => Plain::Refusal,
            };
            answer.header == *header && said == *plain
        });
        sealed || is_compromised(system, header.body)
    })
}

fn authentic_request(system: &System, state: &State) -> bool {
    BODIES.iter().flat_map(|body| &state.node(*body).answers).all(|answer| {
        let Reply::Record(person) = answer.reply else { return true };
        let asked = system.bounds.acts.get(act_of(answer.header.id));
        state.headers.contains(&answer.header) && asked.is_some_and(|(asked, ..)| *asked == person)
    })
}

fn answered_once(_: &System, state: &State) -> bool {
    BODIES.iter().all(|body| {
        let answers = &state.node(*body).answers;
        answers.iter().all(|one| answers.iter().filter(|other| other.header.id == one.header.id).count() == 1)
    })
}

/// The portal's ends at which the body has proven itself, with the set-up header that was sent.
fn portal_ends<'a>(system: &'a System, state: &'a State) -> impl Iterator<Item = (Secret, SetupHeader)> + 'a {
    state.sessions.iter().zip(&system.bounds.setups).zip(0..).filter_map(
        |((session, body), id)| match session {
            Session::Proven(secret) | Session::Up(secret) => Some((*secret, SetupHeader { body: *body, id })),
            _ => None,
        },
    )
}

/// The set-up headers of the portal, in order.
fn portal_uses(system: &System) -> impl Iterator<Item = SetupHeader> {
    system.bounds.setups.iter().zip(0..).map(|(body, id)| SetupHeader { body: *body, id })
}

fn channel(system: &System, state: &State) -> bool {
    let ours = portal_ends(system, state)
        .all(|(secret, setup)| is_compromised(system, setup.body) || !system.broker_knows(state, &secret));
    let theirs = BODIES.iter().all(|body| {
        state.node(*body).up().all(|end| {
            let meant = portal_ends(system, state)
                .any(|(secret, setup)| secret.transcript == end.secret.transcript && setup.body == *body);
            let agreed = portal_ends(system, state)
                .filter(|(secret, _)| *secret == end.secret)
                .all(|(_, setup)| setup == end.setup);
            meant && agreed && !system.broker_knows(state, &end.secret)
        })
    });
    let in_use = state.sessions.iter().zip(portal_uses(system)).all(|(session, setup)| match session {
        Session::Up(secret) => {
            is_compromised(system, setup.body) || state.last_records.contains(&(*secret, setup))
        }
        _ => true,
    });
    ours && theirs && in_use
}

fn permit(_: &System, state: &State) -> bool {
    BODIES.iter().all(|body| {
        let answers = &state.node(*body).answers;
        answers.iter().all(|one| {
            let same = answers.iter().filter(|other| (other.hop, other.number) == (one.hop, one.number));
            one.permit_header == one.header && same.count() == 1
        })
    })
}

fn delivers(_: &System, state: &State) -> bool {
    state.acts.iter().all(|act| matches!(act, Act::Ended(_, Plain::Record(..))))
}

fn retry_delivers(_: &System, state: &State) -> bool {
    state
        .acts
        .iter()
        .any(|act| matches!(act, Act::Ended(header, Plain::Record(..)) if header.retry_of.is_some()))
}
