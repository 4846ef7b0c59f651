//! Fixed-size identifiers, shown as lower-case hexadecimal.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(#[serde(with = "serde_bytes")] pub [u8; $len]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).map_err(|_| InvalidId)?;
                bytes.try_into().map(Self).map_err(|_| InvalidId)
            }
        }
    };
}

id!(
    /// A request's id: UUID version 7 (RFC 9562), used once (R22).
    RequestId,
    16
);
id!(
    /// An end-to-end channel's id, exported from its handshake; part of a job's identity (R33).
    ChannelId,
    16
);
id!(
    /// A notice's id, chosen at random by the node that registered it.
    NoticeId,
    16
);
id!(
    /// One notice to one target: what the portal reports states and answers by.
    DeliveryId,
    16
);
id!(
    /// An act that two persons decide, made by the node that registered it: the time, so that acts stand in their order,
    /// then random bytes, or what belongs to the idempotency key.
    ActId,
    16
);
id!(
    /// The key under which a retry is recognised as the same act.
    IdempotencyKey,
    32
);
id!(
    /// SHA-256 over the encoded end-to-end part of a header.
    HeaderHash,
    32
);

/// The text is not hexadecimal of the right length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier: expected lower-case hexadecimal of the right length")]
pub struct InvalidId;

impl RequestId {
    /// Milliseconds since the Unix epoch that a UUIDv7 carries, or `None` for any other version.
    pub fn unix_ms(&self) -> Option<u64> {
        let [a, b, c, d, e, f, version, _, variant, ..] = self.0;
        (version >> 4 == 7 && variant >> 6 == 0b10).then(|| u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }
}
