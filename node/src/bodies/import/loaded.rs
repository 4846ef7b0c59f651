//! What a batch of rows needs from the store, read before the rows are judged.

use std::collections::HashMap;

use chukei_domain::codes::AddresseeNumber;
use chukei_domain::copy_row::CopyRow;
use chukei_domain::document::Document;
use chukei_store::{RowKey, Space};

use super::ParsedRow;
use super::judge::breathe;
use super::record_index::{RecordEntry, record_row};
use crate::access::grant::{Grant, Write};
use crate::hosted::persons::PersonRef;
use crate::hosted::rows::RowError;

/// A document as it stood, and as the batch leaves it.
pub(super) struct WorkingDocument {
    pub(super) document: Document,
    /// Version of the row; `None` where there was none.
    pub(super) version: Option<u64>,
    pub(super) person: PersonRef,
    pub(super) changed: bool,
    /// Record entries that change with it.
    pub(super) entries: Vec<(RowKey, RecordEntry)>,
}

/// Everything read for one batch.
pub(super) struct Loaded {
    pub(super) persons: HashMap<AddresseeNumber, PersonRef>,
    pub(super) entries: HashMap<RowKey, RecordEntry>,
    pub(super) documents: HashMap<RowKey, WorkingDocument>,
}

impl Loaded {
    /// Reads persons, record entries and documents of the rows that parse.
    pub(super) async fn read(grant: &Grant<Write>, rows: &[ParsedRow]) -> Result<Self, RowError> {
        let parsed: Vec<&CopyRow> = rows.iter().filter_map(|row| row.row.as_ref().ok()).collect();
        let mut loaded = Self { persons: HashMap::new(), entries: HashMap::new(), documents: HashMap::new() };
        loaded.read_persons(grant, &parsed).await?;
        loaded.read_entries(grant, &parsed).await?;
        loaded.read_documents(grant, &parsed).await?;
        Ok(loaded)
    }

    async fn read_persons(&mut self, grant: &Grant<Write>, rows: &[&CopyRow]) -> Result<(), RowError> {
        let body = grant.body();
        let mut wanted: Vec<&AddresseeNumber> = rows.iter().map(|row| &row.addressee).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let keys: Vec<RowKey> = wanted.iter().map(|addressee| body.addressee_row(addressee)).collect();
        let found = body.resolve(Space::PersonByAddressee, &keys).await?;
        let known =
            wanted.into_iter().zip(found).filter_map(|(addressee, person)| Some((*addressee, person?)));
        self.persons.extend(known);
        Ok(())
    }

    async fn read_entries(&mut self, grant: &Grant<Write>, rows: &[&CopyRow]) -> Result<(), RowError> {
        let body = grant.body();
        let keys: Vec<RowKey> = rows.iter().map(|row| record_row(body, row)).collect();
        let stored = body.get_rows(&keys).await?;
        for (at, (key, stored)) in keys.iter().zip(stored).enumerate() {
            breathe(at).await;
            if let Some(entry) = RecordEntry::read(body, key, stored).await? {
                self.entries.insert(key.clone(), entry);
            }
        }
        Ok(())
    }

    /// Documents that a row may change; one whose every row is unchanged is not read.
    async fn read_documents(&mut self, grant: &Grant<Write>, rows: &[&CopyRow]) -> Result<(), RowError> {
        let body = grant.body();
        let mut wanted = HashMap::new();
        for row in rows {
            let Some(person) = self.persons.get(&row.addressee) else { continue };
            let unchanged =
                self.entries.get(&record_row(body, row)) == Some(&RecordEntry::of(body, *person, row));
            if !unchanged {
                wanted.insert(body.document_row(person, &row.dataset).await?, (*person, row.dataset));
            }
        }
        let keys: Vec<RowKey> = wanted.keys().cloned().collect();
        let read = body.read_documents(keys.clone()).await?;
        let versions = read.versions();
        for ((key, stored), version) in keys.into_iter().zip(read.open(body).await?).zip(versions) {
            let Some((person, dataset)) = wanted.get(&key).copied() else { continue };
            // What was erased and still lies there is replaced like what it says: nothing.
            let document = stored.map(|stored| stored.document);
            let document = document.unwrap_or_else(|| Document::new(person.id, body.local_code(), dataset));
            let working = WorkingDocument { document, version, person, changed: false, entries: Vec::new() };
            self.documents.insert(key, working);
        }
        Ok(())
    }
}
