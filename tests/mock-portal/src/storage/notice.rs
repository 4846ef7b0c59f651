//! Rows of notices: the content in the person's folder, the delivery's state, and what finds both when their
//! day is over.
//!
//! What must hold: content and state are sealed under keys of their expiry day and of nothing longer-lived.
//! The mark of a notice (whose it is and when it ended) stays: it names no person and no content.

use chukei_crypto::seal::{KeyIds, Purpose};
use chukei_store::partition::Rows;
use chukei_store::row::{RowKey, Space};
use chukei_store::{StoreError, batch::Batch};
use chukei_wire::body_code::BodyCode;
use chukei_wire::id::{DeliveryId, NoticeId};
use chukei_wire::message::notice::Choice;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::person::PersonId;
use super::{Vault, VaultError};
use crate::protocol::unprinted;

/// Notices of one person that are listed at most, and rows of one page of the sweep.
pub(crate) const FOLDER_PAGE: usize = 1_000;

unprinted!(ContentRow, StateRow);

/// A notice in a person's folder.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ContentRow {
    #[serde(rename = "b")]
    pub(crate) body: BodyCode,
    #[serde(rename = "i")]
    pub(crate) notice: NoticeId,
    #[serde(rename = "y")]
    pub(crate) delivery: DeliveryId,
    #[serde(rename = "t")]
    pub(crate) title: String,
    #[serde(rename = "x")]
    pub(crate) text: String,
    #[serde(rename = "c")]
    pub(crate) choices: Vec<Choice>,
    #[serde(rename = "p")]
    pub(crate) publish_at_ms: u64,
    #[serde(rename = "e")]
    pub(crate) expiry_day: u32,
}

impl Drop for ContentRow {
    fn drop(&mut self) {
        self.title.zeroize();
        self.text.zeroize();
        self.choices.iter_mut().for_each(|choice| choice.label.zeroize());
    }
}

/// State of one delivery.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StateRow {
    #[serde(rename = "p")]
    pub(crate) person: PersonId,
    #[serde(rename = "o")]
    pub(crate) read_at_ms: Option<u64>,
    #[serde(rename = "c")]
    pub(crate) answers: Vec<String>,
}

/// Whose a notice is, and its last day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MarkRow {
    #[serde(rename = "b")]
    pub(crate) body: BodyCode,
    #[serde(rename = "e")]
    pub(crate) expiry_day: u32,
}

/// What came of storing a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// Durable now.
    New,
    /// The same delivery to the same person was durable before.
    Before,
    /// The ids belong to something else.
    Taken,
}

impl Vault {
    /// Whose a notice is; absent while the portal never saw one of this id.
    pub(crate) async fn notice_mark(&self, notice: NoticeId) -> Result<Option<MarkRow>, VaultError> {
        self.read(&self.mark_key(notice)).await
    }

    /// Stores a delivery durably, once. The caller holds the day's guard (see `Vault::admit_day`).
    pub(crate) async fn store_notice(
        &self,
        person: PersonId,
        content: &ContentRow,
    ) -> Result<Stored, VaultError> {
        let (body, notice, day) = (content.body, content.notice, content.expiry_day);
        let content_key = self.content_key(person, notice);
        let state_key = self.state_key(body, notice, content.delivery);
        let mark_key = self.mark_key(notice);
        let state = StateRow { person, read_at_ms: None, answers: Vec::new() };
        let mark = MarkRow { body, expiry_day: day };
        loop {
            if let Some(settled) = self.look_up(person, content).await? {
                return Ok(settled);
            }
            let mut batch = Batch::new()
                .require_absent(content_key.clone())
                .require_absent(state_key.clone())
                .put(content_key.clone(), self.seal(of_day(Purpose::Notices, day), &content_key, content)?)
                .put(state_key.clone(), self.seal(of_day(Purpose::Answers, day), &state_key, &state)?)
                .put(self.expiry_key(day, person, content), Vec::new());
            if self.get(&mark_key).await?.is_none() {
                let sealed = self.seal(of_day(Purpose::Names, 0), &mark_key, &mark)?;
                batch = batch.require_absent(mark_key.clone()).put(mark_key.clone(), sealed);
            }
            match self.apply(batch).await {
                Err(VaultError::Store(StoreError::Conflict)) => {}
                other => return other.map(|()| Stored::New),
            }
        }
    }

    async fn look_up(&self, person: PersonId, content: &ContentRow) -> Result<Option<Stored>, VaultError> {
        let mark = MarkRow { body: content.body, expiry_day: content.expiry_day };
        if self.notice_mark(content.notice).await?.is_some_and(|known| known != mark) {
            return Ok(Some(Stored::Taken));
        }
        let key = self.content_key(person, content.notice);
        if let Some(row) = self.get(&key).await? {
            let same = self.open::<ContentRow>(&key, &row)? == *content;
            return Ok(Some(if same { Stored::Before } else { Stored::Taken }));
        }
        let key = self.state_key(content.body, content.notice, content.delivery);
        Ok(self.get(&key).await?.map(|_| Stored::Taken))
    }

    /// One notice of a person.
    pub(crate) async fn notice(
        &self,
        person: PersonId,
        notice: NoticeId,
    ) -> Result<Option<ContentRow>, VaultError> {
        self.read(&self.content_key(person, notice)).await
    }

