//! The broker as a witness of bodies' logs: it cosigns a head that continues the last one it has cosigned and those that other
//! brokers have shown it, and no other.
//!
//! What must hold: no cosignature leaves before its head is remembered durably, so that a broker that was killed refuses
//! what it would have refused; a body's log is shown by the connection that serves the body and under a key that the body
//! has certified; what contradicts the memory is an alarm, with both signed checkpoints in the log line as evidence; a new
//! epoch of a log that was cosigned begins with the word of two persons of its body. Deliberately absent: what became of
//! epochs of which nothing was cosigned here; the first that is shown is taken.

mod compare;
mod exchange;
mod judge;
mod keys;
mod memory;
mod serve;
mod standing;
mod stream;
mod upkeep;

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chukei_crypto::sign::SigningKey;
use chukei_crypto::tlog::{
    KeyError, Pins, Proof, Signature, SignedCheckpoint, TreeHead, VerifierKey, WitnessSigner,
};
use chukei_relay_client::log_gap::{LogGapError, verify_gap};
use chukei_relay_client::log_key::{LogKey, LogOrigin, witness_name};
use chukei_relay_client::peers::PeerList;
use chukei_store::journal::{Journal, JournalError};
use chukei_wire::limits::{LOG_ALSO_MAX, LOG_CHECKPOINT_MAX};
use chukei_wire::message::log::{LogGap, LogHead, LogSeen, LogWitnessed};
use chukei_wire::result::ResultName;

pub(super) use exchange::{serve as serve_seen, show as show_seen};
use judge::{Grown, Judgement, judge_with};
use keys::CertifiedKeys;
use memory::{Kept, KeptKind, Log, Memory, MemoryError};
pub(super) use serve::{HeadRate, serve};
pub(super) use upkeep::keep_short;

/// Partition of the journal.
pub(super) const OWNER: &str = "witness";

/// Key and memory.
pub(super) struct Witness {
    signer: WitnessSigner,
    certified: CertifiedKeys,
    memory: Mutex<Memory>,
}

/// What became of a head, until its memory is durable.
pub(super) enum Taken<K> {
    /// Nothing to wait for.
    Told(LogWitnessed),
    /// Refused, and nobody was alarmed about this log for a while.
    Alarm(Fork),
    /// Cosigned; not to be told before it is kept.
    Cosigned(Box<Cosigned>, K),
}

/// A cosignature that is not to be told yet.
pub(super) struct Cosigned {
    origin: LogOrigin,
    /// Leaves of the log.
    size: u64,
    signature: Signature,
    /// The checkpoint, for other brokers.
    seen: LogSeen,
    /// What its epoch began with, where this is its first head.
    gap: Option<LogGap>,
}

/// Two checkpoints of one log that contradict each other.
#[derive(Debug)]
pub(super) struct Fork {
    pub(super) origin: LogOrigin,
    /// What was cosigned.
    pub(super) remembered: String,
    /// What was shown.
    pub(super) shown: String,
}

/// A head in its form: everything that is looked at before anything is remembered.
struct Shown {
    origin: LogOrigin,
    checkpoint: SignedCheckpoint,
    grown: Grown,
    pins: Pins,
    /// With the checkpoint of an epoch before that it names.
    gap: Option<(LogGap, Option<(LogOrigin, SignedCheckpoint)>)>,
}

impl Witness {
    /// A witness that remembers what stands in `journal`. Blocking.
    pub(super) fn open(broker: &str, key: SigningKey, journal: &Journal) -> Result<Self, OpenError> {
        let mut memory = Memory::default();
        for entry in journal.read(OWNER, 1) {
            memory.take(&entry?)?;
        }
        let signer = WitnessSigner::new(&witness_name(broker), key)?;
        Ok(Self { signer, certified: CertifiedKeys::default(), memory: Mutex::new(memory) })
    }

