//! What broker and node keep of permits, in the journal that they have anyway: the proof of each side (R22).

use std::sync::Arc;

use chukei_crypto::permit::Epoch;
use chukei_relay_client::clock::Clock;
use chukei_relay_client::permit::{EVIDENCE_PARTITION, Evidence, EvidenceOf};
use chukei_store::journal::{Entry, Journal, Slack};

/// Kind of these entries, readable without a key, as is the rest of them.
const KIND: u8 = 32;

/// The journal of one role, for evidence.
#[derive(Clone)]
pub struct PermitEvidence {
    journal: Arc<Journal>,
    clock: Clock,
}

impl PermitEvidence {
    /// Evidence goes to `journal`.
    pub fn new(journal: Arc<Journal>, clock: Clock) -> Self {
        Self { journal, clock }
    }

    /// Keeps an entry, durable with the next group that the journal syncs: nobody waits for it. A journal that
    /// cannot write makes the role not ready. Must be called within a runtime.
    pub fn keep(&self, epoch: &Epoch, of: EvidenceOf) {
        let sealed = match Evidence::new(epoch, of).to_bytes() {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::error!(%error, "evidence of permits cannot be encoded");
                return;
            }
        };
        let partition = EVIDENCE_PARTITION.to_owned();
        let at_ms = self.clock.now_ms();
        let entry = Entry { partition, kind: KIND, at_ms, replay: None, sealed };
        let kept = self.journal.append_within(Slack::UNAWAITED, entry);
        tokio::spawn(async move {
            if let Err(error) = kept.await {
                tracing::error!(%error, "evidence of permits was not kept");
            }
        });
    }
}
