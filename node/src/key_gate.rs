//! The gate that every use of an owner's keys passes, and the looks that shut and open it.
//!
//! What must hold: while a fault stands, nothing of the owner is sealed or opened, by new work or by work that began
//! before; where only writing is at fault, reads go on and nothing is written. Others are not touched by it.
//! Deliberately absent: any way around the gate, and any mending.

mod fault;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use chukei_keys::{KeyfileError, KeyringFile};

pub use fault::{Cause, Fault};

/// How often keys are looked at: one that somebody took away is not used for longer than a second.
pub const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A look that takes longer finds that what it waits for does not answer.
const LOOK_WAIT: Duration = Duration::from_secs(5);
/// Looks at a root and epoch that are not there.
const LOOKS: u32 = 3;

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
/// [`LOOK_WAIT`] shuts the gate with the fault that `late` names, and is waited for all the same, so that no second
/// one joins it.
pub async fn look_and_set(
    gate: &Gate,
    look: impl Future<Output = Option<Fault>> + Send + 'static,
    late: impl Fn() -> Fault,
    tell: impl Fn(Option<&Fault>),
) {
    look_within(LOOK_WAIT, gate, look, late, tell).await;
}

async fn look_within(
    wait: Duration,
    gate: &Gate,
    look: impl Future<Output = Option<Fault>> + Send + 'static,
    late: impl Fn() -> Fault,
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
            set(Some(late()));
            set(looking.await.unwrap_or_else(|_| Some(Fault::new(Cause::Opening, "a look broke off"))));
        }
    }
}

/// The gate is shut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body is not ready now")]
pub struct Shut;

/// The gate of one body.
#[derive(Debug, Default)]
pub struct Gate(ArcSwapOption<Fault>);

impl Gate {
    /// A gate that is shut by `fault`.
    pub fn shut_by(fault: Fault) -> Self {
        Self(ArcSwapOption::from_pointee(fault))
    }

    /// Lets a use of the body's keys through: also where the fault is one of writing alone.
    pub fn pass(&self) -> Result<(), Shut> {
        let passes = self.0.load().as_ref().is_none_or(|fault| fault.cause.leaves_reads());
        if passes { Ok(()) } else { Err(Shut) }
    }

    /// Lets a write through.
    pub fn pass_to_write(&self) -> Result<(), Shut> {
        if self.0.load().is_none() { Ok(()) } else { Err(Shut) }
    }

    /// What stands in the way.
    pub fn fault(&self) -> Option<Arc<Fault>> {
        self.0.load_full()
    }

    /// Shuts the gate, unless it is shut as tightly already.
    pub fn shut(&self, fault: Fault) {
        let fault = Arc::new(fault);
        self.0.rcu(|standing| match standing {
            Some(before) if fault.cause.leaves_reads() || !before.cause.leaves_reads() => {
                Some(before.clone())
            }
            _ => Some(fault.clone()),
        });
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
