//! Numbers of key slots: each person of a body gets the next, and pages of keys are made as they are reached.

use chukei_crypto::keyring::Page;
use chukei_crypto::seal::Purpose;
use chukei_store::{Batch, RowKey, Space};
use serde::{Deserialize, Serialize};

use crate::hosted::HostedBody;
use crate::hosted::pages::{PERSONS_PER_PAGE, page_row};
use crate::hosted::rows::{RowError, SealedFor};

/// How many numbers have been given out.
#[derive(Serialize, Deserialize)]
struct Counter {
    #[serde(rename = "n")]
    next: u64,
}

/// Numbers that become valid with the batch.
pub(crate) struct Reserved {
    /// The first number.
    pub(crate) from: u64,
    /// Holds the counter and the rows of pages that are durable already.
    pub(crate) batch: Batch,
}

impl HostedBody {
    const COUNTER: SealedFor = SealedFor { purpose: Purpose::Names, day: 0, person: None };

    /// Reserves `count` numbers. Pages they fall on are made durable at once, because values can only be sealed
    /// under keys that will be there; the counter moves with the returned batch.
    pub(crate) async fn reserve_numbers(&self, count: usize) -> Result<Reserved, RowError> {
        let row = RowKey::new(Space::Meta).bytes(b"persons");
        let stored = self.get_row(&row).await?;
        let counter = self.open_row::<Counter>(Space::Meta, &row, &stored).await?;
        let from = counter.map_or(0, |counter| counter.next);
        let next = from.saturating_add(count as u64);
        for page in from / PERSONS_PER_PAGE..next.div_ceil(PERSONS_PER_PAGE) {
            self.ensure_page(u32::try_from(page).map_err(|_| RowError::Malformed)?).await?;
        }
        let batch = match &stored {
            Some(stored) => Batch::new().require_version(row.clone(), stored.version),
            None => Batch::new().require_absent(row.clone()),
        };
        let batch = self.put(batch, Space::Meta, row, Self::COUNTER, &Counter { next }).await?;
        Ok(Reserved { from, batch })
    }

    /// Makes a page of keys, durable before it returns.
    pub(crate) async fn ensure_page(&self, page: u32) -> Result<(), RowError> {
        let row = page_row(page);
        if self.get_row(&row).await?.is_some() {
            return Ok(());
        }
        let keyring = |error: &dyn std::fmt::Display| RowError::Keyring(error.to_string());
        let keys = self.keyring().ensure_page(page).map_err(|error| keyring(&error))?;
        let fresh = Page::create(page).map_err(|error| keyring(&error))?;
        let sealed = fresh.to_sealed(&keys).map_err(|error| keyring(&error))?;
        self.apply(Batch::new().require_absent(row.clone()).put(row, sealed)).await
    }
}
