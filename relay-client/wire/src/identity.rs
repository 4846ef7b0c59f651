//! Identities as they stand in a certificate's URI name, e.g. `chukei://body/982016/staff/u-tax-07`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::body_code::BodyCode;

/// Who a certificate says its holder is. Names are 1–64 of `a-z 0-9 . _ -`, the first a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Identity {
    /// A body's business system.
    System(BodyCode, String),
    /// A member of a body's staff: one person, one id (R3). Who approves the acts of others is one of them.
    Staff(BodyCode, String),
    /// Whoever reads a body's log and none of its data.
    Auditor(BodyCode, String),
    /// A terminal, of a body or, without one, of the platform. It is shown beside its user and never alone.
    Device(Option<BodyCode>, String),
    /// An operator of the platform: without a way to any body's data (R2).
    Operator(String),
    /// A contractor who maintains the platform, for as long as the certificate is dated (R4).
    Maintenance(String),
    /// A node, hosting many bodies.
    Node(String),
    /// A broker.
    Broker(String),
    /// An instance of the disclosure portal.
    Portal(String),
}

/// The text is not an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a chukei identity")]
pub struct InvalidIdentity;

impl Identity {
    /// What kind of holder it is, one word of a closed set: a label of metrics and a word of policies.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::System(..) => "system",
            Self::Staff(..) => "staff",
            Self::Auditor(..) => "auditor",
            Self::Device(..) => "device",
            Self::Operator(_) => "operator",
            Self::Maintenance(_) => "maintenance",
            Self::Node(_) => "node",
            Self::Broker(_) => "broker",
            Self::Portal(_) => "portal",
        }
    }

    /// The body this identity belongs to, where it belongs to one.
    pub fn body(&self) -> Option<BodyCode> {
        match self {
            Self::System(body, _) | Self::Staff(body, _) | Self::Auditor(body, _) => Some(*body),
            Self::Device(body, _) => *body,
            _ => None,
        }
    }

    /// The last part: the holder's own name.
    pub fn name(&self) -> &str {
        match self {
            Self::System(_, name) | Self::Staff(_, name) | Self::Auditor(_, name) | Self::Device(_, name) => {
                name
            }
            Self::Operator(name) | Self::Maintenance(name) => name,
            Self::Node(name) | Self::Broker(name) | Self::Portal(name) => name,
        }
    }

    /// Whether the holder may stand at an end of a connection. A device stands beside whoever does.
    pub fn connects(&self) -> bool {
        !matches!(self, Self::Device(..))
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = (self.kind(), self.name());
        match self {
            Self::Node(_) | Self::Broker(_) | Self::Portal(_) => write!(f, "chukei://{kind}/{name}"),
            _ => match self.body() {
                Some(body) => write!(f, "chukei://body/{body}/{kind}/{name}"),
                None => write!(f, "chukei://platform/{kind}/{name}"),
            },
        }
    }
}

impl FromStr for Identity {
    type Err = InvalidIdentity;

    fn from_str(text: &str) -> Result<Self, InvalidIdentity> {
        let rest = text.strip_prefix("chukei://").ok_or(InvalidIdentity)?;
        let parts: Vec<&str> = rest.splitn(5, '/').collect();
        match parts.as_slice() {
            ["body", body, kind, holder] => {
                of_body(body.parse().map_err(|_| InvalidIdentity)?, kind, name(holder)?)
            }
            ["platform", "operator", holder] => Ok(Self::Operator(name(holder)?)),
            ["platform", "maintenance", holder] => Ok(Self::Maintenance(name(holder)?)),
            ["platform", "device", holder] => Ok(Self::Device(None, name(holder)?)),
            ["node", holder] => Ok(Self::Node(name(holder)?)),
            ["broker", holder] => Ok(Self::Broker(name(holder)?)),
            ["portal", holder] => Ok(Self::Portal(name(holder)?)),
            _ => Err(InvalidIdentity),
        }
    }
}

fn of_body(body: BodyCode, kind: &str, holder: String) -> Result<Identity, InvalidIdentity> {
    match kind {
        "system" => Ok(Identity::System(body, holder)),
        "staff" => Ok(Identity::Staff(body, holder)),
        "auditor" => Ok(Identity::Auditor(body, holder)),
        "device" => Ok(Identity::Device(Some(body), holder)),
        _ => Err(InvalidIdentity),
    }
}

/// Whether `text` may be a holder's name. Names stand in file names and logs: no `..`, no control characters.
pub fn is_name(text: &str) -> bool {
    let allowed = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    let first = |c: &u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= 64 && text.as_bytes().first().is_some_and(first) && text.bytes().all(allowed)
}

fn name(text: &str) -> Result<String, InvalidIdentity> {
    if is_name(text) { Ok(text.to_owned()) } else { Err(InvalidIdentity) }
}

impl TryFrom<String> for Identity {
    type Error = InvalidIdentity;

    fn try_from(text: String) -> Result<Self, InvalidIdentity> {
        text.parse()
    }
}

impl From<Identity> for String {
    fn from(identity: Identity) -> Self {
        identity.to_string()
    }
}
