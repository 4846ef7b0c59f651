//! Stamps as rows of the body's own partition, beside the tree: fenced, backed up, moved and erased with it.
//!
//! What must hold: one of a day; a page of them is bounded; those that are older than the log's retention go, a few with
//! each that comes.

use chukei_relay_client::log_key::LogKey;
use chukei_store::{Batch, RowKey, Space};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::checkpoints::SEALED;
use crate::hosted::HostedBody;
use crate::hosted::rows::RowError;

/// Old ones removed with each new one: more than come.
const REMOVED: usize = 8;
/// Rows read at once for a page.
const ROWS: usize = 4;

/// A stamp and what it is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The day in Japan that it was asked for on.
    #[serde(rename = "d")]
    pub(crate) day: u32,
    /// The stamped note, with its cosignatures.
    #[serde(rename = "c")]
    pub(crate) note: String,
    /// The log's key, and the body's certificate of it.
    #[serde(rename = "k", with = "serde_bytes")]
    pub(crate) key: [u8; 32],
    #[serde(rename = "s", with = "serde_bytes")]
    pub(crate) certificate: [u8; 64],
    /// The authority's token.
    #[serde(rename = "t")]
    pub(crate) token: ByteBuf,
}

impl Kept {
    pub(super) fn new(day: u32, note: String, key: &LogKey, token: Vec<u8>) -> Self {
        Self { day, note, key: key.public, certificate: key.signature, token: token.into() }
    }
}

/// Which is the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Newest {
    /// Its day.
    #[serde(rename = "d")]
    pub(super) day: u32,
    /// The stamped time, Unix milliseconds.
    #[serde(rename = "t")]
    pub(super) at_ms: u64,
}

fn newest_row() -> RowKey {
    RowKey::new(Space::LogTree).bytes(&[7])
}

fn prefix() -> RowKey {
    RowKey::new(Space::LogTree).bytes(&[8])
}

fn row(day: u32) -> RowKey {
    prefix().bytes(&day.to_be_bytes())
}

/// The newest stamp of the body's log.
pub(super) async fn newest(body: &HostedBody) -> Result<Option<Newest>, RowError> {
    let row = newest_row();
    body.open_row(Space::LogTree, &row, &body.get_row(&row).await?).await
}

/// Keeps a stamp, durably, in the place of another of its day.
pub(super) async fn keep(
    body: &HostedBody,
    newest: &Newest,
    kept: Kept,
    keep_days: u32,
) -> Result<(), RowError> {
    let mut batch = body.put(Batch::new(), Space::LogTree, row(newest.day), SEALED, &kept).await?;
    batch = body.put(batch, Space::LogTree, newest_row(), SEALED, newest).await?;
    let over = row(newest.day.saturating_sub(keep_days));
    for (old, _) in body.scan(&prefix(), None, REMOVED).await?.rows {
        if old.as_bytes() < over.as_bytes() {
            batch = batch.delete(old);
        }
    }
    body.apply(batch).await
}

/// Stamps behind a day, in the order of their days, until they take `bytes`; and whether more follow.
pub(crate) async fn page(
    body: &HostedBody,
    after: Option<u32>,
    bytes: usize,
) -> Result<(Vec<Kept>, bool), RowError> {
    let (mut kept, mut taken, mut from) = (Vec::<Kept>::new(), 0, after.map(row));
    loop {
        let rows = body.scan(&prefix(), from.as_ref(), ROWS).await?;
        let more = rows.next();
        for (row, stored) in rows.rows {
            let stamp: Kept = body.open_value(Space::LogTree, &row, &stored.value).await?;
            taken += stamp.token.len() + stamp.note.len();
            if taken > bytes && !kept.is_empty() {
                return Ok((kept, true));
            }
            kept.push(stamp);
        }
        if more.is_none() {
            return Ok((kept, false));
        }
        from = more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosted::samples::Sample;

    fn stamp(day: u32, length: usize) -> (Newest, Kept) {
        let kept = Kept {
            day,
            note: "note".to_owned(),
            key: [1; 32],
            certificate: [2; 64],
            token: vec![0x30; length].into(),
        };
        (Newest { day, at_ms: u64::from(day) }, kept)
    }

    fn days(kept: &[Kept]) -> Vec<u32> {
        kept.iter().map(|kept| kept.day).collect()
    }

    #[tokio::test]
    async fn r43_stamps_outlive_the_process_page_by_day_and_go_with_their_time() {
        let sample = Sample::new().await;
        let body = sample.body("982016");
        assert_eq!(newest(&body).await.unwrap(), None);
        for day in [100, 101, 103, 300] {
            let (newest, kept) = stamp(day, 1_000);
            keep(&body, &newest, kept, 400).await.unwrap();
        }
        drop(body);
        let sample = sample.reopened().await;
        let body = sample.body("982016");
        assert_eq!(newest(&body).await.unwrap().unwrap().day, 300);
        let (all, more) = page(&body, None, usize::MAX).await.unwrap();
        assert_eq!((days(&all), more), (vec![100, 101, 103, 300], false));
        assert_eq!(all[3], stamp(300, 1_000).1);
        let (some, more) = page(&body, Some(100), 2_100).await.unwrap();
        assert_eq!((days(&some), more), (vec![101, 103], true));
        let (one, more) = page(&body, Some(101), 1).await.unwrap();
        assert_eq!((days(&one), more), (vec![103], true), "one in any case");
        assert!(page(&sample.body("982024"), None, usize::MAX).await.unwrap().0.is_empty(), "R1");
        // The time of the first two is over.
        let (newest, kept) = stamp(502, 1_000);
        keep(&body, &newest, kept, 400).await.unwrap();
        assert_eq!(days(&page(&body, None, usize::MAX).await.unwrap().0), [103, 300, 502]);
    }
}
