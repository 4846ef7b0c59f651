//! Why an owner's keys or rows cannot be used now.

use chukei_keys::{KeyfileError, ProviderError};
use chukei_store::image::ImageError;
use chukei_store::{JournalError, StoreError, WriteFault};

/// What kind of thing is wrong. A closed set: metrics count by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Not looked at yet since the process started.
    Opening,
    /// The key provider does not answer.
    Provider,
    /// A root, an epoch or the keyring is not where it should be.
    Missing,
    /// A root or epoch that the keyring needs was destroyed.
    Destroyed,
    /// The keyring or a stored key is cut short, altered, another owner's or of a newer format.
    Damaged,
    /// The keyring is older than the one that was in use.
    Older,
    /// The partition cannot be opened: of a newer format, another body's, or kept by another engine.
    Store,
    /// No space is left for the partition.
    DiskFull,
    /// The partition's disk takes no writes.
    DiskReadOnly,
    /// The partition's disk failed.
    DiskFailed,
    /// Stored rows are damaged.
    StoreCorrupt,
    /// The database server cannot be reached.
    StoreUnreachable,
    /// Another node has taken the body over while it was served here.
    Fenced,
    /// Another node serves the body; this one waits for it.
    OwnedElsewhere,
    /// Another key file or the configuration of the body cannot be used.
    Files,
    /// The body is erased: nothing but its log opens any more.
    Erased,
    /// The register, or the document that founds it, is not what was written or signed (R24).
    Tampered,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 17] = [
        Self::Opening,
        Self::Provider,
        Self::Missing,
        Self::Destroyed,
        Self::Damaged,
        Self::Older,
        Self::Store,
        Self::DiskFull,
        Self::DiskReadOnly,
        Self::DiskFailed,
        Self::StoreCorrupt,
        Self::StoreUnreachable,
        Self::Fenced,
        Self::OwnedElsewhere,
        Self::Files,
        Self::Erased,
        Self::Tampered,
    ];

    /// Its name as a label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Provider => "provider",
            Self::Missing => "missing",
            Self::Destroyed => "destroyed",
            Self::Damaged => "damaged",
            Self::Older => "older",
            Self::Store => "store",
            Self::DiskFull => "disk_full",
            Self::DiskReadOnly => "disk_read_only",
            Self::DiskFailed => "disk_failed",
            Self::StoreCorrupt => "store_corrupt",
            Self::StoreUnreachable => "store_unreachable",
            Self::Fenced => "fenced",
            Self::OwnedElsewhere => "owned_elsewhere",
            Self::Files => "files",
            Self::Erased => "erased",
            Self::Tampered => "config_tampered",
        }
    }

    /// Whether what was stored before can still be read and trusted: only writing is at fault.
    pub fn leaves_reads(self) -> bool {
        matches!(self, Self::DiskFull | Self::DiskReadOnly | Self::DiskFailed | Self::StoreCorrupt)
    }
}

/// What is wrong, in words for operators: never a key, a value or a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The kind.
    pub cause: Cause,
    /// What was found.
    pub text: String,
}

impl Fault {
    /// A fault of this kind.
    pub fn new(cause: Cause, text: impl std::fmt::Display) -> Self {
        Self { cause, text: text.to_string() }
    }

    /// The key provider takes too long.
    pub fn silent_provider() -> Self {
        Self::new(Cause::Provider, "the key provider does not answer in time")
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.text, self.cause.as_str())
    }
}

impl From<&KeyfileError> for Fault {
    fn from(error: &KeyfileError) -> Self {
        let cause = match error {
            KeyfileError::Missing | KeyfileError::Lost => Cause::Missing,
            KeyfileError::Older => Cause::Older,
            KeyfileError::Io(_) => Cause::Store,
            KeyfileError::Provider(error) => of_provider(error),
            error if error.code() == "KEY_DESTROYED" => Cause::Destroyed,
            _ => Cause::Damaged,
        };
        Self::new(cause, format!("keyring: {error}"))
    }
}

fn of_provider(error: &ProviderError) -> Cause {
    match error {
        ProviderError::Destroyed => Cause::Destroyed,
        ProviderError::Missing => Cause::Missing,
        ProviderError::Unavailable(_) | ProviderError::Io { .. } | ProviderError::ReadOnly => Cause::Provider,
        _ => Cause::Damaged,
    }
}

impl From<WriteFault> for Fault {
    fn from(fault: WriteFault) -> Self {
        let cause = match fault {
            WriteFault::DiskFull => Cause::DiskFull,
            WriteFault::ReadOnly => Cause::DiskReadOnly,
            WriteFault::Disk => Cause::DiskFailed,
            WriteFault::Corrupt => Cause::StoreCorrupt,
            WriteFault::Unreachable => Cause::StoreUnreachable,
            WriteFault::Fenced => Cause::Fenced,
        };
        Self::new(cause, fault)
    }
}

/// Why a partition could not be opened.
impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        let cause = match &error {
            StoreError::Owned | StoreError::Fenced => Cause::OwnedElsewhere,
            StoreError::DiskFull => Cause::DiskFull,
            StoreError::ReadOnly => Cause::DiskReadOnly,
            StoreError::Io(_) | StoreError::Stopped => Cause::DiskFailed,
            StoreError::Corrupt => Cause::StoreCorrupt,
            StoreError::Unreachable => Cause::StoreUnreachable,
            _ => Cause::Store,
        };
        if matches!(error, StoreError::OtherEngine) {
            return Self::new(
                cause,
                "store: kept by another engine than [store] names: name that one, and move it with `chukei-node body move`",
            );
        }
        Self::new(cause, format!("store: {error}"))
    }
}

/// Why a body's log could not be taken up.
impl From<JournalError> for Fault {
    fn from(error: JournalError) -> Self {
        let cause = match &error {
            JournalError::Fenced | JournalError::NotOwned => Cause::OwnedElsewhere,
            JournalError::Unreachable => Cause::StoreUnreachable,
            JournalError::DiskFull => Cause::DiskFull,
            JournalError::ReadOnly => Cause::DiskReadOnly,
            _ => Cause::Store,
        };
        Self::new(cause, format!("log: {error}"))
    }
}

impl From<ImageError> for Fault {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Store(error) => error.into(),
            ImageError::Log(error) => error.into(),
            ImageError::Unfinished => {
                Self::new(Cause::Store, "a restore broke off: run `chukei-node backup restore` again")
            }
            ImageError::MovedAway => Self::new(Cause::Store, "the rows were moved to another place"),
            error => Self::new(Cause::Store, error),
        }
    }
}
