//! Values of this crate's rows: how they are named, encoded and sealed in a body's partition.
//!
//! What must hold: a value is sealed to its body, space and row, so that a row moved anywhere fails to open (R1);
//! what concerns one person is sealed under that person's key, so that erasing the key erases the value.

use chukei_crypto::seal::{self, KeyIds, Opened, PersonSlot, Place, Purpose, SealError};
use chukei_keys::KeyfileError;
use chukei_store::{Batch, RowKey, Space, StoreError, Versioned};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::hosted::HostedBody;
use crate::key_gate::Shut;

/// Why stored data could not be used.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// The store refused or failed.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// The seal did not open, or its key is gone.
    #[error("seal: {0}")]
    Seal(#[from] SealError),
    /// The body is not served now.
    #[error(transparent)]
    Shut(#[from] Shut),
    /// The keyring's file or its provider refused or failed.
    #[error("keyring: {0}")]
    Keyfile(#[from] KeyfileError),
    /// The keyring could not be used or made durable.
    #[error("keyring: {0}")]
    Keyring(String),
    /// It opened, but is not what belongs there.
    #[error("stored value is malformed")]
    Malformed,
}

/// Under which keys a value is sealed.
#[derive(Clone, Copy, Debug)]
pub struct SealedFor {
    /// What the value is for.
    pub purpose: Purpose,
    /// The last civil day (Japan) of its life; 0 for none.
    pub day: u32,
    /// The person it concerns.
    pub person: Option<PersonSlot>,
}

impl SealedFor {
    /// A value without an end that concerns `person`.
    pub fn standing(purpose: Purpose, person: Option<PersonSlot>) -> Self {
        Self { purpose, day: 0, person }
    }

    /// A value that is gone after `day`.
    pub fn until(purpose: Purpose, day: u32, person: Option<PersonSlot>) -> Self {
        Self { purpose, day, person }
    }
}

impl HostedBody {
    /// The name of a row in `space`: a keyed hash that says nothing (R1).
    pub(crate) fn row(&self, space: Space, parts: &[&[u8]]) -> RowKey {
        RowKey::new(space).name(&self.keys().naming().name(space.code(), parts))
    }

    /// Encodes and seals `value` for `row`.
    pub(crate) async fn seal<T: Serialize>(
        &self,
        space: Space,
        row: &RowKey,
        sealed_for: SealedFor,
        value: &T,
    ) -> Result<Vec<u8>, RowError> {
        let plain = Zeroizing::new(chukei_cbor::to_vec(value).map_err(|_| RowError::Malformed)?);
        self.seal_bytes(space, row, sealed_for, &plain).await
    }

    /// Seals encoded bytes for `row`.
    pub(crate) async fn seal_bytes(
        &self,
        space: Space,
        row: &RowKey,
        sealed_for: SealedFor,
        plain: &[u8],
    ) -> Result<Vec<u8>, RowError> {
        let SealedFor { purpose, day, person } = sealed_for;
        let code = self.code();
        let place = Place { body: code.as_bytes(), space: space.code(), row: row.as_bytes() };
        let keys = self.value_keys(person).await?;
        Ok(seal::seal(&keys, KeyIds { purpose, day, person }, place, plain)?)
    }

    /// Opens the bytes of `row`, in the memory that held them.
    pub(crate) async fn open_bytes(
        &self,
        space: Space,
        row: &RowKey,
        sealed: Vec<u8>,
    ) -> Result<Opened<Vec<u8>>, RowError> {
        let code = self.code();
        let place = Place { body: code.as_bytes(), space: space.code(), row: row.as_bytes() };
        let (ids, _) = seal::key_ids(&sealed)?;
        let keys = self.value_keys(ids.person).await?;
        Ok(seal::open_owned(&keys, place, sealed)?)
    }

    /// Opens and decodes the value of `row`.
    pub(crate) async fn open_value<T: DeserializeOwned>(
        &self,
        space: Space,
        row: &RowKey,
        sealed: &[u8],
    ) -> Result<T, RowError> {
        let plain = Zeroizing::new(self.open_bytes(space, row, sealed.to_vec()).await?.into_inner());
        chukei_cbor::from_slice(&plain).map_err(|_| RowError::Malformed)
    }

    /// Opens a row that may be absent.
    pub(crate) async fn open_row<T: DeserializeOwned>(
        &self,
        space: Space,
        row: &RowKey,
        stored: &Option<Versioned>,
    ) -> Result<Option<T>, RowError> {
        let Some(stored) = stored else { return Ok(None) };
        Ok(Some(self.open_value(space, row, &stored.value).await?))
    }

    /// Adds a sealed write to `batch`.
    pub(crate) async fn put<T: Serialize>(
        &self,
        batch: Batch,
        space: Space,
        row: RowKey,
        sealed_for: SealedFor,
        value: &T,
    ) -> Result<Batch, RowError> {
        let sealed = self.seal(space, &row, sealed_for, value).await?;
        Ok(batch.put(row, sealed))
    }
}
