//! What was decided, for whoever looks for unusual patterns (R7).
//!
//! What must hold: a decision never waits for who observes it; what finds no room is counted. Deliberately absent: what
//! was asked about whom.

use std::sync::OnceLock;

use chukei_wire::body_code::BodyCode;
use chukei_wire::identity::Identity;
use chukei_wire::result::ResultName;
use tokio::sync::mpsc;

/// Decisions that may wait to be looked at.
const WAITING_MAX: usize = 8_192;

/// One decision, as the review of patterns sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The body of the one who asked, or the one that upkeep is done for; `None` for the platform's own upkeep.
    pub body: Option<BodyCode>,
    /// Who asked.
    pub identity: Identity,
    /// Name in policies; the request's kind where nothing was entered.
    pub action: &'static str,
    /// What the caller was told; `None` where it was permitted.
    pub refused: Option<ResultName>,
    /// Ids of the policies that decided.
    pub reasons: Vec<String>,
    /// Distinct persons that the identity has opened within ten minutes.
    pub persons: u32,
    /// The other body that the request named: entered under its delegation, or refused like one that does not exist.
    pub across: Option<BodyCode>,
    /// The delegation that decided, by its id; `None` where none was entered under (R42).
    pub delegation: Option<String>,
    /// The device that proved itself, by its name.
    pub device: Option<String>,
    /// When, Unix milliseconds.
    pub at_ms: u64,
}

/// Where decisions go that somebody looks at.
#[derive(Default)]
pub struct Observer {
    sender: OnceLock<mpsc::Sender<Observed>>,
}

impl Observer {
    /// Everything decided from now on, in its order; `None` for the second who asks.
    pub fn subscribe(&self) -> Option<mpsc::Receiver<Observed>> {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        self.sender.set(sender).is_ok().then_some(receiver)
    }

    /// Passes a decision on; false where there is no room for it.
    pub(crate) fn observe(&self, observed: Observed) -> bool {
        self.sender.get().is_none_or(|sender| {
            !matches!(sender.try_send(observed), Err(mpsc::error::TrySendError::Full(_)))
        })
    }
}
