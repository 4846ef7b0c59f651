//! Finds individual numbers (個人番号), which the system must never hold (R10).
//!
//! Searched, after NFKC and without format characters and marks, which hide between digits: a maximal run of exactly 12 digits, also
//! grouped 4-4-4 by single spaces or hyphens, whose check digit is valid. Longer runs, evenly grouped ones
//! included, are references of another kind and not searched. About one random run of 12 digits in ten is
//! found too; refusing it is the price. Deliberately absent: any copy of what was found.

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

const DIGITS: usize = 12;
const GROUP: usize = 4;

/// Whether `text` holds an individual number.
pub fn find(text: &str) -> bool {
    if text.is_ascii() {
        // Nearly every field of an import ends here, without an allocation.
        if text.bytes().filter(u8::is_ascii_digit).count() < DIGITS {
            return false;
        }
        return search(text.chars());
    }
    search(text.nfkc().filter(|&character| !hides(character)))
}

/// Zero-width characters, variation selectors, combining and enclosing marks.
fn hides(character: char) -> bool {
    use GeneralCategory::{EnclosingMark, Format, NonspacingMark};
    !character.is_ascii() && matches!(character.general_category(), Format | NonspacingMark | EnclosingMark)
}

/// Whether `text` is 12 ASCII digits with the check digit of an individual number (番号法施行令8条).
pub fn is_valid(text: &str) -> bool {
    let Ok(digits) = <[u8; DIGITS]>::try_from(text.as_bytes()) else { return false };
    digits.iter().all(u8::is_ascii_digit) && check_digit_fits(digits.map(|digit| digit - b'0'))
}

/// A single character that groups digits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Joint {
    Space,
    Hyphen,
}

/// A maximal run of digits, of which the first twelve are kept, and what joins it to the run before.
#[derive(Clone, Copy, Default)]
struct Run {
    digits: [u8; DIGITS],
    length: usize,
    joint: Option<Joint>,
}

/// Reads characters one by one: memory stays the same however long the text is.
#[derive(Default)]
struct Finder {
    /// The last five runs, the newest last: one number in three groups, and its neighbours.
    window: [Run; 5],
    current: Run,
    /// Characters since the last digit, and the last of them.
    gap: usize,
    joint: Option<Joint>,
}

fn search(characters: impl Iterator<Item = char>) -> bool {
    let mut finder = Finder::default();
    for character in characters {
        if finder.take(character) {
            return true;
        }
    }
    // An empty run behind the last one shows that nothing follows.
    finder.end_run() || finder.push(Run::default())
}

impl Finder {
    fn take(&mut self, character: char) -> bool {
        if let Some(digit) = character.to_digit(10).and_then(|digit| u8::try_from(digit).ok()) {
            if self.current.length == 0 {
                self.current.joint = self.joint.filter(|_| self.gap == 1);
            }
            self.current.add(digit);
            self.gap = 0;
            return false;
        }
        self.gap = self.gap.saturating_add(1);
        self.joint = joint_of(character);
        self.end_run()
    }

    fn end_run(&mut self) -> bool {
        self.current.length > 0 && {
            let run = std::mem::take(&mut self.current);
            self.push(run)
        }
    }

    fn push(&mut self, run: Run) -> bool {
        let [_, a, b, c, d] = self.window;
        self.window = [a, b, c, d, run];
        (run.length == DIGITS && check_digit_fits(run.digits)) || self.is_grouped()
    }

    /// Whether the three runs in the middle are one number written 4-4-4, not part of a longer row of fours.
    fn is_grouped(&self) -> bool {
        let [before, first, second, third, after] = &self.window;
        let fours = [first, second, third].iter().all(|run| run.length == GROUP);
        let (Some(left), Some(right)) = (second.joint, third.joint) else { return false };
        let continues_left = before.length == GROUP && first.joint == Some(left);
        let continues_right = after.length == GROUP && after.joint == Some(right);
        if !fours || continues_left || continues_right {
            return false;
        }
        let mut number = [0; DIGITS];
        let digits = [first, second, third].into_iter().flat_map(|run| run.digits.into_iter().take(GROUP));
        number.iter_mut().zip(digits).for_each(|(place, digit)| *place = digit);
        check_digit_fits(number)
    }
}

impl Run {
    fn add(&mut self, digit: u8) {
        if let Some(place) = self.digits.get_mut(self.length) {
            *place = digit;
        }
        self.length = self.length.saturating_add(1);
    }
}

/// Dashes, minus signs and the long-vowel mark that people type for a hyphen; NFKC leaves these apart.
fn joint_of(character: char) -> Option<Joint> {
    match character {
        ' ' | '\t' => Some(Joint::Space),
        '-' | '\u{2010}'..='\u{2015}' | '\u{2043}' | '\u{2212}' | '\u{2500}' | '\u{30FC}' => {
            Some(Joint::Hyphen)
        }
        _ => None,
    }
}

/// With P the digits counted from the right of the first eleven and Q their weights 2..7, 2..6: the check
/// digit is 11 - (sum of P·Q mod 11), or 0 where that remainder is 0 or 1.
fn check_digit_fits(digits: [u8; DIGITS]) -> bool {
    let [rest @ .., check] = digits;
    let weights = (2..=7).chain(2..=6);
    let sum: u32 = rest.iter().rev().zip(weights).map(|(&digit, weight)| u32::from(digit) * weight).sum();
    let expected = match sum % 11 {
        0 | 1 => 0,
        remainder => 11 - remainder,
    };
    u32::from(check) == expected
}

#[cfg(test)]
mod tests;
