//! What a connection's user has proved on it besides the certificate (R5, R6): one per connection, gone with it.
//!
//! What must hold: the certificate is the first factor, of the kind possession, and every further one is of a kind
//! not shown yet (R5); a challenge is answered once, soon, and for the factor that it was made for; a factor that its
//! owner's entry no longer holds, letter by letter, was never shown. Age is the longer of what two clocks say, so
//! that neither a clock set back nor a machine that slept makes a proof younger.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chukei_access::facts::{FactorKind, Factors};
use chukei_crypto::random::{self, RandomError};
use chukei_domain::register::{self, Factor};
use chukei_wire::limits::{FACTOR_CHALLENGE, FACTOR_TRIES_MAX};
use chukei_wire::result::ResultName;

/// How long a challenge may be answered: a person types in between.
pub const CHALLENGE_LIFE: Duration = Duration::from_secs(120);

/// The factors of one connection.
#[derive(Debug, Default)]
pub struct Session {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    proven: Vec<Proven>,
    challenge: Option<Challenge>,
    failed: u32,
}

#[derive(Debug)]
struct Proven {
    factor: Factor,
    at: Moment,
}

#[derive(Debug)]
struct Challenge {
    bytes: [u8; FACTOR_CHALLENGE],
    factor: String,
    at: Moment,
}

/// A moment on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The monotone one.
    pub instant: Instant,
    /// The role's, Unix milliseconds.
    pub unix_ms: u64,
}

impl Moment {
    /// Now, where the role's clock says `now_ms` (Unix milliseconds).
    pub fn now(now_ms: u64) -> Self {
        Self { instant: Instant::now(), unix_ms: now_ms }
    }

    /// How long ago `earlier` was: the longer of what the two clocks say.
    pub fn since(&self, earlier: &Self) -> Duration {
        let said = Duration::from_millis(self.unix_ms.saturating_sub(earlier.unix_ms));
        self.instant.saturating_duration_since(earlier.instant).max(said)
    }
}

/// The factors that count for one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownFactors {
    /// Each once, the certificate's first.
    kinds: Vec<FactorKind>,
    /// Seconds since a further factor was last proved, rounded up; `None` where none was.
    stepped_up_s: Option<u32>,
}

impl ShownFactors {
    /// The certificate alone.
    pub fn certificate() -> Self {
        Self { kinds: vec![FactorKind::Possession], stepped_up_s: None }
    }

    /// The certificate and these kinds, as for a decision on what has not happened.
    pub fn supposed(further: Vec<FactorKind>, stepped_up_s: Option<u32>) -> Self {
        Self { kinds: [vec![FactorKind::Possession], further].concat(), stepped_up_s }
    }

    /// For a decision.
    pub fn facts(&self) -> Factors<'_> {
        Factors { shown: &self.kinds, stepped_up_s: self.stepped_up_s }
    }
}

impl Session {
    /// What counts now: what was proved, as far as `holds` finds it still in its owner's entry.
    pub fn shown(&self, now: Moment, holds: impl Fn(&Factor) -> bool) -> ShownFactors {
        let mut shown = ShownFactors::certificate();
        for proven in self.state().proven.iter().filter(|proven| holds(&proven.factor)) {
            shown.kinds.push(kind(&proven.factor));
            let age = now.since(&proven.at);
            let age_s = age.as_secs().saturating_add(u64::from(age.subsec_nanos() > 0));
            let age_s = u32::try_from(age_s).unwrap_or(u32::MAX);
            shown.stepped_up_s = Some(shown.stepped_up_s.map_or(age_s, |younger| younger.min(age_s)));
        }
        shown
    }

    /// A challenge for this factor; the one before is void. A factor of a kind that another one has shown is refused.
    pub fn challenge(&self, factor: &Factor, now: Moment) -> Result<[u8; FACTOR_CHALLENGE], NoChallenge> {
        let mut state = self.state();
        state.may_try()?;
        state.of_a_new_kind(factor)?;
        let bytes = random::bytes()?;
        state.challenge = Some(Challenge { bytes, factor: factor.name.clone(), at: now });
        Ok(bytes)
    }

    /// Takes the challenge back with which this factor is proved: each counts once.
    pub fn redeem(&self, factor: &str, challenge: &[u8], now: Moment) -> Result<(), ResultName> {
        let mut state = self.state();
        state.may_try()?;
        // Spent whatever comes of it: a second try takes another challenge.
        let held = state.challenge.take().ok_or(ResultName::Replay)?;
        if held.bytes != challenge || held.factor != factor {
            return Err(ResultName::Replay);
        }
        if now.since(&held.at) > CHALLENGE_LIFE { Err(ResultName::Expired) } else { Ok(()) }
    }

    /// Counts a factor whose proof was verified.
    pub fn proven(&self, factor: Factor, at: Moment) -> Result<(), ResultName> {
        let mut state = self.state();
        state.of_a_new_kind(&factor)?;
        // Its own earlier proof, or one by a key that its owner has replaced meanwhile.
        state.proven.retain(|other| other.factor.name != factor.name);
        state.proven.push(Proven { factor, at });
        Ok(())
    }

    /// Counts a try that failed; whether it was one too many for this connection.
    pub fn failed(&self) -> bool {
        let mut state = self.state();
        state.failed = state.failed.saturating_add(1);
        state.failed >= FACTOR_TRIES_MAX
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Tries that were under way when the last one failed are not judged any more.
    fn may_try(&self) -> Result<(), ResultName> {
        if self.failed < FACTOR_TRIES_MAX { Ok(()) } else { Err(ResultName::Denied) }
    }

    /// R5: two factors of one kind are one. The certificate is possession.
    fn of_a_new_kind(&self, factor: &Factor) -> Result<(), ResultName> {
        let shown = |other: &Proven| other.factor.kind == factor.kind && other.factor.name != factor.name;
        if factor.kind == register::FactorKind::Possession || self.proven.iter().any(shown) {
            return Err(ResultName::SameFactorKind);
        }
        Ok(())
    }
}

/// The kind as decisions know it: what the entry says, never what its owner claims.
fn kind(factor: &Factor) -> FactorKind {
    match factor.kind {
        register::FactorKind::Knowledge => FactorKind::Knowledge,
        register::FactorKind::Possession => FactorKind::Possession,
        register::FactorKind::Biometrics => FactorKind::Biometrics,
    }
}

/// Why there is no challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoChallenge {
    /// The factor does not count beside what was shown.
    #[error("refused: {0}")]
    Refused(ResultName),
    /// The operating system gave no randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl From<ResultName> for NoChallenge {
    fn from(result: ResultName) -> Self {
        Self::Refused(result)
    }
}

#[cfg(test)]
mod tests;
