//! What a person asking for their own information is told, the flag that withholds it, and the other that hides exchange
//! records from the person (R50).
//!
//! What must hold: a withheld answer says `UNAVAILABLE_ASK_BODY` whether or not there is anything to withhold,
//! and nothing says why; neither flag changes the other. Deliberately absent: who may clear a flag, which two persons must
//! decide.

use serde::{Deserialize, Serialize};

use crate::codes::InfoNameCode;

/// 自己情報提供不可フラグ and 不開示該当フラグ of one person, each for everything or for single datasets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonFlags {
    /// Nothing is given out.
    #[serde(rename = "a")]
    pub blocked_all: bool,
    /// Datasets not given out, in order, each once.
    #[serde(rename = "d")]
    pub blocked_datasets: Vec<InfoNameCode>,
    /// No exchange record is shown to the person.
    #[serde(rename = "u", default, skip_serializing_if = "is_not")]
    pub undisclosed_all: bool,
    /// Datasets of which exchange records are not shown to the person, in order, each once.
    #[serde(rename = "v", default, skip_serializing_if = "Vec::is_empty")]
    pub undisclosed_datasets: Vec<InfoNameCode>,
    /// Grows with each change of what is hidden, and is its time or later, so that it does not begin anew where rows came
    /// back from a backup: brokers go by the newest word.
    #[serde(rename = "w", default, skip_serializing_if = "is_none_yet")]
    pub undisclosed_version: u64,
}

fn is_not(flag: &bool) -> bool {
    !*flag
}

fn is_none_yet(version: &u64) -> bool {
    *version == 0
}

impl PersonFlags {
    /// Whether `dataset` is withheld.
    pub fn blocks(&self, dataset: &InfoNameCode) -> bool {
        self.blocked_all || self.blocked_datasets.contains(dataset)
    }

    /// Withholds `datasets` as well, or everything where none is named.
    pub fn block(&mut self, datasets: &[InfoNameCode]) {
        if datasets.is_empty() {
            self.blocked_all = true;
        }
        self.blocked_datasets.extend_from_slice(datasets);
        self.blocked_datasets.sort_unstable();
        self.blocked_datasets.dedup();
    }

    /// Gives `datasets` out again, or everything where none is named. One that is named stays withheld where everything
    /// is.
    pub fn unblock(&mut self, datasets: &[InfoNameCode]) {
        if datasets.is_empty() {
            self.blocked_all = false;
            self.blocked_datasets.clear();
        }
        self.blocked_datasets.retain(|dataset| !datasets.contains(dataset));
    }

    /// Whether the person is not shown that there was a request for these datasets.
    pub fn hides(&self, requested: &[InfoNameCode]) -> bool {
        self.undisclosed_all || requested.iter().any(|dataset| self.undisclosed_datasets.contains(dataset))
    }

    /// Hides records of `datasets` as well, or all where none is named; whether that changed anything.
    pub fn undisclose(&mut self, datasets: &[InfoNameCode], now_ms: u64) -> bool {
        let before = (self.undisclosed_all, self.undisclosed_datasets.clone());
        if datasets.is_empty() {
            self.undisclosed_all = true;
        }
        self.undisclosed_datasets.extend_from_slice(datasets);
        self.undisclosed_datasets.sort_unstable();
        self.undisclosed_datasets.dedup();
        self.changed_since(before, now_ms)
    }

    /// Shows records of `datasets` again, or all where none is named; whether that changed anything. One that is named
    /// stays hidden where everything is.
    pub fn disclose(&mut self, datasets: &[InfoNameCode], now_ms: u64) -> bool {
        let before = (self.undisclosed_all, self.undisclosed_datasets.clone());
        if datasets.is_empty() {
            self.undisclosed_all = false;
            self.undisclosed_datasets.clear();
        }
        self.undisclosed_datasets.retain(|dataset| !datasets.contains(dataset));
        self.changed_since(before, now_ms)
    }

    fn changed_since(&mut self, before: (bool, Vec<InfoNameCode>), now_ms: u64) -> bool {
        let changed = before != (self.undisclosed_all, self.undisclosed_datasets.clone());
        if changed {
            self.undisclosed_version = self.undisclosed_version.saturating_add(1).max(now_ms);
        }
        changed
    }
}

/// Result of a request for own information that no rule refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The datasets are given out.
    Done,
    /// The body holds nothing visible of what was asked.
    NoData,
    /// Ask the body itself.
    UnavailableAskBody,
}

impl Answer {
    /// Every answer.
    pub const ALL: &'static [Answer] = &[Self::Done, Self::NoData, Self::UnavailableAskBody];

    /// The stable name, e.g. `NO_DATA`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "DONE",
            Self::NoData => "NO_DATA",
            Self::UnavailableAskBody => "UNAVAILABLE_ASK_BODY",
        }
    }
}

/// Decides one request: `present` says for each requested dataset whether anything of it is visible.
///
/// One withheld dataset withholds the whole answer: leaving it out of the others would tell it apart from a
/// dataset that is empty.
pub fn decide(
    flags: &PersonFlags,
    requested: &[InfoNameCode],
    present: impl Fn(&InfoNameCode) -> bool,
) -> Answer {
    if requested.iter().any(|dataset| flags.blocks(dataset)) {
        Answer::UnavailableAskBody
    } else if requested.iter().any(present) {
        Answer::Done
    } else {
        Answer::NoData
    }
}

#[cfg(test)]
mod tests;
