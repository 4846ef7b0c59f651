//! What another broker has cosigned, beside what was cosigned here.
//!
//! What must hold: nothing is compared that the log and the other broker have not both signed; a head that was not cosigned
//! here is remembered durably before that is told, and nothing is cosigned any more that does not continue it; two
//! checkpoints that contradict each other are an alarm here and are told with the evidence.

use std::future::Future;

use chukei_crypto::tlog::{SignedCheckpoint, TreeHead};
use chukei_relay_client::log_key::{LogKey, LogOrigin};
use chukei_relay_client::peers::PeerList;
use chukei_store::journal::JournalError;
use chukei_wire::message::log::{LogCompared, LogSeen};
use chukei_wire::result::ResultName;
use serde_bytes::ByteBuf;

use super::memory::{Kept, Noted};
use super::{Fork, Witness, pins};

/// What became of another broker's head, until it is remembered durably.
pub(super) enum Compared<K> {
    /// Nothing to wait for.
    Told(LogCompared),
    /// Remembered.
    Noted {
        /// Of which log.
        origin: LogOrigin,
        /// What.
        head: TreeHead,
        /// What was cosigned here last.
        own: Option<String>,
        /// On its way to the disk.
        kept: K,
    },
    /// It was cosigned here too, and what holds the log to it is written once more.
    Again {
        /// Of which log.
        origin: LogOrigin,
        /// Leaves of what was cosigned here last.
        size: u64,
        /// On its way to the disk.
        kept: K,
    },
    /// It contradicts what is known, with the alarm where nobody heard of one for a while.
    Contradicts {
        /// The checkpoint that was known.
        known: String,
        /// The alarm.
        alarm: Option<Fork>,
        /// It is evidence, on its way to the disk.
        kept: K,
    },
}

impl Witness {
    /// Compares a head that the broker `from` says it has cosigned. `keep` puts an entry on its way to the disk.
    pub(super) fn compare<K>(
        &self,
        seen: &LogSeen,
        from: &str,
        peers: &PeerList,
        keep: impl FnOnce(Kept) -> K,
    ) -> Compared<K> {
        match self.read_seen(seen, from, peers) {
            Ok((origin, checkpoint)) => self.note(origin, &checkpoint, keep),
            Err(name) => Compared::Told(LogCompared::Refused(name)),
        }
    }

    /// Takes the checkpoint with which another broker answered to a head of this one. `None` where the log has not signed it;
    /// with `only_against`, also where it does not contradict that head.
    pub(super) fn answered_with<K>(
        &self,
        seen: &LogSeen,
        (answer, only_against): (&[u8], bool),
        peers: &PeerList,
        keep: impl FnOnce(Kept) -> K,
    ) -> Option<Compared<K>> {
        let key = LogKey::from(seen);
        let (origin, checkpoint) = self.checkpoint(answer, &key, peers).ok()?;
        checkpoint.verify(&pins(&origin, &key, None).ok()?).ok()?;
        let own = SignedCheckpoint::parse(&seen.checkpoint).ok()?;
        let (ours, theirs) = (own.unverified(), checkpoint.unverified());
        let against = ours.head().size == theirs.head().size && ours.head() != theirs.head();
        let told = ours.origin() == theirs.origin() && (against || !only_against);
        told.then(|| self.note(origin, &checkpoint, keep))
    }

    fn note<K>(
        &self,
        origin: LogOrigin,
        checkpoint: &SignedCheckpoint,
        keep: impl FnOnce(Kept) -> K,
    ) -> Compared<K> {
        let (note, head) = (checkpoint.to_string(), *checkpoint.unverified().head());
        // Held until the entry is queued: what is cosigned behind it continues it.
        let mut memory = self.memory();
        match memory.note_other(origin, head, &note) {
            Noted::Known => Compared::Told(LogCompared::Agrees),
            Noted::Again(own) => {
                Compared::Again { origin, size: memory.last(&origin).size, kept: keep(*own) }
            }
            Noted::Full => Compared::Told(LogCompared::Refused(ResultName::Overloaded)),
            Noted::New => {
                let own = memory.get(&origin).filter(|log| log.is_cosigned()).map(|log| log.note.clone());
                Compared::Noted { origin, head, own, kept: keep(Kept::other(note)) }
            }
            Noted::Contradicts(known) => {
                let kept = keep(Kept::other(note.clone()));
                let alarm = Fork { origin, remembered: known.clone(), shown: note };
                Compared::Contradicts { known, alarm: memory.alarm(&origin).then_some(alarm), kept }
            }
        }
    }

    /// The answer, once what is to be remembered is durable.
    pub(super) async fn settle_compared<K>(&self, compared: Compared<K>) -> LogCompared
    where
        K: Future<Output = Result<u64, JournalError>>,
    {
        match compared {
            Compared::Told(answer) => answer,
            Compared::Noted { origin, head, own, kept } => match kept.await {
                Ok(number) => {
                    self.memory().noted(&origin, &head, number);
                    LogCompared::Noted(own.map(|own| ByteBuf::from(own.into_bytes())))
                }
                // Also where the queue to the disk is full: OVERLOADED says that of this log alone.
                Err(_) => LogCompared::Refused(ResultName::NotReady),
            },
            Compared::Again { origin, size, kept } => match kept.await {
                Ok(number) => {
                    self.memory().kept(&origin, (size, number), None);
                    LogCompared::Agrees
                }
                Err(_) => LogCompared::Refused(ResultName::NotReady),
            },
            // Told in any case: the memory of it is this process's, and the evidence is the other's own.
            Compared::Contradicts { known, kept, .. } => {
                drop(kept.await);
                LogCompared::Fork(known.into_bytes())
            }
        }
    }

    fn read_seen(
        &self,
        seen: &LogSeen,
        from: &str,
        peers: &PeerList,
    ) -> Result<(LogOrigin, SignedCheckpoint), ResultName> {
        let key = LogKey::from(seen);
        let (origin, checkpoint) = self.checkpoint(&seen.checkpoint, &key, peers)?;
        let witness = peers.broker(from).and_then(|broker| broker.witness().ok());
        let witness = witness.ok_or(ResultName::NotFound)?;
        let name = witness.name().to_owned();
        let verified = checkpoint.verify(&pins(&origin, &key, Some(witness))?);
        match verified {
            Ok((_, witnessed)) if witnessed.by.iter().any(|(by, _)| *by == name) => Ok((origin, checkpoint)),
            _ => Err(ResultName::BadSignature),
        }
    }
}
