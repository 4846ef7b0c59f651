//! Rules of notices (お知らせ): what may be registered, what is kept, which answers are taken (R10–R12).
//!
//! What must hold: a [`ValidNotice`] comes only from [`NoticeDraft::validate`]. Deliberately absent: targets
//! (persons are looked up elsewhere) and attachments, which are refused.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::catalogue::Catalogue;
use crate::codec::{self, CodecError};
use crate::codes::AffairCode;
use crate::day::{DAY_MS, day_of};
use crate::individual_number;
use crate::outcome::Refusal;
use crate::text;

/// Format version of [`NoticeContent`].
pub const VERSION: u8 = 1;
/// Bytes of the longest encoded content.
pub const CONTENT_MAX: usize = 256 * 1024;

/// Bounds on a notice. Lengths are characters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NoticeLimits {
    /// Title.
    pub title_max: usize,
    /// Text.
    pub body_max: usize,
    /// Choices of the question.
    pub choices_max: usize,
    /// Label of a choice.
    pub label_max: usize,
    /// Id of a choice, and idempotency key.
    pub id_max: usize,
    /// Targets of one notice.
    pub targets_max: u32,
    /// Longest retention, days from publication; the shortest is one.
    pub retention_days_max: u32,
    /// How far ahead publication may lie, days.
    pub ahead_days_max: u32,
}

impl Default for NoticeLimits {
    fn default() -> Self {
        Self {
            title_max: 100,
            body_max: 10_000,
            choices_max: 16,
            label_max: 100,
            id_max: 64,
            targets_max: 100_000,
            retention_days_max: 3_653,
            ahead_days_max: 366,
        }
    }
}

/// One offered choice.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Id, unique within the notice.
    #[serde(rename = "i")]
    pub id: String,
    /// Label shown to the person.
    #[serde(rename = "l")]
    pub label: String,
}

/// A notice as a sender hands it in; its targets follow apart.
#[derive(Clone, PartialEq, Eq)]
pub struct NoticeDraft {
    /// Chosen by the sender; the same key with the same content is the same notice.
    pub idempotency_key: String,
    /// Affair code.
    pub affair: String,
    /// Title.
    pub title: String,
    /// Text.
    pub body: String,
    /// Choices of the one question; empty where nothing is asked.
    pub choices: Vec<Choice>,
    /// Attachment names: refused unless empty.
    pub attachments: Vec<String>,
    /// Publication, Unix milliseconds; absent, or past, means now.
    pub publish_at_ms: Option<u64>,
    /// Retention from publication, days.
    pub retention_days: u32,
    /// How many targets follow.
    pub targets: u32,
}

/// What is kept of a notice until its expiry day.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeContent {
    /// Affair code.
    #[serde(rename = "a")]
    pub affair: AffairCode,
    /// Title.
    #[serde(rename = "t")]
    pub title: String,
    /// Text.
    #[serde(rename = "x")]
    pub text: String,
    /// Choices of the question; empty where nothing is asked.
    #[serde(rename = "c")]
    pub choices: Vec<Choice>,
    /// Publication, Unix milliseconds.
    #[serde(rename = "p")]
    pub publish_at_ms: u64,
    /// Last day of retention, days since 1970-01-01 in Japan; erased once it is over.
    #[serde(rename = "e")]
    pub expiry_day: u32,
}

/// A notice that passed every rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidNotice {
    content: NoticeContent,
    targets: u32,
}

impl ValidNotice {
    /// What is to be kept.
    pub fn content(&self) -> &NoticeContent {
        &self.content
    }

    /// How many targets must follow.
    pub fn targets(&self) -> u32 {
        self.targets
    }

    /// Gives up the proof for its content.
    pub fn into_content(self) -> NoticeContent {
        self.content
    }
}

