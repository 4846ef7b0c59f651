//! The end of one person's or one dataset's key: its page is sealed anew without it, under a new page key, and the page
//! keys before are destroyed. Takes as long as two writings of the keyring and one of the page.

use chukei_crypto::keyring::{KeyringError, Page};
use chukei_domain::erasure::{ErasedKey, ErasedKeyKind};
use chukei_store::{Batch, StoreError};

use super::plan::Plan;
use super::{Carrier, Course, ErasureError};
use crate::hosted::pages::page_row;
use crate::hosted::rows::RowError;
use crate::rotation::blocking;

impl<C: Course> Carrier<'_, C> {
    /// Ends the plan's key. When this returns, nothing in this process, in the store or in a copy of it opens with it
    /// under the keyring in use.
    pub(super) async fn end_key(&self, plan: &mut Plan) -> Result<(), ErasureError> {
        let body = self.body();
        let _writing = body.writing().await;
        let (page, row) = (plan.page, page_row(plan.page));
        let stored = body.get_row(&row).await?.ok_or(RowError::Malformed)?;
        body.gate().pass().map_err(RowError::from)?;
        let mut opened = Page::from_sealed(&stored.value, page, &body.keys())?;
        if opened.person_key(plan.slot).map_err(KeyringError::from)?.0 == plan.generation {
            blocking(body, move |body| body.keyring().update(|keys| keys.renew_page_key(page))).await?;
            self.course.reached("a new key of the page")?;
            opened.renew_slot(plan.slot)?;
            let keys = body.keys();
            let sealed = opened.to_sealed(&keys)?;
            let number = Page::key_number(&sealed)?;
            let before = keys.page_numbers(page).into_iter().filter(|before| *before < number);
            plan.keys = before.map(|before| of_page(page, before)).collect();
            let batch = Batch::new().require_version(row.clone(), stored.version).put(row.clone(), sealed);
            body.apply(plan.put(body, batch).await?).await?;
            self.course.reached("the page without the key")?;
        }
        // The number that the row stands under: a rotation meanwhile may have made another, which opens nothing yet.
        let stored = body.get_row(&row).await?.ok_or(StoreError::Corrupt).map_err(RowError::from)?;
        let number = Page::key_number(&stored.value)?;
        blocking(body, move |body| {
            body.keyring().update(|keys| Ok(keys.retire_page_below(page, number)))?;
            body.forget_old_pages();
            Ok(())
        })
        .await?;
        self.course.reached("the end of the page's older keys")
    }
}

fn of_page(page: u32, number: u32) -> ErasedKey {
    ErasedKey { kind: ErasedKeyKind::Page, of: page, number: u64::from(number) }
}
