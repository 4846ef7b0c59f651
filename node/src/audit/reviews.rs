//! What the log tells of the review queue (R7): that an item was opened, and whose word stands under it.

use chukei_domain::event::{Event, Reviewed};
use chukei_domain::review::Item;

use crate::audit::by::By;
use crate::audit::log::{AuditError, AuditLog, Draft};

impl AuditLog {
    /// An item of the review queue was opened.
    pub async fn review_opened(&self, actor: &str, item: &Item, now_ms: u64) -> Result<(), AuditError> {
        let event = Event::ReviewOpened(reviewed(item));
        self.write(Draft::done(actor, "review_open", event), now_ms).await
    }

    /// A reviewer signs an item off.
    pub async fn review_signed(&self, by: By<'_>, item: &Item, now_ms: u64) -> Result<(), AuditError> {
        let event = Event::ReviewSigned(reviewed(item));
        self.write(Draft::done(by, "review_sign", event), now_ms).await
    }
}

fn reviewed(item: &Item) -> Reviewed {
    Reviewed { item: item.number, rule: item.rule, subject: item.subject.clone(), count: item.count }
}