    /// Judges a head of a body that is the caller's. `keep` puts an entry on its way to the disk, in the order in which it
    /// is called.
    fn take<K>(
        &self,
        head: &LogHead,
        peers: &PeerList,
        now_ms: u64,
        keep: impl FnOnce(Kept) -> K,
    ) -> Taken<K> {
        let shown = match self.read(head, peers) {
            Ok(shown) => shown,
            Err(refusal) => return Taken::Told(LogWitnessed::Refused(refusal)),
        };
        let Shown { origin, checkpoint, grown, pins, gap } = &shown;
        // Held from the judgement until the entry is queued: of two heads at a time one is the first.
        let mut memory = self.memory();
        let (last, others, forked) = standing(&memory, origin);
        let judged = judge_with(pins, &last, &others, checkpoint, grown);
        if let Judgement::Refused(name) = judged {
            return Taken::Told(LogWitnessed::Refused(name));
        }
        // Signed by the log: what it contradicts is held against nobody else.
        if forked {
            return contradicted(&mut memory, *origin, checkpoint, None);
        }
        if let Some(later) = memory.later(origin) {
            let known = later.evidence();
            return contradicted(&mut memory, *origin, checkpoint, Some(known));
        }
        match judged {
            Judgement::Cosign(admitted) => {
                let begins = memory.begins_epoch(origin);
                let gap = match (begins, gap) {
                    (false, _) => None,
                    (true, None) => return Taken::Told(LogWitnessed::Refused(ResultName::TwoPersonRequired)),
                    (true, Some((gap, named))) => {
                        if let Some(known) = named.as_ref().and_then(|named| denied(&memory, named)) {
                            return contradicted(&mut memory, *origin, checkpoint, Some(known));
                        }
                        Some(gap.clone())
                    }
                };
                let signature = self.signer.cosign(admitted, now_ms / 1_000);
                let note = checkpoint.to_string();
                let kept = keep(Kept { kind: KeptKind::Own, note: note.clone(), gap: gap.clone() });
                let seen = seen(head, &note, &signature);
                let head = *admitted.checkpoint().head();
                memory.remember(*origin, head, note, gap.clone());
                let cosigned = Cosigned { origin: *origin, size: head.size, signature, seen, gap };
                Taken::Cosigned(Box::new(cosigned), kept)
            }
            Judgement::Behind(size) => Taken::Told(LogWitnessed::Behind(size)),
            Judgement::Fork => contradicted(&mut memory, *origin, checkpoint, None),
            Judgement::Refused(name) => Taken::Told(LogWitnessed::Refused(name)),
        }
    }

    /// The answer to a cosigned head, once its memory is durable; with the statement that began its epoch, where it did.
    async fn settle<K>(&self, cosigned: Cosigned, kept: K) -> (LogWitnessed, Option<LogGap>)
    where
        K: Future<Output = Result<u64, JournalError>>,
    {
        let Cosigned { origin, size, signature, seen, gap } = cosigned;
        match kept.await {
            Ok(number) => {
                self.memory().kept(&origin, (size, number), Some(seen));
                (LogWitnessed::Cosigned(signature.to_string()), gap)
            }
            Err(JournalError::Full) => (LogWitnessed::Refused(ResultName::Overloaded), None),
            Err(_) => (LogWitnessed::Refused(ResultName::NotReady), None),
        }
    }

    fn read(&self, head: &LogHead, peers: &PeerList) -> Result<Shown, ResultName> {
        let key = LogKey::from(head);
        let (origin, checkpoint) = self.checkpoint(&head.checkpoint, &key, peers)?;
        let proof = |bytes: &[u8]| Proof::from_bytes(bytes).map_err(|_| ResultName::BadFormat);
        if head.also.len() > LOG_ALSO_MAX {
            return Err(ResultName::BadFormat);
        }
        let also = head.also.iter().map(|also| Ok((also.old_size, proof(&also.proof)?)));
        let also = also.collect::<Result<_, ResultName>>()?;
        let grown = Grown { old_size: head.old_size, proof: proof(&head.proof)?, also };
        let gap = match &head.gap {
            None => None,
            Some(gap) => Some((gap.clone(), verify_gap(gap, &origin, &key, peers).map_err(not_stated)?)),
        };
        let pins = pins(&origin, &key, None)?;
        Ok(Shown { origin, checkpoint, grown, pins, gap })
    }

