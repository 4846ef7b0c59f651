//! One moment of the whole system: what portal and nodes hold, and what the broker has seen.

use std::collections::BTreeSet;

use crate::terms::{Body, Ephemeral, Header, Person, Plain, Sealed, Secret, SetupHeader, Signature};

/// One set-up of the portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Session {
    /// Not begun.
    Idle,
    /// Its share is out.
    Opened,
    /// The body's identity was proven; its last record is awaited.
    Proven(Secret),
    /// In use.
    Up(Secret),
}

/// One acceptance of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Accepted {
    /// Header it came with.
    pub setup: SetupHeader,
    /// What it exports.
    pub secret: Secret,
    /// The portal's identity was proven.
    pub up: bool,
}

/// What a node did with a request it let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// The record of this person went out.
    Record(Person),
    /// A refusal went out.
    Refusal,
}

/// Whether a signed root of the broker covers a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// Not yet.
    Missing,
    /// One that names this permit.
    Signed,
    /// One that names another.
    OfAnother,
}

/// One request answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Answer {
    /// Over which connection to a broker.
    pub hop: u8,
    /// The request.
    pub header: Header,
    /// With what.
    pub reply: Reply,
    /// The header the permit names.
    pub permit_header: Header,
    /// Number of the permit.
    pub number: u8,
    /// When.
    pub tick: u8,
    /// Proof of the permit.
    pub evidence: Evidence,
}

/// A node with its one body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Node {
    /// Channels accepted, by number; `None` once lost in a restart.
    pub channels: Vec<Option<Accepted>>,
    /// Everything answered, in order.
    pub answers: Vec<Answer>,
    /// Connections that were stopped.
    pub stopped: BTreeSet<u8>,
    /// Restarts so far.
    pub restarts: u8,
}

/// One thing a person asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// Not begun.
    Idle,
    /// The portal waits for the reply to this request.
    Asked(Header),
    /// What came back was opened.
    Ended(Header, Plain),
}

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The portal's set-ups.
    pub sessions: Vec<Session>,
    /// The acts.
    pub acts: Vec<Act>,
    /// Body A's node.
    pub a: Node,
    /// Body B's node.
    pub b: Node,
    /// Seconds on the nodes' clocks.
    pub tick: u8,
    /// Identities have leaked; no new set-up begins.
    pub leaked: bool,
    /// A sealer used a key it had used before.
    pub key_reused: bool,
    /// Seen: shares.
    pub shares: BTreeSet<Ephemeral>,
    /// Seen: headers of set-ups.
    pub setups: BTreeSet<SetupHeader>,
    /// Seen: signatures.
    pub signatures: BTreeSet<Signature>,
    /// Seen: last records of set-ups, each under the secret and for the header it was made with.
    pub last_records: BTreeSet<(Secret, SetupHeader)>,
    /// Seen: headers, all of the portal's making.
    pub headers: BTreeSet<Header>,
    /// Seen: sealed bodies, all of honest sealers.
    pub sealed: BTreeSet<Sealed>,
}

impl State {
    /// The node of `body`.
    pub fn node(&self, body: Body) -> &Node {
        match body {
            Body::A => &self.a,
            Body::B => &self.b,
        }
    }

    pub(crate) fn node_mut(&mut self, body: Body) -> &mut Node {
        match body {
            Body::A => &mut self.a,
            Body::B => &mut self.b,
        }
    }

    /// An honest sealer's body goes out; a key used before is noted.
    pub(crate) fn send(&mut self, sealed: Sealed) {
        self.key_reused |= self.sealed.iter().any(|seen| seen.key == sealed.key);
        self.sealed.insert(sealed);
    }
}

impl Node {
    /// Channels that are up now.
    pub fn up(&self) -> impl Iterator<Item = &Accepted> {
        self.channels.iter().flatten().filter(|channel| channel.up)
    }

    /// Permits taken over one connection so far.
    pub(crate) fn taken(&self, hop: u8) -> usize {
        self.answers.iter().filter(|answer| answer.hop == hop).count()
    }
}
