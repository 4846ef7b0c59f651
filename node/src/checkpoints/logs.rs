//! How the log of one body stands before its witnesses.
//!
//! What must hold: a checkpoint is signed of a tree that has grown over what is durable, and each broker is shown it
//! with the proof that it grew from what that broker has cosigned.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chukei_crypto::tlog::{Edge, Proof, Signature, SignedCheckpoint, TreeHead};
use chukei_relay_client::log_witness::log_head;
use chukei_relay_client::peers::PeerList;
use chukei_wire::limits::LOG_ALSO_MAX;
use chukei_wire::message::log::{LogGap, LogGrown, LogHead, LogWitnessed};
use chukei_wire::result::ResultName;
use tokio::time::Instant;

use crate::audit::{Doubts, FIRST_EPOCH, Grown, TreeError};
use crate::checkpoints::gap::{self, Witnessed};
use crate::checkpoints::proofs::{ProofError, Snapshot};
use crate::checkpoints::rows;
use crate::checkpoints::statement::{Signatory, Unstated};
use crate::checkpoints::vouched::{Vouched, VouchedHeads};
use crate::hosted::HostedBody;
use crate::hosted::rows::RowError;
use crate::key_gate::Shut;

/// A log that does not grow states that it is there no less often.
const IDLE: Duration = Duration::from_secs(60);
/// Leaves that one batch stores: with a row for the person of each, and the tiles over them.
const BATCH: u64 = 8_192;
/// Leaves after which the tree is stored, and the longest it is not: what a start makes anew from the log.
const STORED_AFTER: u64 = 4_096;
const STORED_EVERY: Duration = Duration::from_secs(60);
/// Batches of one turn, at most: what is left waits behind the turns of other bodies.
const BATCHES: u32 = 2;
/// Checkpoints before the newest whose cosignatures are still gathered: of brokers that answer at different paces.
const BEFORE: usize = 3;

/// Why a log's checkpoint did not come about.
#[derive(Debug, thiserror::Error)]
pub(super) enum CheckpointError {
    /// The tree cannot grow.
    #[error("the log's tree: {0}")]
    Tree(#[from] TreeError),
    /// Rows of the tree.
    #[error("rows of the log's tree: {0}")]
    Rows(#[from] RowError),
    /// Nothing was signed.
    #[error(transparent)]
    Unstated(#[from] Unstated),
    /// No proof could be made.
    #[error("a proof over the log: {0}")]
    Proof(#[from] ProofError),
    /// The work broke off.
    #[error("the work broke off")]
    Broken,
}

impl CheckpointError {
    /// Whether the tree that was witnessed is lost: it can be brought back with the body's rows, and not be made anew.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Self::Tree(TreeError::Gone(_)))
    }
}

/// What a broker's answer comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It has cosigned, and the cosignature verifies.
    Cosigned,
    /// It remembers another size, from which it is shown the next one.
    Behind,
    /// The log contradicts what it has cosigned.
    Fork,
    /// It did not look at it; BAD_SIGNATURE where what it sent is not its cosignature.
    Refused(ResultName),
}

impl Heard {
    /// As metrics name it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Cosigned => "COSIGNED",
            Self::Behind => "BEHIND",
            Self::Fork => "FORK",
            Self::Refused(name) => name.as_str(),
        }
    }
}

/// Lets the tree grow up to record `to`.
async fn grow(body: &Arc<HostedBody>, to: u64) -> Result<(), CheckpointError> {
    loop {
        let growing = body.audit().clone();
        let grown = tokio::task::spawn_blocking(move || growing.grow(to)).await;
        match grown.map_err(|_| CheckpointError::Broken)?? {
            Grown::Asks(persons) => body.audit().tree().know(rows::chains(body, &persons).await?),
            Grown::Whole | Grown::UpTo(_) => return Ok(()),
        }
    }
}

