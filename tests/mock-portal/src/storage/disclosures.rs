//! Where bodies' logs have the records of what was shown here, until it was verified there; and how far a body's records
//! about a person were verified.
//!
//! What must hold: a disclosure is durable here before the body learns that it arrived; what was verified goes, and comes
//! back after no restart. Bounded: of more than [`KEPT`] the newest are not kept, and the log says so. The journal carries
//! them, so that a disclosure costs no write of its own.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chukei_crypto::seal::{self, KeyIds, Place, Purpose};
use chukei_store::batch::Batch;
use chukei_store::journal::{Appending, GivenUp, JournalEntry};
use chukei_store::row::{RowKey, Space};
use chukei_wire::body_code::BodyCode;
use chukei_wire::codec;
use chukei_wire::id::RequestId;
use serde::{Deserialize, Serialize};

use super::person::PersonId;
use super::{PARTITION, Vault, VaultError};

/// Partition of the journal.
const LOG: &str = "disclosures";
/// Kinds of its entries.
const DISCLOSED: u8 = 33;
const VERIFIED: u8 = 34;
/// The space in the associated data: no row of the partition has it.
const SPACE: u8 = 129;
/// Disclosures that are kept.
const KEPT: usize = 262_144;
/// Requests that one entry says were verified.
const AT_ONCE: usize = 256;
/// Longest entry before sealing.
const ENTRY_MAX: usize = 16 * 1024;
const STANDING: KeyIds = KeyIds { purpose: Purpose::Names, day: 0, person: None };

/// A disclosure, and the leaf that its answer named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Disclosed {
    #[serde(rename = "p")]
    pub(crate) person: PersonId,
    #[serde(rename = "b")]
    pub(crate) body: BodyCode,
    #[serde(rename = "q")]
    pub(crate) request: RequestId,
    #[serde(rename = "l")]
    pub(crate) leaf: u64,
}

/// Disclosures that need not be kept any more.
#[derive(Serialize, Deserialize)]
struct Settled {
    #[serde(rename = "p")]
    person: PersonId,
    #[serde(rename = "b")]
    body: BodyCode,
    #[serde(rename = "q")]
    requests: Vec<RequestId>,
}

/// How far a body's records about a person were verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reached {
    /// Epoch and size of the newest checkpoint.
    #[serde(rename = "e")]
    pub(crate) epoch: u64,
    #[serde(rename = "s")]
    pub(crate) size: u64,
    /// Places there were.
    #[serde(rename = "n")]
    pub(crate) count: u64,
    /// The last place that was open, by its number, and its leaf's hash; 0 where none was.
    #[serde(rename = "l")]
    pub(crate) number: u64,
    #[serde(rename = "h", with = "serde_bytes")]
    pub(crate) leaf: [u8; 32],
}

/// What is kept, by person and body: leaf and number of the entry by request.
#[derive(Default)]
struct Kept {
    of: HashMap<(PersonId, BodyCode), BTreeMap<RequestId, (u64, u64)>>,
    count: usize,
}

/// Disclosures that are not verified yet.
#[derive(Default)]
pub(super) struct Disclosures(Mutex<Kept>);

impl Disclosures {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn add(&mut self, disclosed: &Disclosed, entry: u64) {
        if self.count >= KEPT {
            tracing::error!("too many disclosures that were not verified: one more is not kept");
            return;
        }
        let of = self.of.entry((disclosed.person, disclosed.body)).or_default();
        if of.insert(disclosed.request, (disclosed.leaf, entry)).is_none() {
            self.count += 1;
        }
    }

    fn settle(&mut self, person: PersonId, body: BodyCode, requests: &[RequestId]) {
        let Some(of) = self.of.get_mut(&(person, body)) else { return };
        self.count -= requests.iter().filter(|request| of.remove(request).is_some()).count();
        if of.is_empty() {
            self.of.remove(&(person, body));
        }
    }

    /// Number of the first entry that is still needed.
    fn first(&self) -> Option<u64> {
        self.of.values().flat_map(BTreeMap::values).map(|(_, entry)| *entry).min()
    }
}

