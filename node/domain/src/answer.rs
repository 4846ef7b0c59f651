//! What a person asking for their own information is told, and the flag that withholds it (R50).
//!
//! What must hold: a withheld answer says `UNAVAILABLE_ASK_BODY` whether or not there is anything to withhold,
//! and nothing says why. Deliberately absent: who may clear a flag, which two persons must decide.

use serde::{Deserialize, Serialize};

use crate::codes::InfoNameCode;

/// 自己情報提供不可フラグ of one person: for everything, or for single datasets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonFlags {
    /// Nothing is given out.
    #[serde(rename = "a")]
    pub blocked_all: bool,
    /// Datasets not given out, in order, each once.
    #[serde(rename = "d")]
    pub blocked_datasets: Vec<InfoNameCode>,
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
            *self = Self::default();
        }
        self.blocked_datasets.retain(|dataset| !datasets.contains(dataset));
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
