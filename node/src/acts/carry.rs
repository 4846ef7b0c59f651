//! The worker of a body's acts: what was left too long ends, and what has waited long enough is carried out.
//!
//! What must hold: an act is begun durably before it does anything, and what it does may be done again, so that a stop
//! anywhere leads on to one end: the one that the log tells of, once it does. Who decided is looked at once more when the
//! waiting period is over. A failure that may pass is tried again and counted; one of a rule ends the act.

use std::sync::Arc;

use chukei_domain::act::{Act, ActRefusal, Due, Moment, State};
use chukei_domain::event::{ActStep, Event};
use chukei_wire::id::ActId;
use chukei_wire::result::ResultName;

use super::asking::tell;
use super::effects;
use super::persons::{self, Deciding};
use super::rows::{self, Loaded, Row};
use super::{ActError, LOOK};
use crate::access::grant::duty_write;
use crate::access::scope::BodyScope;
use crate::app::Node;
use crate::audit::By;
use crate::hosted::HostedBody;
use crate::telemetry::duty::Duty;
use crate::telemetry::open_acts::OpenActs;

/// Carries the body's acts on until the node stops.
pub async fn run(node: Arc<Node>, body: Arc<HostedBody>) {
    let worker = Worker { node: &node, scope: BodyScope::of_duty(body.clone(), &node.name) };
    let mut duty = Duty::new("acts", body.code(), &node.metrics);
    let mut open = OpenActs::new(&node.metrics);
    // Rows are read when something has changed, or when the time of an act has come.
    let mut next_ms = Some(0);
    loop {
        if next_ms.is_some_and(|next_ms| node.moment().settled_ms >= next_ms) && body.gate().pass().is_ok() {
            match worker.look(&mut open).await {
                Ok(next) => {
                    duty.done();
                    next_ms = next;
                }
                // Nothing of it is left to be done by anybody.
                Err(_) if body.is_ended() => return,
                Err(error) => drop(duty.failed(&error)),
            }
        }
        tokio::select! {
            going_on = node.sleep(LOOK) => if !going_on {
                return;
            },
            () = body.acting().more.notified() => next_ms = Some(0),
        }
    }
}

pub(super) struct Worker<'a> {
    pub(super) node: &'a Node,
    pub(super) scope: BodyScope,
}

