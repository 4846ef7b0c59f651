//! Looks at keyrings, gathered: one question to the server answers for every body that is looked at.
//!
//! What must hold: an answer is no older than [`FRESH`], and the question itself; whoever must know of this very moment
//! reads the row. A server that is gone is found gone once, not by every body in turn.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::keyring_place::Glimpse;

/// How long an answer is good for.
const FRESH: Duration = Duration::from_millis(400);
/// A body that nobody has looked at for so long is asked for no more.
const LOOKED_AT: Duration = Duration::from_secs(10);

/// What a question gave: an entry for each body that it was about.
type Found = HashMap<Arc<str>, Option<Glimpse>>;

/// The newest question and its answer.
#[derive(Default)]
pub(super) struct Glances(Mutex<Round>);

struct Round {
    looked_at: HashMap<Arc<str>, Instant>,
    answered: Option<Instant>,
    found: Result<Found, (io::ErrorKind, String)>,
}

impl Default for Round {
    fn default() -> Self {
        Self { looked_at: HashMap::new(), answered: None, found: Ok(Found::new()) }
    }
}

impl Glances {
    /// What is known of the body's keyring, asked for anew by `ask` where that is old; `None` where the body was in no
    /// question yet: from now on it is.
    pub(super) fn look(
        &self,
        body: &Arc<str>,
        now: impl Fn() -> Instant,
        ask: impl FnOnce(&[Arc<str>]) -> io::Result<HashMap<Arc<str>, Glimpse>>,
    ) -> Option<io::Result<Option<Glimpse>>> {
        // Held while it is asked: who comes meanwhile finds the answer.
        let mut round = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = now();
        round.looked_at.insert(Arc::clone(body), begun)?;
        if round.answered.is_none_or(|answered| begun.duration_since(answered) >= FRESH) {
            round.looked_at.retain(|_, looked| begun.duration_since(*looked) < LOOKED_AT);
            let bodies: Vec<_> = round.looked_at.keys().cloned().collect();
            let found = ask(&bodies).map_err(|error| (error.kind(), error.to_string()));
            round.found = found.map(|mut found| {
                bodies.into_iter().map(|body| (Arc::clone(&body), found.remove(&body))).collect()
            });
            round.answered = Some(now());
        }
        match &round.found {
            Ok(found) => found.get(body).cloned().map(Ok),
            Err((kind, text)) => Some(Err(io::Error::new(*kind, text.clone()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn glimpse(size: u64) -> Glimpse {
        Glimpse { start: vec![7], size }
    }

    #[test]
    fn postgres_one_question_answers_for_every_body_for_a_while() {
        let (glances, begin) = (Glances::default(), Instant::now());
        let bodies: Vec<Arc<str>> = (0..1_788).map(|body| Arc::from(format!("{body:06}"))).collect();
        let (asked, at) = (Cell::new(0), Cell::new(begin));
        let look = |body: &Arc<str>, size| {
            let ask = |bodies: &[Arc<str>]| {
                asked.set(asked.get() + 1);
                Ok(bodies.iter().skip(1).map(|body| (Arc::clone(body), glimpse(size))).collect())
            };
            glances.look(body, || at.get(), ask).map(Result::unwrap)
        };
        assert!(bodies.iter().all(|body| look(body, 1).is_none()), "each is read by itself first");
        for round in 1..=3 {
            let seen: Vec<_> = bodies.iter().map(|body| look(body, round).unwrap()).collect();
            assert_eq!(asked.get(), round);
            assert_eq!(seen.iter().filter(|seen| **seen == Some(glimpse(round))).count(), 1_787);
            assert_eq!(seen.iter().filter(|seen| seen.is_none()).count(), 1, "one has no row");
            at.set(at.get() + FRESH);
        }
    }

    #[test]
    fn postgres_a_server_that_is_gone_is_found_gone_once() {
        let (glances, begin) = (Glances::default(), Instant::now());
        let bodies: [Arc<str>; 2] = ["982016", "982024"].map(Arc::from);
        let asked = Cell::new(0);
        let look = |body: &Arc<str>| {
            let ask = |_: &[Arc<str>]| {
                asked.set(asked.get() + 1);
                Err(io::ErrorKind::TimedOut.into())
            };
            glances.look(body, || begin, ask)
        };
        assert!(bodies.iter().all(|body| look(body).is_none()));
        for body in &bodies {
            assert_eq!(look(body).unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
        }
        assert_eq!(asked.get(), 1);
    }
}
