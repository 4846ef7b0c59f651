//! Acts that two persons of a body decide (二人承認; R23, R50): asked for by one, approved by another, carried out when a
//! waiting period is over, and until then called off by anybody who may ask for one.
//!
//! What must hold: nothing is carried out that two different persons did not decide, the second of whom is no
//! administrator, at the approval and when it is carried out; no clock alone ends the waiting period, and one that goes
//! back ends nothing and begins nothing anew; every act comes to an end, and from an end nothing leads on. Deliberately
//! absent: clocks, stores, who may ask (that is decided for each call), and doing any of it.

mod subject;

use serde::{Deserialize, Serialize};

use crate::erasure::is_reference;

pub use subject::{ActKind, Subject};

/// How long acts wait, and how long they may be left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// From the approval until it is carried out, milliseconds.
    pub wait_ms: u64,
    /// From the request until it is approved at the latest, and from the end of the waiting period until it is carried
    /// out at the latest, milliseconds.
    pub expire_ms: u64,
}

/// A moment as several clocks see it, Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// What every clock has reached: nothing ends before. 0 while nobody vouches for the time.
    pub settled_ms: u64,
    /// What the clock that is furthest ahead has reached: what begins now begins then.
    pub latest_ms: u64,
}

impl Moment {
    /// The moment at which the own clock shows `now_ms`, and others have vouched for `witnessed_ms`.
    pub fn new(now_ms: u64, witnessed_ms: Option<u64>) -> Self {
        let settled_ms = witnessed_ms.map_or(0, |witnessed_ms| witnessed_ms.min(now_ms));
        Self { settled_ms, latest_ms: witnessed_ms.unwrap_or_default().max(now_ms) }
    }
}

/// Somebody who would be the second person, as the body knows them at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Second<'a> {
    /// The identity, as in the certificate.
    pub identity: &'a str,
    /// Whether it may approve: known to the body, within its days, with the role of it.
    pub approver: bool,
    /// Whether it is an administrator.
    pub administrator: bool,
}

/// Who did something, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The identity, as in the certificate.
    #[serde(rename = "b")]
    pub by: String,
    /// Unix milliseconds.
    #[serde(rename = "t")]
    pub at_ms: u64,
}

/// How far an act is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// One person has asked for it.
    #[serde(rename = "requested")]
    Requested,
    /// Two have decided it; the waiting period runs.
    #[serde(rename = "approved")]
    Approved,
    /// It is being carried out, whatever stops in between.
    #[serde(rename = "begun")]
    Begun,
    /// It is carried out.
    #[serde(rename = "executed")]
    Executed,
    /// It was decided and could not be carried out.
    #[serde(rename = "failed")]
    Failed,
    /// It was called off.
    #[serde(rename = "cancelled")]
    Cancelled,
    /// It was left too long.
    #[serde(rename = "expired")]
    Expired,
}

impl State {
    /// Every state.
    pub const ALL: &'static [State] = &[
        Self::Requested,
        Self::Approved,
        Self::Begun,
        Self::Executed,
        Self::Failed,
        Self::Cancelled,
        Self::Expired,
    ];

    /// The stable name, e.g. `requested`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Begun => "begun",
            Self::Executed => "executed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// Whether something of it is still to come.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Requested | Self::Approved | Self::Begun)
    }
}

/// Why a step is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ActRefusal {
    /// The second person is the first, an administrator, or nobody who may approve.
    #[error("TWO_PERSON_REQUIRED")]
    SecondPerson,
    /// It was approved, called off or carried out already: each is done once.
    #[error("REPLAY")]
    Decided,
    /// Its time is over.
    #[error("EXPIRED")]
    Over,
    /// Its time has not come.
    #[error("OUTSIDE_WINDOW")]
    Early,
    /// It is for whoever asked for it, or there is nothing to have.
    #[error("NOT_PERMITTED")]
    NotTheirs,
    /// The reference is none.
    #[error("BAD_FORMAT")]
    Reference,
}

/// What is to be done with an act now, by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Due {
    /// Nothing yet, or nothing any more.
    Nothing,
    /// It was left too long.
    Expire,
    /// The waiting period is over.
    Begin,
    /// It was begun, and is to be carried to its end.
    CarryOn,
}

/// One act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// A random id.
    #[serde(rename = "i", with = "serde_bytes")]
    pub id: [u8; 16],
    /// What is to be done.
    #[serde(rename = "w")]
    pub subject: Subject,
    /// The body's own reference of it.
    #[serde(rename = "f")]
    pub reference: String,
    /// The first person.
    #[serde(rename = "r")]
    pub requested: Step,
    /// The second.
    #[serde(rename = "p")]
    pub approved: Option<Step>,
    /// Not carried out before then, Unix milliseconds; known with the approval.
    #[serde(rename = "n")]
    pub not_before_ms: Option<u64>,
    /// Its time ends then, Unix milliseconds: to be approved, to be carried out, to be fetched.
    #[serde(rename = "u")]
    pub until_ms: u64,
    /// How far it is.
    #[serde(rename = "s")]
    pub state: State,
    /// The last step.
    #[serde(rename = "e")]
    pub ended: Option<Step>,
    /// Why it failed, a stable result name.
    #[serde(rename = "x")]
    pub failure: Option<String>,
    /// Number of the last record in the body's log when it was begun.
    #[serde(rename = "l")]
    pub log_at: u64,
    /// Whether what it brought out was fetched.
    #[serde(rename = "g")]
    pub fetched: bool,
}

