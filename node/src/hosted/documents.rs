//! Documents: all copies of one (person, dataset) in one sealed value, with its generation.
//!
//! A reader gets one version, wholly old or wholly new (R31), because the unit of reading is the unit of writing.

use chukei_domain::codes::InfoNameCode;
use chukei_domain::document::Document;
use chukei_store::{RowKey, Space, Versioned};

use crate::access::grant::{Grant, MayRead};
use crate::hosted::HostedBody;
use crate::hosted::persons::PersonRef;
use crate::hosted::rows::RowError;

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
    pub(crate) async fn document_row(
        &self,
        person: &PersonRef,
        dataset: &InfoNameCode,
    ) -> Result<RowKey, RowError> {
        let naming = self.person_naming(person).await?;
        let code = Space::Document.code();
        Ok(self.documents_prefix(person).name(&naming.name(code, &[dataset.as_str().as_bytes()])))
    }

    /// What the rows of a person's documents begin with.
    pub(crate) fn documents_prefix(&self, person: &PersonRef) -> RowKey {
        let name = self.keys().naming().name(Space::Document.code(), &[&person.id]);
        RowKey::new(Space::Document).name(&name)
    }

    /// Rows of a person's documents, in the order of `datasets`.
    pub(crate) async fn document_rows(
        &self,
        person: &PersonRef,
        datasets: &[InfoNameCode],
    ) -> Result<Vec<RowKey>, RowError> {
        let mut rows = Vec::with_capacity(datasets.len());
        for dataset in datasets {
            rows.push(self.document_row(person, dataset).await?);
        }
        Ok(rows)
    }

    /// The documents of one person, in the order of `datasets`, as they stand at one moment.
    pub async fn documents<E: MayRead>(
        &self,
        _grant: &Grant<E>,
        person: &PersonRef,
        datasets: &[InfoNameCode],
    ) -> Result<Vec<Option<StoredDocument>>, RowError> {
        self.read_documents(self.document_rows(person, datasets).await?).await?.open(self).await
    }

    /// Reads documents by their rows, as they stand at one moment.
    pub(crate) async fn read_documents(&self, rows: Vec<RowKey>) -> Result<SealedDocuments, RowError> {
        let stored = self.get_rows(&rows).await?;
        Ok(SealedDocuments { rows, stored })
    }
}

/// Documents of one moment that were read and not opened yet.
pub struct SealedDocuments {
    pub(super) rows: Vec<RowKey>,
    pub(super) stored: Vec<Option<Versioned>>,
}

impl SealedDocuments {
    /// Versions of the rows, in their order, opened or not.
    pub fn versions(&self) -> Vec<Option<u64>> {
        self.stored.iter().map(|stored| stored.as_ref().map(|stored| stored.version)).collect()
    }

    /// Opens them with the keys of `body`, in their order; one whose dataset is erased is not there.
    pub async fn open(self, body: &HostedBody) -> Result<Vec<Option<StoredDocument>>, RowError> {
        let mut opened = Vec::with_capacity(self.rows.len());
        for (row, stored) in self.rows.iter().zip(self.stored) {
            opened.push(match stored {
                Some(stored) => open(body, row, stored).await?,
                None => None,
            });
        }
        Ok(opened)
    }
}

async fn open(
    body: &HostedBody,
    row: &RowKey,
    stored: Versioned,
) -> Result<Option<StoredDocument>, RowError> {
    let Versioned { version, value } = stored;
    let Some(plain) = body.open_copy(Space::Document, row, value).await? else { return Ok(None) };
    let document = Document::from_bytes(&plain).map_err(|_| RowError::Malformed)?;
    Ok(Some(StoredDocument { document, version }))
}
