//! What a body's log states of itself: checkpoints, signed with the log's own key, which the body's identity certifies.
//!
//! What must hold: a log signs what it has made durable; the key is the same after a start, a move and a restore,
//! because it comes of the keyring.

use std::sync::Arc;

use chukei_crypto::sign::{IdentityKey, SigningKey};
use chukei_crypto::tlog::{Checkpoint, LogSigner, Pins, SignedCheckpoint, TreeHead, VerifierKey};
use chukei_relay_client::log_key::{LogKey, LogOrigin};

use crate::hosted::HostedBody;

/// Why a log states nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unstated {
    /// The log's key cannot be used.
    #[error("the log's key cannot be used")]
    Key,
    /// The body's identity did not sign.
    #[error("the body's identity did not certify the log's key")]
    Identity,
}

/// Who signs for the log of a body in one epoch, with the word of the body's identity for it.
pub(super) struct Signatory {
    origin: LogOrigin,
    identity: Arc<IdentityKey>,
    signer: LogSigner,
    /// The certified key.
    pub(super) key: LogKey,
}

impl Signatory {
    /// For this epoch, certified by the identity that the body has now. Blocks where the identity lies in a token.
    pub(super) fn of(body: &HostedBody, epoch: u64) -> Result<Self, Unstated> {
        let own = SigningKey::of_log(body.keys().log_key()).map_err(|_| Unstated::Key)?;
        let (origin, identity) = (LogOrigin { body: body.code(), epoch }, body.identity());
        let key = LogKey::certify(origin.body, own.public(), &identity).map_err(|_| Unstated::Identity)?;
        let signer = LogSigner::new(&origin.to_string(), own).map_err(|_| Unstated::Key)?;
        Ok(Self { origin, identity, signer, key })
    }

    /// Whether it still signs for the body's log.
    pub(super) fn is_for(&self, body: &HostedBody, epoch: u64) -> bool {
        self.origin.epoch == epoch && Arc::ptr_eq(&self.identity, &body.identity())
    }

    /// The log's epoch.
    pub(super) fn epoch(&self) -> u64 {
        self.origin.epoch
    }

    /// What a cosignature of this witness under the log's checkpoints is verified by.
    pub(super) fn pins(&self, witness: VerifierKey) -> Option<Pins> {
        let own = self.signer.verifier();
        Pins::new(own.name(), vec![own.clone(), witness]).ok()
    }

    /// The checkpoint of the tree at this head.
    pub(super) fn sign(&self, head: TreeHead) -> Result<SignedCheckpoint, Unstated> {
        let name = self.signer.verifier().name();
        let checkpoint = Checkpoint::new(name, head, Vec::new()).map_err(|_| Unstated::Key)?;
        self.signer.sign(checkpoint).map_err(|_| Unstated::Key)
    }
}