impl Act {
    /// Somebody asks for it.
    pub fn request(
        id: [u8; 16],
        subject: Subject,
        reference: &str,
        by: &str,
        at: Moment,
        waits: Waits,
    ) -> Result<Self, ActRefusal> {
        if !is_reference(reference) {
            return Err(ActRefusal::Reference);
        }
        Ok(Self {
            id,
            subject,
            reference: reference.to_owned(),
            requested: Step { by: by.to_owned(), at_ms: at.latest_ms },
            approved: None,
            not_before_ms: None,
            until_ms: at.latest_ms.saturating_add(waits.expire_ms),
            state: State::Requested,
            ended: None,
            failure: None,
            log_at: 0,
            fetched: false,
        })
    }

    /// Another person decides it as well; the waiting period begins.
    pub fn approve(&mut self, by: Second<'_>, at: Moment, waits: Waits) -> Result<(), ActRefusal> {
        match self.state {
            State::Requested => {}
            State::Expired => return Err(ActRefusal::Over),
            _ => return Err(ActRefusal::Decided),
        }
        self.check_second(by)?;
        if at.latest_ms >= self.until_ms {
            return Err(ActRefusal::Over);
        }
        if at.latest_ms < self.requested.at_ms {
            return Err(ActRefusal::Early);
        }
        let waited = at.latest_ms.saturating_add(waits.wait_ms);
        let not_before_ms = waited.max(self.subject.not_before_ms());
        self.approved = Some(Step { by: by.identity.to_owned(), at_ms: at.latest_ms });
        self.not_before_ms = Some(not_before_ms);
        self.until_ms = not_before_ms.saturating_add(waits.expire_ms);
        self.state = State::Approved;
        Ok(())
    }

    /// Somebody calls it off.
    pub fn cancel(&mut self, by: &str, at: Moment) -> Result<(), ActRefusal> {
        match self.state {
            State::Requested | State::Approved => {}
            State::Expired => return Err(ActRefusal::Over),
            _ => return Err(ActRefusal::Decided),
        }
        self.end(State::Cancelled, by, at);
        Ok(())
    }

    /// What is to be done now.
    pub fn due(&self, at: Moment) -> Due {
        let over = at.settled_ms >= self.until_ms;
        match self.state {
            State::Requested | State::Approved if over => Due::Expire,
            State::Approved if self.is_waited_out(at) => Due::Begin,
            State::Begun => Due::CarryOn,
            _ => Due::Nothing,
        }
    }

    /// It was left too long.
    pub fn expire(&mut self, by: &str, at: Moment) -> Result<(), ActRefusal> {
        if self.due(at) != Due::Expire {
            return Err(if self.state.is_open() { ActRefusal::Early } else { ActRefusal::Decided });
        }
        self.end(State::Expired, by, at);
        Ok(())
    }

    /// It is begun: `first_is_known` tells whether the body still knows the first person, `second` what it knows of the
    /// second one now. `log_at` is the number of the last record in the body's log.
    pub fn begin(
        &mut self,
        first_is_known: bool,
        second: Option<Second<'_>>,
        log_at: u64,
        at: Moment,
    ) -> Result<(), ActRefusal> {
        match self.due(at) {
            Due::Begin => {}
            Due::Expire => return Err(ActRefusal::Over),
            _ if self.state.is_open() && self.state != State::Begun => return Err(ActRefusal::Early),
            _ => return Err(ActRefusal::Decided),
        }
        let decided_it = |second: &Second<'_>| {
            self.approved.as_ref().is_some_and(|approved| approved.by == second.identity)
        };
        let second = second.filter(decided_it).filter(|_| first_is_known).ok_or(ActRefusal::SecondPerson)?;
        self.check_second(second)?;
        self.log_at = log_at;
        self.state = State::Begun;
        Ok(())
    }

    /// It is carried out.
    pub fn executed(&mut self, by: &str, at: Moment) -> Result<(), ActRefusal> {
        if self.state != State::Begun {
            return Err(if self.state.is_open() { ActRefusal::Early } else { ActRefusal::Decided });
        }
        self.end(State::Executed, by, at);
        Ok(())
    }

    /// It cannot be carried out, for the reason of this stable name.
    pub fn failed(&mut self, why: &str, by: &str, at: Moment) -> Result<(), ActRefusal> {
        match self.state {
            State::Approved | State::Begun => {}
            State::Requested => return Err(ActRefusal::Early),
            _ => return Err(ActRefusal::Decided),
        }
        self.failure = Some(why.to_owned());
        self.end(State::Failed, by, at);
        Ok(())
    }

    /// Whoever asked for it fetches what it has brought out.
    pub fn fetch(&mut self, by: &str, at: Moment) -> Result<(), ActRefusal> {
        if !self.subject.kind().brings_out() || self.requested.by != by {
            return Err(ActRefusal::NotTheirs);
        }
        match self.state {
            State::Executed if at.latest_ms >= self.until_ms => Err(ActRefusal::Over),
            State::Executed if self.fetched && self.subject.kind().is_fetched_once() => {
                Err(ActRefusal::Decided)
            }
            State::Executed => {
                self.fetched = true;
                Ok(())
            }
            State::Expired => Err(ActRefusal::Over),
            state if state.is_open() => Err(ActRefusal::Early),
            _ => Err(ActRefusal::Decided),
        }
    }

    fn is_waited_out(&self, at: Moment) -> bool {
        self.not_before_ms.is_some_and(|not_before_ms| at.settled_ms >= not_before_ms)
    }

    fn check_second(&self, second: Second<'_>) -> Result<(), ActRefusal> {
        let fit = second.approver && !second.administrator && second.identity != self.requested.by;
        if fit { Ok(()) } else { Err(ActRefusal::SecondPerson) }
    }

    fn end(&mut self, state: State, by: &str, at: Moment) {
        self.state = state;
        self.ended = Some(Step { by: by.to_owned(), at_ms: at.latest_ms });
    }
}

#[cfg(test)]
mod tests;
