//! The broker as a witness of bodies' logs: it cosigns a head that continues the last one it has cosigned, and no other.
//!
//! What must hold: no cosignature leaves before its head is remembered durably, so that a broker that was killed refuses
//! what it would have refused; a body's log is shown by the connection that serves the body and under a key that the body
//! has certified; what contradicts the memory is an alarm, with both signed checkpoints in the log line as evidence.
//! Deliberately absent: what other brokers have cosigned, and whether a new epoch of a log was decided by two persons.

mod judge;
mod keys;
mod memory;
mod serve;
mod upkeep;

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chukei_crypto::sign::SigningKey;
use chukei_crypto::tlog::{KeyError, Pins, Proof, Signature, SignedCheckpoint, WitnessSigner};
use chukei_relay_client::log_key::{LogKey, LogOrigin, witness_name};
use chukei_relay_client::peers::PeerList;
use chukei_store::journal::{Journal, JournalError};
use chukei_wire::limits::LOG_CHECKPOINT_MAX;
use chukei_wire::message::log::{LogHead, LogWitnessed};
use chukei_wire::result::ResultName;
use tokio::time::Instant;

use judge::{Judgement, judge};
use keys::CertifiedKeys;
use memory::{Memory, MemoryError};
pub(super) use serve::{HeadRate, serve};
pub(super) use upkeep::keep_short;

/// Partition of the journal.
const OWNER: &str = "witness";
/// One alarm about a log in this time: each is an error line with two checkpoints.
const ALARM_EVERY: Duration = Duration::from_secs(60);

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
    Cosigned {
        /// Which log.
        origin: LogOrigin,
        /// By this line.
        signature: Signature,
        /// Its entry on the way to the disk.
        kept: K,
    },
}

/// Two checkpoints of one log that contradict each other.
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
    proof: Proof,
    pins: Pins,
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

    /// Judges a head of a body that is the caller's. `keep` puts the bytes of an entry on their way to the disk, in the
    /// order in which it is called.
    pub(super) fn take<K>(
        &self,
        head: &LogHead,
        peers: &PeerList,
        now_ms: u64,
        keep: impl FnOnce(Vec<u8>) -> K,
    ) -> Taken<K> {
        let shown = match self.read(head, peers) {
            Ok(shown) => shown,
            Err(refusal) => return Taken::Told(LogWitnessed::Refused(refusal)),
        };
        let Shown { origin, checkpoint, proof, pins } = &shown;
        // Held from the judgement until the entry is queued: of two heads at a time one is the first.
        let mut memory = self.memory();
        let last = memory.last(origin);
        match judge(pins, &last, head.old_size, checkpoint, proof) {
            Judgement::Cosign(_) if !memory.has_room(origin) => {
                Taken::Told(LogWitnessed::Refused(ResultName::NotPermitted))
            }
            Judgement::Cosign(admitted) => {
                let signature = self.signer.cosign(admitted, now_ms / 1_000);
                let note = checkpoint.to_string();
                let kept = keep(note.clone().into_bytes());
                memory.remember(*origin, *admitted.checkpoint().head(), note);
                Taken::Cosigned { origin: *origin, signature, kept }
            }
            Judgement::Behind(size) => Taken::Told(LogWitnessed::Behind(size)),
            Judgement::Fork => forked(&mut memory, *origin, checkpoint),
            Judgement::Refused(name) => Taken::Told(LogWitnessed::Refused(name)),
        }
    }

    /// The answer to a cosigned head, once its memory is durable.
    pub(super) async fn settle<K>(&self, origin: LogOrigin, signature: Signature, kept: K) -> LogWitnessed
    where
        K: Future<Output = Result<u64, JournalError>>,
    {
        match kept.await {
            Ok(number) => {
                self.memory().kept(&origin, number);
                LogWitnessed::Cosigned(signature.to_string())
            }
            Err(JournalError::Full) => LogWitnessed::Refused(ResultName::Overloaded),
            Err(_) => LogWitnessed::Refused(ResultName::NotReady),
        }
    }

    fn read(&self, head: &LogHead, peers: &PeerList) -> Result<Shown, ResultName> {
        let bad = |_| ResultName::BadFormat;
        if head.checkpoint.len() > LOG_CHECKPOINT_MAX {
            return Err(ResultName::BadFormat);
        }
        let checkpoint = SignedCheckpoint::parse(&head.checkpoint).map_err(|_| ResultName::BadFormat)?;
        let proof = Proof::from_bytes(&head.proof).map_err(|_| ResultName::BadFormat)?;
        let origin: LogOrigin = checkpoint.unverified().origin().parse().map_err(bad)?;
        if origin.body != head.body {
            return Err(ResultName::NotFound);
        }
        let key = LogKey::from(head);
        self.certified.check(&key, peers)?;
        let verifier = key.verifier(origin.epoch).map_err(|_| ResultName::BadFormat)?;
        let pins = Pins::new(checkpoint.unverified().origin(), vec![verifier]);
        let pins = pins.map_err(|_| ResultName::BadFormat)?;
        Ok(Shown { origin, checkpoint, proof, pins })
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A fork that nobody heard of for a while is an alarm, every other one an answer.
fn forked<K>(memory: &mut Memory, origin: LogOrigin, shown: &SignedCheckpoint) -> Taken<K> {
    let now = Instant::now();
    let told = Taken::Told(LogWitnessed::Fork);
    let Some(log) = memory.get_mut(&origin) else { return told };
    if log.alarmed.is_some_and(|before| now.saturating_duration_since(before) < ALARM_EVERY) {
        return told;
    }
    log.alarmed = Some(now);
    Taken::Alarm(Fork { origin, remembered: log.note.clone(), shown: shown.to_string() })
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
