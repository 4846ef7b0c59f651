//! Documents: all copies of one (person, dataset) in one sealed value, with its generation.
//!
//! A reader gets one version, wholly old or wholly new (R31), because the unit of reading is the unit of writing.

use chukei_crypto::seal::Purpose;
use chukei_domain::codes::InfoNameCode;
use chukei_domain::document::Document;
use chukei_store::{RowKey, Space, Versioned};
use zeroize::Zeroizing;

use crate::access::decision::{Grant, MayRead};
use crate::hosted::HostedBody;
use crate::hosted::persons::PersonRef;
use crate::hosted::rows::{RowError, SealedFor};

/// A document that was opened, and the version its row stood in.
pub struct StoredDocument {
    /// The document.
    pub document: Document,
    /// Version of the row.
    pub version: u64,
}

impl HostedBody {
    /// Row of a document. The dataset's part of the name is keyed by the person's own key, so that the name says
    /// nothing once the person is erased.
    pub(crate) fn document_row(
        &self,
        person: &PersonRef,
        dataset: &InfoNameCode,
    ) -> Result<RowKey, RowError> {
        let naming = self.person_naming(person)?;
        let code = Space::Document.code();
        Ok(RowKey::new(Space::Document)
            .name(&self.keys().naming().name(code, &[&person.id]))
            .name(&naming.name(code, &[dataset.as_str().as_bytes()])))
    }

    /// How documents are sealed.
    pub(crate) fn document_seal(person: &PersonRef) -> SealedFor {
        SealedFor::standing(Purpose::Copies, Some(person.slot()))
    }

    /// The documents of one person, in the order of `datasets`, as they stand at one moment.
    pub fn documents<E: MayRead>(
        &self,
        _grant: &Grant<E>,
        person: &PersonRef,
        datasets: &[InfoNameCode],
    ) -> Result<Vec<Option<StoredDocument>>, RowError> {
        let rows = datasets
            .iter()
            .map(|dataset| self.document_row(person, dataset))
            .collect::<Result<Vec<_>, _>>()?;
        self.open_documents(&rows)
    }

    /// Opens documents by their rows.
    pub(crate) fn open_documents(&self, rows: &[RowKey]) -> Result<Vec<Option<StoredDocument>>, RowError> {
        let stored = self.get_rows(rows)?;
        rows.iter()
            .zip(stored)
            .map(|(row, stored)| {
                let Some(stored) = stored else { return Ok(None) };
                let Versioned { version, value } = stored;
                let plain = Zeroizing::new(self.open_bytes(Space::Document, row, value)?.into_inner());
                let document = Document::from_bytes(&plain).map_err(|_| RowError::Malformed)?;
                Ok(Some(StoredDocument { document, version }))
            })
            .collect()
    }
}
