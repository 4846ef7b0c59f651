//! Enrolled persons: a random internal id, the keys of a slot, and alias rows that lead to them.
//!
//! Everything stored about a person is bound to the internal id; the integrated addressee number and the linkage
//! code are aliases, so that a code can be replaced without rewriting data.

use chukei_crypto::binding::Bindings;
use chukei_crypto::person_code::version_of;
use chukei_crypto::seal::{PersonSlot, Purpose, SealError};
use chukei_domain::answer::PersonFlags;
use chukei_domain::codes::{AddresseeNumber, InfoNameCode};
use chukei_store::{Batch, RowKey, Space, Versioned};
use chukei_wire::header::PersonCode;
use serde::{Deserialize, Serialize};

use crate::access::grant::{Grant, MayRead, Write};
use crate::hosted::HostedBody;
use crate::hosted::documents::SealedDocuments;
use crate::hosted::pages::PERSONS_PER_PAGE;
use crate::hosted::rows::{RowError, SealedFor};

/// Internal id of a person within one body: random, never shown.
pub type PersonId = [u8; 16];

/// Where an alias leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRef {
    /// The person.
    #[serde(rename = "i", with = "serde_bytes")]
    pub id: PersonId,
    /// Number of the person's key slot, from 0.
    #[serde(rename = "n")]
    pub number: u64,
}

impl PersonRef {
    /// The slot of the person's key.
    pub fn slot(&self) -> PersonSlot {
        let page = u32::try_from(self.number / PERSONS_PER_PAGE).unwrap_or(u32::MAX);
        let slot = u8::try_from(self.number % PERSONS_PER_PAGE).unwrap_or(u8::MAX);
        PersonSlot { page, slot }
    }
}

/// A person's own row.
#[derive(Clone, Serialize, Deserialize)]
pub struct PersonRecord {
    /// The person.
    #[serde(rename = "p")]
    pub person: PersonRef,
    /// 団体内統合宛名番号.
    #[serde(rename = "a")]
    pub addressee: String,
    /// The body's code for the person, as the broker converts it.
    #[serde(rename = "c")]
    pub code: PersonCode,
    /// Number id of the acquisition number it was enrolled with.
    #[serde(rename = "u", with = "serde_bytes")]
    pub number_id: [u8; 16],
    /// The binding secrets of (person, body), of the newest version and at most one before it.
    #[serde(rename = "b", with = "crate::hosted::bindings")]
    pub bindings: Bindings,
    /// Flags (R50).
    #[serde(rename = "f")]
    pub flags: PersonFlags,
}

/// A person's own row as it was read to be changed.
#[derive(Clone)]
pub struct Loaded {
    /// What it says.
    pub record: PersonRecord,
    /// The row's version then.
    pub version: u64,
}

/// A person's own row, and documents that were read with it.
pub struct PersonWithDocuments {
    /// What the row says.
    pub record: PersonRecord,
    /// Still sealed.
    pub documents: SealedDocuments,
}

impl PersonRecord {
    /// A person who is enrolled now.
    pub fn new(
        person: PersonRef,
        addressee: &AddresseeNumber,
        code: PersonCode,
        number_id: [u8; 16],
        bindings: Bindings,
    ) -> Self {
        let addressee = addressee.as_str().to_owned();
        Self { person, addressee, code, number_id, bindings, flags: PersonFlags::default() }
    }
}

impl HostedBody {
    /// Row of the alias by integrated addressee number.
    pub(crate) fn addressee_row(&self, addressee: &AddresseeNumber) -> RowKey {
        self.row(Space::PersonByAddressee, &[addressee.as_str().as_bytes()])
    }

    /// Row of the alias by linkage code. The code's version leads, so that the codes of a version that is over are
    /// found together.
    pub(crate) fn code_row(&self, code: &PersonCode) -> RowKey {
        let name = self.keys().naming().name(Space::PersonByCode.code(), &[&code.0]);
        Self::codes_of_version(version_of(&code.0)).name(&name)
    }

    /// What the aliases by codes of this version begin with.
    pub(crate) fn codes_of_version(version: u8) -> RowKey {
        RowKey::new(Space::PersonByCode).bytes(&[version])
    }

    /// Row of a person.
    pub(crate) fn person_row(&self, id: &PersonId) -> RowKey {
        self.row(Space::Person, &[id])
    }

    /// How a person's row is sealed, and the aliases that lead to it: the slot is read off the value's header, and where
    /// an alias led says nothing once the person is erased.
    pub(crate) fn person_seal(person: &PersonRef) -> SealedFor {
        SealedFor::standing(Purpose::Names, Some(person.slot()))
    }

    /// Where aliases lead, in their order; `None` for those that are not there.
    pub(crate) async fn resolve(
        &self,
        space: Space,
        rows: &[RowKey],
    ) -> Result<Vec<Option<PersonRef>>, RowError> {
        let stored = self.get_rows(rows).await?;
        let mut persons = Vec::with_capacity(rows.len());
        for (row, stored) in rows.iter().zip(&stored) {
            persons.push(self.led(space, row, stored).await?);
        }
        Ok(persons)
    }

