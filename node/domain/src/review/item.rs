//! One item of the queue, and its byte form.

use serde::{Deserialize, Serialize};

use super::note::check_note;
use super::rule::{Observation, Rule};
use crate::codec::{self, CodecError};
use crate::day::{DAY_MS, day_of};

/// Format version written.
pub const VERSION: u8 = 1;
/// Bytes of the longest encoded item.
pub const ITEM_MAX: usize = 16 * 1024;
/// Identities that one item names as those who acted, beside its subject.
pub const ACTORS_MAX: usize = 16;
/// Actions, results, policies and devices that it names of each, the first ones.
pub const WORDS_MAX: usize = 8;
/// Bytes of the longest of these; a longer one is left out.
const WORD_BYTES: usize = 256;

/// Something for a reviewer to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Number within the body, from 1; never given twice.
    #[serde(rename = "n")]
    pub number: u64,
    /// Why.
    #[serde(rename = "r")]
    pub rule: Rule,
    /// Whom it is about: the URI of an identity; of delegated acts the delegation.
    #[serde(rename = "s")]
    pub subject: String,
    /// The day in Japan of its first operation, days since 1970-01-01.
    #[serde(rename = "d")]
    pub day: u32,
    /// Its first operation, Unix milliseconds.
    #[serde(rename = "o")]
    pub opened_ms: u64,
    /// Its last one.
    #[serde(rename = "l")]
    pub last_ms: u64,
    /// Operations.
    #[serde(rename = "c")]
    pub count: u64,
    /// Most different persons opened within ten minutes.
    #[serde(rename = "m")]
    pub persons: u32,
    /// Identities that acted, where the subject is none.
    #[serde(rename = "w")]
    pub actors: Vec<String>,
    /// What was asked for.
    #[serde(rename = "a")]
    pub actions: Vec<String>,
    /// What was decided.
    #[serde(rename = "e")]
    pub results: Vec<String>,
    /// Policies that decided.
    #[serde(rename = "p")]
    pub reasons: Vec<String>,
    /// Devices.
    #[serde(rename = "v")]
    pub devices: Vec<String>,
    /// Whether the log says that it was opened.
    #[serde(rename = "t")]
    pub told: bool,
    /// The reviewer's word, once there is one.
    #[serde(rename = "x")]
    pub signed: Option<Signature>,
}

/// How an item was signed off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// URI of the reviewer.
    #[serde(rename = "b")]
    pub by: String,
    /// When, Unix milliseconds.
    #[serde(rename = "t")]
    pub at_ms: u64,
    /// What they found.
    #[serde(rename = "n")]
    pub note: String,
}

impl Item {
    /// An item that nothing was added to yet.
    pub(super) fn new(number: u64, rule: Rule, subject: String, now_ms: u64) -> Self {
        Self {
            number,
            rule,
            subject,
            day: day_of(now_ms),
            opened_ms: now_ms,
            last_ms: now_ms,
            count: 0,
            persons: 0,
            actors: Vec::new(),
            actions: Vec::new(),
            results: Vec::new(),
            reasons: Vec::new(),
            devices: Vec::new(),
            told: false,
            signed: None,
        }
    }

    /// Adds one operation.
    pub(super) fn add(&mut self, seen: &Observation<'_>) {
        self.count = self.count.saturating_add(1);
        self.last_ms = self.last_ms.max(seen.now_ms);
        self.persons = self.persons.max(seen.persons);
        if self.rule == Rule::Delegated {
            note(&mut self.actors, ACTORS_MAX, seen.identity);
        }
        note(&mut self.actions, WORDS_MAX, seen.action);
        note(&mut self.results, WORDS_MAX, seen.decided.as_str());
        seen.reasons.iter().for_each(|reason| note(&mut self.reasons, WORDS_MAX, reason));
        seen.device.iter().for_each(|device| note(&mut self.devices, WORDS_MAX, device));
    }

    /// Whether it is about what this identity did.
    pub fn concerns(&self, identity: &str) -> bool {
        self.subject == identity || self.actors.iter().any(|actor| actor == identity)
    }

    /// From when on it is overdue where it is not signed, Unix milliseconds.
    pub fn due_ms(&self, days: u32) -> u64 {
        self.opened_ms.saturating_add(u64::from(days) * DAY_MS)
    }

    /// Whether nobody has signed it for `days`.
    pub fn is_overdue(&self, days: u32, now_ms: u64) -> bool {
        self.signed.is_none() && now_ms >= self.due_ms(days)
    }

    /// The one byte form.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        codec::encode(VERSION, self, ITEM_MAX)
    }

    /// Reads what [`Self::to_bytes`] wrote, and nothing else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let item: Self = codec::decode(VERSION, bytes, ITEM_MAX)?;
        let words = [&item.actions, &item.results, &item.reasons, &item.devices];
        let bounded = words.iter().all(|words| words.len() <= WORDS_MAX) && item.actors.len() <= ACTORS_MAX;
        let noted = item.signed.as_ref().is_none_or(|signed| check_note(&signed.note).is_ok());
        if bounded && noted && item.number > 0 { Ok(item) } else { Err(CodecError::Malformed) }
    }
}

/// Adds a word that is not there yet, while there is room.
fn note(words: &mut Vec<String>, most: usize, word: &str) {
    if words.len() < most && word.len() <= WORD_BYTES && words.iter().all(|there| there != word) {
        words.push(word.to_owned());
    }
}
