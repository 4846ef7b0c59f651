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

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use chukei_crypto::random::RandomError;
use chukei_crypto::stamp::{Request, StampError};
use chukei_domain::day::day_of;
use chukei_wire::body_code::BodyCode;
use chukei_wire::limits::TIME_STAMP_MAX;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::app::Node;
use crate::hosted::HostedBody;
use crate::hosted::rows::RowError;
use crate::telemetry::duty::Duty;

pub(crate) use authority::{AskError, Authority};
pub(crate) use kept::{Kept, page};

use kept::Newest;
use plan::Plan;

/// How often it is looked whose turn it is.
const LOOK: Duration = Duration::from_secs(1);
/// Questions at once, all bodies together.
const AT_ONCE: usize = 4;

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
            Self::Rows(_) => "not_kept",
            Self::Random(_) => "no_randomness",
        }
    }
}

/// A body and its turns.
struct Watched {
    plan: Plan,
    duty: Duty,
    /// Since when it has had none, Unix milliseconds, or the time of the newest.
    since_ms: u64,
}

/// What came of asking for one body.
type Asked = (BodyCode, Result<Option<Newest>, StampFailed>);

/// Has every body's log stamped daily until the node stops. Stamps are kept for `keep_days`.
pub(crate) async fn run(node: Arc<Node>, authority: Arc<Authority>, keep_days: u32) {
    let mut bodies: HashMap<BodyCode, Watched> = HashMap::new();
    let mut asked: JoinSet<Asked> = JoinSet::new();
    let mut stopping = node.stopping();
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = async { drop(stopping.wait_for(|stop| *stop).await) } => return,
            Some(done) = asked.join_next() => match done {
                Ok((code, outcome)) => take(&node, &mut bodies, code, outcome),
                // Whose it was is not known: all may be asked for again.
                Err(_) => bodies.values_mut().for_each(|body| body.plan.given_up()),
            },
            _ = looks.tick() => {
                let hosted: Vec<_> = node.bodies.iter().filter(|body| !body.is_ended()).collect();
                bodies.retain(|code, _| hosted.iter().any(|body| body.code() == *code));
                look(&node, &authority, keep_days, &hosted, &mut bodies, &mut asked).await;
                show_age(&node, &bodies);
            }
        }
    }
}

/// Begins with those whose turn it is, as many as may be at once.
async fn look(
    node: &Arc<Node>,
    authority: &Arc<Authority>,
    keep_days: u32,
    hosted: &[Arc<HostedBody>],
    bodies: &mut HashMap<BodyCode, Watched>,
    asked: &mut JoinSet<Asked>,
) {
    let now_ms = node.clock.now_ms();
    for body in hosted {
        let code = body.code();
        let watched = match bodies.entry(code) {
            Entry::Occupied(watched) => watched.into_mut(),
            Entry::Vacant(place) => {
                // A body that cannot be read now is looked at again.
                let Ok(newest) = kept::newest(body).await else { continue };
                let since_ms = newest.as_ref().map_or(now_ms, |newest| newest.at_ms);
                let plan = Plan::new(code, newest.map(|newest| newest.day));
                let duty = Duty::new("time_stamp", code, &node.metrics);
                place.insert(Watched { plan, duty, since_ms })
            }
        };
        if asked.len() >= AT_ONCE {
            return;
        }
        if watched.plan.begin(now_ms) {
            let (node, authority, body) = (node.clone(), authority.clone(), body.clone());
            asked.spawn(async move { (body.code(), stamp(&node, &authority, &body, keep_days).await) });
        }
    }
}

/// Has the newest cosigned checkpoint stamped, and keeps the stamp; `None` where no broker has cosigned any yet.
async fn stamp(
    node: &Node,
    authority: &Authority,
    body: &HostedBody,
    keep_days: u32,
) -> Result<Option<Newest>, StampFailed> {
    let Some(vouched) = body.vouched().over(None) else { return Ok(None) };
    let note = vouched.checkpoint.to_string();
    let question = Request::new(note.as_bytes(), authority.policy())?;
    let reply = authority.ask(question.to_der()).await?;
    let now_ms = node.clock.now_ms();
    let (token, stamp) = question.accept(&reply, authority.roots(), now_ms, authority.apart_ms())?;
    if token.len() > TIME_STAMP_MAX {
        return Err(StampError::TooLarge.into());
    }
    let newest = Newest { day: day_of(now_ms), at_ms: stamp.at_ms };
    kept::keep(body, &newest, Kept::new(newest.day, note, &vouched.key, token), keep_days).await?;
    tracing::info!(
        body = %body.code(), size = vouched.tree.head().size, at_ms = stamp.at_ms, policy = %stamp.policy,
        "the log's checkpoint has the day's time stamp"
    );
    Ok(Some(newest))
}

fn take(
    node: &Node,
    bodies: &mut HashMap<BodyCode, Watched>,
    code: BodyCode,
    outcome: Result<Option<Newest>, StampFailed>,
) {
    let Some(watched) = bodies.get_mut(&code) else { return };
    let count = |result: &str| node.metrics.time_stamps.with_label_values(&[result]).inc();
    match outcome {
        Ok(Some(newest)) => {
            count("ok");
            watched.plan.done(newest.day);
            watched.since_ms = newest.at_ms;
            watched.duty.done();
        }
        Ok(None) => watched.plan.given_up(),
        Err(error) => {
            count(error.as_str());
            watched.plan.failed();
            watched.duty.failed(&error);
        }
    }
}

/// How old the newest stamp of the body is whose newest is the oldest.
fn show_age(node: &Node, bodies: &HashMap<BodyCode, Watched>) {
    let oldest = bodies.values().map(|body| body.since_ms).min();
    let age_ms = oldest.map_or(0, |since_ms| node.clock.now_ms().saturating_sub(since_ms));
    node.metrics.time_stamp_age_seconds.set(age_ms as f64 / 1_000.0);
}
