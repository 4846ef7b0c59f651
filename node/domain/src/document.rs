//! The unit of storage: everything a body holds about one person in one dataset, in one sealed document.
//!
//! What must hold: a reader sees one generation, wholly old or wholly new (R31); a document names its person,
//! body and dataset, so that a reader can tell that it opened the right one (R30); items stand in one order
//! and each record id once, so that the same content has the same bytes.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::codec::{self, CodecError};
use crate::codes::{InfoItemCode, InfoNameCode, LayoutVersion, RecordId, RecordKey};
use crate::day::Day;
use crate::local_body_code::LocalBodyCode;
use crate::outcome::Refusal;

/// Format version written.
pub const VERSION: u8 = 1;
/// Bytes of the longest encoded document: what one seal holds.
pub const DOCUMENT_MAX: usize = 1024 * 1024;
/// Bytes up to which a document grows: what is left of [`DOCUMENT_MAX`] is for the seal inside the outer seal.
pub const DOCUMENT_ROOM: usize = DOCUMENT_MAX - 1024;
/// Bytes an item takes besides its texts, at most: names, lengths, dates, codes.
const ITEM_OVERHEAD: usize = 160;
/// Bytes a document takes besides its items, at most.
const DOCUMENT_OVERHEAD: usize = 256;

/// One record, as registered.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredItem {
    /// レコード識別番号, unique within the body.
    #[serde(rename = "i")]
    pub record_id: RecordId,
    /// 項目コード.
    #[serde(rename = "c")]
    pub item_code: InfoItemCode,
    /// データセットレコードキー.
    #[serde(rename = "k")]
    pub record_key: RecordKey,
    /// 版番号.
    #[serde(rename = "l")]
    pub layout_version: LayoutVersion,
    /// 公開開始日: visible from this day.
    #[serde(rename = "p")]
    pub publication_date: Day,
    /// 公開終了日: visible to this day, inclusive; `None` is open.
    #[serde(rename = "e")]
    pub publication_end_date: Option<Day>,
    /// 削除区分: kept, but not shown.
    #[serde(rename = "d")]
    pub deleted: bool,
    /// 未設定事由.
    #[serde(rename = "r")]
    pub reason_of_null: Option<String>,
    /// 内容, exactly as decoded; empty where there is none.
    #[serde(rename = "v")]
    pub value: String,
    /// Last change, Unix milliseconds.
    #[serde(rename = "u")]
    pub updated_ms: u64,
}

/// What [`Document::put`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The record stood there with the same content.
    Unchanged,
    /// The record stood there with other content, which is replaced.
    Updated,
    /// The record is new.
    Added,
}

/// All records of one (person, dataset).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    #[serde(rename = "p", with = "serde_bytes")]
    person: [u8; 16],
    #[serde(rename = "b")]
    body: LocalBodyCode,
    #[serde(rename = "d")]
    dataset: InfoNameCode,
    #[serde(rename = "g")]
    generation: u64,
    #[serde(rename = "i")]
    items: Vec<StoredItem>,
}

impl StoredItem {
    /// Whether the person is shown it on `day` (days since 1970-01-01, Japan): published, not past, not deleted.
    pub fn is_visible(&self, day: u32) -> bool {
        let today = Day::from_number(day);
        let published = self.publication_date <= today;
        !self.deleted && published && self.publication_end_date.is_none_or(|end| today <= end)
    }

    fn order(&self) -> (&RecordKey, &InfoItemCode, &RecordId) {
        (&self.record_key, &self.item_code, &self.record_id)
    }

    fn is_same_record(&self, other: &Self) -> bool {
        self.item_code == other.item_code && self.record_key == other.record_key
    }

    /// What a repeated registration is compared by: everything but what names the record, and `updated_ms`.
    fn content(&self) -> impl PartialEq + '_ {
        let end = self.publication_end_date;
        (self.layout_version, self.publication_date, end, self.deleted, &self.reason_of_null, &self.value)
    }

    fn weight(&self) -> usize {
        ITEM_OVERHEAD + self.value.len() + self.reason_of_null.as_ref().map_or(0, String::len)
    }
}

impl Document {
    /// An empty document of generation 0.
    pub fn new(person: [u8; 16], body: LocalBodyCode, dataset: InfoNameCode) -> Self {
        Self { person, body, dataset, generation: 0, items: Vec::new() }
    }

    /// Random internal id of the person.
    pub fn person(&self) -> &[u8; 16] {
        &self.person
    }

    /// The body.
    pub fn body(&self) -> LocalBodyCode {
        self.body
    }

    /// The dataset.
    pub fn dataset(&self) -> InfoNameCode {
        self.dataset
    }

    /// How often the stored document was replaced.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Counts a replacement; to be called once before a changed document is stored.
    pub fn advance(&mut self) {
        self.generation = self.generation.saturating_add(1);
    }

    /// Every record, by record key, then item code, then record id.
    pub fn items(&self) -> &[StoredItem] {
        &self.items
    }

    /// What the person is shown on `day` (days since 1970-01-01, Japan), in the order of [`Self::items`].
    pub fn visible(&self, day: u32) -> impl Iterator<Item = &StoredItem> {
        self.items.iter().filter(move |item| item.is_visible(day))
    }

    /// Registers a record. The same content again changes nothing, not even `updated_ms`.
    ///
    /// # Errors
    /// `DUPLICATE_RECORD_ID` where the record id stands here for another item or record key; `BAD_FORMAT` where
    /// the document would outgrow [`DOCUMENT_ROOM`].
    pub fn put(&mut self, item: StoredItem) -> Result<Put, Refusal> {
        let room = DOCUMENT_ROOM.saturating_sub(self.weight());
        let Some(known) = self.items.iter_mut().find(|known| known.record_id == item.record_id) else {
            if item.weight() > room {
                return Err(Refusal::BadFormat);
            }
            let at = self.items.partition_point(|known| known.order() < item.order());
            self.items.insert(at, item);
            return Ok(Put::Added);
        };
        if !known.is_same_record(&item) {
            return Err(Refusal::DuplicateRecordId);
        }
        if known.content() == item.content() {
            return Ok(Put::Unchanged);
        }
        if item.weight() > room.saturating_add(known.weight()) {
            return Err(Refusal::BadFormat);
        }
        *known = item;
        Ok(Put::Updated)
    }

    /// No less than the encoded length.
    fn weight(&self) -> usize {
        self.items.iter().map(StoredItem::weight).sum::<usize>() + DOCUMENT_OVERHEAD
    }

    /// The one byte form.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        codec::encode(VERSION, self, DOCUMENT_MAX)
    }

    /// Reads what [`Self::to_bytes`] wrote, and nothing else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let document: Self = codec::decode(VERSION, bytes, DOCUMENT_MAX)?;
        let ids: HashSet<&RecordId> = document.items.iter().map(|item| &item.record_id).collect();
        let ordered = document.items.is_sorted_by(|a, b| a.order() < b.order());
        if ordered && ids.len() == document.items.len() { Ok(document) } else { Err(CodecError::Malformed) }
    }
}

impl fmt::Debug for StoredItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The value may not reach a log.
        f.debug_struct("StoredItem").field("item_code", &self.item_code).finish_non_exhaustive()
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("dataset", &self.dataset)
            .field("generation", &self.generation)
            .field("items", &self.items.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
