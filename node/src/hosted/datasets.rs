//! Keys of datasets: what is kept of a person in one dataset stands under the person's key and, inside, under the key
//! of the dataset, so that either erasure is the end of one key.
//!
//! What must hold: the inner layer is hidden by the outer one, so that a stored row does not tell its dataset, nor
//! that two rows have the same; both layers are always under the keys of one moment, so that a retired number takes
//! none of them along. Keys of datasets stand in pages like those of persons, one to a page, from the last page there can
//! be downwards.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chukei_crypto::seal::{self, KeyIds, Opener, PersonSlot, Place, Purpose, SealError};
use chukei_domain::codes::InfoNameCode;
use chukei_store::{Batch, RowKey, Space, StoreError};
use zeroize::Zeroizing;

use crate::hosted::HostedBody;
use crate::hosted::pages::ValueKeys;
use crate::hosted::rows::{RowError, SealedFor};

/// First byte of an opened value that holds a sealed one. No document and no record entry begins with it.
const NESTED: u8 = 2;
/// Tries to take two keys of one moment: more than one only where keys change at that very moment.
const TRIES: usize = 8;

/// Slots of datasets that are known here already. One that was given never changes.
#[derive(Default)]
pub struct DatasetSlots(Mutex<HashMap<InfoNameCode, PersonSlot>>);

impl DatasetSlots {
    fn get(&self, dataset: &InfoNameCode) -> Option<PersonSlot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(dataset).copied()
    }

    fn keep(&self, datasets: &[InfoNameCode]) {
        let slots = datasets.iter().enumerate().filter_map(|(at, dataset)| Some((*dataset, slot(at)?)));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(slots);
    }
}

/// Each has a page to itself: rows of an old backup, under the keyring in use, lose with an erased dataset no other one.
fn slot(at: usize) -> Option<PersonSlot> {
    let page = u32::MAX.checked_sub(u32::try_from(at).ok()?)?;
    Some(PersonSlot { page, slot: 0 })
}

/// What lies in an opened outer layer.
fn nested(plain: &[u8]) -> Option<&[u8]> {
    plain.split_first().filter(|(first, _)| **first == NESTED).map(|(_, inner)| inner)
}

impl HostedBody {
    const LISTED: SealedFor = SealedFor { purpose: Purpose::Names, day: 0, person: None };

    /// The slot of a dataset's key; `None` where nothing was ever kept of it.
    pub(crate) async fn dataset_slot(&self, dataset: &InfoNameCode) -> Result<Option<PersonSlot>, RowError> {
        if let Some(slot) = self.datasets().get(dataset) {
            return Ok(Some(slot));
        }
        let row = datasets_row();
        let stored = self.get_row(&row).await?;
        let listed: Vec<InfoNameCode> = self.open_row(Space::Meta, &row, &stored).await?.unwrap_or_default();
        self.datasets().keep(&listed);
        Ok(self.datasets().get(dataset))
    }

    /// The slot of a dataset's key, given and made durable where there was none. Whoever calls holds
    /// [`Self::writing`].
    pub(crate) async fn ensure_dataset(&self, dataset: &InfoNameCode) -> Result<PersonSlot, RowError> {
        if let Some(slot) = self.dataset_slot(dataset).await? {
            return Ok(slot);
        }
        let row = datasets_row();
        let stored = self.get_row(&row).await?;
        let mut listed: Vec<InfoNameCode> =
            self.open_row(Space::Meta, &row, &stored).await?.unwrap_or_default();
        let given = slot(listed.len()).ok_or(RowError::Malformed)?;
        listed.push(*dataset);
        self.ensure_page(given.page).await?;
        let batch = match &stored {
            Some(stored) => Batch::new().require_version(row.clone(), stored.version),
            None => Batch::new().require_absent(row.clone()),
        };
        self.apply(self.put(batch, Space::Meta, row, Self::LISTED, &listed).await?).await?;
        self.datasets().keep(&listed);
        Ok(given)
    }

    /// Seals what is kept of a person in a dataset.
    pub(crate) async fn seal_copy(
        &self,
        row: &RowKey,
        person: PersonSlot,
        dataset: PersonSlot,
        plain: &[u8],
    ) -> Result<Vec<u8>, RowError> {
        let keys = self.copy_keys(person, dataset).await?;
        self.seal_layers(row, [person, dataset], &keys, plain)
    }

    fn seal_layers(
        &self,
        row: &RowKey,
        [person, dataset]: [PersonSlot; 2],
        [outer, inner]: &[ValueKeys; 2],
        plain: &[u8],
    ) -> Result<Vec<u8>, RowError> {
        let code = self.code();
        let place = place(code.as_bytes(), row);
        let sealed = seal::seal(inner, copies(dataset), place, plain)?;
        let mut nested = Vec::with_capacity(1 + sealed.len());
        nested.push(NESTED);
        nested.extend_from_slice(&sealed);
        Ok(seal::seal(outer, copies(person), place, &nested)?)
    }

