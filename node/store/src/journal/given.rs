//! The number given last in each partition.
//!
//! What must hold: the numbers of a partition are given one at a time, each when its entry is sealed and queued, so that the
//! queue is in their order; whoever takes numbers back has all of them alone. Nobody waits for who seals an entry of
//! another partition.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, RwLock, RwLockWriteGuard};

use super::error::JournalError;
use crate::folder;
use crate::hold::hold;

/// By the partitions' names.
pub(super) struct Given(RwLock<HashMap<String, Mutex<u64>>>);

impl Given {
    /// Numbers go on behind these.
    pub(super) fn after(last: HashMap<String, u64>) -> Self {
        Self(RwLock::new(behind(last)))
    }

    /// Gives the next number of a partition to `take`, which queues its entry; where that fails, the number is given again.
    pub(super) fn give<T>(
        &self,
        partition: &str,
        take: impl FnOnce(u64) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = known.get(partition) {
            let mut last = hold(last);
            let taken = take(*last + 1)?;
            *last += 1;
            return Ok(taken);
        }
        drop(known);
        folder::check_name(partition).map_err(|_| JournalError::BadName)?;
        let mut alone = self.alone();
        // Somebody else may have been first meanwhile.
        let next = alone.last(partition).unwrap_or(0) + 1;
        let taken = take(next)?;
        alone.set(partition, next);
        Ok(taken)
    }

    /// All of them: nobody is given any meanwhile.
    pub(super) fn alone(&self) -> Alone<'_> {
        Alone(self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The numbers of all partitions, while nobody is given any.
pub(super) struct Alone<'a>(RwLockWriteGuard<'a, HashMap<String, Mutex<u64>>>);

impl Alone<'_> {
    /// The number given last; `None` where nobody was given any.
    pub(super) fn last(&mut self, partition: &str) -> Option<u64> {
        self.0.get_mut(partition).map(|last| *last.get_mut().unwrap_or_else(PoisonError::into_inner))
    }

    /// The next number is the one behind `last`.
    pub(super) fn set(&mut self, partition: &str, last: u64) {
        self.0.insert(partition.to_owned(), Mutex::new(last));
    }

    /// Nobody was given any.
    pub(super) fn forget(&mut self, partition: &str) {
        self.0.remove(partition);
    }

    /// Takes back all that were given behind these.
    pub(super) fn take_back_to(&mut self, last: HashMap<String, u64>) {
        *self.0 = behind(last);
    }
}

fn behind(last: HashMap<String, u64>) -> HashMap<String, Mutex<u64>> {
    last.into_iter().map(|(partition, number)| (partition, Mutex::new(number))).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn none() -> Given {
        Given::after(HashMap::new())
    }

    #[test]
    fn a_number_whose_entry_is_not_queued_is_given_again() {
        let numbers = none();
        for expected in [1, 2] {
            assert!(numbers.give("982016", |_| Err::<u64, _>(JournalError::Full)).is_err());
            assert_eq!(numbers.give("982016", Ok).unwrap(), expected);
        }
        assert_eq!(numbers.alone().last("982016"), Some(2));
        assert!(numbers.give("982024", |_| Err::<u64, _>(JournalError::Full)).is_err());
        assert_eq!(numbers.alone().last("982024"), None, "as if it had never been asked for");
        assert!(matches!(numbers.give("../up", Ok), Err(JournalError::BadName)));
    }

    #[test]
    fn numbers_that_are_taken_back_are_given_again() {
        let numbers = Given::after([("982016".to_owned(), 7)].into());
        assert_eq!(numbers.give("982016", Ok).unwrap(), 8);
        assert_eq!(numbers.give("982024", Ok).unwrap(), 1);
        numbers.alone().take_back_to([("982016".to_owned(), 7)].into());
        assert_eq!(numbers.give("982016", Ok).unwrap(), 8);
        assert_eq!(numbers.give("982024", Ok).unwrap(), 1);
        numbers.alone().forget("982016");
        assert_eq!(numbers.give("982016", Ok).unwrap(), 1);
    }

    #[test]
    fn nobody_waits_for_who_seals_an_entry_of_another_partition() {
        let numbers = Given::after([("982016".to_owned(), 0), ("982024".to_owned(), 0)].into());
        let (tell, told) = mpsc::channel();
        std::thread::scope(|scope| {
            let sealing = |number| {
                scope.spawn(|| tell.send(numbers.give("982024", Ok).unwrap()));
                assert_eq!(told.recv_timeout(PATIENCE), Ok(1));
                Ok(number)
            };
            assert_eq!(numbers.give("982016", sealing).unwrap(), 1);
        });
    }

    #[test]
    fn entries_are_queued_in_the_order_of_their_numbers() {
        let (numbers, queued) = (none(), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for at in 0..500_usize {
                        let partition = ["982016", "982024", "983012"][at % 3];
                        let queue = |number| {
                            hold(&queued).push((partition, number));
                            Ok(())
                        };
                        numbers.give(partition, queue).unwrap();
                    }
                });
            }
        });
        let queued = queued.into_inner().unwrap();
        for partition in ["982016", "982024", "983012"] {
            let of: Vec<u64> =
                queued.iter().filter(|(name, _)| *name == partition).map(|(_, n)| *n).collect();
            assert_eq!(of, (1..=of.len() as u64).collect::<Vec<_>>());
        }
    }
}
