//! Where persons' next records stand, while a log is read from its beginning, for as many persons as memory has room for:
//! the others are looked at in further readings.
//!
//! What must hold: each person is looked at in exactly one reading, from their first record to their last. Where records are
//! gone that may have been theirs, nobody is known any more until the store has said where their next record stands; what
//! it says is a hint, and the leaf shows whether it is so.

use std::collections::HashMap;

use chukei_domain::event::{Place, Previous};

use crate::audit::chains::ChainEnd;
use crate::hosted::persons::PersonId;

/// Shares beyond which persons are told apart no further: ids are random.
const MOST_SHARES: u64 = 1 << 32;

/// The persons whose ids leave this remainder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Share {
    of: u64,
    rest: u64,
}

impl Share {
    const ALL: Self = Self { of: 1, rest: 0 };

    fn has(self, person: &PersonId) -> bool {
        let (_, low) = person.split_at(8);
        let low = low.first_chunk().map_or(0, |low| u64::from_be_bytes(*low));
        low % self.of == self.rest
    }

    /// One half of it, and the other.
    fn halves(self) -> [Self; 2] {
        let of = self.of.saturating_mul(2);
        [Self { of, rest: self.rest }, Self { of, rest: self.rest.saturating_add(self.of) }]
    }
}

/// Where a person's record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Where {
    /// Here.
    At(Place),
    /// The person is of another reading.
    NotHere,
    /// The person may have had records that are gone: the store knows.
    Unknown,
}

/// Persons of one reading.
pub(super) struct Places {
    ends: HashMap<PersonId, ChainEnd>,
    share: Share,
    later: Vec<Share>,
    room: usize,
    /// Whether the log is there from its first record on.
    whole: bool,
}

impl Places {
    /// Of all persons, of whom as many as there is room for are looked at in this reading.
    pub(super) fn new(whole: bool, room: usize) -> Self {
        Self { ends: HashMap::new(), share: Share::ALL, later: Vec::new(), room, whole }
    }

    /// Those of the next reading, if there is to be one.
    pub(super) fn next(&mut self) -> Option<Self> {
        let mut later = std::mem::take(&mut self.later);
        let share = later.pop()?;
        Some(Self { ends: HashMap::new(), share, later, room: self.room, whole: self.whole })
    }

    pub(super) fn find(&self, person: &PersonId) -> Where {
        match self.ends.get(person) {
            Some(ChainEnd { number, index, leaf }) => Where::At(Place {
                number: number.saturating_add(1),
                previous: Some(Previous { index: *index, leaf: *leaf }),
            }),
            None if !self.share.has(person) => Where::NotHere,
            None if self.whole => Where::At(Place::FIRST),
            None => Where::Unknown,
        }
    }

    /// A record is gone, which may have been anybody's.
    pub(super) fn lose(&mut self) {
        self.whole = false;
        self.ends.clear();
    }

    /// The person's records go on.
    pub(super) fn extend(&mut self, person: PersonId, end: ChainEnd) {
        let known = self.ends.contains_key(&person);
        while !known && self.ends.len() >= self.room && self.share.has(&person) && self.share.of < MOST_SHARES
        {
            let [here, later] = self.share.halves();
            self.share = here;
            self.later.push(later);
            self.ends.retain(|known, _| here.has(known));
        }
        if self.share.has(&person) {
            self.ends.insert(person, end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(number: u64) -> PersonId {
        let mut id = [7; 16];
        id[8..].copy_from_slice(&number.to_be_bytes());
        id
    }

    #[test]
    fn every_person_is_looked_at_in_one_reading_whatever_the_room() {
        // Each of ten persons has three records, one after the other.
        let log: Vec<u64> = (0..3).flat_map(|_| 0..10).collect();
        for room in [1, 2, 3, 10, 100] {
            let mut readings = vec![Places::new(true, room)];
            let mut seen = vec![0; 10];
            while let Some(mut places) = readings.pop() {
                let mut numbers = HashMap::<u64, Vec<u64>>::new();
                for (index, who) in (0..).zip(&log) {
                    if let Where::At(place) = places.find(&person(*who)) {
                        numbers.entry(*who).or_default().push(place.number);
                        places.extend(person(*who), ChainEnd { number: place.number, index, leaf: [1; 32] });
                    }
                }
                assert!(places.ends.len() <= room);
                for (who, numbers) in numbers {
                    if numbers == [1, 2, 3] {
                        seen[who as usize] += 1;
                    }
                }
                readings.extend(places.next());
            }
            assert_eq!(seen, [1; 10], "room for {room}");
        }
    }

    #[test]
    fn of_a_log_whose_beginning_was_given_up_nobody_is_at_a_first_place() {
        let places = Places::new(false, 10);
        assert_eq!(places.find(&person(1)), Where::Unknown);
    }

    #[test]
    fn behind_a_record_that_is_gone_nobody_is_known_any_more() {
        let mut places = Places::new(true, 10);
        places.extend(person(1), ChainEnd { number: 1, index: 0, leaf: [1; 32] });
        assert!(matches!(places.find(&person(1)), Where::At(Place { number: 2, .. })));
        places.lose();
        assert_eq!([1, 2].map(|who| places.find(&person(who))), [Where::Unknown; 2]);
    }
}
