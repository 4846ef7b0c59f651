//! Rows of notices. What a notice says and to whom is sealed under day keys and ends with its expiry day; the
//! stub, which says neither, stays.

use chukei_crypto::seal::{Purpose, SealError};
use chukei_domain::notice::NoticeContent;
use chukei_store::{Batch, RowKey, Space};
use chukei_wire::id::{DeliveryId, NoticeId};
use serde::{Deserialize, Serialize};

use crate::access::grant::{Grant, MayRead};
use crate::hosted::HostedBody;
use crate::hosted::persons::PersonRef;
use crate::hosted::rows::{RowError, SealedFor};

/// What is known of a notice even after its content is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeStub {
    /// The notice.
    #[serde(rename = "i")]
    pub id: NoticeId,
    /// Affair code.
    #[serde(rename = "a")]
    pub affair: String,
    /// Targets.
    #[serde(rename = "n")]
    pub targets: u32,
    /// Publication, Unix milliseconds.
    #[serde(rename = "p")]
    pub publish_at_ms: u64,
    /// Last day of retention.
    #[serde(rename = "e")]
    pub expiry_day: u32,
    /// Keyed fingerprint of what was sent under the idempotency key.
    #[serde(rename = "f", with = "serde_bytes")]
    pub fingerprint: [u8; 32],
}

/// How far delivery has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Targets dealt with: the next one has this number.
    #[serde(rename = "n")]
    pub next: u32,
    /// Deliveries that the portal acknowledged.
    #[serde(rename = "d")]
    pub delivered: u32,
}

/// One target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeTarget {
    /// The person.
    #[serde(rename = "p")]
    pub person: PersonRef,
    /// 団体内統合宛名番号.
    #[serde(rename = "a")]
    pub addressee: String,
    /// Its delivery.
    #[serde(rename = "y")]
    pub delivery: DeliveryId,
}

/// What became of one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetProgress {
    /// Acknowledged by the portal; otherwise it could not be delivered.
    #[serde(rename = "d")]
    pub delivered: bool,
    /// First opened, Unix milliseconds.
    #[serde(rename = "o")]
    pub read_at_ms: Option<u64>,
    /// Chosen ids.
    #[serde(rename = "c")]
    pub answers: Vec<String>,
}

const TARGET: u8 = 0;
const PROGRESS: u8 = 1;

impl HostedBody {
    /// The id of the notice registered under `idempotency_key`: the same key always means the same notice.
    pub(crate) fn notice_id(&self, idempotency_key: &str) -> NoticeId {
        let name = self.keys().naming().name(Space::Notice.code(), &[b"id", idempotency_key.as_bytes()]);
        let mut id = [0; 16];
        id.iter_mut().zip(name).for_each(|(to, from)| *to = from);
        NoticeId(id)
    }

    /// The delivery of target `ordinal`: its number, then a keyed tag.
    pub(crate) fn delivery_id(&self, notice: NoticeId, ordinal: u32) -> DeliveryId {
        let tag = self
            .keys()
            .naming()
            .name(Space::NoticeTarget.code(), &[b"delivery", &notice.0, &ordinal.to_be_bytes()]);
        let mut id = [0; 16];
        id.iter_mut().zip(ordinal.to_be_bytes().into_iter().chain(tag)).for_each(|(to, from)| *to = from);
        DeliveryId(id)
    }

    pub(crate) fn stub_row(notice: NoticeId) -> RowKey {
        RowKey::new(Space::Notice).bytes(&[0]).bytes(&notice.0)
    }

    pub(crate) fn content_row(notice: NoticeId) -> RowKey {
        RowKey::new(Space::Notice).bytes(&[1]).bytes(&notice.0)
    }

    pub(crate) fn delivery_progress_row(notice: NoticeId) -> RowKey {
        RowKey::new(Space::Notice).bytes(&[2]).bytes(&notice.0)
    }

    pub(crate) fn outbox_row(stub: &NoticeStub) -> RowKey {
        RowKey::new(Space::Outbox).bucket(stub.publish_at_ms).bytes(&stub.id.0)
    }

    /// Prefix of a notice's targets; target and progress of one stand beside each other.
    pub(crate) fn targets_prefix(notice: NoticeId) -> RowKey {
        RowKey::new(Space::NoticeTarget).bytes(&notice.0)
    }

