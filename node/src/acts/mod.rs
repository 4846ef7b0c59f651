//! Acts that two persons of a body decide (二人承認; R23, R50): the rows they stand in, what is asked of them, and the
//! worker that carries them out when their waiting period is over.
//!
//! What must hold: what may follow what is the domain's (`chukei_domain::act`); each step is in the body's log before it
//! counts, with both persons; an act that is begun is carried to its end, whatever stops in between, and done once. What
//! an act does has no other way to be done. Deliberately absent: who may ask, approve and call off, which is decided for
//! each call like any other.

mod asking;
mod carry;
mod effects;
mod log_gap;
mod persons;
mod proven;
mod results;
mod rows;
mod shown;
mod subject;

use std::time::Duration;

use chukei_crypto::random::RandomError;
use chukei_domain::act::ActRefusal;
use chukei_wire::result::ResultName;
use tokio::sync::{Mutex, MutexGuard, Notify};

use crate::audit::AuditError;
use crate::bodies::call::CallError;
use crate::hosted::rows::RowError;

pub(crate) use asking::{approve, call_off_clearing, call_off_restored, cancel, request};
pub use carry::run;
pub(crate) use proven::{ProvenPiece, ProvenRecords};
pub(crate) use results::{Brought, Piece, Records, fetch};
pub(crate) use shown::{list, shown};

/// Pause after a try that failed, and between two looks at the time.
const LOOK: Duration = Duration::from_millis(500);

/// Why an act does not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ActError {
    /// A rule refuses.
    #[error("refused: {0}")]
    Refused(ResultName),
    /// Stored data could not be used.
    #[error("data: {0}")]
    Row(#[from] RowError),
    /// The log could not be written or read.
    #[error("log: {0}")]
    Audit(#[from] AuditError),
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl From<ActRefusal> for ActError {
    fn from(refusal: ActRefusal) -> Self {
        Self::Refused(match refusal {
            ActRefusal::SecondPerson => ResultName::TwoPersonRequired,
            ActRefusal::Decided => ResultName::Replay,
            ActRefusal::Over => ResultName::Expired,
            ActRefusal::Early => ResultName::OutsideWindow,
            ActRefusal::NotTheirs => ResultName::NotPermitted,
            ActRefusal::Reference => ResultName::BadFormat,
        })
    }
}

impl From<ResultName> for ActError {
    fn from(result: ResultName) -> Self {
        Self::Refused(result)
    }
}

impl From<ActError> for CallError {
    fn from(error: ActError) -> Self {
        match error {
            ActError::Refused(result) => result.into(),
            ActError::Row(error) => Self::Row(error),
            ActError::Audit(error) => Self::Audit(error),
            ActError::Random(_) => Self::NotNow(ResultName::NotReady),
        }
    }
}

/// The acts of one body: changed one after the other, and woken.
#[derive(Debug, Default)]
pub struct Acting {
    changing: Mutex<()>,
    more: Notify,
}

impl Acting {
    /// Held while acts are read in order to be changed, and while one is carried out.
    async fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().await
    }
}

#[cfg(test)]
mod again;
#[cfg(test)]
mod stops;
#[cfg(test)]
mod tests;
