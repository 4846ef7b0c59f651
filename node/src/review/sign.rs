//! A reviewer's word on an item, and the items that have one.

use chukei_domain::outcome::Refusal;
use chukei_domain::review::{Item, SignRefusal, Signature};
use chukei_store::{Batch, RowKey};
use chukei_wire::result::ResultName;

use super::rows::{SIGNED_MAX, item_of, put_signed, signed_prefix, signed_row};
use super::{ReviewError, Reviews};
use crate::audit::By;
use crate::bodies::call::CallError;
use crate::hosted::HostedBody;
use crate::hosted::rows::RowError;

/// Why an item was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// A rule refuses.
    #[error("refused: {0}")]
    Refused(ResultName),
    /// It is not what the reviewer saw.
    #[error("not what the reviewer saw")]
    Outdated,
    /// It could not be made durable.
    #[error(transparent)]
    Review(#[from] ReviewError),
}

impl From<SignRefusal> for SignError {
    fn from(refusal: SignRefusal) -> Self {
        Self::Refused(match refusal {
            SignRefusal::Outdated => return Self::Outdated,
            SignRefusal::Unknown => ResultName::NotFound,
            SignRefusal::Own => ResultName::TwoPersonRequired,
            SignRefusal::Note(Refusal::ForbiddenIdentifier) => ResultName::ForbiddenIdentifier,
            SignRefusal::Note(_) => ResultName::BadFormat,
        })
    }
}

impl From<RowError> for SignError {
    fn from(error: RowError) -> Self {
        Self::Review(error.into())
    }
}

impl From<ReviewError> for CallError {
    fn from(error: ReviewError) -> Self {
        match error {
            ReviewError::Row(error) => error.into(),
            ReviewError::Audit(error) => error.into(),
        }
    }
}

impl Reviews {
    /// Signs an item off that has the operations which its reviewer saw; durable, and in the log, when this returns. `node`
    /// opens what is not in the log yet; `by` is who signs, in which call.
    pub(crate) async fn sign(
        &self,
        body: &HostedBody,
        node: &str,
        number: u64,
        seen: u64,
        signature: Signature,
        by: By<'_>,
    ) -> Result<Item, SignError> {
        chukei_domain::review::check_note(&signature.note).map_err(SignRefusal::Note)?;
        // That it was opened stands in the log before that it was signed.
        self.settle(body, node, signature.at_ms).await?;
        let _writing = self.writing.lock().await;
        let begun = self.state().queue.begin_to_sign(number, seen, signature.clone());
        let item = match begun {
            Ok(item) => item,
            Err(SignRefusal::Unknown) => return signed_before(body, number, seen, &signature).await,
            Err(refusal) => return Err(refusal.into()),
        };
        let durable = self.make_durable(body, &item, by).await;
        self.state().queue.end_signing(number, durable.is_ok());
        durable?;
        tracing::info!(number, rule = item.rule.as_str(), "a review item is signed");
        trim(body).await?;
        Ok(item)
    }

    /// The log first: better that it says so twice than that it does not.
    async fn make_durable(&self, body: &HostedBody, item: &Item, by: By<'_>) -> Result<(), ReviewError> {
        if let Some(signed) = &item.signed {
            body.audit().review_signed(by, item, signed.at_ms).await?;
        }
        Ok(body.apply(put_signed(body, Batch::new(), item).await?).await?)
    }

    /// Signed items with numbers beyond `after`.
    pub(crate) async fn signed_items(
        &self,
        body: &HostedBody,
        after: u64,
        most: usize,
    ) -> Result<Vec<Item>, RowError> {
        let page = body.scan(&signed_prefix(), Some(&signed_row(after)), most).await?;
        let mut items = Vec::with_capacity(page.rows.len());
        for (row, stored) in &page.rows {
            items.push(item_of(body, row, stored).await?);
        }
        Ok(items)
    }

    /// The signed item of this number.
    pub(crate) async fn signed_item(&self, body: &HostedBody, number: u64) -> Result<Option<Item>, RowError> {
        let row = signed_row(number);
        match body.get_row(&row).await? {
            Some(stored) => Ok(Some(item_of(body, &row, &stored).await?)),
            None => Ok(None),
        }
    }
}

/// The same word again is the same signature; another one comes too late.
async fn signed_before(
    body: &HostedBody,
    number: u64,
    seen: u64,
    again: &Signature,
) -> Result<Item, SignError> {
    let item = body.reviews().signed_item(body, number).await?;
    let item = item.ok_or(SignError::Refused(ResultName::NotFound))?;
    match &item.signed {
        Some(signed) if (&signed.by, &signed.note, item.count) == (&again.by, &again.note, seen) => Ok(item),
        _ => Err(SignError::Refused(ResultName::AlreadyAnswered)),
    }
}

/// Lets go of the oldest signed items beyond those that are kept.
async fn trim(body: &HostedBody) -> Result<(), RowError> {
    let prefix = signed_prefix();
    let kept = body.count_rows(&prefix).await?;
    let over = usize::try_from(kept.saturating_sub(SIGNED_MAX)).unwrap_or(usize::MAX);
    if over == 0 {
        return Ok(());
    }
    let oldest = body.scan(&prefix, None, over.min(super::BATCH)).await?.rows;
    let rows = oldest.into_iter().map(|(row, _): (RowKey, _)| row);
    body.apply(rows.fold(Batch::new(), Batch::delete)).await
}
