//! The rows of what is erased: nobody opens them, they go at the node's pace. What is removed is counted with the same
//! batch, so that a stop counts nothing twice.

use chukei_crypto::seal::{KeyIds, SealError, key_ids};
use chukei_domain::erasure::ErasureScope;
use chukei_store::{Batch, RowKey, Space};
use serde_bytes::ByteBuf;

use super::plan::Plan;
use super::{Carrier, Course, ErasureError};
use crate::expiry::sweep::{SWEEP_ROWS, compact};
use crate::hosted::HostedBody;
use crate::hosted::persons::{PersonRecord, PersonRef};
use crate::hosted::rows::RowError;

/// Names of a person's aliases by addressee number and by code, without their spaces.
pub(super) fn aliases(body: &HostedBody, person: &PersonRecord) -> [ByteBuf; 2] {
    let name = |row: RowKey| ByteBuf::from(row.as_bytes().get(1..).unwrap_or_default());
    let by_addressee = person.addressee.parse().map(|addressee| name(body.addressee_row(&addressee)));
    [by_addressee.unwrap_or_default(), name(body.code_row(&person.code))]
}

impl<C: Course> Carrier<'_, C> {
    /// Removes every row of what is erased, and gives their space back.
    pub(super) async fn remove_rows(&self, plan: &mut Plan) -> Result<(), ErasureError> {
        let spaces: &[Space] = match plan.scope {
            ErasureScope::Person => {
                self.remove_person(plan).await?;
                &[Space::PersonByCode, Space::RecordId, Space::Undisclosed]
            }
            ErasureScope::Dataset(_) => &[Space::Document, Space::RecordId],
            ErasureScope::Body => &[],
        };
        for space in spaces {
            self.remove_erased(plan, *space).await?;
        }
        compact(self.body(), self.course).await?;
        Ok(())
    }

    /// The rows whose names are known: aliases, the person's own row, documents.
    async fn remove_person(&self, plan: &mut Plan) -> Result<(), ErasureError> {
        let (Some(person), body) = (plan.person, self.body()) else { return Ok(()) };
        let _writing = body.writing().await;
        let mut batch = Batch::new();
        let mut removed = 0;
        let spaces = [Space::PersonByAddressee, Space::PersonByCode];
        for (space, name) in spaces.into_iter().zip(&plan.aliases) {
            let row = RowKey::new(space).bytes(name);
            if let Some(stored) = body.get_row(&row).await?
                && leads_to(body, space, &row, &stored.value, &person).await?
            {
                batch = batch.require_version(row.clone(), stored.version).delete(row);
                removed += 1;
            }
        }
        let own = body.person_row(&person.id);
        removed += u64::from(body.get_row(&own).await?.is_some());
        batch = batch.delete(own);
        let documents = body.scan(&body.documents_prefix(&person), None, SWEEP_ROWS).await?.rows;
        removed += documents.len() as u64;
        batch = documents.into_iter().fold(batch, |batch, (row, _)| batch.delete(row));
        self.removed(plan, batch, removed).await
    }

    /// Walks a space and removes what nobody opens any more of what this erasure has ended.
    async fn remove_erased(&self, plan: &mut Plan, space: Space) -> Result<(), ErasureError> {
        let body = self.body();
        let prefix = RowKey::new(space);
        let begun = plan.looked.as_ref().filter(|looked| looked.first() == Some(&space.code()));
        let mut after = begun.map(|looked| prefix.clone().bytes(looked.get(1..).unwrap_or_default()));
        let slot = plan.person.map(|person| person.slot());
        let concerned = |ids: KeyIds| slot.is_none_or(|slot| ids.person == Some(slot));
        loop {
            if !self.course.turn(SWEEP_ROWS).await {
                return Err(ErasureError::Stopping);
            }
            let _writing = body.writing().await;
            let rows = body.scan(&prefix, after.as_ref(), SWEEP_ROWS).await?;
            let (mut batch, mut removed) = (Batch::new(), 0);
            for (row, stored) in &rows.rows {
                if key_ids(&stored.value).is_ok_and(|(ids, _)| concerned(ids))
                    && is_erased(body, row, &stored.value).await?
                {
                    batch = batch.require_version(row.clone(), stored.version).delete(row.clone());
                    removed += 1;
                }
            }
            after = rows.next();
            plan.looked = after.as_ref().map(|row| ByteBuf::from(row.as_bytes()));
            if removed > 0 || after.is_none() {
                self.removed(plan, batch, removed).await?;
            }
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn removed(&self, plan: &mut Plan, batch: Batch, rows: u64) -> Result<(), ErasureError> {
        let body = self.body();
        plan.rows += rows;
        body.apply(plan.put(body, batch).await?).await?;
        self.course.swept(usize::try_from(rows).unwrap_or(usize::MAX));
        self.course.reached("the removal of rows")
    }
}

/// Whether an alias is the erased person's, and not of somebody who was enrolled under the same number since.
async fn leads_to(
    body: &HostedBody,
    space: Space,
    row: &RowKey,
    sealed: &[u8],
    person: &PersonRef,
) -> Result<bool, RowError> {
    match body.open_value::<PersonRef>(space, row, sealed).await {
        Ok(led) => Ok(led == *person),
        Err(RowError::Seal(SealError::KeyDestroyed)) => Ok(true),
        Err(error) => Err(error),
    }
}

/// One that is damaged is not taken for erased.
async fn is_erased(body: &HostedBody, row: &RowKey, sealed: &[u8]) -> Result<bool, RowError> {
    match body.is_erased(row, sealed).await {
        Err(RowError::Seal(_)) => Ok(false),
        erased => erased,
    }
}
