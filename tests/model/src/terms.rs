//! What the roles and the broker know and say, as symbols. Everything is small and copied.

/// A local body, each on a node of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Body {
    /// The first.
    A,
    /// The second.
    B,
}

/// A person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Person {
    /// The first.
    X,
    /// The second.
    Y,
}

/// Who holds a long-lived signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Identity {
    /// The portal: in the peer list.
    Portal,
    /// A body: in the peer list.
    Body(Body),
    /// The broker's own key: in no list of channel identities.
    Broker,
}

/// An ephemeral key, and with it its public share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ephemeral {
    /// Of the portal's set-up of this number.
    Portal(u8),
    /// Of a body's acceptance of this number.
    Body(Body, u8),
    /// The broker's.
    Broker,
}

/// Both shares of a handshake: what its signatures cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Transcript {
    /// Of the side that opened.
    pub client: Ephemeral,
    /// Of the side that answered.
    pub server: Ephemeral,
}

/// Which side of a handshake signed: TLS signs different words for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The one that opened.
    Client,
    /// The one that answered.
    Server,
}

/// A signature over a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Signature {
    /// Whose key made it.
    pub by: Identity,
    /// As which side.
    pub side: Side,
    /// Over what.
    pub transcript: Transcript,
}

/// Header of a set-up request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SetupHeader {
    /// The body the channel is to reach.
    pub body: Body,
    /// Its request id.
    pub id: u8,
}

/// What a handshake exports: secrets and channel id together. `setup` is absent where the export forgets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Secret {
    /// The handshake.
    pub transcript: Transcript,
    /// The set-up header it is bound to.
    pub setup: Option<SetupHeader>,
}

/// End-to-end header of a request; its hash is itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Header {
    /// Request id.
    pub id: u8,
    /// Body asked.
    pub body: Body,
    /// Dataset asked for.
    pub dataset: u8,
    /// Channel it is sealed on.
    pub channel: Secret,
    /// The request this one repeats.
    pub retry_of: Option<u8>,
}

/// HMAC of the header under the binding secret of (person, body).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag {
    /// Whose binding secret.
    pub person: Person,
    /// With which body.
    pub body: Body,
    /// The header, where the tag covers it.
    pub header: Option<Header>,
}

/// Way of a sealed body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Way {
    /// Request, to the body.
    ToBody,
    /// Reply, to the portal.
    ToPortal,
}

/// Salt of one sealed body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Salt {
    /// Drawn by an honest sealer for this request, the n-th time.
    Fresh(Way, u8, u8),
    /// The same every time.
    Fixed,
    /// Chosen by the broker.
    Broker,
}

/// A message key, by what it is derived from. A part is absent where the derivation forgets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Of which channel.
    pub secret: Secret,
    /// Which way.
    pub way: Option<Way>,
    /// Salt, readable beside the body.
    pub salt: Salt,
    /// Of which request.
    pub header: Option<Header>,
    /// Binding secret mixed in.
    pub bound: Option<(Person, Body)>,
}

/// What is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Plain {
    /// A request for a person's own information.
    Request(Option<Tag>),
    /// The record of a person at a body in a dataset.
    Record(Person, Body, u8),
    /// A refusal: says nothing about a person.
    Refusal,
    /// Something the broker made.
    Forged,
}

/// A sealed body: opens under exactly its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sealed {
    /// Under which key.
    pub key: Key,
    /// What is inside.
    pub plain: Plain,
}

impl Secret {
    /// Whether the broker holds one of the two ephemeral keys.
    pub fn is_known_to_broker(&self) -> bool {
        self.transcript.client == Ephemeral::Broker || self.transcript.server == Ephemeral::Broker
    }
}
