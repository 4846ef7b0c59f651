//! The logs that tell of one operation at the entrance for staff.
//!
//! What must hold: what was begun or refused is told in the log of the body it is about and, where they differ, of the
//! body of whoever does it (R42), durably in both. What concerns the whole node, or comes from its upkeep and is about no
//! body that is open, is told in the log of every body that is (R2, R3): it names none of them, so that none learns of
//! another (R1), and one log that cannot be written hinders nobody's upkeep (R43). Callers of a body that this node does
//! not host, or could not open, have no log here: there are no keys to seal an event under.

use std::sync::Arc;

use chukei_domain::event::Why;
use chukei_store::journal::{Appending, JournalError, Slack};
use chukei_wire::header::Header;
use chukei_wire::identity::Identity;
use chukei_wire::result::ResultName;

use crate::access::asked::Late;
use crate::access::decision::Decided;
use crate::access::endpoint::{Entrance, endpoint};
use crate::access::entered::Scope;
use crate::app::Node;
use crate::audit::{AuditError, AuditLog, CallTold};
use crate::bodies::caller::Caller;
use crate::log_disk::LogDisk;

/// The logs that tell of an operation, as far as this node hosts them.
pub(super) struct Logs {
    actor: String,
    logs: Vec<AuditLog>,
    /// How many of them must have it before it counts as told.
    needed: usize,
    /// Of whoever gets in when the log's disk is full: space is given up for them (R43).
    room: Option<Arc<LogDisk>>,
    slack: Slack,
}

impl Logs {
    /// Of what was decided for `scope`; without one, of what was refused before anything was entered.
    pub(super) fn of(
        node: &Node,
        scope: Option<&Scope>,
        caller: &Caller,
        header: &Header,
        decided: &Decided,
    ) -> Self {
        let upkeep = matches!(caller.identity, Identity::Operator(_) | Identity::Maintenance(_));
        let whole_node = endpoint(header.kind, Entrance::Upkeep).is_some_and(|line| line.whole_node);
        let (about, own) = match scope {
            Some(scope) => {
                let own = caller.identity.body().filter(|own| Some(*own) != scope.code());
                (scope.told_to().cloned(), own.and_then(|own| node.bodies.opened(own)))
            }
            None => (decided.observed.body.and_then(|code| node.bodies.opened(code)), None),
        };
        let (actor, slack) = (caller.identity.to_string(), node.metrics.slack());
        let room = LogDisk::serves_always(header.kind).then(|| node.log_disk.clone());
        if upkeep && (whole_node || about.is_none()) {
            let logs: Vec<_> = node.bodies.logs().collect();
            return Self { actor, needed: logs.len().min(1), logs, room, slack };
        }
        let logs: Vec<_> = about.iter().chain(&own).map(|body| body.audit().clone()).collect();
        Self { actor, needed: logs.len(), logs, room, slack }
    }

    /// Tells of what was decided: that it begins, or that it is refused.
    pub(super) async fn decided(&self, header: &Header, decided: &Decided) -> Result<(), AuditError> {
        let (told, at_ms) = (self.told(header, &decided.why), decided.observed.at_ms);
        match decided.observed.refused {
            Some(refusal) => self.write(|log| log.call_refused(self.slack, told, refusal, at_ms)).await,
            None => self.write(|log| log.called(self.slack, told, at_ms)).await,
        }
    }

    /// Tells of what was refused after it had begun.
    pub(super) async fn refused(&self, header: &Header, late: &Late) -> Result<(), AuditError> {
        let (told, at_ms) = (self.told(header, &late.why), late.observed.at_ms);
        self.write(|log| log.call_refused(self.slack, told, late.refusal, at_ms)).await
    }

    /// Tells of its end. Queued, not waited for.
    pub(super) fn ended(&self, node: &Node, header: &Header, why: &Why, result: ResultName, count: u64) {
        let (told, now_ms) = (self.told(header, why), node.clock.now_ms());
        self.logs.iter().for_each(|log| log.call_ended(told, result, count, now_ms));
    }

    fn told<'a>(&'a self, header: &'a Header, why: &'a Why) -> CallTold<'a> {
        CallTold { actor: &self.actor, header, why }
    }

    /// Queued in all of them before any is waited for: they become durable together.
    async fn write(&self, queue: impl Fn(&AuditLog) -> Appending) -> Result<(), AuditError> {
        let mut failed = written(self.logs.iter(), &queue).await;
        let is_full = failed.iter().any(|(_, error)| matches!(error, JournalError::DiskFull));
        if let Some(disk) = self.room.as_ref().filter(|_| is_full) {
            disk.make_room().await;
            failed = written(failed.into_iter().map(|(log, _)| log), &queue).await;
        }
        let durable = self.logs.len() - failed.len();
        let Some((_, error)) = failed.pop() else { return Ok(()) };
        tracing::error!(code = error.code(), durable, "a log does not tell of a call");
        if durable >= self.needed { Ok(()) } else { Err(error.into()) }
    }
}

/// Those of the logs that do not have it, and why.
async fn written<'a>(
    logs: impl Iterator<Item = &'a AuditLog>,
    queue: &impl Fn(&AuditLog) -> Appending,
) -> Vec<(&'a AuditLog, JournalError)> {
    let queued: Vec<_> = logs.map(|log| (log, queue(log))).collect();
    let mut failed = Vec::new();
    for (log, entry) in queued {
        if let Err(error) = entry.await {
            failed.push((log, error));
        }
    }
    failed
}

/// Leaves the event of a proof that was not believed, for the logs and for the review of patterns. The caller is told of
/// the refusal whether or not a log can be written.
pub(super) async fn disbelieved(node: &Node, caller: &Caller, header: &Header, refusal: ResultName) {
    let refused = Decided::outside(node.judge(), caller, header, refusal);
    let logs = Logs::of(node, None, caller, header, &refused);
    if let Err(error) = logs.decided(header, &refused).await {
        tracing::error!(request_id = %header.request_id, %error, "a refusal was not logged");
    }
    node.observe(refused.observed);
}
