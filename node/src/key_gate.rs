//! Why an owner's keys cannot be used now, and the gate that every use of them passes.
//!
//! What must hold: while a fault stands, nothing of the owner is sealed or opened, by new work or by work that began
//! before; others are not touched by it. Deliberately absent: any way around the gate, and any mending.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use chukei_keys::{KeyfileError, KeyringFile, ProviderError};

/// How often keys are looked at: one that somebody took away is not used for longer than a second.
pub const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A look that takes longer finds that the provider does not answer.
const LOOK_WAIT: Duration = Duration::from_secs(5);
/// Looks at a root and epoch that are not there.
const LOOKS: u32 = 3;

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
    /// The partition cannot be read.
    Store,
    /// Another key file or the configuration of the body cannot be used.
    Files,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 8] = [
        Self::Opening,
        Self::Provider,
        Self::Missing,
        Self::Destroyed,
        Self::Damaged,
        Self::Older,
        Self::Store,
        Self::Files,
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
            Self::Files => "files",
        }
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

/// Looks at what a keyring stands on: its provider, the root and epoch it is wrapped under, and the file itself.
pub async fn look(file: Arc<KeyringFile>) -> Option<Fault> {
    let looking = tokio::task::spawn_blocking(move || still_there(&file).and_then(|()| file.check()));
    match looking.await {
        Ok(looked) => looked.err().map(|error| Fault::from(&error)),
        Err(_) => Some(Fault::new(Cause::Opening, "a look broke off")),
    }
}

/// Whether root and epoch in use can be used. Looked at again where they cannot: they may have just changed.
fn still_there(file: &KeyringFile) -> Result<(), KeyfileError> {
    let mut served = Ok(());
    for _ in 0..LOOKS {
        let ids = file.ids();
        served = file.provider().serves(file.owner(), ids);
        if served.is_ok() || ids == file.ids() {
            break;
        }
    }
    Ok(served?)
}

/// Looks in the background and sets the gate; tells every change of it. A look that takes longer than
/// [`LOOK_WAIT`] shuts the gate, and is waited for all the same, so that no second one joins it.
pub async fn look_and_set(
    gate: &Gate,
    look: impl Future<Output = Option<Fault>> + Send + 'static,
    tell: impl Fn(Option<&Fault>),
) {
    look_within(LOOK_WAIT, gate, look, tell).await;
}

async fn look_within(
    wait: Duration,
    gate: &Gate,
    look: impl Future<Output = Option<Fault>> + Send + 'static,
    tell: impl Fn(Option<&Fault>),
) {
    let set = |found: Option<Fault>| {
        if gate.set(found.clone()) {
            tell(found.as_ref());
        }
    };
    let mut looking = tokio::spawn(look);
    match tokio::time::timeout(wait, &mut looking).await {
        Ok(found) => set(found.unwrap_or_else(|_| Some(Fault::new(Cause::Opening, "a look broke off")))),
        Err(_) => {
            set(Some(Fault::new(Cause::Provider, "the key provider does not answer in time")));
            set(looking.await.unwrap_or_else(|_| Some(Fault::new(Cause::Opening, "a look broke off"))));
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.text, self.cause.as_str())
    }
}

/// The gate is shut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body's keys cannot be used now")]
pub struct Shut;

/// The gate of one body.
#[derive(Debug, Default)]
pub struct Gate(ArcSwapOption<Fault>);

impl Gate {
    /// A gate that is shut by `fault`.
    pub fn shut_by(fault: Fault) -> Self {
        Self(ArcSwapOption::from_pointee(fault))
    }

    /// Lets a use of the body's keys through.
    pub fn pass(&self) -> Result<(), Shut> {
        if self.0.load().is_none() { Ok(()) } else { Err(Shut) }
    }

    /// What stands in the way.
    pub fn fault(&self) -> Option<Arc<Fault>> {
        self.0.load_full()
    }

    /// Shuts the gate, or opens it; tells whether that changed anything.
    pub fn set(&self, fault: Option<Fault>) -> bool {
        let before = self.0.load_full();
        let changed = before.as_deref() != fault.as_ref();
        if changed {
            self.0.store(fault.map(Arc::new));
        }
        changed
    }
}

#[cfg(test)]
mod tests;