/// One body's log before its witnesses.
#[derive(Default)]
pub(super) struct Log {
    signatory: Option<Signatory>,
    stated: Option<Stated>,
    /// Those before it, newest first.
    before: VecDeque<Stated>,
    /// Where what is cosigned is given out from.
    vouched: Option<Arc<VouchedHeads>>,
    /// Leaves that each broker is known to have cosigned.
    cosigned: BTreeMap<String, u64>,
    /// Heads that a broker has named besides, since it cosigned last: others have cosigned them.
    named: BTreeMap<String, Vec<u64>>,
    /// When brokers said last that it contradicts what they have cosigned.
    contradicted: BTreeMap<String, Instant>,
    gap: Gap,
    /// The record up to which the tree is to grow before it is stated again.
    growing_to: Option<u64>,
    /// The newest checkpoint that is known to be cosigned, and whether it is stored.
    witnessed: Option<(SignedCheckpoint, bool)>,
    stored: Option<Instant>,
    /// Where it is told what brokers remember of the log.
    doubts: Arc<Doubts>,
}

/// What stands between the epoch of a log that was restored and the one before it.
#[derive(Default)]
struct Gap {
    /// The statement that two persons have decided, once it was looked for.
    stated: Option<LogGap>,
    /// A broker asks for it.
    asked: bool,
}

/// The newest checkpoint.
struct Stated {
    at: Instant,
    head: TreeHead,
    snapshot: Snapshot,
    checkpoint: SignedCheckpoint,
    /// The same with the cosignatures so far.
    cosigned: SignedCheckpoint,
    /// Brokers that have cosigned it.
    by: BTreeSet<String>,
}

impl Stated {
    /// The proof that it has grown from so many leaves; the empty one where it has fewer.
    async fn grown_from(&mut self, body: &HostedBody, old: u64) -> Result<Proof, ProofError> {
        if old > self.head.size {
            return Ok(Proof::default());
        }
        self.snapshot.consistency(body, old).await
    }
}

impl Log {
    /// Lets the tree grow and, once it has come as far as [`Self::follow`] says, signs its checkpoint where one is due. Stores
    /// the tree now and then.
    pub(super) async fn turn(&mut self, body: &Arc<HostedBody>) -> Result<bool, CheckpointError> {
        let whole = self.follow(body).await?;
        if whole {
            self.store(body, false).await?;
            if std::mem::take(&mut self.gap.asked) {
                self.gap.stated = gap::stated(body).await?;
            }
            self.state(body).await?;
        }
        Ok(whole)
    }

    /// Lets the tree grow by a bounded number of batches. Whether it has grown over all that was durable when it was over as
    /// much the last time.
    pub(super) async fn follow(&mut self, body: &Arc<HostedBody>) -> Result<bool, CheckpointError> {
        body.gate().pass().map_err(|shut: Shut| RowError::from(shut))?;
        let audit = body.audit();
        // The body may have been let go of and opened anew.
        if self.vouched.as_ref().is_none_or(|vouched| !Arc::ptr_eq(vouched, body.vouched())) {
            self.vouched = Some(body.vouched().clone());
        }
        if !Arc::ptr_eq(&self.doubts, audit.doubts()) {
            self.doubts = audit.doubts().clone();
        }
        if !audit.tree().is_open() {
            self.open(body).await?;
        }
        let last = audit.last_number();
        let durable = self.growing_to.map_or(last, |to| to.min(last));
        self.growing_to = Some(durable);
        for _ in 0..BATCHES {
            if audit.tree().size() >= durable {
                break;
            }
            // No further than one batch holds.
            let stored = audit.tree().size() - audit.tree().unstored_leaves();
            let to = durable.min(stored + BATCH);
            grow(body, to).await?;
            self.store(body, to == stored + BATCH).await?;
        }
        let whole = audit.tree().size() >= durable;
        if whole {
            self.growing_to = None;
        }
        Ok(whole)
    }