    /// The person behind the linkage codes of a permit (of each live version one, the first that is known) with the
    /// documents of these datasets, in their order: all as they stand at one moment (R31).
    pub async fn person_with_documents<E: MayRead>(
        &self,
        _grant: &Grant<E>,
        codes: impl IntoIterator<Item = PersonCode>,
        datasets: &[InfoNameCode],
    ) -> Result<Option<PersonWithDocuments>, RowError> {
        let aliases: Vec<RowKey> = codes.into_iter().map(|code| self.code_row(&code)).collect();
        let Some(person) = self.first_of(Space::PersonByCode, &aliases).await? else { return Ok(None) };
        let documents = self.document_rows(&person, datasets).await?;
        let own = self.person_row(&person.id);
        let mut rows = vec![own.clone()];
        rows.extend_from_slice(&documents);
        let mut stored = self.get_rows(&rows).await?.into_iter();
        let record = self.led_to(&own, stored.next().flatten(), &person).await?;
        let documents = SealedDocuments { rows: documents, stored: stored.collect() };
        Ok(Some(PersonWithDocuments { record, documents }))
    }

    /// The person behind an integrated addressee number.
    pub async fn person_by_addressee<E: MayRead>(
        &self,
        _grant: &Grant<E>,
        addressee: &AddresseeNumber,
    ) -> Result<Option<PersonRecord>, RowError> {
        let alias = self.addressee_row(addressee);
        let person = self.first_of(Space::PersonByAddressee, std::slice::from_ref(&alias)).await?;
        let Some(person) = person else { return Ok(None) };
        let row = self.person_row(&person.id);
        let stored = self.get_row(&row).await?;
        self.led_to(&row, stored, &person).await.map(Some)
    }

    /// The person behind an integrated addressee number, to be changed.
    pub async fn person_to_change(
        &self,
        grant: &Grant<Write>,
        addressee: &AddresseeNumber,
    ) -> Result<Option<Loaded>, RowError> {
        let row = self.addressee_row(addressee);
        let person = self.first_of(Space::PersonByAddressee, std::slice::from_ref(&row)).await?;
        let Some(person) = person else { return Ok(None) };
        self.load_person(grant, &person).await?.map(Some).ok_or(RowError::Malformed)
    }

    /// The row that an alias leads to, to be changed; `None` where there is none any more.
    pub async fn load_person(
        &self,
        _grant: &Grant<Write>,
        person: &PersonRef,
    ) -> Result<Option<Loaded>, RowError> {
        let row = self.person_row(&person.id);
        let Some(stored) = self.get_row(&row).await? else { return Ok(None) };
        let version = stored.version;
        let record = self.led_to(&row, Some(stored), person).await?;
        Ok(Some(Loaded { record, version }))
    }

    /// Adds the changed row to `batch`, which fails where somebody else has changed it meanwhile.
    pub async fn put_person(&self, batch: Batch, changed: &Loaded) -> Result<Batch, RowError> {
        let person = &changed.record.person;
        let row = self.person_row(&person.id);
        let batch = batch.require_version(row.clone(), changed.version);
        self.put(batch, Space::Person, row, Self::person_seal(person), &changed.record).await
    }

    /// The person's own row.
    pub async fn person<E: MayRead>(
        &self,
        _grant: &Grant<E>,
        id: &PersonId,
    ) -> Result<Option<PersonRecord>, RowError> {
        let row = self.person_row(id);
        let stored = self.get_row(&row).await?;
        self.open_row(Space::Person, &row, &stored).await
    }

    /// Where the first of these aliases that is there leads.
    async fn first_of(&self, space: Space, aliases: &[RowKey]) -> Result<Option<PersonRef>, RowError> {
        let stored = self.get_rows(aliases).await?;
        for (row, stored) in aliases.iter().zip(&stored) {
            if stored.is_some() {
                return self.led(space, row, stored).await;
            }
        }
        Ok(None)
    }

    /// Where an alias leads; nowhere where its person is erased.
    pub(crate) async fn led(
        &self,
        space: Space,
        row: &RowKey,
        stored: &Option<Versioned>,
    ) -> Result<Option<PersonRef>, RowError> {
        match self.open_row(space, row, stored).await {
            Err(RowError::Seal(SealError::KeyDestroyed)) => Ok(None),
            led => led,
        }
    }

    /// Opens the row that an alias led to. Both are written together; anything else than this person is damage.
    async fn led_to(
        &self,
        row: &RowKey,
        stored: Option<Versioned>,
        person: &PersonRef,
    ) -> Result<PersonRecord, RowError> {
        let record: Option<PersonRecord> = self.open_row(Space::Person, row, &stored).await?;
        record.filter(|record| record.person == *person).ok_or(RowError::Malformed)
    }
}