impl Worker<'_> {
    fn body(&self) -> &HostedBody {
        self.scope.body()
    }

    /// Does what is due, and tells at which time the next look is worth it.
    pub(super) async fn look(&self, open: &mut OpenActs) -> Result<Option<u64>, ActError> {
        let body = self.body();
        let _changing = body.acting().changing().await;
        let at = self.node.moment();
        let (mut next, mut counts) = (None, [0; 2]);
        let all = rows::all(body).await?;
        rows::tidy(body, &all, at.settled_ms).await?;
        let mut failed = None;
        for known in all {
            let after = match self.advance(known, at).await {
                Ok(row) => row,
                Err(error) => {
                    // The others do not wait for it.
                    failed = Some(error);
                    continue;
                }
            };
            let act = &after.act;
            match act.state {
                State::Requested => counts[0] += 1,
                State::Approved | State::Begun => counts[1] += 1,
                _ => continue,
            }
            let due_ms = act.not_before_ms.unwrap_or(act.until_ms).min(act.until_ms);
            next = Some(next.map_or(due_ms, |next: u64| next.min(due_ms)));
        }
        open.show(counts);
        failed.map_or(Ok(next), Err)
    }

    async fn advance(&self, known: Loaded, at: Moment) -> Result<Row, ActError> {
        match known.row.act.due(at) {
            Due::Nothing => Ok(known.row),
            Due::Expire => self.expire(known, at).await,
            Due::Begin => self.begin(known, at).await,
            Due::CarryOn => self.carry_on(known, true).await,
        }
    }

    async fn expire(&self, mut known: Loaded, at: Moment) -> Result<Row, ActError> {
        let (body, by) = (self.body(), self.scope.by());
        known.row.act.expire(by.actor(), at)?;
        tell(body, by, &known.row.act, ActStep::Expired, ResultName::Expired, at).await?;
        keep_ended(self.node, body, known).await
    }

    /// The waiting period is over: both are looked at once more.
    async fn begin(&self, mut known: Loaded, at: Moment) -> Result<Row, ActError> {
        let (body, act) = (self.body(), &mut known.row.act);
        let first_is_known = persons::is_known(body, &act.requested.by, at.latest_ms);
        let approver = act.approved.as_ref().map(|step| Deciding::of(body, &step.by)).transpose()?;
        let second = approver.as_ref().map(|approver| approver.second(body, at.latest_ms));
        let begun = act.begin(first_is_known, second, body.audit().last_number(), at);
        match begun {
            Ok(()) => {}
            Err(ActRefusal::SecondPerson) => {
                let unfit = Err(ResultName::TwoPersonRequired);
                return end(self.node, body, known, unfit, self.scope.by()).await;
            }
            Err(refusal) => return Err(refusal.into()),
        }
        let id = known.row.act.id;
        known.save(body).await?;
        let known = rows::load(body, id).await?.ok_or(ResultName::NotFound)?;
        self.carry_on(known, false).await
    }

    /// Does what was decided. `again`: a stop may have come behind any part of it.
    async fn carry_on(&self, mut known: Loaded, again: bool) -> Result<Row, ActError> {
        let (body, by) = (self.body(), self.scope.by());
        let told = if again { self.told_end(&known.row.act).await? } else { None };
        if let Some(Err(why)) = told {
            // What the log calls a failure is not done after all.
            known.row.act.failed(&why, by.actor(), self.node.moment())?;
            return keep_ended(self.node, body, known).await;
        }
        let grant = duty_write(&self.scope, "act");
        let done = match effects::carry_out(self.node, &grant, &known.row.act).await {
            Ok(erasure) => {
                known.row.erasure = erasure;
                Ok(())
            }
            Err(ActError::Refused(result)) if is_final(result) => Err(result),
            Err(error) => return Err(error),
        };
        tracing::info!(
            body = %body.code(), act = %ActId(known.row.act.id), kind = known.row.kind().as_str(),
            done = done.is_ok(), "an act is carried out",
        );
        if told.is_some() {
            known.row.act.executed(by.actor(), self.node.moment())?;
            return keep_ended(self.node, body, known).await;
        }
        end(self.node, body, known, done, by).await
    }

    /// What the log tells of the act's end, where it does already; of a failure, why.
    async fn told_end(&self, act: &Act) -> Result<Option<Result<(), String>>, ActError> {
        let (log, id, from) = (self.body().audit().clone(), act.id, act.log_at + 1);
        let told = tokio::task::spawn_blocking(move || {
            log.walk(from).map_while(Result::ok).find_map(|record| match record.event {
                Event::Act(told) if told.id == id => match told.step {
                    ActStep::Executed => Some(Ok(())),
                    ActStep::Failed => Some(Err(record.result)),
                    _ => None,
                },
                _ => None,
            })
        });
        Ok(told.await.map_err(|_| ResultName::NotReady)?)
    }
}

/// Whether it would be the same at any other try.
fn is_final(result: ResultName) -> bool {
    !matches!(result, ResultName::NotReady | ResultName::Overloaded)
}

/// The end of an act that was decided: told, then durable.
pub(super) async fn end(
    node: &Node,
    body: &HostedBody,
    mut known: Loaded,
    done: Result<(), ResultName>,
    by: By<'_>,
) -> Result<Row, ActError> {
    let at = node.moment();
    let (step, result) = match done {
        Ok(()) => {
            known.row.act.executed(by.actor(), at)?;
            (ActStep::Executed, ResultName::Done)
        }
        Err(why) => {
            known.row.act.failed(why.as_str(), by.actor(), at)?;
            (ActStep::Failed, why)
        }
    };
    tell(body, by, &known.row.act, step, result, at).await?;
    keep_ended(node, body, known).await
}

/// Makes an end durable that the log tells of.
async fn keep_ended(node: &Node, body: &HostedBody, known: Loaded) -> Result<Row, ActError> {
    let row = known.save(body).await?;
    let labels = [row.kind().as_str(), row.act.state.as_str()];
    node.metrics.acts_ended.with_label_values(&labels).inc();
    Ok(row)
}
