//! After retention: the clock of every role is moved, and what expired is gone on both sides by itself.

use std::time::{Duration, Instant};

use chukei_harness::command;
use chukei_harness::layout::Layout;
use chukei_mock_portal::client::Client;
use indicatif::ProgressBar;
use tokio::runtime::Handle;

use crate::error::{DemoError, same};
use crate::notices::{RETENTION_DAYS, Sent, stands};
use crate::parallel;

const GONE_WITHIN: Duration = Duration::from_secs(60);
const ASK_EVERY: Duration = Duration::from_millis(100);
const AT_ONCE: usize = 4;

/// Moves the clock one day past the retention and returns how many notices are gone at the portal and the body.
pub(crate) fn expire(layout: &Layout, sent: &[Sent], bar: &ProgressBar) -> Result<u64, DemoError> {
    layout.set_clock(&format!("+{}d", RETENTION_DAYS + 1))?;
    gone_at_the_portal(layout, sent, bar)?;
    let gone = parallel::map(sent, AT_ONCE, |notice| {
        let report = command::staff(layout, &notice.body, &["notice", "status", &notice.id])?.expect(3)?;
        same("the state of an expired notice", &"ERASED", &report.text("code"))?;
        bar.inc(1);
        Ok(())
    })?;
    Ok(gone.len() as u64)
}

fn gone_at_the_portal(layout: &Layout, sent: &[Sent], bar: &ProgressBar) -> Result<(), DemoError> {
    Handle::current().block_on(async {
        let client = Client::connect(&layout.portal_socket()).await?;
        let deadline = Instant::now() + GONE_WITHIN;
        for notice in sent {
            while stands(&client, notice).await? {
                if Instant::now() >= deadline {
                    return same("an expired notice at the portal", &"gone", &"there");
                }
                tokio::time::sleep(ASK_EVERY).await;
            }
            if client.read(&notice.person.user, &notice.id).await.is_ok() {
                return same("an expired notice at the portal", &"unreadable", &"readable");
            }
            bar.inc(1);
        }
        Ok(())
    })
}
