//! Rotation of keys within a keyring: new keys beside the old ones, and the retirement of old ones.
//!
//! Data keeps opening under the numbers its headers name. Naming and log keys do not rotate: names and the chain of
//! events stand on them.

use super::{Keyring, KeyringError, NamingKey};
use crate::key::Key32;
use crate::seal::Purpose;

impl Keyring {
    /// A new standing key (day 0) for every purpose and a new key for every page. Old ones go on opening.
    pub fn renew_standing(&mut self) -> Result<(), KeyringError> {
        for purpose in Purpose::ALL {
            self.add_day_key(purpose, 0)?;
        }
        for page in self.pages() {
            self.renew_page_key(page)?;
        }
        Ok(())
    }

    /// A new key for `page`, and its number. The page's row stays under the old one until it is sealed anew.
    pub fn renew_page_key(&mut self, page: u32) -> Result<u32, KeyringError> {
        let newest = self.newest_of_page(page).map_or(0, |(number, _)| number);
        let number = newest.checked_add(1).ok_or(KeyringError::TooLong)?;
        self.pages.insert((page, number), Key32::generate()?);
        Ok(number)
    }

    /// Destroys key `number` of `purpose`, whatever its day; tells whether it was there. What it sealed is gone.
    /// The newest of its day is refused.
    pub fn retire(&mut self, purpose: Purpose, number: u32) -> Result<bool, KeyringError> {
        let held = self.days.keys().find(|(of, _, held)| (*of, *held) == (purpose, number)).copied();
        let Some(held) = held else { return Ok(false) };
        if self.newest_of_day(purpose, held.1).is_some_and(|(newest, _)| newest == number) {
            return Err(KeyringError::InUse);
        }
        Ok(self.days.remove(&held).is_some())
    }

    /// Destroys every key of `page` but the newest, and counts them. A row of the page that an older one sealed is
    /// gone, and with it whatever its persons' keys sealed.
    pub fn retire_page(&mut self, page: u32) -> usize {
        let Some((newest, _)) = self.newest_of_page(page) else { return 0 };
        let before = self.pages.len();
        self.pages.retain(|(of, number), _| *of != page || *number == newest);
        before - self.pages.len()
    }

    /// Destroys every key of `page` below `number`, and counts them; what they sealed is gone.
    pub fn retire_page_below(&mut self, page: u32, number: u32) -> usize {
        let before = self.pages.len();
        self.pages.retain(|(of, held), _| *of != page || *held >= number);
        before - self.pages.len()
    }

    /// Destroys everything but the keys of the log and of exchange records, those of each day included: what is left opens
    /// no row of its owner and names none.
    pub fn end_all_but_log(&mut self) -> Result<(), KeyringError> {
        let stays = |purpose: &Purpose| matches!(purpose, Purpose::Audit | Purpose::Exchange);
        let naming = Key32::generate()?;
        self.naming = (naming.clone(), NamingKey::of_body(&naming));
        self.days.retain(|(purpose, _, _), _| stays(purpose));
        self.pages.clear();
        Ok(())
    }

    /// Whether [`Self::end_all_but_log`] was called: nothing but the log opens any more.
    pub fn is_ended(&self) -> bool {
        self.newest_of_day(Purpose::Copies, 0).is_none()
    }

    /// Numbers of the keys of (`purpose`, `day`) at hand, ascending; the last one seals.
    pub fn day_numbers(&self, purpose: Purpose, day: u32) -> Vec<u32> {
        let of_day = self.days.range((purpose, day, 0)..=(purpose, day, u32::MAX));
        of_day.map(|((_, _, number), _)| *number).collect()
    }

    /// Days other than 0 for which `purpose` has a key, ascending.
    pub fn days(&self, purpose: Purpose) -> Vec<u32> {
        let dated = self.days.range((purpose, 1, 0)..=(purpose, u32::MAX, u32::MAX));
        let mut days: Vec<u32> = dated.map(|((_, day, _), _)| *day).collect();
        days.dedup();
        days
    }

    /// Numbers of the keys of `page` at hand, ascending; the last one seals.
    pub fn page_numbers(&self, page: u32) -> Vec<u32> {
        self.pages.range((page, 0)..=(page, u32::MAX)).map(|((_, number), _)| *number).collect()
    }

    /// Pages with a key, ascending.
    pub fn pages(&self) -> Vec<u32> {
        let mut pages: Vec<u32> = self.pages.keys().map(|(page, _)| *page).collect();
        pages.dedup();
        pages
    }
}
