//! What a decision says.

use std::fmt;
use std::sync::Arc;

use chukei_wire::result::ResultName;
use data_encoding::HEXLOWER;

/// Bytes of a version that events name: 16 hexadecimal digits.
const SHOWN: usize = 8;

/// The policies that a decision was made under: SHA-256 of the schema, the shipped policies and the body's own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyVersion(pub(crate) [u8; 32]);

/// The outcome of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It may be done.
    Permit,
    /// It may be done once a further factor, of another kind, was shown (STEP_UP_REQUIRED).
    StepUp,
    /// It may not be done, and what the caller is told.
    Deny(ResultName),
}

/// Why: the id of a policy, or one of [`Reason::RESERVED`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reason(pub(crate) Arc<str>);

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The outcome.
    pub outcome: Outcome,
    /// The policies that decided, in their order: those that permit, or those that refuse.
    pub reasons: Vec<Reason>,
    /// The policies that were asked.
    pub policy_version: PolicyVersion,
}

impl Outcome {
    /// Whether it may be done now.
    pub fn is_permit(self) -> bool {
        self == Self::Permit
    }

    /// What the caller is told; `None` where it may be done.
    pub fn result(self) -> Option<ResultName> {
        match self {
            Self::Permit => None,
            Self::StepUp => Some(ResultName::StepUpRequired),
            Self::Deny(result) => Some(result),
        }
    }
}

impl Reason {
    /// The schema has no such action (R6: what is not listed is denied).
    pub const UNLISTED_ACTION: &'static str = "unlisted_action";
    /// No policy permits it.
    pub const NOTHING_PERMITS: &'static str = "nothing_permits";
    /// The policies named after it could not be evaluated, which refuses whatever the others say.
    pub const NOT_EVALUATED: &'static str = "not_evaluated";
    /// Reasons that are no policy's id, and never will be.
    pub const RESERVED: &'static [&'static str] =
        &[Self::UNLISTED_ACTION, Self::NOTHING_PERMITS, Self::NOT_EVALUATED];

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PolicyVersion {
    /// All of it.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// As events name it: the first 16 hexadecimal digits.
impl fmt::Display for PolicyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(self.0.first_chunk::<SHOWN>().unwrap_or(&[0; SHOWN])))
    }
}

impl fmt::Debug for PolicyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PolicyVersion({self})")
    }
}