    /// Goes on from the stored tree; from the beginning where it is none that could be of this log.
    async fn open(&mut self, body: &HostedBody) -> Result<(), CheckpointError> {
        let audit = body.audit();
        let (edge, epoch) = match rows::edge(body).await {
            Ok((edge, epoch)) if edge.size() <= audit.last_number() => (edge, epoch),
            Ok((edge, _)) => {
                tracing::error!(
                    body = %body.code(), tree = edge.size(), log = audit.last_number(),
                    "the stored tree is longer than the log: it is made anew, and witnesses will tell"
                );
                audit.doubts().cut_behind(audit.last_number());
                (Edge::new(), FIRST_EPOCH)
            }
            Err(RowError::Malformed | RowError::Seal(_)) => {
                tracing::error!(body = %body.code(), "the stored tree of the log is damaged: it is made anew");
                (Edge::new(), FIRST_EPOCH)
            }
            Err(error) => return Err(error.into()),
        };
        audit.tree().open(edge, epoch);
        self.stored = Some(Instant::now());
        Ok(())
    }

    /// Stores the tree where it is due: at the latest when a batch is full.
    async fn store(&mut self, body: &HostedBody, full: bool) -> Result<(), CheckpointError> {
        let tree = body.audit().tree();
        let leaves = tree.unstored_leaves();
        let long = self.stored.is_none_or(|at| at.elapsed() >= STORED_EVERY);
        let due = full || long || leaves >= STORED_AFTER || tree.is_storing_asked_for();
        if leaves == 0 || !due || (!full && body.gate().pass_to_write().is_err()) {
            return Ok(());
        }
        if let Some(unstored) = tree.unstored() {
            rows::store(body, &unstored).await?;
            tree.stored(&unstored);
        }
        if let Some((last, stored)) = self.witnessed.as_mut().filter(|(_, stored)| !*stored) {
            gap::keep_witnessed(body, &Witnessed { note: last.to_string() }).await?;
            *stored = true;
        }
        self.stored = Some(Instant::now());
        Ok(())
    }

    /// Signs a checkpoint where the log has grown, or has not said for long that it is there.
    async fn state(&mut self, body: &Arc<HostedBody>) -> Result<(), CheckpointError> {
        let (head, epoch) = body.audit().tree().head();
        let stated = self.stated.as_ref();
        let same = stated.is_some_and(|stated| stated.head == head && stated.at.elapsed() < IDLE);
        let signatory = self.signatory.as_ref().filter(|signatory| signatory.is_for(body, epoch));
        if head.size == 0 || (same && signatory.is_some()) {
            return Ok(());
        }
        if signatory.is_none() {
            let of = body.clone();
            let made = tokio::task::spawn_blocking(move || Signatory::of(&of, epoch)).await;
            let made = made.map_err(|_| CheckpointError::Broken)??;
            if self.signatory.as_ref().is_some_and(|before| before.epoch() != epoch) {
                self.cosigned.clear();
                self.named.clear();
                self.before.clear();
                self.doubts.begin_anew();
            }
            self.signatory = Some(made);
        }
        let Some(signatory) = &self.signatory else { return Ok(()) };
        let snapshot = Snapshot::of(body);
        // What grew since is for the next turn; a new epoch as well.
        if snapshot.epoch() == epoch {
            let (head, at) = (snapshot.head(), Instant::now());
            let checkpoint = signatory.sign(head)?;
            let cosigned = checkpoint.clone();
            let stated = Stated { at, head, snapshot, checkpoint, cosigned, by: BTreeSet::new() };
            let before = self.stated.replace(stated).filter(|before| before.head != head);
            before.into_iter().for_each(|before| self.before.push_front(before));
            self.before.truncate(BEFORE);
        }
        Ok(())
    }

