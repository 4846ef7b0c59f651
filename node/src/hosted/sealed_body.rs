//! A body as whoever keeps the platform up may hold it: its rows, log and keyring as they lie, sealed (R2).
//!
//! What must hold: what is handed out here opens nothing. Deliberately absent: the keyring's keys, the way back to the
//! body, and whatever seals or opens a value; the identity signs manifests of backups and nothing else.

use std::sync::Arc;

use chukei_store::image::{KeyringNeed, Manifest, Observed, SignedManifest};
use chukei_store::journal::JournalReader;
use chukei_store::keyring_place::MovableKeyring;
use chukei_store::{Compacted, EngineKind, Partition, StoreError, Usage};
use chukei_wire::body_code::BodyCode;

use crate::audit::{AuditError, By};
use crate::hosted::HostedBody;
use crate::key_gate::Fault;

/// One body's ciphertext.
#[derive(Clone)]
pub struct SealedBody(Arc<HostedBody>);

impl SealedBody {
    /// The ciphertext of this body.
    pub fn of(body: Arc<HostedBody>) -> Self {
        Self(body)
    }

    /// Local body code.
    pub fn code(&self) -> BodyCode {
        self.0.code()
    }

    /// Why it is not served, or not wholly.
    pub fn fault(&self) -> Option<Arc<Fault>> {
        self.0.gate().fault()
    }

    /// The fencing epoch of this node's lease.
    pub fn epoch(&self) -> u64 {
        self.0.epoch()
    }

    /// The engine that has the rows.
    pub fn engine(&self) -> EngineKind {
        self.rows().engine()
    }

    /// The space that its rows take.
    pub async fn usage(&self) -> Result<Usage, StoreError> {
        self.rows().usage().await
    }

    /// Gives back some of the space of removed rows.
    pub async fn compact(&self) -> Result<Compacted, StoreError> {
        self.rows().compact().await
    }

    /// Its rows, to be copied as they are.
    pub(crate) fn rows(&self) -> &Arc<Observed> {
        self.0.rows_as_they_are()
    }

    /// What opens a backup that is taken now: numbers of keys, and no key.
    pub(crate) fn keyring_need(&self) -> KeyringNeed {
        let ids = self.0.keyring().ids();
        KeyringNeed { generation: self.0.keys().generation(), root: ids.root, epoch: ids.epoch }
    }

    /// Where the sealed keyring lies, which goes with the rows.
    pub(crate) fn keyring_place(&self) -> &Arc<MovableKeyring> {
        self.0.keyring_place()
    }

    /// Number of the last durable entry of the log; 0 before the first.
    pub(crate) fn last_number(&self) -> u64 {
        self.0.audit().last_number()
    }

    /// Entries of the log from number `from` on, sealed. Blocking file I/O.
    pub(crate) fn entries(&self, from: u64) -> JournalReader {
        self.0.audit().entries(from)
    }

    /// The log tells that the rows went to another engine.
    pub(crate) async fn tell_move(
        &self,
        by: By<'_>,
        engines: [EngineKind; 2],
        now_ms: u64,
    ) -> Result<(), AuditError> {
        self.0.audit().moved(by, engines, now_ms).await
    }

    /// The manifest of a backup, signed by the body's identity; `None` where that is not at hand. A key in a token may
    /// block.
    pub(crate) async fn sign(&self, manifest: &Manifest) -> Option<Vec<u8>> {
        let manifest = manifest.to_bytes().ok()?;
        let identity = self.0.identity();
        let signing = tokio::task::spawn_blocking(move || {
            let signature = identity.sign(&SignedManifest::message(&manifest)).ok()?;
            SignedManifest::new(manifest, signature).to_bytes().ok()
        });
        signing.await.ok().flatten()
    }
}