    /// A checkpoint in its form, of the body whose log has this key. Who signed it is not looked at.
    fn checkpoint(
        &self,
        bytes: &[u8],
        key: &LogKey,
        peers: &PeerList,
    ) -> Result<(LogOrigin, SignedCheckpoint), ResultName> {
        if bytes.len() > LOG_CHECKPOINT_MAX {
            return Err(ResultName::BadFormat);
        }
        let checkpoint = SignedCheckpoint::parse(bytes).map_err(|_| ResultName::BadFormat)?;
        let origin: LogOrigin =
            checkpoint.unverified().origin().parse().map_err(|_| ResultName::BadFormat)?;
        if origin.body != key.body {
            return Err(ResultName::NotFound);
        }
        self.certified.check(key, peers)?;
        Ok((origin, checkpoint))
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a checkpoint of this log is verified by; with a witness, by its cosignature too.
fn pins(origin: &LogOrigin, key: &LogKey, witness: Option<VerifierKey>) -> Result<Pins, ResultName> {
    let own = key.verifier(origin.epoch).map_err(|_| ResultName::BadFormat)?;
    let keys = std::iter::once(own).chain(witness).collect();
    Pins::new(&origin.to_string(), keys).map_err(|_| ResultName::BadFormat)
}

fn standing(memory: &Memory, origin: &LogOrigin) -> (TreeHead, Vec<TreeHead>, bool) {
    let log = memory.get(origin);
    let others = log.map(|log| log.others().copied().collect()).unwrap_or_default();
    (memory.last(origin), others, log.is_some_and(|log| log.forked))
}

/// What the memory holds against a checkpoint of an epoch before that a statement names.
fn denied(memory: &Memory, (origin, named): &(LogOrigin, SignedCheckpoint)) -> Option<String> {
    let log = memory.get(origin)?;
    let head = named.unverified().head();
    (log.is_cosigned() && log.head.size == head.size && log.head != *head).then(|| log.note.clone())
}

fn not_stated(error: LogGapError) -> ResultName {
    match error {
        LogGapError::Malformed => ResultName::BadFormat,
        LogGapError::NotTwo => ResultName::TwoPersonRequired,
        LogGapError::NotSigned => ResultName::BadSignature,
    }
}

/// What other brokers are shown of a head that was cosigned.
fn seen(head: &LogHead, note: &str, signature: &Signature) -> LogSeen {
    LogSeen {
        body: head.body,
        checkpoint: format!("{note}{signature}").into_bytes(),
        key: head.key,
        certificate: head.certificate,
    }
}

/// A contradiction that nobody heard of for a while is an alarm, every other one an answer. `known` is what is contradicted,
/// where that is not of the same log.
fn contradicted<K>(
    memory: &mut Memory,
    origin: LogOrigin,
    shown: &SignedCheckpoint,
    known: Option<String>,
) -> Taken<K> {
    if !memory.alarm(&origin) {
        return Taken::Told(LogWitnessed::Fork);
    }
    let remembered = known.or_else(|| memory.get(&origin).map(Log::evidence)).unwrap_or_default();
    Taken::Alarm(Fork { origin, remembered, shown: shown.to_string() })
}

/// Why a broker could not become a witness.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The journal cannot be read.
    #[error("{}", .0.code())]
    Journal(#[from] JournalError),
    /// It holds what no witness has written.
    #[error("INTEGRITY_FAILURE: {0}")]
    Memory(#[from] MemoryError),
    /// The broker's name is none that a key can have.
    #[error("key: {0}")]
    Key(#[from] KeyError),
}

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