    /// What this broker is to be shown; `None` where it has cosigned as much.
    pub(super) async fn head_for(
        &mut self,
        body: &HostedBody,
        broker: &str,
    ) -> Result<Option<LogHead>, CheckpointError> {
        let (Some(signatory), Some(stated)) = (&self.signatory, &mut self.stated) else { return Ok(None) };
        let contradicted = self.contradicted.get(broker).is_some_and(|at| at.elapsed() < IDLE);
        if contradicted || stated.by.contains(broker) {
            return Ok(None);
        }
        let known = self.cosigned.get(broker).copied().unwrap_or_default();
        let proof = stated.grown_from(body, known).await?;
        let mut head = log_head(&signatory.key, known, &proof, &stated.checkpoint);
        for &old_size in self.named.get(broker).into_iter().flatten() {
            let proof = stated.grown_from(body, old_size).await?.to_bytes();
            head.also.push(LogGrown { old_size, proof });
        }
        let stated = self.gap.stated.as_ref().filter(|gap| gap.claims.epoch == signatory.epoch());
        head.gap = stated.filter(|_| known == 0).cloned();
        Ok(Some(head))
    }

    /// Takes what a broker answered to what it was shown, which may be older than what is stated now.
    pub(super) fn answered(
        &mut self,
        broker: &str,
        shown: &LogHead,
        answer: LogWitnessed,
        peers: &PeerList,
    ) -> Heard {
        match answer {
            LogWitnessed::Cosigned(line) => {
                let cosigned = self.cosigned(broker, shown, &line, peers);
                cosigned.map_or(Heard::Refused(ResultName::BadSignature), |()| Heard::Cosigned)
            }
            LogWitnessed::Behind(size) => {
                self.doubts.remembered(size);
                self.behind(broker, size);
                Heard::Behind
            }
            LogWitnessed::Fork => {
                self.doubts.contradicted(broker);
                self.contradicted.insert(broker.to_owned(), Instant::now());
                Heard::Fork
            }
            LogWitnessed::Refused(name) => {
                self.gap.asked |= name == ResultName::TwoPersonRequired;
                Heard::Refused(name)
            }
        }
    }

    /// The broker is to be shown the next head from here too.
    pub(super) fn behind(&mut self, broker: &str, size: u64) {
        let before = self.cosigned.insert(broker.to_owned(), size).filter(|before| *before > 0);
        let named = self.named.entry(broker.to_owned()).or_default();
        named.extend(before);
        named.retain(|known| *known != size);
        // The newest stay: what the broker does not need any more it has named longest ago.
        let over = named.len().saturating_sub(LOG_ALSO_MAX);
        named.drain(..over);
    }

    /// Counts a cosignature that verifies under this broker's own key.
    fn cosigned(&mut self, broker: &str, shown: &LogHead, line: &str, peers: &PeerList) -> Option<()> {
        let signatory = self.signatory.as_ref()?;
        let pins = signatory.pins(peers.broker(broker)?.witness().ok()?)?;
        let mut checkpoint = SignedCheckpoint::parse(&shown.checkpoint).ok()?;
        let signature = Signature::from_line(line).ok()?;
        checkpoint.add(signature.clone(), &pins).ok()?;
        let head = *checkpoint.unverified().head();
        self.doubts.cosigned(broker, head.size);
        self.cosigned.insert(broker.to_owned(), head.size);
        self.named.remove(broker);
        let newer = |(known, _): &(SignedCheckpoint, bool)| {
            let known = known.unverified();
            known.head().size < head.size || known.origin() != checkpoint.unverified().origin()
        };
        if self.witnessed.as_ref().is_none_or(newer) {
            self.witnessed = Some((checkpoint, false));
        }
        let mut stated = self.stated.iter_mut().chain(&mut self.before);
        if let Some(stated) = stated.find(|stated| stated.head == head) {
            stated.by.insert(broker.to_owned());
            // The same note, or another broker's has taken its place: then there is nothing to add it to.
            if stated.cosigned.add(signature, &pins).is_ok()
                && let Some(vouched) = &self.vouched
            {
                let whole = peers.brokers().all(|broker| stated.by.contains(&broker.name));
                let (checkpoint, tree) = (stated.cosigned.clone(), stated.snapshot.clone());
                vouched.take(Vouched { checkpoint, key: signatory.key.clone(), tree }, whole);
            }
        }
        Some(())
    }
}
