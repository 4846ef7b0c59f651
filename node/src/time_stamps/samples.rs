//! Stamps that are kept without an authority, for tests.

use super::kept::{self, Kept, Newest};
use crate::checkpoints::Vouched;
use crate::hosted::HostedBody;

/// Keeps a token that proves nothing as the stamp of this checkpoint.
pub(crate) async fn kept(body: &HostedBody, vouched: &Vouched, day: u32) {
    let newest = Newest { day, at_ms: u64::from(day) };
    let stamp = Kept::new(day, vouched.checkpoint.to_string(), &vouched.key, vec![0x30; 100]);
    kept::keep(body, &newest, stamp, 400).await.unwrap();
}
