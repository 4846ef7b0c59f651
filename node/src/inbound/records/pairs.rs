//! What of a person's records is told together: a request that was answered, and what became of it.
//!
//! What must hold: of the two either both are open or both are closed, so that nothing is told of a request whose end is
//! not known yet, and a hidden request hides its end as well (R50). The same is said of a place whatever page it is on.

use std::collections::HashMap;

use chukei_domain::codes::InfoNameCode;
use chukei_domain::event::{Shown, ShownResult};

/// Places between a request and its end, at most: further apart they stay closed.
pub(super) const REACH: u64 = 1_024;

/// The requests and ends that were looked at.
#[derive(Default)]
pub(super) struct Pairs {
    asked: HashMap<[u8; 16], (u64, Vec<InfoNameCode>)>,
    ended: HashMap<[u8; 16], u64>,
}

impl Pairs {
    /// Takes what stands at place `number`.
    pub(super) fn take(&mut self, number: u64, shown: &Shown) {
        match shown {
            Shown::Asked(asked) => {
                self.asked.insert(asked.request, (number, asked.datasets.clone()));
            }
            Shown::Ended(ended) => {
                self.ended.insert(ended.request, number);
            }
        }
    }

    /// Whether the end of what stands at a place is still to be looked for behind it.
    pub(super) fn lacks_end(&self, shown: &Shown) -> bool {
        matches!(shown, Shown::Asked(asked) if asked.result != ShownResult::Refused && !self.ended.contains_key(&asked.request))
    }

    /// Whether the request whose end stands at a place is still to be looked for before it.
    pub(super) fn lacks_begin(&self, shown: &Shown) -> bool {
        matches!(shown, Shown::Ended(ended) if !self.asked.contains_key(&ended.request))
    }

    /// The datasets of the request that what stands at place `number` belongs to, where it is whole; `None` where it has
    /// not ended.
    pub(super) fn whole(&self, number: u64, shown: &Shown) -> Option<&[InfoNameCode]> {
        let request = match shown {
            Shown::Asked(asked) => asked.request,
            Shown::Ended(ended) => ended.request,
        };
        let (begin, datasets) = self.asked.get(&request)?;
        let refused = matches!(shown, Shown::Asked(asked) if asked.result == ShownResult::Refused);
        let end = self.ended.get(&request);
        let fits = match end {
            Some(end) => *begin < *end && end - begin <= REACH && [*begin, *end].contains(&number),
            None => refused,
        };
        fits.then_some(datasets.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use chukei_domain::event::{Disclosure, Ending, ShownEnd};

    use super::*;

    fn asked(request: u8, result: ShownResult) -> Shown {
        Shown::Asked(Disclosure {
            request: [request; 16],
            portal: "mynaportal".to_owned(),
            legal_basis: "番号法附則6条3項".to_owned(),
            affair: None,
            datasets: vec!["TM00000000000002".parse().unwrap()],
            result,
        })
    }

    fn ended(request: u8) -> Shown {
        Shown::Ended(Ending { request: [request; 16], end: ShownEnd::Delivered })
    }

    #[test]
    fn a_request_and_its_end_are_told_together_or_not_at_all() {
        let (begin, end) = (asked(1, ShownResult::Given), ended(1));
        let mut pairs = Pairs::default();
        pairs.take(3, &begin);
        assert!(pairs.whole(3, &begin).is_none() && pairs.lacks_end(&begin));
        pairs.take(9, &end);
        assert!(!pairs.lacks_end(&begin) && !pairs.lacks_begin(&end));
        assert_eq!(pairs.whole(3, &begin).map(<[_]>::len), Some(1));
        assert_eq!(pairs.whole(9, &end).map(<[_]>::len), Some(1));
        // An end without a begin, and one that is too far away, are closed on both sides.
        assert!(Pairs::default().whole(9, &end).is_none() && Pairs::default().lacks_begin(&end));
        let mut apart = Pairs::default();
        apart.take(3, &begin);
        apart.take(3 + REACH, &end);
        assert!(apart.whole(3, &begin).is_some() && apart.whole(3 + REACH, &end).is_some());
        apart.take(4 + REACH, &end);
        assert!(apart.whole(3, &begin).is_none() && apart.whole(4 + REACH, &end).is_none());
    }

    #[test]
    fn a_refusal_has_no_end_to_wait_for() {
        let (refused, mut pairs) = (asked(2, ShownResult::Refused), Pairs::default());
        pairs.take(1, &refused);
        assert!(!pairs.lacks_end(&refused));
        assert!(pairs.whole(1, &refused).is_some());
    }
}
