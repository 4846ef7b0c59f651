//! What goes from the index because its time is over, and what must not go with it.
//!
//! What must hold: a passage goes when its record goes from the journal, and no sooner; a word on what is hidden stays however old
//! its record is, and what stands there is told only by an index that has every record of it.

use chukei_store::{Batch, Partition};

use super::grow::PAGE;
use super::rows::{self, Mark};
use super::{ExchangeIndex, IndexError};

impl ExchangeIndex {
    /// Words on what is hidden that stand in records before `number`: to be recorded anew before those go.
    /// [`IndexError::Behind`] from an index that does not have all of these records: one that is being made anew.
    pub(in crate::broker) async fn marks_before(&self, number: u64) -> Result<Vec<Mark>, IndexError> {
        let (partition, keys) = (self.held()?, self.keyring.snapshot());
        // Behind the partition: an index that takes its place says how far it goes before it is held.
        if *self.reached.borrow() < number.saturating_sub(1) {
            return Err(IndexError::Behind);
        }
        let (mut old, mut after) = (Vec::new(), None);
        loop {
            let page = partition.scan(&rows::marks(&keys, None), after.as_ref(), PAGE).await?;
            for (key, row) in &page.rows {
                let mark: Mark = rows::open_at(&keys, key, &row.value)?;
                old.extend((mark.number < number).then_some(mark));
            }
            after = page.next();
            if after.is_none() {
                return Ok(old);
            }
        }
    }

    /// Removes passages whose record is before `number`, and roots made before `before_ms`: these have gone from the
    /// journal.
    pub(in crate::broker) async fn forget(&self, number: u64, before_ms: u64) -> Result<(), IndexError> {
        let partition = self.held()?;
        loop {
            let page = partition.scan(&rows::passages(), None, PAGE).await?;
            let mut batch = Batch::new();
            for (key, row) in &page.rows {
                let Some(own) = rows::number_of(key).filter(|own| *own < number) else { break };
                let names = rows::names_of(&row.value)?;
                batch = batch.delete(key.clone()).delete(names.by_body(own));
                batch = batch.delete(rows::unended().bucket(own));
                batch = names.by_person(own).into_iter().fold(batch, Batch::delete);
            }
            if batch.is_empty() {
                break;
            }
            partition.apply(batch).await?;
        }
        self.forget_roots(&*partition, before_ms).await
    }

    async fn forget_roots(&self, partition: &dyn Partition, before_ms: u64) -> Result<(), IndexError> {
        let mut after = None;
        loop {
            let page = partition.scan(&rows::roots(), after.as_ref(), PAGE).await?;
            let old = page
                .rows
                .iter()
                .filter(|(_, row)| rows::covered(&row.value).is_ok_and(|covered| covered.at_ms < before_ms));
            let batch = old.fold(Batch::new(), |batch, (key, _)| batch.delete(key.clone()));
            if !batch.is_empty() {
                partition.apply(batch).await?;
            }
            after = page.next();
            if after.is_none() {
                return Ok(());
            }
        }
    }
}
