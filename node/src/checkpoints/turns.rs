//! The bodies' logs, each in turns of its own.
//!
//! What must hold: no body waits for another one's store, token or length: as many turns go on at once as there are places, and
//! each ends after a bounded number of batches. A log is in one turn at a time; what a broker answers meanwhile is kept until
//! the log is back. A head that is due for a broker was made behind whatever that broker has answered. Deliberately absent:
//! when turns begin, and calls of brokers.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chukei_relay_client::peers::PeerList;
use chukei_wire::body_code::BodyCode;
use chukei_wire::message::log::{LogHead, LogWitnessed};
use chukei_wire::result::ResultName;
use tokio::sync::Semaphore;
use tokio::task::{Id, JoinError, JoinSet};

use super::logs::{CheckpointError, Heard, Log};
use crate::hosted::HostedBody;
use crate::telemetry::duty::Duty;
use crate::telemetry::metrics::Metrics;

/// Turns at once: what a store and a token are asked for at a time.
const PLACES: usize = 32;

/// The logs of all bodies.
pub(super) struct Turns {
    metrics: Metrics,
    logs: HashMap<BodyCode, Watched>,
    at_work: JoinSet<Worked>,
    whose: HashMap<Id, BodyCode>,
    places: Arc<Semaphore>,
}

/// A turn that has ended, or broke off.
pub(super) type Ended = Result<(Id, Worked), JoinError>;

/// A body's log, and how it goes.
struct Watched {
    /// Absent while it is in a turn.
    log: Option<Log>,
    /// Whether it has more to grow over than one turn takes.
    unfinished: bool,
    /// What it has to show to brokers.
    due: BTreeMap<String, LogHead>,
    /// What brokers answered while it was in a turn: one answer each, since none is shown a head of it meanwhile.
    unheard: BTreeMap<String, (LogHead, LogWitnessed)>,
    /// Its growth, and what proves it.
    duties: [Duty; 2],
    /// Brokers that said that it contradicts itself: told once.
    forked: Vec<String>,
    /// Brokers that cosign nothing of it until two persons have decided that it goes on: told once.
    gapped: Vec<String>,
}

/// What a turn is for.
enum Work {
    /// The tree is to grow: what fails is tried again, and told, by a whole turn.
    Growth,
    /// And be stated to these brokers.
    Turn(Arc<[String]>),
}

/// What a turn came to.
pub(super) struct Worked {
    log: Log,
    /// Whether the tree has grown over all that was durable; absent where nobody is told why not.
    grown: Option<Result<bool, CheckpointError>>,
    shown: Vec<(String, Result<Option<LogHead>, CheckpointError>)>,
}

impl Turns {
    /// Without any log yet.
    pub(super) fn new(metrics: Metrics) -> Self {
        let places = Arc::new(Semaphore::new(PLACES));
        Self { metrics, logs: HashMap::new(), at_work: JoinSet::new(), whose: HashMap::new(), places }
    }

    /// Begins a turn of every log that is in none: its tree grows, and is stated to these brokers where that is due.
    pub(super) fn begin(&mut self, bodies: &[Arc<HostedBody>], brokers: &Arc<[String]>) {
        let here: HashSet<BodyCode> = bodies.iter().map(|body| body.code()).collect();
        self.logs.retain(|code, watched| watched.log.is_none() || here.contains(code));
        for body in bodies {
            let new = || Watched::new(body.code(), &self.metrics);
            let watched = self.logs.entry(body.code()).or_insert_with(new);
            let Some(log) = watched.log.take() else { continue };
            watched.due.clear();
            self.spawn(log, body.clone(), Work::Turn(brokers.clone()));
        }
    }

    /// Begins a turn of those that cannot wait for the next one: whose records do not fit into memory, or that have not come
    /// to their end.
    pub(super) fn relieve(&mut self, bodies: &[Arc<HostedBody>], brokers: &Arc<[String]>) {
        for body in bodies {
            let Some(watched) = self.logs.get_mut(&body.code()) else { continue };
            let work = match (watched.unfinished, body.audit().tree().is_pressed()) {
                (true, _) => Work::Turn(brokers.clone()),
                (false, true) => Work::Growth,
                (false, false) => continue,
            };
            let Some(log) = watched.log.take() else { continue };
            if watched.unfinished {
                watched.due.clear();
            }
            self.spawn(log, body.clone(), work);
        }
    }

    fn spawn(&mut self, log: Log, body: Arc<HostedBody>, work: Work) {
        let (code, places) = (body.code(), self.places.clone());
        let turn = self.at_work.spawn(async move {
            // Nobody closes it.
            let _place = places.acquire().await;
            work.done(log, &body).await
        });
        self.whose.insert(turn.id(), code);
    }

    /// Waits for a turn that ends; `None` where none goes on.
    pub(super) async fn ended(&mut self) -> Option<Ended> {
        self.at_work.join_next_with_id().await
    }