    pub(crate) fn target_row(notice: NoticeId, ordinal: u32) -> RowKey {
        Self::targets_prefix(notice).bytes(&ordinal.to_be_bytes()).bytes(&[TARGET])
    }

    pub(crate) fn target_progress_row(notice: NoticeId, ordinal: u32) -> RowKey {
        Self::targets_prefix(notice).bytes(&ordinal.to_be_bytes()).bytes(&[PROGRESS])
    }

    pub(crate) const STUB: SealedFor = SealedFor { purpose: Purpose::Names, day: 0, person: None };

    /// Adds a target to `batch`.
    pub(crate) async fn put_target(
        &self,
        batch: Batch,
        stub: &NoticeStub,
        ordinal: u32,
        target: &NoticeTarget,
    ) -> Result<Batch, RowError> {
        let seal = SealedFor::until(Purpose::Notices, stub.expiry_day, Some(target.person.slot()));
        self.put(batch, Space::NoticeTarget, Self::target_row(stub.id, ordinal), seal, target).await
    }

    /// Adds what became of a target to `batch`.
    pub(crate) async fn put_target_progress(
        &self,
        batch: Batch,
        stub: &NoticeStub,
        ordinal: u32,
        person: &PersonRef,
        progress: &TargetProgress,
    ) -> Result<Batch, RowError> {
        let seal = SealedFor::until(Purpose::Answers, stub.expiry_day, Some(person.slot()));
        self.put(batch, Space::NoticeTarget, Self::target_progress_row(stub.id, ordinal), seal, progress)
            .await
    }

    /// The stub of a notice.
    pub async fn notice_stub<E: MayRead>(
        &self,
        _: &Grant<E>,
        notice: NoticeId,
    ) -> Result<Option<NoticeStub>, RowError> {
        let row = Self::stub_row(notice);
        let stored = self.get_row(&row).await?;
        self.open_row(Space::Notice, &row, &stored).await
    }

    /// What a notice says.
    pub async fn notice_content<E: MayRead>(
        &self,
        _: &Grant<E>,
        notice: NoticeId,
    ) -> Result<Option<NoticeContent>, RowError> {
        let row = Self::content_row(notice);
        let stored = self.get_row(&row).await?;
        self.open_row(Space::Notice, &row, &stored).await
    }

    /// How far delivery of a notice has come.
    pub async fn delivery_progress<E: MayRead>(
        &self,
        _: &Grant<E>,
        notice: NoticeId,
    ) -> Result<Progress, RowError> {
        let row = Self::delivery_progress_row(notice);
        let stored = self.get_row(&row).await?;
        Ok(self.open_row(Space::Notice, &row, &stored).await?.unwrap_or_default())
    }

    /// Targets `from..from + count` with what became of them, in order; without those who are erased.
    pub async fn notice_targets<E: MayRead>(
        &self,
        _: &Grant<E>,
        stub: &NoticeStub,
        from: u32,
        count: u32,
    ) -> Result<Vec<(u32, NoticeTarget, Option<TargetProgress>)>, RowError> {
        let ordinals: Vec<u32> = (from..from.saturating_add(count).min(stub.targets)).collect();
        let rows: Vec<RowKey> = ordinals
            .iter()
            .flat_map(|ordinal| {
                [Self::target_row(stub.id, *ordinal), Self::target_progress_row(stub.id, *ordinal)]
            })
            .collect();
        let stored = self.get_rows(&rows).await?;
        let mut pairs = rows.chunks_exact(2).zip(stored.chunks_exact(2));
        let mut targets = Vec::with_capacity(ordinals.len());
        for ordinal in ordinals {
            let Some(([target_row, progress_row], [target, progress])) = pairs.next() else {
                return Err(RowError::Malformed);
            };
            let target = match self.open_row(Space::NoticeTarget, target_row, target).await {
                Err(RowError::Seal(SealError::KeyDestroyed)) => continue,
                target => target?.ok_or(RowError::Malformed)?,
            };
            let progress = self.open_row(Space::NoticeTarget, progress_row, progress).await?;
            targets.push((ordinal, target, progress));
        }
        Ok(targets)
    }
}
