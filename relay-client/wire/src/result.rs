//! Result names that every role, tool and test shares. A name never changes its meaning.

use serde::{Deserialize, Serialize};

macro_rules! results {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// The outcome of an operation, as callers see it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum ResultName {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl ResultName {
            /// Every name, in the order of declaration.
            pub const ALL: &'static [ResultName] = &[$(ResultName::$variant,)*];

            /// The stable name, e.g. `NOT_FOUND`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

results! {
    /// The copy or notice is durably registered.
    Registered = "REGISTERED",
    /// The record id belongs to another record, or stood earlier in the same file.
    DuplicateRecordId = "DUPLICATE_RECORD_ID",
    /// The dataset or item is not in the catalogue (R13).
    UnknownInfoName = "UNKNOWN_INFO_NAME",
    /// A field does not have its stated form.
    BadFormat = "BAD_FORMAT",
    /// A local body code whose check digit is wrong.
    BadCheckDigit = "BAD_CHECK_DIGIT",
    /// An empty value without a reason (未設定事由).
    ReasonOfNullRequired = "REASON_OF_NULL_REQUIRED",
    /// The input holds what is, or looks like, an individual number (R10).
    ForbiddenIdentifier = "FORBIDDEN_IDENTIFIER",
    /// No such thing, or none that the caller may know of (R1).
    NotFound = "NOT_FOUND",
    /// Accepted, and not decided yet.
    Pending = "PENDING",
    /// Done; the answer is with it.
    Done = "DONE",
    /// The body holds nothing of this kind about the person.
    NoData = "NO_DATA",
    /// Ask the body itself; says nothing about why (R50).
    UnavailableAskBody = "UNAVAILABLE_ASK_BODY",
    /// The person of the permit is not the person of the request (R22, R30).
    SubjectMismatch = "SUBJECT_MISMATCH",
    /// The request id was used before (R22).
    Replay = "REPLAY",
    /// The permit's life is over (R22).
    PermitExpired = "PERMIT_EXPIRED",
    /// The permit does not cover this request (R22).
    PermitScope = "PERMIT_SCOPE",
    /// A signature or authentication code does not verify (R22).
    BadSignature = "BAD_SIGNATURE",
    /// The caller has no right to this operation.
    NotPermitted = "NOT_PERMITTED",
    /// The body is not enabled for the affair (R12).
    AffairNotAllowed = "AFFAIR_NOT_ALLOWED",
    /// The content may not be sent (R11).
    RejectedContent = "REJECTED_CONTENT",
    /// A link outside the body's approved domains (R12).
    LinkNotAllowed = "LINK_NOT_ALLOWED",
    /// An attachment with active content (R12).
    ActiveContent = "ACTIVE_CONTENT",
    /// An attachment that cannot be scanned (R12).
    Unscannable = "UNSCANNABLE",
    /// A retention period outside what is allowed.
    BadRetention = "BAD_RETENTION",
    /// A choice that was not offered.
    InvalidChoice = "INVALID_CHOICE",
    /// The question was answered before; the first answer stands.
    AlreadyAnswered = "ALREADY_ANSWERED",
    /// The retention period is over.
    Expired = "EXPIRED",
    /// It was erased.
    Erased = "ERASED",
    /// The key that would open it was destroyed.
    KeyDestroyed = "KEY_DESTROYED",
    /// It must be kept until its retention ends (R23).
    RetentionLocked = "RETENTION_LOCKED",
    /// A second person must decide.
    TwoPersonRequired = "TWO_PERSON_REQUIRED",
    /// A further factor is needed (R6).
    StepUpRequired = "STEP_UP_REQUIRED",
    /// Refused by policy (R6).
    Denied = "DENIED",
    /// Outside the permitted time (R6).
    OutsideWindow = "OUTSIDE_WINDOW",
    /// The device is not listed (R6).
    DeviceUnknown = "DEVICE_UNKNOWN",
    /// The role has no path to personal data (R2).
    RoleHasNoDataAccess = "ROLE_HAS_NO_DATA_ACCESS",
    /// Two factors of the same kind (R5).
    SameFactorKind = "SAME_FACTOR_KIND",
    /// Stored or received bytes fail their seal.
    IntegrityFailure = "INTEGRITY_FAILURE",
    /// The channel was stopped after a mismatch (R35).
    IntegrityStop = "INTEGRITY_STOP",
    /// Too much at once: retry after the stated time (R40).
    Overloaded = "OVERLOADED",
    /// The role cannot serve now (R34).
    NotReady = "NOT_READY",
    /// A protected file was changed (R24).
    ConfigTampered = "CONFIG_TAMPERED",
    /// Outside the delegation (R42).
    ProxyScope = "PROXY_SCOPE",
    /// The delegation is over (R42).
    ProxyExpired = "PROXY_EXPIRED",
    /// No delegation (R42).
    NotAuthorised = "NOT_AUTHORISED",
    /// The acquisition number is unknown, foreign or out of date.
    CodeNotAcquired = "CODE_NOT_ACQUIRED",
    /// The affair is not in the catalogue.
    UnknownAffair = "UNKNOWN_AFFAIR",
    /// The period is malformed or reversed.
    BadPeriod = "BAD_PERIOD",
}

impl std::fmt::Display for ResultName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
