//! Time stamps of an authority (RFC 3161) on checkpoints of the bodies' logs: one a day of each, so that nobody, the node's own
//! operators and all brokers together included, can later make a log that was there before.
//!
//! What must hold: what is stamped was cosigned by a broker before; what an authority answers is verified before it is kept; the
//! authority learns a hash and the rhythm of the days, and cannot hold up anything: no request waits for it, few
//! questions are open at once, each has a deadline, and who failed waits longer each time. Deliberately absent: several
//! authorities, and stamps oftener than daily.

mod authority;
mod kept;
mod plan;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use chukei_crypto::random::RandomError;
use chukei_crypto::stamp::StampError;
use tokio::time::MissedTickBehavior;

use crate::app::Node;
use crate::hosted::rows::RowError;

pub(crate) use authority::{AskError, Authority};
pub(crate) use kept::{Kept, page};

use turns::Turns;

/// How often it is looked whose turn it is.
const LOOK: Duration = Duration::from_secs(1);

/// Why there is no stamp of today yet.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StampFailed {
    /// The authority was not asked, or did not answer.
    #[error("the time stamp authority: {0}")]
    Ask(#[from] AskError),
    /// It answered, and that is no stamp of the checkpoint.
    #[error("the answer of the time stamp authority: {0}")]
    Answer(#[from] StampError),
    /// The body's rows.
    #[error("rows: {0}")]
    Rows(#[from] RowError),
    /// The body's store took too long.
    #[error("rows: no answer within the deadline")]
    Late,
    /// The work on it broke off.
    #[error("the work broke off")]
    Broken,
    /// The system gave no randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl StampFailed {
    /// As metrics name it.
    fn as_str(&self) -> &'static str {
        match self {
            Self::Ask(error) => error.as_str(),
            Self::Answer(error) => error.as_str(),
            Self::Rows(_) | Self::Late => "not_kept",
            Self::Broken => "panicked",
            Self::Random(_) => "no_randomness",
        }
    }
}

/// Has every body's log stamped daily until the node stops. Stamps are kept for `keep_days`.
pub(crate) async fn run(node: Arc<Node>, authority: Arc<Authority>, keep_days: u32) {
    let mut turns = Turns::new(authority, node.clock.clone(), node.metrics.clone(), keep_days);
    let mut stopping = node.stopping();
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = async { drop(stopping.wait_for(|stop| *stop).await) } => return,
            Some(ended) = turns.ended() => turns.take(ended),
            _ = looks.tick() => {
                let hosted: Vec<_> = node.bodies.iter().filter(|body| !body.is_ended()).collect();
                turns.begin(&hosted);
                turns.show_age();
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod samples;
