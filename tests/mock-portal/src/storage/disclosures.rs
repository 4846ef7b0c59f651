//! Where bodies' logs have the records of what was shown here, until it was verified there.
//!
//! What must hold: a disclosure is durable here before the body learns that it arrived; what was verified goes, and comes
//! back after no restart. Bounded: of more than [`KEPT_OF_PERSON`] of one person, or [`KEPT`] of all, the newest are not
//! kept, and whoever notes them is told so once. The journal carries them, so that a disclosure costs no write of its own.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chukei_crypto::seal::{self, KeyIds, Place, Purpose};
use chukei_store::journal::{Appending, GivenUp, JournalEntry, Slack};
use chukei_wire::body_code::BodyCode;
use chukei_wire::codec;
use chukei_wire::id::RequestId;
use serde::{Deserialize, Serialize};

use super::person::PersonId;
use super::reached::Reached;
use super::{PARTITION, Vault, VaultError};

/// Partition of the journal.
const LOG: &str = "disclosures";
/// Kinds of its entries.
const DISCLOSED: u8 = 33;
const VERIFIED: u8 = 34;
/// The space in the associated data: no row of the partition has it.
const SPACE: u8 = 129;
/// Disclosures that are kept: of all persons, and of one, who takes no other's room.
const KEPT: usize = 262_144;
const KEPT_OF_PERSON: usize = 4_096;
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

/// What is kept, by person and body: leaf and number of the entry by request.
#[derive(Default)]
struct Kept {
    of: HashMap<(PersonId, BodyCode), BTreeMap<RequestId, (u64, u64)>>,
    counts: HashMap<PersonId, usize>,
    count: usize,
    /// Of whom one was not kept since there was room last.
    full: HashSet<PersonId>,
    /// And whether there was none for anybody.
    all_full: bool,
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
    /// Keeps one; whether this is the first for which there is no room.
    fn add(&mut self, disclosed: &Disclosed, entry: u64) -> bool {
        let Disclosed { person, body, request, leaf } = *disclosed;
        if self.count >= KEPT {
            return !std::mem::replace(&mut self.all_full, true);
        }
        if self.counts.get(&person).is_some_and(|count| *count >= KEPT_OF_PERSON) {
            return self.full.insert(person);
        }
        if self.of.entry((person, body)).or_default().insert(request, (leaf, entry)).is_none() {
            *self.counts.entry(person).or_default() += 1;
            self.count += 1;
        }
        false
    }

    fn settle(&mut self, person: PersonId, body: BodyCode, requests: &[RequestId]) {
        let Some(of) = self.of.get_mut(&(person, body)) else { return };
        let settled = requests.iter().filter(|request| of.remove(request).is_some()).count();
        if of.is_empty() {
            self.of.remove(&(person, body));
        }
        if settled == 0 {
            return;
        }
        self.count -= settled;
        self.all_full = false;
        self.full.remove(&person);
        if let Some(count) = self.counts.get_mut(&person) {
            *count -= settled;
            if *count == 0 {
                self.counts.remove(&person);
            }
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
                // What there is no room for was told when it came.
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

    /// Keeps where the record of a disclosure is; durable once the answer resolves. Beside it, whether this is the first
    /// that is written and not held against the body's log, because too many wait for that.
    pub(crate) fn note_disclosure(&self, disclosed: Disclosed, at_ms: u64) -> (Appending, bool) {
        // The person has the answer by then: only the body waits, for the word that it arrived.
        let (appending, number) = self.append_entry(Slack::UNAWAITED, DISCLOSED, &disclosed, at_ms);
        let full = number.is_some_and(|number| self.disclosures.lock().add(&disclosed, number));
        (appending, full)
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

    /// The records of a person at a body were verified so far, and of these disclosures it is known what became of them;
    /// returns once that is durable.
    pub(crate) async fn settle(
        &self,
        person: PersonId,
        body: BodyCode,
        reached: Reached,
        requests: &[RequestId],
        at_ms: u64,
    ) -> Result<(), VaultError> {
        self.reach(person, body, reached).await?;
        for requests in requests.chunks(AT_ONCE) {
            let settled = Settled { person, body, requests: requests.to_vec() };
            self.append_entry(Slack::NONE, VERIFIED, &settled, at_ms).0.await?;
            self.disclosures.lock().settle(person, body, requests);
        }
        Ok(())
    }

    fn append_entry<T: Serialize>(
        &self,
        slack: Slack,
        kind: u8,
        entry: &T,
        at_ms: u64,
    ) -> (Appending, Option<u64>) {
        let mut number = None;
        let appending = self.journal.append_sealed_with(LOG, kind, at_ms, None, slack, |seq| {
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
}

fn entry_place(row: &[u8]) -> Place<'_> {
    Place { body: PARTITION.as_bytes(), space: SPACE, row }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(person: u64, request: u32) -> Disclosed {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&request.to_be_bytes());
        let body = "982016".parse().unwrap();
        Disclosed { person: PersonId(person), body, request: RequestId(id), leaf: u64::from(request) }
    }

    #[test]
    fn r40_one_person_fills_their_own_room_and_it_is_told_once() {
        let mut kept = Kept::default();
        let most = u32::try_from(KEPT_OF_PERSON).unwrap();
        let told: Vec<u32> =
            (0..most + 10).filter(|request| kept.add(&of(1, *request), u64::from(*request))).collect();
        assert_eq!(told, [most], "one alarm, for the first that has no room");
        assert_eq!(kept.count, KEPT_OF_PERSON);
        assert!(!kept.add(&of(2, 1), 1), "another person has room");
        // What is verified makes room, and the next lack of it is told again.
        kept.settle(PersonId(1), of(1, 0).body, &[of(1, 0).request, of(1, most).request]);
        assert!(!kept.add(&of(1, most + 20), 7));
        assert!(kept.add(&of(1, most + 21), 8));
        assert_eq!((kept.count, kept.counts[&PersonId(1)]), (KEPT_OF_PERSON + 1, KEPT_OF_PERSON));
    }
}
