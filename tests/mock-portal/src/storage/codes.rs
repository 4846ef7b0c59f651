//! The portal's own person codes through a rotation: persons get their codes in a newer version, and the aliases of a
//! version that is over go.
//!
//! What must hold: a person's row and the new alias are written by one batch, so that a person is found by the code the
//! row names. Broken off anywhere, the same steps again finish the work.

use std::collections::HashSet;

use chukei_crypto::person_code::version_of;
use chukei_store::StoreError;
use chukei_store::batch::Batch;
use chukei_store::row::RowKey;
use chukei_wire::header::PersonCode;

use super::person::{PersonId, PersonRow};
use super::{Vault, VaultError};

/// A page of aliases by code.
pub(crate) struct CodePage {
    /// The persons whose own code is still of this version.
    pub(crate) behind: Vec<PersonRow>,
    /// Behind which row the next page begins; `None` behind the last.
    pub(crate) next: Option<RowKey>,
    rows: Vec<RowKey>,
}

impl CodePage {
    /// Whether there is no alias on it.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl Vault {
    /// At most `limit` aliases by codes of `version`, behind the row `after`.
    pub(crate) async fn code_page(
        &self,
        version: u8,
        after: Option<&RowKey>,
        limit: usize,
    ) -> Result<CodePage, VaultError> {
        let rows = self.scan(&self.codes_of_version(version), after, limit).await?;
        let mut page = CodePage { behind: Vec::new(), next: rows.next(), rows: Vec::new() };
        for (key, row) in rows.rows {
            let person: PersonId = self.open(&key, &row)?;
            let person = self.person(person).await?.ok_or(VaultError::Integrity)?;
            page.behind.extend((version_of(&person.code.0) == version).then_some(person));
            page.rows.push(key);
        }
        Ok(page)
    }

    /// Gives persons their newer codes, all in one batch; false where somebody has changed one of them meanwhile, or a
    /// code leads to somebody already, and nothing was written.
    pub(crate) async fn renew_codes(&self, renewed: &[(PersonRow, PersonCode)]) -> Result<bool, VaultError> {
        let codes: HashSet<PersonCode> = renewed.iter().map(|(_, code)| *code).collect();
        let mut batch = Batch::new();
        for (before, code) in renewed {
            let key = self.user_key(before.person);
            let stored = self.get(&key).await?.ok_or(VaultError::Integrity)?;
            if self.open::<PersonRow>(&key, &stored)? != *before {
                return Ok(false);
            }
            batch = self.put_new(batch, self.code_key(code), &before.person)?;
            let row = PersonRow { code: *code, ..before.clone() };
            batch = batch.require_version(key.clone(), stored.version);
            batch = self.put(batch, key, &row)?;
        }
        if codes.len() != renewed.len() {
            return Ok(false);
        }
        match self.apply(batch).await {
            Err(VaultError::Store(StoreError::Conflict)) => Ok(false),
            other => other.map(|()| true),
        }
    }

    /// Removes a page of aliases.
    pub(crate) async fn drop_codes(&self, page: &CodePage) -> Result<(), VaultError> {
        self.apply(page.rows.iter().fold(Batch::new(), |batch, row| batch.delete(row.clone()))).await
    }
}
