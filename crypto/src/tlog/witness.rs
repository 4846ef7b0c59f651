//! What a witness does (C2SP `tlog-cosignature`, `tlog-witness`): it lets a log grow, never shrink or split, and puts
//! its name and the time to that.
//!
//! What must hold: [`WitnessSigner`] signs only what [`admit`] let in. The caller holds a log's last head durably, and
//! writes the new one down before it gives the cosignature out; of two checkpoints at a time it admits one.

use super::note::{KeyError, KeyKind, Signature, VerifierKey};
use super::{
    Checkpoint, CheckpointError, Pins, Proof, ProofError, SignedCheckpoint, TreeHead, verify_consistency,
};
use crate::sign::SigningKey;

/// The latest time a cosignature can state, in Unix seconds: 2^63 − 1.
pub const TIME_MAX: u64 = (1 << 63) - 1;

/// Why a checkpoint was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not a checkpoint that the log signed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// It is of fewer leaves than the last one: an old one comes late, or the log was set back.
    #[error("the log is shorter than it was")]
    Shorter,
    /// It is of as many leaves as the last one and has another root: the log has split, and both signed checkpoints
    /// together are evidence of it.
    #[error("the log has split")]
    Split,
    /// The proof does not show that the last one is its beginning. A proof from another size does that too.
    #[error("not shown to have grown from the last checkpoint: {0}")]
    Growth(#[source] ProofError),
}

/// A checkpoint that its log signed and that has grown from the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted<'a>(&'a Checkpoint);

impl<'a> Admitted<'a> {
    /// The checkpoint; its head is the next `last`.
    pub fn checkpoint(&self) -> &'a Checkpoint {
        self.0
    }
}

/// Lets in a checkpoint of the log `pins` that continues `last`, the last one that was let in; [`TreeHead::EMPTY`] where
/// there was none, and the proof is empty then.
pub fn admit<'a>(
    pins: &Pins,
    last: &TreeHead,
    checkpoint: &'a SignedCheckpoint,
    proof: &Proof,
) -> Result<Admitted<'a>, Refusal> {
    let (checkpoint, _) = checkpoint.verify(pins)?;
    let head = checkpoint.head();
    if head.size < last.size {
        return Err(Refusal::Shorter);
    }
    if head.size == last.size && head.root != last.root {
        return Err(Refusal::Split);
    }
    verify_consistency(proof, last, head).map_err(Refusal::Growth)?;
    Ok(Admitted(checkpoint))
}

/// What a witness signs for the checkpoint with this text (`cosignature/v1`) at a time in Unix seconds. Its Ed25519
/// signature goes behind the time, eight bytes big-endian, into a [`Signature`].
pub fn cosigned_message(text: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

/// The key of a witness, with its name. One key is never used under two names: a cosignature does not say the name.
#[derive(Debug)]
pub struct WitnessSigner {
    key: SigningKey,
    verifier: VerifierKey,
}

impl WitnessSigner {
    /// The key of the witness `name`.
    pub fn new(name: &str, key: SigningKey) -> Result<Self, KeyError> {
        let verifier = VerifierKey::new(name, KeyKind::Witness, key.public())?;
        Ok(Self { key, verifier })
    }

    /// What others pin.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// States that at `time`, in Unix seconds, this was the largest checkpoint of the log that was let in. Nobody takes
    /// a cosignature of a time past [`TIME_MAX`].
    pub fn cosign(&self, admitted: Admitted<'_>, time: u64) -> Signature {
        let message = cosigned_message(&admitted.0.to_string(), time);
        let signature = self.key.sign(message.as_bytes());
        Signature::new(&self.verifier, [&time.to_be_bytes()[..], &signature].concat())
    }
}
