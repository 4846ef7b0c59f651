//! Sealing again, under the newest keys, what stands under old numbers.
//!
//! What must hold: the value stays what it was, for the same place and person; what does not open is not touched.

use chukei_crypto::keyring::Page;
use chukei_crypto::seal::{self, KeySource, Place};
use chukei_store::{Batch, RowKey, Space};

use crate::hosted::HostedBody;
use crate::hosted::rows::RowError;

impl HostedBody {
    /// Seals again what in `batch` was sealed under a number that is not the newest any more.
    pub(crate) async fn renew_seals(&self, batch: &mut Batch) -> Result<(), RowError> {
        for (row, value) in batch.values_mut() {
            if let Some(renewed) = self.renewed(row, value).await? {
                *value = renewed;
            }
        }
        Ok(())
    }

    /// `sealed` under the newest keys; `None` where it is under them already.
    pub(crate) async fn renewed(&self, row: &RowKey, sealed: &[u8]) -> Result<Option<Vec<u8>>, RowError> {
        if !self.is_outdated(row, sealed)? {
            return Ok(None);
        }
        let code = self.code();
        let space = row.as_bytes().first().copied().unwrap_or_default();
        if space == Space::Page.code() {
            let (keys, number) = (self.keys(), page_of(row)?);
            self.gate().pass()?;
            let page = Page::from_sealed(sealed, number, &keys).map_err(keyring)?;
            return Ok(Some(page.to_sealed(&keys).map_err(keyring)?));
        }
        let place = Place { body: code.as_bytes(), space, row: row.as_bytes() };
        let (ids, _) = seal::key_ids(sealed)?;
        let keys = self.value_keys(ids.person).await?;
        let plain = zeroize::Zeroizing::new(seal::open_owned(&keys, place, sealed.to_vec())?.into_inner());
        match self.renew_copy(row, ids, &plain).await? {
            Some(renewed) => Ok(Some(renewed)),
            None => Ok(Some(seal::seal(&keys, ids, place, &plain)?)),
        }
    }

    /// Whether `sealed` stands under a number that is not the newest.
    pub(crate) fn is_outdated(&self, row: &RowKey, sealed: &[u8]) -> Result<bool, RowError> {
        let keys = self.keys();
        if row.as_bytes().first() == Some(&Space::Page.code()) {
            let newest = keys.page_numbers(page_of(row)?).last().copied();
            return Ok(newest != Some(Page::key_number(sealed).map_err(keyring)?));
        }
        let (ids, number) = seal::key_ids(sealed)?;
        let newest = keys.day_key(ids.purpose, ids.day);
        // Of a day that is over nothing can be renewed, and nothing needs to be.
        Ok(newest.is_ok_and(|(newest, _)| newest != number))
    }
}

fn page_of(row: &RowKey) -> Result<u32, RowError> {
    let bytes = row.as_bytes().get(1..).and_then(|bytes| bytes.try_into().ok());
    bytes.map(u32::from_be_bytes).ok_or(RowError::Malformed)
}

fn keyring(error: impl std::fmt::Display) -> RowError {
    RowError::Keyring(error.to_string())
}
