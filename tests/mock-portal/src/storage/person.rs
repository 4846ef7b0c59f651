//! Rows of persons: by user id, by the portal's own person code, and in order within their body.
//!
//! What must hold: the three rows of a person and the body's counter are written by one batch, so that a
//! person is either known in every way or not at all.

use chukei_crypto::person_code::version_of;
use chukei_crypto::seal::{KeyIds, Purpose};
use chukei_store::batch::Batch;
use chukei_store::partition::{Rows, Versioned};
use chukei_store::row::{RowKey, Space};
use chukei_wire::body_code::BodyCode;
use chukei_wire::header::PersonCode;
use serde::{Deserialize, Serialize};

use super::{Vault, VaultError};
use crate::protocol::unprinted;
use crate::registry::number;

/// Rows of the person list in one page.
const LIST_PAGE: usize = 512;

/// A person: the registry's random number, which is also the portal's user id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct PersonId(pub(crate) u64);

impl PersonId {
    pub(crate) fn bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// Reads a user id: 16 lower-case hexadecimal digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let plain = text.len() == 16 && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        plain.then(|| u64::from_str_radix(text, 16).ok()).flatten().map(Self)
    }
}

impl std::fmt::Display for PersonId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

unprinted!(PersonRow);

/// A person as the portal knows them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PersonRow {
    #[serde(rename = "p")]
    pub(crate) person: PersonId,
    #[serde(rename = "b")]
    pub(crate) body: BodyCode,
    #[serde(rename = "n")]
    pub(crate) counter: u64,
    #[serde(rename = "c")]
    pub(crate) code: PersonCode,
    /// The registry's id of this person's numbers at the body, the same for every number it issues.
    #[serde(rename = "u", with = "serde_bytes")]
    pub(crate) number_id: [u8; 16],
}

/// A person in the list of their body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListedRow {
    #[serde(rename = "p")]
    pub(crate) person: PersonId,
    #[serde(rename = "n")]
    pub(crate) counter: u64,
}

/// Counters of a body not given out yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct NextRow {
    #[serde(rename = "n")]
    next: u64,
}

const STANDING: KeyIds = KeyIds { purpose: Purpose::Names, day: 0, person: None };

impl Vault {
    /// Takes `count` counters of `body`, durably, and says where they start; `None` where there is no room.
    /// They are given out once, whatever becomes of their persons.
    pub(crate) async fn allot(&self, body: BodyCode, count: u64) -> Result<Option<u64>, VaultError> {
        let key = self.next_key(body);
        loop {
            let stored = self.get(&key).await?;
            let start = match &stored {
                Some(row) => self.open::<NextRow>(&key, row)?.next,
                None => number::FIRST,
            };
            let Some(next) = number::after(start, count) else { return Ok(None) };
            let batch = match &stored {
                Some(row) => Batch::new().require_version(key.clone(), row.version),
                None => Batch::new().require_absent(key.clone()),
            };
            let value = self.seal(STANDING, &key, &NextRow { next })?;
            match self.apply(batch.put(key.clone(), value)).await {
                Err(VaultError::Store(chukei_store::StoreError::Conflict)) => {}
                other => return other.map(|()| Some(start)),
            }
        }
    }

    /// Stores new persons, durably and all at once.
    pub(crate) async fn add_persons(&self, persons: &[PersonRow]) -> Result<(), VaultError> {
        let mut batch = Batch::new();
        for row in persons {
            batch = self.put_new(batch, self.user_key(row.person), row)?;
            batch = self.put_new(batch, self.code_key(&row.code), &row.person)?;
            let listed = ListedRow { person: row.person, counter: row.counter };
            batch = self.put_new(batch, self.list_key(row.body, row.counter), &listed)?;
        }
        self.apply(batch).await
    }

    /// The person of a user id.
    pub(crate) async fn person(&self, person: PersonId) -> Result<Option<PersonRow>, VaultError> {
        self.read(&self.user_key(person)).await
    }

    /// The persons of a page of their body's list, in its order.
    pub(crate) async fn listed_persons(&self, listed: &[ListedRow]) -> Result<Vec<PersonRow>, VaultError> {
        let keys: Vec<RowKey> = listed.iter().map(|row| self.user_key(row.person)).collect();
        let stored = self.get_many(&keys).await?;
        // A person and the place in the list are written together; anything else is damage.
        let open =
            |(key, row): (&RowKey, Option<Versioned>)| self.open(key, &row.ok_or(VaultError::Integrity)?);
        keys.iter().zip(stored).map(open).collect()
    }

    /// The person the broker means by the portal's own codes, of each live version one, looked up in their order.
    pub(crate) async fn person_by_codes(
        &self,
        codes: impl IntoIterator<Item = PersonCode>,
    ) -> Result<Option<PersonRow>, VaultError> {
        for code in codes {
            let key = self.code_key(&code);
            if let Some(person) = self.read(&key).await? {
                // A code and the person it leads to are written together; anything else is damage.
                return self.person(person).await?.map(Some).ok_or(VaultError::Integrity);
            }
        }
        Ok(None)
    }

    pub(super) fn put_new<T: Serialize>(
        &self,
        batch: Batch,
        key: RowKey,
        row: &T,
    ) -> Result<Batch, VaultError> {
        self.put(batch.require_absent(key.clone()), key, row)
    }

    pub(super) fn put<T: Serialize>(&self, batch: Batch, key: RowKey, row: &T) -> Result<Batch, VaultError> {
        let value = self.seal(STANDING, &key, row)?;
        Ok(batch.put(key, value))
    }

    /// A page of the persons of `body` behind counter `after`, in the order of their numbers, and whether there are
    /// more.
    pub(crate) async fn list_persons(
        &self,
        body: BodyCode,
        after: Option<u64>,
    ) -> Result<(Vec<ListedRow>, bool), VaultError> {
        let prefix = RowKey::new(Space::PortalUser).name(&self.list_name(body));
        let after = after.map(|counter| self.list_key(body, counter));
        let Rows { rows, more } = self.scan(&prefix, after.as_ref(), LIST_PAGE).await?;
        let listed = rows.iter().map(|(key, row)| self.open(key, row));
        Ok((listed.collect::<Result<_, VaultError>>()?, more))
    }

    fn next_key(&self, body: BodyCode) -> RowKey {
        RowKey::new(Space::Meta).name(&self.name(Space::Meta, &[b"next", body.as_bytes()]))
    }

    pub(super) fn user_key(&self, person: PersonId) -> RowKey {
        RowKey::new(Space::PortalUser).name(&self.name(Space::PortalUser, &[b"user", &person.bytes()]))
    }

    /// Codes of one version stand together, so that those of a version that is over are found.
    pub(super) fn code_key(&self, code: &PersonCode) -> RowKey {
        let name = self.name(Space::PortalUser, &[b"code", &code.0]);
        self.codes_of_version(version_of(&code.0)).name(&name)
    }

    pub(super) fn codes_of_version(&self, version: u8) -> RowKey {
        RowKey::new(Space::PortalUser).name(&self.name(Space::PortalUser, &[b"codes", &[version]]))
    }

    fn list_name(&self, body: BodyCode) -> [u8; 32] {
        self.name(Space::PortalUser, &[b"list", body.as_bytes()])
    }

    fn list_key(&self, body: BodyCode, counter: u64) -> RowKey {
        RowKey::new(Space::PortalUser).name(&self.list_name(body)).bucket(counter)
    }
}
