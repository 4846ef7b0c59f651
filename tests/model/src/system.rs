//! The system as stateright searches it: every step any role can take, the broker choosing what each receives.

use stateright::{Model, Property};

use crate::bounds::{Bounds, Protections};
use crate::state::{Act, Node, Session, State};
use crate::terms::{Body, Ephemeral, Header, Identity, Person, Sealed, Secret, SetupHeader};
use crate::{evidence, exchange, properties, setup};

/// Bounds and protections of one search.
#[derive(Clone, Debug)]
pub struct System {
    /// How far it goes.
    pub bounds: Bounds,
    /// What protects.
    pub protections: Protections,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The portal begins the set-up of this number.
    Open(u8),
    /// A node accepts a share under a set-up header.
    Accept(Body, Ephemeral, SetupHeader),
    /// The portal takes a share and a signature for its set-up.
    FinishPortal(u8, Ephemeral, Identity),
    /// A node takes the portal's signature for its acceptance of this number.
    FinishNode(Body, u8),
    /// The portal takes the last record of its set-up.
    UsePortal(u8),
    /// The portal asks for an act, first or again, on the channel of a set-up.
    Ask(u8, u8),
    /// A node lets a request in: over which hop, header, body, permit's person, header and number.
    Answer(Body, u8, Header, Sealed, Person, Header, u8),
    /// The portal opens a reply to an act.
    Show(u8, Sealed),
    /// A node restarts.
    Restart(Body),
    /// A second passes at the nodes.
    Tick,
    /// A broker sends a root over a connection: of the permits as they were, or of others.
    Root(Body, u8, bool),
    /// The long-lived identities become known to the broker.
    Leak,
}

impl System {
    /// The protocol as it is, within `bounds`.
    pub fn protected(bounds: Bounds) -> Self {
        Self { bounds, protections: Protections::all() }
    }

    /// The protocol without some protections.
    pub fn without(bounds: Bounds, weaken: impl FnOnce(&mut Protections)) -> Self {
        let mut system = Self::protected(bounds);
        weaken(&mut system.protections);
        system
    }

    /// Whether the broker knows a channel's secret: it holds one of the ephemeral keys, or, were there none, an
    /// identity that has leaked.
    pub(crate) fn broker_knows(&self, state: &State, secret: &Secret) -> bool {
        let past = state.leaked && !self.protections.ephemeral_keys;
        past || secret.is_known_to_broker()
    }
}

impl Model for System {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let forged = self.bounds.forged_setups;
        let forged_headers = [Body::A, Body::B].map(|body| SetupHeader { body, id: setup::FORGED });
        vec![State {
            sessions: vec![Session::Idle; self.bounds.setups.len()],
            acts: vec![Act::Idle; self.bounds.acts.len()],
            a: Node::default(),
            b: Node::default(),
            tick: 0,
            leaked: false,
            key_reused: false,
            shares: forged.then_some(Ephemeral::Broker).into_iter().collect(),
            setups: forged_headers.into_iter().filter(|_| forged).collect(),
            signatures: [].into(),
            last_records: [].into(),
            headers: [].into(),
            sealed: [].into(),
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        setup::steps(self, state, steps);
        exchange::steps(self, state, steps);
        evidence::steps(self, state, steps);
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut next = last.clone();
        match step {
            Step::Open(session) => setup::open(self, &mut next, session)?,
            Step::Accept(body, client, header) => setup::accept(self, &mut next, body, client, header),
            Step::FinishPortal(session, server, _) => setup::finish_portal(self, &mut next, session, server)?,
            Step::FinishNode(body, number) => setup::finish_node(&mut next, body, number)?,
            Step::UsePortal(session) => setup::use_portal(&mut next, session)?,
            Step::Ask(act, session) => exchange::ask(self, &mut next, act, session)?,
            Step::Answer(body, hop, header, sealed, person, permit_header, number) => {
                let permit = exchange::Permit { hop, person, header: permit_header, number };
                exchange::answer(self, &mut next, body, header, sealed, permit);
            }
            Step::Show(act, sealed) => exchange::show(&mut next, act, sealed)?,
            Step::Restart(body) => evidence::restart(&mut next, body),
            Step::Tick => evidence::tick(self, &mut next),
            Step::Root(body, hop, right) => evidence::root(&mut next, body, hop, right),
            Step::Leak => next.leaked = true,
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::of(self)
    }
}
