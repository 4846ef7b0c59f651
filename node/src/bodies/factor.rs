//! Proofs of factors beside the certificate (R5, R6): a challenge, its answer, and what is refused.
//!
//! What must hold: a factor counts as its owner's entry has it at this moment, and by that entry's key and kind alone; a
//! challenge is of one connection, one factor, once; tries are limited on a connection and over all of them; every
//! refusal leaves its event, where there is a body whose log it belongs to. Deliberately absent: what a factor is needed
//! for, which policies decide.

use std::time::Duration;

use chukei_domain::day::day_of;
use chukei_domain::register::Factor;
use chukei_relay_client::connection::{CloseCode, PeerConnection};
use chukei_relay_client::factor::{BadProof, check};
use chukei_wire::header::Kind;
use chukei_wire::identity::Identity;
use chukei_wire::message::factor::{FactorChallenge, FactorProof, FactorRequest, FactorStretch};
use chukei_wire::result::ResultName;

use crate::app::Node;
use crate::bodies::call::{Call, CallError};
use crate::bodies::caller::Caller;
use crate::bodies::logs::disbelieved;
use crate::bodies::session::{Moment, NoChallenge, Session};

/// Time a caller has to hear of the last refusal before its connection is closed.
const LAST_WORD: Duration = Duration::from_secs(2);

/// Answers one request about a factor.
pub async fn take_factor(node: &Node, connection: &PeerConnection, session: &Session, mut call: Call) {
    let started = std::time::Instant::now();
    let result = match answer(node, connection, session, &mut call).await {
        Ok(()) => match call.finish().await {
            Ok(()) => ResultName::Done,
            Err(error) => error.result(),
        },
        Err(error) => {
            refuse(node, connection, session, &mut call, &error).await;
            error.result()
        }
    };
    node.ended(call.header.request_id, Kind::Factor, result, started.elapsed());
}

async fn answer(
    node: &Node,
    connection: &PeerConnection,
    session: &Session,
    call: &mut Call,
) -> Result<(), CallError> {
    if node.is_draining() {
        return Err(CallError::NotNow(ResultName::NotReady));
    }
    let request: FactorRequest = call.request().await?;
    let (user, now) = (connection.identity(), Moment::now(node.clock.now_ms()));
    let factor = on_record(node, user, &request.name, now.unix_ms)?;
    match request.proof {
        None => {
            let challenge = session.challenge(&factor, now)?;
            let stretch = factor
                .stretch
                .map(|stretch| FactorStretch { salt: stretch.salt, rounds: stretch.iterations });
            call.reply(&FactorChallenge { challenge, stretch }).await
        }
        Some(proof) => {
            take(node, connection, session, factor, &proof, now)?;
            tracing::info!(caller = %user, "factor proven");
            Ok(())
        }
    }
}

fn take(
    node: &Node,
    connection: &PeerConnection,
    session: &Session,
    factor: Factor,
    proof: &FactorProof,
    now: Moment,
) -> Result<(), CallError> {
    let user = connection.identity();
    session.redeem(&factor.name, &proof.challenge, now)?;
    if !node.factor_tries.begin(user, &factor.name, now) {
        return Err(ResultName::Denied.into());
    }
    check(connection, &factor.name, &factor.public, proof)?;
    node.factor_tries.succeeded(user, &factor.name);
    Ok(session.proven(factor, now)?)
}

/// The factor of this name as its owner's entry has it now: of the body's register, or for people of the platform of the
/// platform's. Who is on no record has no factors, and neither has a system.
pub fn on_record(node: &Node, user: &Identity, name: &str, now_ms: u64) -> Result<Factor, ResultName> {
    let today = day_of(now_ms);
    let factor = match user.body() {
        _ if matches!(user, Identity::System(..)) => return Err(ResultName::NotPermitted),
        Some(code) => {
            let register = node.bodies.get(code)?.register();
            let holder = register.holder(user).filter(|holder| holder.valid.contains(today));
            holder.and_then(|holder| holder.factor(name).cloned())
        }
        None => {
            let register = node.platform.now(now_ms);
            let person =
                register.person(user.kind(), user.name()).filter(|person| person.valid.contains(today));
            person.and_then(|person| person.factor(name).cloned())
        }
    };
    factor.ok_or(ResultName::NotFound)
}

/// Tells the caller and the log; the fifth refusal on a connection is its last.
async fn refuse(
    node: &Node,
    connection: &PeerConnection,
    session: &Session,
    call: &mut Call,
    error: &CallError,
) {
    let (result, request) = (error.result(), call.header.request_id);
    tracing::warn!(caller = %connection.identity(), request_id = %request, %result, "a factor was not believed");
    // What is not ready, or could not be read, was no try.
    let tried = matches!(error, CallError::Refused(_));
    if tried {
        let caller = Caller::of(node, connection, session, None);
        disbelieved(node, &caller, &call.header, result).await;
    }
    call.refuse(error.outcome()).await;
    if tried && session.failed() {
        call.settle(LAST_WORD).await;
        connection.close(CloseCode::NotPermitted);
    }
}

impl From<NoChallenge> for CallError {
    fn from(error: NoChallenge) -> Self {
        match error {
            NoChallenge::Refused(result) => Self::Refused(result),
            NoChallenge::Random(_) => Self::NotNow(ResultName::NotReady),
        }
    }
}

impl From<BadProof> for CallError {
    fn from(error: BadProof) -> Self {
        match error {
            BadProof::Signature(_) => Self::Refused(ResultName::BadSignature),
            BadProof::Connection(_) => Self::NotNow(ResultName::NotReady),
        }
    }
}
