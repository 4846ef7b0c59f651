//! Whether a civil day is over, by more than one clock: the machine's own and the time that others have vouched for.
//!
//! What must hold: a day is over when the local clock **and** the last witnessed time have passed it, so that neither
//! a local clock that jumps nor one lying witness ends a day early. Of several witnesses the earlier counts; a word
//! that is far ahead of the local clock is not taken at all; the witnessed time never goes back. Deliberately absent:
//! asking anybody, and any clock: times are arguments.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::day::day_of;

/// How far a witness and the local clock may be apart, milliseconds. Beyond it one of them is wrong.
pub const APART_MAX_MS: u64 = 300_000;
/// A witness without a word that could be taken for this long does not hold up the others.
pub const AWAY: Duration = Duration::from_secs(3_600);

/// What a witness's word says of the local clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Heard {
    /// They agree, within [`APART_MAX_MS`].
    Agrees,
    /// The witness is behind the local clock, or the local clock has jumped forward. The word is taken: it only holds
    /// days back.
    Behind,
    /// The witness is ahead of the local clock, or the local clock has jumped back. The word is not taken.
    Ahead,
}

impl Heard {
    /// The stable name: `agrees`, `behind` or `ahead`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Behind => "behind",
            Self::Ahead => "ahead",
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Word {
    /// The newest that was taken.
    newest_ms: Option<u64>,
    /// When a word was last taken, on a clock that only runs forward.
    taken_at: Duration,
}

/// The time that others have vouched for.
#[derive(Clone, Debug)]
pub struct WitnessedTime {
    words: BTreeMap<String, Word>,
    /// What was witnessed already.
    witnessed_ms: Option<u64>,
}

impl WitnessedTime {
    /// Nothing heard yet of these witnesses.
    pub fn new(witnesses: impl IntoIterator<Item = String>) -> Self {
        let words = witnesses.into_iter().map(|name| (name, Word::default())).collect();
        Self { words, witnessed_ms: None }
    }

    /// Takes a witness's word, told at `local_ms` by the local clock and at `at` since the process began. One that is
    /// not among the witnesses counts for nothing.
    pub fn hear(&mut self, witness: &str, told_ms: u64, local_ms: u64, at: Duration) -> Heard {
        let heard = compare(told_ms, local_ms);
        if let Some(word) = self.words.get_mut(witness).filter(|_| heard != Heard::Ahead) {
            word.newest_ms = word.newest_ms.max(Some(told_ms));
            word.taken_at = at;
        }
        self.settle(at);
        heard
    }

    /// The time that has been witnessed, Unix milliseconds; `None` before there was any.
    pub fn witnessed_ms(&self) -> Option<u64> {
        self.witnessed_ms
    }

    /// The earliest of the newest words, of the witnesses that are not away.
    fn settle(&mut self, at: Duration) {
        let here = |word: &&Word| at.saturating_sub(word.taken_at) < AWAY;
        let counting: Option<Vec<u64>> =
            self.words.values().filter(here).map(|word| word.newest_ms).collect();
        let earliest = counting.and_then(|words| words.into_iter().min());
        self.witnessed_ms = self.witnessed_ms.max(earliest);
    }
}

fn compare(told_ms: u64, local_ms: u64) -> Heard {
    if told_ms > local_ms.saturating_add(APART_MAX_MS) {
        Heard::Ahead
    } else if local_ms > told_ms.saturating_add(APART_MAX_MS) {
        Heard::Behind
    } else {
        Heard::Agrees
    }
}

/// The day in Japan that both the local clock and the witnessed time have reached: every day before it is over.
pub fn settled_day(local_ms: u64, witnessed_ms: u64) -> u32 {
    day_of(local_ms.min(witnessed_ms))
}

#[cfg(test)]
mod tests;
