//! What a broker signs for, and when: roots over the permits of a connection, the clock that waits for them, and
//! restarts, which lose channels but no request id.

use crate::state::{Evidence, State};
use crate::system::{Step, System};
use crate::terms::Body;

/// Ticks after which a permit must be covered.
const BOUND: u8 = 2;

pub(crate) fn steps(system: &System, state: &State, steps: &mut Vec<Step>) {
    if state.tick < system.bounds.ticks {
        steps.push(Step::Tick);
    }
    for body in [Body::A, Body::B] {
        let node = state.node(body);
        if node.restarts < system.bounds.restarts && node.channels.iter().any(Option::is_some) {
            steps.push(Step::Restart(body));
        }
        for hop in 0..system.bounds.hops {
            let mut open = node.answers.iter().filter(|answer| answer.evidence == Evidence::Missing);
            if system.bounds.ticks == 0 || !open.any(|answer| answer.hop == hop) {
                continue;
            }
            steps.push(Step::Root(body, hop, true));
            if !system.protections.roots_compared {
                steps.push(Step::Root(body, hop, false));
            }
        }
    }
}

pub(crate) fn restart(state: &mut State, body: Body) {
    let node = state.node_mut(body);
    node.restarts += 1;
    node.channels.iter_mut().for_each(|channel| *channel = None);
}

/// A second passes; a connection with a permit uncovered for too long is stopped.
pub(crate) fn tick(system: &System, state: &mut State) {
    state.tick += 1;
    let now = state.tick;
    if !system.protections.uncovered_stops {
        return;
    }
    for body in [Body::A, Body::B] {
        let node = state.node_mut(body);
        let late = node
            .answers
            .iter()
            .filter(|answer| answer.evidence == Evidence::Missing && answer.tick + BOUND <= now);
        let late: Vec<u8> = late.map(|answer| answer.hop).collect();
        node.stopped.extend(late);
    }
}

/// A root covers every permit of its connection so far.
pub(crate) fn root(state: &mut State, body: Body, hop: u8, right: bool) {
    let evidence = if right { Evidence::Signed } else { Evidence::OfAnother };
    let answers = state.node_mut(body).answers.iter_mut();
    for answer in answers.filter(|answer| answer.hop == hop && answer.evidence == Evidence::Missing) {
        answer.evidence = evidence;
    }
}

/// Whether a connection is still served although one of its permits is past the bound without its proof.
pub(crate) fn is_served_unproven(state: &State, body: Body) -> bool {
    let node = state.node(body);
    node.answers.iter().any(|answer| {
        let proven = answer.evidence == Evidence::Signed;
        !proven && answer.tick + BOUND <= state.tick && !node.stopped.contains(&answer.hop)
    })
}
