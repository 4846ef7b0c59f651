//! The limits of every body that a node hosts, and of callers that are no hosted body's.

use std::collections::HashMap;

use chukei_wire::body_code::BodyCode;
use chukei_wire::header::Kind;
use chukei_wire::identity::Identity;

use super::{Admission, BodyLimit, Bounds, Pace};

/// Requests of operators and maintenance, all of them together, a second.
const UPKEEP_REQUESTS: u32 = 5;
/// And at once, after a pause.
const UPKEEP_BURST: u32 = 100;

/// Who is held to which limits. Made once, from the configuration: invented codes take no memory.
pub struct BodyLimits {
    hosted: HashMap<BodyCode, BodyLimit>,
    /// Those of no hosted body: they share one body's limits.
    others: BodyLimit,
    /// Operators and maintenance.
    upkeep: BodyLimit,
}

impl BodyLimits {
    /// Limits of these bodies; `usual` are those of anybody else.
    pub fn new(
        admission: &Admission,
        bodies: impl IntoIterator<Item = (BodyCode, Bounds)>,
        usual: Bounds,
    ) -> Self {
        let hosted =
            bodies.into_iter().map(|(code, bounds)| (code, admission.body(code.to_string(), bounds)));
        Self {
            hosted: hosted.collect(),
            others: admission.body("others", usual),
            upkeep: admission.body("upkeep", of_upkeep(usual)),
        }
    }

    /// Of the body that a request from outside is about, hosted or not.
    pub fn of(&self, body: Option<BodyCode>) -> &BodyLimit {
        body.and_then(|code| self.hosted.get(&code)).unwrap_or(&self.others)
    }

    /// Of a caller at the entrance for staff: its own body's, whichever body it asks about (R1).
    pub fn of_caller(&self, caller: &Identity) -> &BodyLimit {
        match caller {
            Identity::Operator(_) | Identity::Maintenance(_) => &self.upkeep,
            caller => self.of(caller.body()),
        }
    }
}

/// Operators and maintenance are few, and what they are refused may be told in every body's log: not faster than this.
fn of_upkeep(usual: Bounds) -> Bounds {
    let paced = |pace: Pace| Pace {
        requests: pace.requests.min(UPKEEP_REQUESTS),
        burst: pace.burst.min(UPKEEP_BURST),
        ..pace
    };
    Bounds { pace: usual.pace.map(paced), ..usual }
}

/// Calls that read a whole log or every row: few at once.
pub fn scans(kind: Kind) -> bool {
    use Kind::{ActResult, AuditSearch, AuditVerify, BackupCreate, KeysStatus, ProvisionStatus};
    matches!(kind, AuditVerify | AuditSearch | ProvisionStatus | KeysStatus | BackupCreate | ActResult)
}