impl NoticeDraft {
    /// Checks the draft at `now_ms` (Unix milliseconds) for a body that is enabled for `enabled_affairs`.
    ///
    /// # Errors
    /// The first that applies: `UNKNOWN_AFFAIR`, `AFFAIR_NOT_ALLOWED` (R12), `FORBIDDEN_IDENTIFIER` (R10),
    /// `REJECTED_CONTENT` (any attachment), `BAD_RETENTION`, `BAD_PERIOD`, `BAD_FORMAT`.
    pub fn validate(
        &self,
        catalogue: &Catalogue,
        enabled_affairs: &[AffairCode],
        limits: &NoticeLimits,
        now_ms: u64,
    ) -> Result<ValidNotice, Refusal> {
        let affair = catalogue.affair(&self.affair).ok_or(Refusal::UnknownAffair)?.code;
        if !enabled_affairs.contains(&affair) {
            return Err(Refusal::AffairNotAllowed);
        }
        if self.texts().any(individual_number::find) {
            return Err(Refusal::ForbiddenIdentifier);
        }
        if !self.attachments.is_empty() {
            return Err(Refusal::RejectedContent);
        }
        let (publish_at_ms, expiry_day) = self.period(limits, now_ms)?;
        if !self.is_well_formed(limits) {
            return Err(Refusal::BadFormat);
        }
        let content = NoticeContent {
            affair,
            title: self.title.clone(),
            text: self.body.clone(),
            choices: self.choices.clone(),
            publish_at_ms,
            expiry_day,
        };
        // Limits are configuration: what passed them must still be storable.
        content.to_bytes().map_err(|_| Refusal::BadFormat)?;
        Ok(ValidNotice { content, targets: self.targets })
    }

    /// Every text a person at the sending body wrote.
    fn texts(&self) -> impl Iterator<Item = &str> {
        let choices = self.choices.iter().flat_map(|choice| [&choice.id, &choice.label]);
        [&self.idempotency_key, &self.title, &self.body]
            .into_iter()
            .chain(choices)
            .chain(&self.attachments)
            .map(String::as_str)
    }

    fn period(&self, limits: &NoticeLimits, now_ms: u64) -> Result<(u64, u32), Refusal> {
        if !(1..=limits.retention_days_max).contains(&self.retention_days) {
            return Err(Refusal::BadRetention);
        }
        let publish_at_ms = self.publish_at_ms.unwrap_or(now_ms).max(now_ms);
        if publish_at_ms - now_ms > u64::from(limits.ahead_days_max) * DAY_MS {
            return Err(Refusal::BadPeriod);
        }
        let expiry_day =
            day_of(publish_at_ms).checked_add(self.retention_days).ok_or(Refusal::BadRetention)?;
        Ok((publish_at_ms, expiry_day))
    }

    fn is_well_formed(&self, limits: &NoticeLimits) -> bool {
        let ids: HashSet<&str> = self.choices.iter().map(|choice| choice.id.as_str()).collect();
        let choices = self.choices.iter().all(|choice| {
            text::fits_line(&choice.id, limits.id_max) && text::fits_line(&choice.label, limits.label_max)
        });
        choices
            && ids.len() == self.choices.len()
            && ids.len() <= limits.choices_max
            && (1..=limits.targets_max).contains(&self.targets)
            && text::fits_line(&self.idempotency_key, limits.id_max)
            && text::fits_line(&self.title, limits.title_max)
            && text::fits(&self.body, limits.body_max)
    }
}

impl NoticeContent {
    /// The one byte form.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        codec::encode(VERSION, self, CONTENT_MAX)
    }

    /// Reads what [`Self::to_bytes`] wrote, and nothing else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        codec::decode(VERSION, bytes, CONTENT_MAX)
    }
}

/// Whether an answer is taken on day `today`: one of the offered choices, once, while the notice is kept.
///
/// # Errors
/// The first that applies: `EXPIRED`, `ALREADY_ANSWERED` (the first answer stands), `INVALID_CHOICE`.
pub fn check_answer(
    choices: &[Choice],
    chosen: &[String],
    already: bool,
    today: u32,
    expiry_day: u32,
) -> Result<(), Refusal> {
    if today > expiry_day {
        return Err(Refusal::Expired);
    }
    if already {
        return Err(Refusal::AlreadyAnswered);
    }
    match chosen {
        [one] if choices.iter().any(|choice| choice.id == *one) => Ok(()),
        _ => Err(Refusal::InvalidChoice),
    }
}

impl fmt::Debug for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Choice(hidden)")
    }
}

impl fmt::Debug for NoticeDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not yet checked: any text may hold what must not reach a log.
        f.debug_struct("NoticeDraft").field("targets", &self.targets).finish_non_exhaustive()
    }
}

impl fmt::Debug for NoticeContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoticeContent")
            .field("affair", &self.affair)
            .field("expiry_day", &self.expiry_day)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
