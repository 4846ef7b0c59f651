//! What a permitted operation was decided on, so that what comes to be known of it later is decided on, too.
//!
//! What must hold: a handler learns whom an operation concerns before it opens or releases anything of theirs, and asks
//! here first. A refusal that comes so late has its event like any other. Deliberately absent: any way to widen what was
//! permitted: everything known before is decided on again.

use std::sync::{Arc, Mutex, PoisonError};

use chukei_access::{PolicyBook, Verdict};
use chukei_domain::codes::{AddresseeNumber, AffairCode, InfoNameCode};
use chukei_wire::result::ResultName;

use crate::access::facts::Inquiry;
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

/// One operation that was decided.
pub struct Asked {
    inquiry: Inquiry,
    policies: Arc<PolicyBook>,
    patterns: Arc<Patterns>,
    late: Mutex<Option<(Inquiry, Verdict)>>,
}

impl Asked {
    pub(super) fn new(inquiry: Inquiry, policies: Arc<PolicyBook>, patterns: Arc<Patterns>) -> Self {
        Self { inquiry, policies, patterns, late: Mutex::new(None) }
    }

    /// What was known when it began.
    pub(crate) fn inquiry(&self) -> &Inquiry {
        &self.inquiry
    }

    /// Decides again, with what is known now.
    pub(super) fn learn(&self, learnt: Learnt<'_>) -> Result<(), ResultName> {
        let mut inquiry = self.inquiry.clone();
        if !learnt.datasets.is_empty() {
            inquiry.datasets = learnt.datasets.to_vec();
        }
        if !learnt.opens.is_empty() {
            inquiry.pattern = self.patterns.opened(&inquiry.identity.to_string(), learnt.opens);
        }
        if !learnt.reaches.is_empty() {
            inquiry.reaches = Some(learnt.reaches.to_vec());
        }
        let verdict = inquiry.judged(|facts| self.policies.decide(facts));
        let Some(refusal) = verdict.outcome.result() else { return Ok(()) };
        *self.late.lock().unwrap_or_else(PoisonError::into_inner) = Some((inquiry, verdict));
        Err(refusal)
    }

    /// Whether the same could be asked for this affair.
    pub(super) fn sees(&self, affair: AffairCode) -> bool {
        let inquiry = Inquiry { affair: Some(affair), ..self.inquiry.clone() };
        inquiry.judged(|facts| self.policies.decide(facts)).outcome.is_permit()
    }

    /// The refusal that came after the operation had begun.
    pub(crate) fn late(&self) -> Option<(Inquiry, Verdict)> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