impl Vault {
    /// Reads what was kept before. Blocking file I/O.
    pub(super) fn recall_disclosures(&self) -> Result<(), VaultError> {
        let mut kept = self.disclosures.lock();
        for entry in self.journal.read(LOG, 1) {
            let entry = entry?;
            let plain = self.open_entry(&entry)?;
            let malformed = |_| VaultError::Integrity;
            if entry.kind == DISCLOSED {
                kept.add(&codec::decode(&plain, ENTRY_MAX).map_err(malformed)?, entry.seq);
            } else {
                let settled: Settled = codec::decode(&plain, ENTRY_MAX).map_err(malformed)?;
                kept.settle(settled.person, settled.body, &settled.requests);
            }
        }
        let first = kept.first().unwrap_or(self.journal.last_number(LOG) + 1);
        if first > self.journal.first_number(LOG).0 {
            self.journal.forget_before(LOG, first, GivenUp::Retention)?;
        }
        Ok(())
    }

    /// Keeps where the record of a disclosure is; durable once the answer resolves.
    pub(crate) fn note_disclosure(&self, disclosed: Disclosed, at_ms: u64) -> Appending {
        let (appending, number) = self.append_entry(DISCLOSED, &disclosed, at_ms);
        if let Some(number) = number {
            self.disclosures.lock().add(&disclosed, number);
        }
        appending
    }

    /// The disclosures of a person by a body that were not verified yet: the leaves by request.
    pub(crate) fn disclosures(&self, person: PersonId, body: BodyCode) -> BTreeMap<RequestId, u64> {
        let kept = self.disclosures.lock();
        let of = kept.of.get(&(person, body)).into_iter().flatten();
        of.map(|(request, (leaf, _))| (*request, *leaf)).collect()
    }

    /// Bodies with disclosures of a person that were not verified yet.
    pub(crate) fn disclosing_bodies(&self, person: PersonId) -> Vec<BodyCode> {
        let kept = self.disclosures.lock();
        kept.of.keys().filter(|(of, _)| *of == person).map(|(_, body)| *body).collect()
    }

    /// How far the records of a person at a body were verified.
    pub(crate) async fn reached(
        &self,
        person: PersonId,
        body: BodyCode,
    ) -> Result<Option<Reached>, VaultError> {
        self.read(&self.reached_key(person, body)).await
    }

    /// The records of a person at a body were verified so far, and these disclosures with them; returns once that is
    /// durable.
    pub(crate) async fn settle(
        &self,
        person: PersonId,
        body: BodyCode,
        reached: Reached,
        requests: &[RequestId],
        at_ms: u64,
    ) -> Result<(), VaultError> {
        let batch = self.put(Batch::new(), self.reached_key(person, body), &reached)?;
        self.apply(batch).await?;
        for requests in requests.chunks(AT_ONCE) {
            let settled = Settled { person, body, requests: requests.to_vec() };
            self.append_entry(VERIFIED, &settled, at_ms).0.await?;
            self.disclosures.lock().settle(person, body, requests);
        }
        Ok(())
    }

    fn append_entry<T: Serialize>(&self, kind: u8, entry: &T, at_ms: u64) -> (Appending, Option<u64>) {
        let mut number = None;
        let appending = self.journal.append_sealed_with(LOG, kind, at_ms, None, |seq| {
            let plain = codec::encode(entry).map_err(|_| VaultError::Sealing)?;
            let keys = self.keyring.snapshot();
            let sealed = seal::seal(&*keys, STANDING, entry_place(&seq.to_be_bytes()), &plain);
            number = Some(seq);
            sealed.map_err(|_| VaultError::Sealing)
        });
        (appending, number)
    }

    fn open_entry(&self, entry: &JournalEntry) -> Result<Vec<u8>, VaultError> {
        let keys = self.keyring.snapshot();
        let opened = seal::open(&*keys, entry_place(&entry.seq.to_be_bytes()), &entry.sealed);
        opened.map(|opened| opened.get().to_vec()).map_err(|_| VaultError::Integrity)
    }

    fn reached_key(&self, person: PersonId, body: BodyCode) -> RowKey {
        let parts: [&[u8]; 3] = [b"verified", &person.bytes(), body.as_bytes()];
        RowKey::new(Space::PortalUser).name(&self.name(Space::PortalUser, &parts))
    }
}

fn entry_place(row: &[u8]) -> Place<'_> {
    Place { body: PARTITION.as_bytes(), space: SPACE, row }
}