    /// Opens what [`Self::seal_copy`] sealed; `None` where its dataset is erased. A value without the inner layer, which
    /// the erasure of its dataset would not reach, is none of ours.
    pub(crate) async fn open_copy(
        &self,
        space: Space,
        row: &RowKey,
        sealed: Vec<u8>,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, RowError> {
        let plain = Zeroizing::new(self.open_bytes(space, row, sealed).await?.into_inner());
        let inner = nested(&plain).ok_or(RowError::Malformed)?;
        let keys = self.value_keys(seal::key_ids(inner)?.0.person).await?;
        let code = self.code();
        match seal::open(&keys, place(code.as_bytes(), row), inner) {
            Ok(opened) => Ok(Some(Zeroizing::new(opened.into_inner()))),
            Err(SealError::KeyDestroyed) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Seals an opened outer layer again, and with it the layer inside, under the newest keys.
    pub(crate) async fn renew_copy(
        &self,
        row: &RowKey,
        ids: KeyIds,
        plain: &[u8],
    ) -> Result<Option<Vec<u8>>, RowError> {
        let (Some(inner), Some(person)) = (nested(plain), ids.person) else { return Ok(None) };
        let dataset = seal::key_ids(inner)?.0.person.ok_or(RowError::Malformed)?;
        let keys = self.copy_keys(person, dataset).await?;
        let code = self.code();
        let content = seal::open(&keys[1], place(code.as_bytes(), row), inner)?;
        let content = Zeroizing::new(content.into_inner());
        self.seal_layers(row, [person, dataset], &keys, &content).map(Some)
    }

    /// Whether nobody opens the row any more, because its person or its dataset is erased. One that is damaged is
    /// not.
    pub(crate) async fn is_erased(&self, row: &RowKey, sealed: &[u8]) -> Result<bool, RowError> {
        let code = self.code();
        let place = place(code.as_bytes(), row);
        let keys = self.value_keys(seal::key_ids(sealed)?.0.person).await?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        let opener = match Opener::new(&keys, place, sealed) {
            Err(SealError::KeyDestroyed) => return Ok(true),
            opener => opener?,
        };
        let opened = opener.open_within(&mut plain)?;
        let Some(inner) = nested(opened.get()) else { return Ok(false) };
        let keys = self.value_keys(seal::key_ids(inner)?.0.person).await?;
        Ok(matches!(Opener::new(&keys, place, inner), Err(SealError::KeyDestroyed)))
    }

    /// The person's and the dataset's keys of one moment.
    async fn copy_keys(&self, person: PersonSlot, dataset: PersonSlot) -> Result<[ValueKeys; 2], RowError> {
        for _ in 0..TRIES {
            let keys = [self.value_keys(Some(person)).await?, self.value_keys(Some(dataset)).await?];
            if keys[0].generation() == keys[1].generation() {
                return Ok(keys);
            }
        }
        Err(StoreError::Busy.into())
    }
}

fn datasets_row() -> RowKey {
    RowKey::new(Space::Meta).bytes(b"datasets")
}

fn copies(slot: PersonSlot) -> KeyIds {
    KeyIds { purpose: Purpose::Copies, day: 0, person: Some(slot) }
}

fn place<'a>(body: &'a [u8], row: &'a RowKey) -> Place<'a> {
    let space = row.as_bytes().first().copied().unwrap_or_default();
    Place { body, space, row: row.as_bytes() }
}

#[cfg(test)]
mod tests {
    use chukei_store::Batch;

    use super::*;
    use crate::hosted::samples::Sample;

    #[test]
    fn every_dataset_has_a_page_of_its_own_behind_the_last_person() {
        assert_eq!(slot(0), Some(PersonSlot { page: u32::MAX, slot: 0 }));
        assert_eq!(slot(7), Some(PersonSlot { page: u32::MAX - 7, slot: 0 }));
    }

    /// R1: of two stored rows nobody sees whether they have the same dataset.
    #[tokio::test]
    async fn r1_a_copy_shows_its_person_s_slot_and_not_its_dataset() {
        let sample = Sample::new().await;
        let (person, body) = (sample.enroll("982016", 1).await.person, sample.body("982016"));
        let row = RowKey::new(Space::Document).name(&[1; 32]);
        let mut heads = Vec::new();
        for dataset in ["TM00000000000002", "TM00000000000004"] {
            let dataset = body.ensure_dataset(&dataset.parse().unwrap()).await.unwrap();
            let sealed = body.seal_copy(&row, person.slot(), dataset, b"copy").await.unwrap();
            heads.push((seal::key_ids(&sealed).unwrap(), sealed.len()));
        }
        assert_eq!(heads[0], heads[1]);
        assert_eq!(heads[0].0.0, copies(person.slot()));
    }

    #[tokio::test]
    async fn both_layers_are_renewed_together_and_outlive_the_numbers_before() {
        let sample = Sample::new().await;
        let (person, body) = (sample.enroll("982016", 1).await.person, sample.body("982016"));
        let dataset = body.ensure_dataset(&"TM00000000000002".parse().unwrap()).await.unwrap();
        let row = RowKey::new(Space::Document).name(&[1; 32]);
        let sealed = body.seal_copy(&row, person.slot(), dataset, b"copy").await.unwrap();
        body.apply(Batch::new().put(row.clone(), sealed.clone())).await.unwrap();
        let before = body.keys().day_numbers(Purpose::Copies, 0)[0];
        body.keyring().rotate_standing().unwrap();
        let renewed = body.renewed(&row, &sealed).await.unwrap().unwrap();
        assert!(body.renewed(&row, &renewed).await.unwrap().is_none());
        body.keyring().retire(Purpose::Copies, before).unwrap();
        let open = async |sealed| body.open_copy(Space::Document, &row, sealed).await;
        assert_eq!(**open(renewed).await.unwrap().unwrap(), *b"copy");
        assert!(open(sealed).await.is_err());
        let of_person = SealedFor::standing(Purpose::Copies, Some(person.slot()));
        let single = body.seal_bytes(Space::Document, &row, of_person, b"copy").await.unwrap();
        assert!(
            matches!(open(single).await, Err(RowError::Malformed)),
            "its dataset's erasure would not reach it"
        );
    }
}
