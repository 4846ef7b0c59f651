//! How far a search goes, and which protections are in place.

use crate::terms::{Body, Person};

/// What the roles may do at most. The broker is bounded by nothing else.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Channels the portal opens, each to a body.
    pub setups: Vec<Body>,
    /// Set-ups each body's node accepts.
    pub accepts: u8,
    /// What persons ask for, each in a login of its own: person, body, dataset.
    pub acts: Vec<(Person, Body, u8)>,
    /// Times the portal repeats an act as a new request.
    pub retries: u8,
    /// Connections of brokers to each node.
    pub hops: u8,
    /// Restarts of each node.
    pub restarts: u8,
    /// Whether the broker tries shares and set-up headers of its own making: off where set-up is not the matter.
    pub forged_setups: bool,
    /// Ticks of one second on the nodes' clocks.
    pub ticks: u8,
    /// A body whose identity and binding secrets the broker has.
    pub compromised: Option<Body>,
}

impl Bounds {
    /// Nothing happens: to be filled in.
    pub fn none() -> Self {
        Self {
            setups: Vec::new(),
            accepts: 1,
            acts: Vec::new(),
            retries: 0,
            hops: 1,
            restarts: 0,
            forged_setups: true,
            ticks: 0,
            compromised: None,
        }
    }
}

/// Which identities a channel accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pinning {
    /// The one the peer list gives for the party meant.
    Party,
    /// Any body of the peer list.
    AnyListed,
    /// Any key at all.
    Nothing,
}

/// Where used request ids are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// By the body's node, across all brokers.
    AllBrokers,
    /// Apart for each connection to a broker.
    PerBroker,
    /// Nowhere.
    Nowhere,
}

/// The protections of the protocol, each of which can be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Protections {
    /// Identities of channels.
    pub pinning: Pinning,
    /// The portal uses a channel only after the body's last record on it, which repeats the set-up header.
    pub last_record: bool,
    /// Channel secrets come from keys made for the one handshake, not from the identities.
    pub ephemeral_keys: bool,
    /// The exporter's context is the set-up header.
    pub setup_in_export: bool,
    /// The node checks the binding tag.
    pub binding_tag: bool,
    /// The tag covers the header.
    pub header_in_tag: bool,
    /// The binding secret is part of a reply's key.
    pub binding_key: bool,
    /// The header hash is part of every key.
    pub header_in_key: bool,
    /// The two ways have secrets of their own, and the key knows request from reply.
    pub way_in_key: bool,
    /// Salts are drawn for each body.
    pub fresh_salt: bool,
    /// Memory of request ids.
    pub window: Window,
    /// A permit names the header it is for.
    pub permit_names_header: bool,
    /// Numbers of permits run on.
    pub permit_numbers: bool,
    /// A root is compared with the permits it covers.
    pub roots_compared: bool,
    /// A hop whose permits stay uncovered is stopped.
    pub uncovered_stops: bool,
}

impl Protections {
    /// The protocol as it is.
    pub fn all() -> Self {
        Self {
            pinning: Pinning::Party,
            last_record: true,
            ephemeral_keys: true,
            setup_in_export: true,
            binding_tag: true,
            header_in_tag: true,
            binding_key: true,
            header_in_key: true,
            way_in_key: true,
            fresh_salt: true,
            window: Window::AllBrokers,
            permit_names_header: true,
            permit_numbers: true,
            roots_compared: true,
            uncovered_stops: true,
        }
    }
}