    /// A person's notices in no particular order, at most [`FOLDER_PAGE`]; those whose key is gone are left out.
    pub(crate) async fn notices(&self, person: PersonId) -> Result<Vec<ContentRow>, VaultError> {
        let prefix = RowKey::new(Space::PortalNotice).name(&self.folder_name(person));
        let (mut notices, mut after, mut left) = (Vec::new(), None, FOLDER_PAGE);
        loop {
            let rows = self.scan(&prefix, after.as_ref(), left).await?;
            left -= rows.rows.len();
            for (key, row) in &rows.rows {
                match self.open(key, row) {
                    Err(VaultError::KeyDestroyed) => {}
                    opened => notices.push(opened?),
                }
            }
            after = rows.next();
            if after.is_none() || left == 0 {
                return Ok(notices);
            }
        }
    }

    /// State of a delivery and the version it stands in.
    pub(crate) async fn state(&self, content: &ContentRow) -> Result<Option<(StateRow, u64)>, VaultError> {
        let key = self.state_key(content.body, content.notice, content.delivery);
        let Some(row) = self.get(&key).await? else { return Ok(None) };
        Ok(Some((self.open(&key, &row)?, row.version)))
    }

    /// Replaces a state that still stands in `version`; `false` where it does not.
    pub(crate) async fn replace_state(
        &self,
        content: &ContentRow,
        state: &StateRow,
        version: u64,
    ) -> Result<bool, VaultError> {
        let key = self.state_key(content.body, content.notice, content.delivery);
        let sealed = self.seal(of_day(Purpose::Answers, content.expiry_day), &key, state)?;
        let batch = Batch::new().require_version(key.clone(), version).put(key, sealed);
        match self.apply(batch).await {
            Ok(()) => Ok(true),
            Err(VaultError::Store(StoreError::Conflict)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A page of a notice's states behind `after`, in the order of delivery ids, and whether there are more.
    pub(crate) async fn states(
        &self,
        body: BodyCode,
        notice: NoticeId,
        after: Option<DeliveryId>,
        limit: usize,
    ) -> Result<(Vec<(DeliveryId, StateRow)>, bool), VaultError> {
        let prefix = RowKey::new(Space::PortalDelivery).name(&self.notice_name(body, notice));
        let after = after.map(|delivery| prefix.clone().bytes(&delivery.0));
        let rows = self.scan(&prefix, after.as_ref(), limit).await?;
        let states = rows.rows.iter().map(|(key, row)| {
            let delivery = key.strip(&prefix).and_then(|rest| rest.try_into().ok());
            Ok((DeliveryId(delivery.ok_or(VaultError::Integrity)?), self.open(key, row)?))
        });
        Ok((states.collect::<Result<_, VaultError>>()?, rows.more))
    }

    /// Deletes up to a page of the rows of `day`; says whether there may be more. Opens nothing: the names of
    /// the rows stand in the key of the index row.
    pub(crate) async fn sweep_page(&self, day: u32) -> Result<bool, VaultError> {
        let prefix = RowKey::new(Space::Meta).name(&self.expiry_name(day));
        let Rows { rows, more } = self.scan(&prefix, None, FOLDER_PAGE).await?;
        let mut batch = Batch::new();
        for (key, _) in rows {
            let names = key.strip(&prefix).and_then(|rest| rest.split_at_checked(FOLDER_PART));
            let (content, state) = names.ok_or(VaultError::Integrity)?;
            batch = batch
                .delete(RowKey::new(Space::PortalNotice).bytes(content))
                .delete(RowKey::new(Space::PortalDelivery).bytes(state))
                .delete(key);
        }
        if !batch.is_empty() {
            self.apply(batch).await?;
        }
        Ok(more)
    }

    fn mark_key(&self, notice: NoticeId) -> RowKey {
        RowKey::new(Space::Meta).name(&self.name(Space::Meta, &[b"mark", &notice.0]))
    }

    fn folder_name(&self, person: PersonId) -> [u8; 32] {
        self.name(Space::PortalNotice, &[b"folder", &person.bytes()])
    }

    fn content_key(&self, person: PersonId, notice: NoticeId) -> RowKey {
        RowKey::new(Space::PortalNotice).name(&self.folder_name(person)).bytes(&notice.0)
    }

    fn notice_name(&self, body: BodyCode, notice: NoticeId) -> [u8; 32] {
        self.name(Space::PortalDelivery, &[body.as_bytes(), &notice.0])
    }

    fn state_key(&self, body: BodyCode, notice: NoticeId, delivery: DeliveryId) -> RowKey {
        RowKey::new(Space::PortalDelivery).name(&self.notice_name(body, notice)).bytes(&delivery.0)
    }

    fn expiry_name(&self, day: u32) -> [u8; 32] {
        self.name(Space::Meta, &[b"expiry", &day.to_be_bytes()])
    }

    /// Index row: day's name ‖ the rest of the content's key ‖ the rest of the state's key.
    fn expiry_key(&self, day: u32, person: PersonId, content: &ContentRow) -> RowKey {
        RowKey::new(Space::Meta)
            .name(&self.expiry_name(day))
            .name(&self.folder_name(person))
            .bytes(&content.notice.0)
            .name(&self.notice_name(content.body, content.notice))
            .bytes(&content.delivery.0)
    }
}

/// A content key behind its space: the folder's name and the notice.
const FOLDER_PART: usize = 32 + 16;

fn of_day(purpose: Purpose, day: u32) -> KeyIds {
    KeyIds { purpose, day, person: None }
}
