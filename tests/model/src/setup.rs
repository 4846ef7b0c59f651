//! Channel set-up: two ephemeral shares, a signature of each side over both, an export bound to the set-up header.

use crate::bounds::Pinning;
use crate::state::{Accepted, Session, State};
use crate::system::{Step, System};
use crate::terms::{Body, Ephemeral, Identity, Secret, SetupHeader, Side, Signature, Transcript};

/// Id of set-up headers that the broker makes up.
pub(crate) const FORGED: u8 = 99;

pub(crate) fn steps(system: &System, state: &State, steps: &mut Vec<Step>) {
    if state.leaked {
        return;
    }
    for (session, number) in state.sessions.iter().zip(0..) {
        match session {
            Session::Idle => steps.push(Step::Open(number)),
            Session::Opened => finishes(system, state, number, steps),
            Session::Proven(secret) => {
                let body = system.bounds.setups.get(usize::from(number));
                let own = body.map(|body| SetupHeader { body: *body, id: number });
                let seen = own.is_some_and(|own| state.last_records.contains(&(*secret, own)));
                if seen || system.broker_knows(state, secret) || !system.protections.last_record {
                    steps.push(Step::UsePortal(number));
                }
            }
            Session::Up(_) => {}
        }
    }
    for body in [Body::A, Body::B].into_iter().filter(|body| system.bounds.compromised != Some(*body)) {
        accepts(system, state, body, steps);
        for (channel, number) in state.node(body).channels.iter().zip(0..) {
            if channel.is_some_and(|channel| !channel.up && portal_is_proven(system, state, &channel)) {
                steps.push(Step::FinishNode(body, number));
            }
        }
    }
    if state.sessions.iter().any(|session| matches!(session, Session::Up(_))) {
        steps.push(Step::Leak);
    }
}

/// Any share seen under any set-up header for this body, while the node has room.
fn accepts(system: &System, state: &State, body: Body, steps: &mut Vec<Step>) {
    if state.node(body).channels.len() >= usize::from(system.bounds.accepts) {
        return;
    }
    for client in &state.shares {
        let headers = state.setups.iter().filter(|setup| setup.body == body);
        steps.extend(headers.map(|setup| Step::Accept(body, *client, *setup)));
    }
}

/// Any signature seen over the portal's share, and any the broker can make itself.
fn finishes(system: &System, state: &State, number: u8, steps: &mut Vec<Step>) {
    let own = Ephemeral::Portal(number);
    let Some(body) = system.bounds.setups.get(usize::from(number)) else { return };
    let seen =
        state.signatures.iter().filter(|seen| seen.side == Side::Server && seen.transcript.client == own);
    let seen = seen.map(|seen| (seen.transcript.server, seen.by));
    let mut made = vec![(Ephemeral::Broker, Identity::Broker)];
    made.extend(system.bounds.compromised.map(|body| (Ephemeral::Broker, Identity::Body(body))));
    for (server, by) in seen.chain(made) {
        let accepted = match system.protections.pinning {
            Pinning::Party => by == Identity::Body(*body),
            Pinning::AnyListed => matches!(by, Identity::Body(_)),
            Pinning::Nothing => true,
        };
        if accepted {
            steps.push(Step::FinishPortal(number, server, by));
        }
    }
}

fn portal_is_proven(system: &System, state: &State, channel: &Accepted) -> bool {
    let proof = Signature { by: Identity::Portal, side: Side::Client, transcript: channel.secret.transcript };
    system.protections.pinning == Pinning::Nothing || state.signatures.contains(&proof)
}

fn exported(system: &System, transcript: Transcript, setup: SetupHeader) -> Secret {
    Secret { transcript, setup: system.protections.setup_in_export.then_some(setup) }
}

pub(crate) fn open(system: &System, state: &mut State, number: u8) -> Option<()> {
    *state.sessions.get_mut(usize::from(number))? = Session::Opened;
    let body = *system.bounds.setups.get(usize::from(number))?;
    state.shares.insert(Ephemeral::Portal(number));
    state.setups.insert(SetupHeader { body, id: number });
    Some(())
}

pub(crate) fn accept(system: &System, state: &mut State, body: Body, client: Ephemeral, setup: SetupHeader) {
    let number = u8::try_from(state.node(body).channels.len()).unwrap_or(u8::MAX);
    let server = Ephemeral::Body(body, number);
    let transcript = Transcript { client, server };
    let secret = exported(system, transcript, setup);
    state.node_mut(body).channels.push(Some(Accepted { setup, secret, up: false }));
    state.shares.insert(server);
    state.signatures.insert(Signature { by: Identity::Body(body), side: Side::Server, transcript });
}

pub(crate) fn finish_portal(system: &System, state: &mut State, number: u8, server: Ephemeral) -> Option<()> {
    let body = *system.bounds.setups.get(usize::from(number))?;
    let transcript = Transcript { client: Ephemeral::Portal(number), server };
    let secret = exported(system, transcript, SetupHeader { body, id: number });
    *state.sessions.get_mut(usize::from(number))? = Session::Proven(secret);
    state.signatures.insert(Signature { by: Identity::Portal, side: Side::Client, transcript });
    Some(())
}

pub(crate) fn use_portal(state: &mut State, number: u8) -> Option<()> {
    let session = state.sessions.get_mut(usize::from(number))?;
    let Session::Proven(secret) = *session else { return None };
    *session = Session::Up(secret);
    Some(())
}

pub(crate) fn finish_node(state: &mut State, body: Body, number: u8) -> Option<()> {
    let channel = state.node_mut(body).channels.get_mut(usize::from(number))?.as_mut()?;
    channel.up = true;
    let last = (channel.secret, channel.setup);
    state.last_records.insert(last);
    Some(())
}
