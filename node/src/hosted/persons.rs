//! Enrolled persons: a random internal id, the keys of a slot, and alias rows that lead to them.
//!
//! Everything stored about a person is bound to the internal id; the integrated addressee number and the linkage
//! code are aliases, so that a code can be replaced without rewriting data.

use chukei_crypto::binding::BindingSecret;
use chukei_crypto::seal::{PersonSlot, Purpose};
use chukei_domain::answer::PersonFlags;
use chukei_domain::codes::AddresseeNumber;
use chukei_store::{RowKey, Space};
use chukei_wire::header::PersonCode;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::access::decision::{Grant, MayRead};
use crate::hosted::HostedBody;
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
    #[serde(rename = "b", with = "serde_bytes")]
    binding: [u8; 32],
    /// Flags (R50).
    #[serde(rename = "f")]
    pub flags: PersonFlags,
}

impl Drop for PersonRecord {
    fn drop(&mut self) {
        self.binding.zeroize();
    }
}

impl PersonRecord {
    /// A person who is enrolled now.
    pub fn new(
        person: PersonRef,
        addressee: &AddresseeNumber,
        code: PersonCode,
        number_id: [u8; 16],
        binding: &BindingSecret,
    ) -> Self {
        let addressee = addressee.as_str().to_owned();
        Self {
            person,
            addressee,
            code,
            number_id,
            binding: *binding.as_bytes(),
            flags: PersonFlags::default(),
        }
    }

    /// The binding secret of (person, body).
    pub fn binding(&self) -> BindingSecret {
        BindingSecret::from_bytes(self.binding)
    }
}

impl HostedBody {
    /// Row of the alias by integrated addressee number.
    pub(crate) fn addressee_row(&self, addressee: &AddresseeNumber) -> RowKey {
        self.row(Space::PersonByAddressee, &[addressee.as_str().as_bytes()])
    }

    /// Row of the alias by linkage code.
    pub(crate) fn code_row(&self, code: &PersonCode) -> RowKey {
        self.row(Space::PersonByCode, &[&code.0])
    }

    /// Row of a person.
    pub(crate) fn person_row(&self, id: &PersonId) -> RowKey {
        self.row(Space::Person, &[id])
    }

    /// How alias rows are sealed: they must open before the person's slot is known.
    pub(crate) const ALIAS: SealedFor = SealedFor { purpose: Purpose::Names, day: 0, person: None };

    /// How a person's row is sealed.
    pub(crate) fn person_seal(person: &PersonRef) -> SealedFor {
        SealedFor::standing(Purpose::Names, Some(person.slot()))
    }

    /// Where aliases lead, in their order; `None` for those that are not there.
    pub(crate) fn resolve(&self, space: Space, rows: &[RowKey]) -> Result<Vec<Option<PersonRef>>, RowError> {
        let stored = self.get_rows(rows)?;
        rows.iter().zip(&stored).map(|(row, stored)| self.open_row(space, row, stored)).collect()
    }

    /// The person behind a linkage code.
    pub fn person_by_code<E: MayRead>(
        &self,
        _grant: &Grant<E>,
        code: &PersonCode,
    ) -> Result<Option<PersonRecord>, RowError> {
        let row = self.code_row(code);
        self.follow(Space::PersonByCode, row)
    }

    /// The person behind an integrated addressee number.
    pub fn person_by_addressee<E: MayRead>(
        &self,
        _grant: &Grant<E>,
        addressee: &AddresseeNumber,
    ) -> Result<Option<PersonRecord>, RowError> {
        let row = self.addressee_row(addressee);
        self.follow(Space::PersonByAddressee, row)
    }

    /// The person's own row.
    pub fn person<E: MayRead>(
        &self,
        _grant: &Grant<E>,
        id: &PersonId,
    ) -> Result<Option<PersonRecord>, RowError> {
        let row = self.person_row(id);
        let stored = self.get_row(&row)?;
        self.open_row(Space::Person, &row, &stored)
    }

    fn follow(&self, space: Space, alias: RowKey) -> Result<Option<PersonRecord>, RowError> {
        let stored = self.get_row(&alias)?;
        let Some(person) = self.open_row::<PersonRef>(space, &alias, &stored)? else { return Ok(None) };
        let row = self.person_row(&person.id);
        let stored = self.get_row(&row)?;
        let record: Option<PersonRecord> = self.open_row(Space::Person, &row, &stored)?;
        // An alias and the row it leads to are written together; anything else is damage.
        record.filter(|record| record.person == person).map(Some).ok_or(RowError::Malformed)
    }
}
