//! What events tell of an act that two persons decide: each step with both of them (R3, R23).

use serde::{Deserialize, Serialize};

use crate::act::{Act, Step, Subject};

/// A step of an act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TwoPersonAct {
    /// The act.
    #[serde(rename = "i", with = "serde_bytes")]
    pub id: [u8; 16],
    /// The step.
    #[serde(rename = "s")]
    pub step: ActStep,
    /// What two persons decide on.
    #[serde(rename = "w")]
    pub subject: Subject,
    /// The body's reference.
    #[serde(rename = "f")]
    pub reference: String,
    /// The first person.
    #[serde(rename = "o")]
    pub first: String,
    /// The second, once there is one.
    #[serde(rename = "p")]
    pub second: Option<String>,
    /// Not carried out before then, Unix milliseconds, once that is known.
    #[serde(rename = "n")]
    pub not_before_ms: Option<u64>,
}

/// The steps of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ActStep {
    /// One person asked for it.
    #[serde(rename = "requested")]
    Requested,
    /// A second one decided it as well.
    #[serde(rename = "approved")]
    Approved,
    /// It is carried out.
    #[serde(rename = "executed")]
    Executed,
    /// It could not be carried out; why is the record's result.
    #[serde(rename = "failed")]
    Failed,
    /// It was called off.
    #[serde(rename = "cancelled")]
    Cancelled,
    /// It was left too long.
    #[serde(rename = "expired")]
    Expired,
    /// What it brought out is about to leave.
    #[serde(rename = "fetched")]
    Fetched,
}

impl TwoPersonAct {
    /// This step of the act as it stands with it.
    pub fn of(act: &Act, step: ActStep) -> Self {
        let by = |step: &Step| step.by.clone();
        Self {
            id: act.id,
            step,
            subject: act.subject.clone(),
            reference: act.reference.clone(),
            first: by(&act.requested),
            second: act.approved.as_ref().map(by),
            not_before_ms: act.not_before_ms,
        }
    }
}