    /// Takes a log back out of its turn. Whose it is, unless it was let go of meanwhile.
    pub(super) fn take_back(&mut self, ended: Ended, peers: &PeerList) -> Option<BodyCode> {
        let (id, worked) = match ended {
            Ok((id, worked)) => (id, Some(worked)),
            Err(broken) => (broken.id(), None),
        };
        let code = self.whose.remove(&id)?;
        let watched = self.logs.get_mut(&code)?;
        match worked {
            Some(worked) => watched.take_back(worked, code, peers, &self.metrics),
            None => watched.broken_off(),
        }
        Some(code)
    }

    /// Whether no turn goes on.
    pub(super) fn are_over(&self) -> bool {
        self.at_work.is_empty()
    }

    /// What is due to be shown to this broker; each head once.
    pub(super) fn due_for(&mut self, broker: &str) -> Vec<LogHead> {
        self.logs.values_mut().filter_map(|watched| watched.due.remove(broker)).collect()
    }

    /// Takes what a broker answered to what it was shown.
    pub(super) fn answered(&mut self, broker: &str, answers: Vec<(LogHead, LogWitnessed)>, peers: &PeerList) {
        for (shown, answer) in answers {
            let Some(watched) = self.logs.get_mut(&shown.body) else { continue };
            match &watched.log {
                Some(_) => watched.hear(broker, &shown, answer, peers, &self.metrics),
                None => drop(watched.unheard.insert(broker.to_owned(), (shown, answer))),
            }
        }
    }

    /// What goes on ends by itself.
    pub(super) fn let_go(mut self) {
        self.at_work.detach_all();
    }
}

impl Work {
    async fn done(self, mut log: Log, body: &Arc<HostedBody>) -> Worked {
        match self {
            Self::Growth => {
                let grown = log.follow(body).await.ok().map(Ok);
                Worked { log, grown, shown: Vec::new() }
            }
            Self::Turn(brokers) => {
                let grown = Some(log.turn(body).await);
                let mut shown = Vec::with_capacity(brokers.len());
                for broker in brokers.iter() {
                    shown.push((broker.clone(), log.head_for(body, broker).await));
                }
                Worked { log, grown, shown }
            }
        }
    }
}

impl Watched {
    fn new(body: BodyCode, metrics: &Metrics) -> Self {
        Self {
            log: Some(Log::default()),
            unfinished: false,
            due: BTreeMap::new(),
            unheard: BTreeMap::new(),
            duties: ["checkpoint"; 2].map(|name| Duty::new(name, body, metrics)),
            forked: Vec::new(),
            gapped: Vec::new(),
        }
    }

    fn take_back(&mut self, worked: Worked, code: BodyCode, peers: &PeerList, metrics: &Metrics) {
        let [growth, proofs] = &mut self.duties;
        self.unfinished = matches!(worked.grown, Some(Ok(false)));
        match &worked.grown {
            Some(Ok(_)) => drop(growth.done()),
            Some(Err(error)) if growth.failed(error) && error.is_lost() => {
                metrics.alarm("log_tree_lost", &code);
            }
            Some(Err(_)) | None => {}
        }
        let (shown, mut unproven) = (!worked.shown.is_empty(), None);
        for (broker, head) in worked.shown {
            match head {
                Ok(head) => self.due.extend(head.map(|head| (broker, head))),
                Err(error) => drop(unproven.get_or_insert(error)),
            }
        }
        // One duty over all brokers: what fails for one is not done because it is for another.
        match unproven {
            Some(error) => drop(proofs.failed(&error)),
            None if shown => drop(proofs.done()),
            None => {}
        }
        self.log = Some(worked.log);
        for (broker, (shown, answer)) in std::mem::take(&mut self.unheard) {
            self.hear(&broker, &shown, answer, peers, metrics);
        }
    }

    /// Its turn broke off, and its log with it: what is stored is where that begins anew. What was told is not told again.
    fn broken_off(&mut self) {
        let [growth, _] = &mut self.duties;
        growth.failed(&CheckpointError::Broken);
        self.log = Some(Log::default());
        self.unfinished = false;
        // Of a log that knows nothing of them any more: brokers say it again.
        self.due.clear();
        self.unheard.clear();
    }

    /// Tells the log, which is here, what a broker answered.
    fn hear(
        &mut self,
        broker: &str,
        shown: &LogHead,
        answer: LogWitnessed,
        peers: &PeerList,
        metrics: &Metrics,
    ) {
        let Some(log) = &mut self.log else { return };
        // Made before this was known.
        self.due.remove(broker);
        let heard = log.answered(broker, shown, answer, peers);
        metrics.log_heads.with_label_values(&[heard.as_str()]).inc();
        match heard {
            Heard::Cosigned => {
                self.forked.retain(|known| known != broker);
                self.gapped.retain(|known| known != broker);
            }
            Heard::Fork if !self.forked.iter().any(|known| known == broker) => {
                self.forked.push(broker.to_owned());
                metrics.alarm("log_fork", &format_args!("{} at {broker}", shown.body));
            }
            Heard::Refused(ResultName::TwoPersonRequired)
                if !self.gapped.iter().any(|known| known == broker) =>
            {
                self.gapped.push(broker.to_owned());
                metrics.alarm("log_gap", &format_args!("{} at {broker}", shown.body));
            }
            Heard::Behind | Heard::Fork | Heard::Refused(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
