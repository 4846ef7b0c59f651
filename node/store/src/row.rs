//! The names of rows: a space, then whatever orders and identifies the row inside it.
//!
//! What must hold: names carry keyed hashes, time buckets and random ids only, never a person's number or code
//! in the clear, so that a key may stand in a log or a backup.

use std::fmt;

/// Bytes a row key may have at most.
pub const MAX_KEY_BYTES: usize = 256;

macro_rules! spaces {
    ($($(#[$doc:meta])* $space:ident = $code:literal,)*) => {
        /// The kinds of rows. A space's number is part of what a sealed value is bound to: never reused, never
        /// changed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Space {
            $($(#[$doc])* $space = $code,)*
        }

        impl Space {
            /// Every space, for work that must leave out no row.
            pub const ALL: &'static [Self] = &[$(Self::$space,)*];
        }
    };
}

spaces! {
    /// Integrated addressee number → person.
    PersonByAddressee = 1,
    /// Person code of the broker → person.
    PersonByCode = 2,
    /// A person's own row.
    Person = 3,
    /// The person keys of 256 persons.
    Page = 4,
    /// One sealed document per person and dataset.
    Document = 5,
    /// Record id → where the record is.
    RecordId = 6,
    /// A notice's content.
    Notice = 7,
    /// One notice to one person, with its state and answers.
    NoticeTarget = 8,
    /// Deliveries that are still to be made.
    Outbox = 9,
    /// Day of expiry → what ends with it.
    Expiry = 10,
    /// Erasures that were begun and are not over.
    Erasure = 11,
    /// Who and what the body knows: staff, devices, tickets, functions, policies, delegations.
    Register = 12,
    /// Acts of two persons.
    Act = 13,
    /// Unusual patterns that a person is to look at.
    Review = 14,
    /// The Merkle tree over the body's log.
    LogTree = 15,
    /// A person as the portal knows them.
    PortalUser = 16,
    /// A notice in a person's folder at the portal.
    PortalNotice = 17,
    /// Delivery id → where the notice lies at the portal.
    PortalDelivery = 18,
    /// A broker's exchange records, found by person and by body.
    ExchangeIndex = 19,
    /// What brokers were told to hide from a person.
    Undisclosed = 20,
    /// Facts about the partition itself.
    Meta = 32,
}

impl Space {
    /// The number that stands for this space in keys and in associated data.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// The key of a row. Keys order as their bytes do.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowKey(Vec<u8>);

impl RowKey {
    /// A key that is only its space: the prefix of every row in it.
    pub fn new(space: Space) -> Self {
        Self(vec![space.code()])
    }

    /// Appends a number that orders rows, e.g. a time or a day: 8 bytes, big-endian.
    #[must_use]
    pub fn bucket(self, bucket: u64) -> Self {
        self.bytes(&bucket.to_be_bytes())
    }

    /// Appends a keyed hash.
    #[must_use]
    pub fn name(self, name: &[u8; 32]) -> Self {
        self.bytes(name)
    }

    /// Appends bytes as they are. Of parts that vary in length only the last may be appended this way, or two
    /// different rows could get one key.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// The key's bytes, the space's number first.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What stands behind `prefix`, or `None` if the key does not begin with it.
    pub fn strip(&self, prefix: &Self) -> Option<&[u8]> {
        self.0.strip_prefix(prefix.as_bytes())
    }

    /// A key as an engine gave it back.
    pub(crate) fn from_stored(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The first key after every key that begins with this one, or `None` if there is no such key.
    pub(crate) fn after_prefix(&self) -> Option<Vec<u8>> {
        let mut end = self.0.clone();
        while let Some(last) = end.pop() {
            if let Some(next) = last.checked_add(1) {
                end.push(next);
                return Some(end);
            }
        }
        None
    }
}

impl fmt::Debug for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowKey({})", data_encoding::HEXLOWER.encode(&self.0))
    }
}
