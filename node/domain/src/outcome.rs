//! Why a rule refuses. The names are shared by every role and tool, and never change their meaning.
//!
//! A refusal carries no text of what it refuses: it may hold personal data.

macro_rules! refusals {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A refusal by one of the rules of this crate.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
        pub enum Refusal {
            $($(#[$doc])* #[error($name)] $variant,)*
        }

        impl Refusal {
            /// Every refusal, in the order of declaration.
            pub const ALL: &'static [Refusal] = &[$(Refusal::$variant,)*];

            /// The stable name, e.g. `NOT_FOUND`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

refusals! {
    /// What is, or looks like, an individual number (R10).
    ForbiddenIdentifier = "FORBIDDEN_IDENTIFIER",
    /// A field does not have its stated form.
    BadFormat = "BAD_FORMAT",
    /// A local body code whose check digit is wrong.
    BadCheckDigit = "BAD_CHECK_DIGIT",
    /// No such thing, or none that the caller may know of (R1).
    NotFound = "NOT_FOUND",
    /// The dataset, item or layout version is not in the catalogue (R13).
    UnknownInfoName = "UNKNOWN_INFO_NAME",
    /// An empty value without a reason (R13).
    ReasonOfNullRequired = "REASON_OF_NULL_REQUIRED",
    /// The record id belongs to another record, or stood earlier in the same file.
    DuplicateRecordId = "DUPLICATE_RECORD_ID",
    /// The affair is not in the catalogue.
    UnknownAffair = "UNKNOWN_AFFAIR",
    /// The body is not enabled for the affair (R12).
    AffairNotAllowed = "AFFAIR_NOT_ALLOWED",
    /// Content that may not be sent (R11, R12).
    RejectedContent = "REJECTED_CONTENT",
    /// A retention period outside what is allowed.
    BadRetention = "BAD_RETENTION",
    /// A publication time too far ahead.
    BadPeriod = "BAD_PERIOD",
    /// A choice that was not offered.
    InvalidChoice = "INVALID_CHOICE",
    /// The question was answered before; the first answer stands.
    AlreadyAnswered = "ALREADY_ANSWERED",
    /// The retention period is over.
    Expired = "EXPIRED",
}
