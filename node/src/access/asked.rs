//! What a permitted operation was decided on, so that it is decided again: with what comes to be known of it later, and
//! with what has changed meanwhile.
//!
//! What must hold: a handler learns whom an operation concerns before it opens or releases anything of theirs, and asks
//! here first. A long call is asked about before each of its messages, and before each piece of a long answer: who asks,
//! and what registers say, is then what it is at that moment and not at the begin (R6). A refusal that comes so late has
//! its event like any other. Deliberately absent: any way to widen what was permitted.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chukei_access::PolicyBook;
use chukei_domain::codes::{AddresseeNumber, AffairCode, InfoNameCode};
use chukei_domain::event::Why;
use chukei_wire::result::ResultName;

use crate::access::decision::{circumstances, observed, why};
use crate::access::endpoint::Endpoint;
use crate::access::facts::Inquiry;
use crate::access::observe::Observed;
use crate::access::pattern::{Patterns, PersonKey};

/// What becomes known of an operation once its messages are read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Learnt<'a> {
    /// The datasets that are asked for.
    pub datasets: &'a [InfoNameCode],
    /// The persons who are opened.
    pub opens: &'a [PersonKey],
    /// The persons whom it reaches.
    pub reaches: &'a [AddresseeNumber],
}

/// An operation as it stands whenever it is looked at: who asks, and what the registers say of them.
pub trait Standing: Send + Sync {
    /// What is known of it now, where it is the operation of this line. Counts as no request: that was counted when it
    /// began. Refused where nothing would be entered any more.
    fn inquiry(&self, line: &'static Endpoint) -> Result<Inquiry, ResultName>;

    /// Now, Unix milliseconds.
    fn now_ms(&self) -> u64;
}

/// A refusal that came after the operation had begun.
#[derive(Debug)]
pub struct Late {
    /// What the caller is told.
    pub refusal: ResultName,
    /// For the event.
    pub why: Why,
    /// For the review of patterns; when it was refused, too.
    pub observed: Observed,
}

/// One operation that was decided.
pub struct Asked {
    /// What it was last decided on, before anything was learnt of it.
    inquiry: Mutex<Arc<Inquiry>>,
    policies: Arc<PolicyBook>,
    patterns: Arc<Patterns>,
    /// `None` for what is over as soon as it is answered: it is decided on what its begin saw.
    standing: Option<Arc<dyn Standing>>,
    late: Mutex<Option<Late>>,
}

impl Asked {
    pub(super) fn new(
        inquiry: Inquiry,
        policies: Arc<PolicyBook>,
        patterns: Arc<Patterns>,
        standing: Option<Arc<dyn Standing>>,
    ) -> Self {
        let inquiry = Mutex::new(Arc::new(inquiry));
        Self { inquiry, policies, patterns, standing, late: Mutex::default() }
    }

    /// What it was last decided on, before anything was learnt of it.
    pub(crate) fn inquiry(&self) -> Arc<Inquiry> {
        lock(&self.inquiry).clone()
    }

    /// Decides again on what there is now, as its begin was decided.
    pub(crate) fn again(&self) -> Result<(), ResultName> {
        if self.standing.is_none() {
            return Ok(());
        }
        let inquiry = self.now()?;
        let of_now = Arc::new(inquiry.clone());
        self.decide(inquiry)?;
        *lock(&self.inquiry) = of_now;
        Ok(())
    }

    /// Decides again on what there is now, with what is known by now.
    pub(super) fn learn(&self, learnt: Learnt<'_>) -> Result<(), ResultName> {
        let mut inquiry = self.now()?;
        if !learnt.datasets.is_empty() {
            inquiry.datasets = learnt.datasets.to_vec();
        }
        if !learnt.opens.is_empty() {
            inquiry.pattern = self.patterns.opened(&inquiry.identity.to_string(), learnt.opens);
        }
        if !learnt.reaches.is_empty() {
            inquiry.reaches = Some(learnt.reaches.to_vec());
        }
        self.decide(inquiry)
    }

    /// Whether the same could be asked for this affair.
    pub(super) fn sees(&self, affair: AffairCode) -> bool {
        let inquiry = Inquiry { affair: Some(affair), ..Inquiry::clone(&self.inquiry()) };
        inquiry.judged(|facts| self.policies.decide(facts)).outcome.is_permit()
    }

    /// The refusal that came after the operation had begun.
    pub(crate) fn late(&self) -> Option<Late> {
        lock(&self.late).take()
    }

    /// What is known now. Where nothing would be entered any more, the event tells how it was asked for at the last.
    fn now(&self) -> Result<Inquiry, ResultName> {
        let last = self.inquiry();
        let Some(standing) = &self.standing else { return Ok(Inquiry::clone(&last)) };
        standing.inquiry(last.line).map_err(|refusal| {
            let last = Inquiry { now_ms: standing.now_ms(), ..Inquiry::clone(&last) };
            let (why, observed) = (circumstances(&last), observed(&last, Some(refusal), &[]));
            self.refused(Late { refusal, why, observed })
        })
    }

    fn decide(&self, inquiry: Inquiry) -> Result<(), ResultName> {
        let verdict = inquiry.judged(|facts| self.policies.decide(facts));
        let Some(refusal) = verdict.outcome.result() else { return Ok(()) };
        let observed = observed(&inquiry, Some(refusal), &verdict.reasons);
        Err(self.refused(Late { refusal, why: why(&inquiry, &verdict), observed }))
    }

    fn refused(&self, late: Late) -> ResultName {
        let refusal = late.refusal;
        *lock(&self.late) = Some(late);
        refusal
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
