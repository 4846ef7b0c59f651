//! The catalogue that a body has loaded itself (R13): a sealed row, opened with the body, felt by its next operation.
//!
//! What must hold: a later one takes the place of an earlier one and never the other way round; where the shipped one is
//! later still, that is in force. One body's catalogue is nothing to another. Deliberately absent: who decides on it.

use std::sync::Arc;

use chukei_domain::catalogue::{Catalogue, CatalogueError};
use chukei_store::{Batch, RowKey, Space};

use crate::access::grant::{Grant, Write};
use crate::app::Node;
use crate::hosted::HostedBody;
use crate::hosted::rows::RowError;

/// Why a catalogue was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is none.
    #[error(transparent)]
    Malformed(#[from] CatalogueError),
    /// One that is valid from later is loaded.
    #[error("a later catalogue is loaded")]
    Older,
    /// It could not be stored or read.
    #[error("data: {0}")]
    Row(#[from] RowError),
}

fn row() -> RowKey {
    RowKey::new(Space::Meta).bytes(b"catalogue")
}

impl Node {
    /// The catalogue in force for a body: the shipped one, or its own where that is later.
    pub fn catalogue(&self, body: &HostedBody) -> Arc<Catalogue> {
        let own = body.own_catalogue().filter(|own| own.valid_from() > self.shipped_catalogue.valid_from());
        own.unwrap_or_else(|| self.shipped_catalogue.clone())
    }
}

impl HostedBody {
    /// Loads a catalogue; durable when this returns. The one that is loaded already is loaded again.
    pub async fn load_catalogue(&self, _: &Grant<Write>, text: &str) -> Result<(), LoadError> {
        let catalogue = Catalogue::parse(text)?;
        let _writing = self.writing().await;
        if self.own_catalogue().is_some_and(|own| own.valid_from() > catalogue.valid_from()) {
            return Err(LoadError::Older);
        }
        self.apply(self.put(Batch::new(), Space::Meta, row(), Self::STUB, &text).await?).await?;
        tracing::info!(body = %self.code(), version = catalogue.version(), "a catalogue is loaded");
        self.set_own_catalogue(Arc::new(catalogue));
        Ok(())
    }

    /// Takes up what the rows hold; of an erased body, nothing.
    pub(crate) async fn recall_catalogue(&self) -> Result<(), LoadError> {
        let row = row();
        let stored = self.get_row(&row).await?;
        if self.is_ended() || stored.is_none() {
            return Ok(());
        }
        let text: String = self.open_row(Space::Meta, &row, &stored).await?.ok_or(RowError::Malformed)?;
        self.set_own_catalogue(Arc::new(Catalogue::parse(&text)?));
        Ok(())
    }
}
