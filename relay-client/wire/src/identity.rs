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
    /// A member of a body's staff: one person, one id (R3).
    Staff(BodyCode, String),
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
    /// The body this identity belongs to, for staff and systems.
    pub fn body(&self) -> Option<BodyCode> {
        match self {
            Self::System(body, _) | Self::Staff(body, _) => Some(*body),
            _ => None,
        }
    }

    /// The last part: the holder's own name.
    pub fn name(&self) -> &str {
        match self {
            Self::System(_, name) | Self::Staff(_, name) => name,
            Self::Node(name) | Self::Broker(name) | Self::Portal(name) => name,
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(body, name) => write!(f, "chukei://body/{body}/system/{name}"),
            Self::Staff(body, name) => write!(f, "chukei://body/{body}/staff/{name}"),
            Self::Node(name) => write!(f, "chukei://node/{name}"),
            Self::Broker(name) => write!(f, "chukei://broker/{name}"),
            Self::Portal(name) => write!(f, "chukei://portal/{name}"),
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
                let body = body.parse().map_err(|_| InvalidIdentity)?;
                match *kind {
                    "system" => Ok(Self::System(body, name(holder)?)),
                    "staff" => Ok(Self::Staff(body, name(holder)?)),
                    _ => Err(InvalidIdentity),
                }
            }
            ["node", holder] => Ok(Self::Node(name(holder)?)),
            ["broker", holder] => Ok(Self::Broker(name(holder)?)),
            ["portal", holder] => Ok(Self::Portal(name(holder)?)),
            _ => Err(InvalidIdentity),
        }
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
