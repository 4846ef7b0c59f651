//! Finds individual numbers (個人番号), which the system must never hold (R10).
//!
//! Searched, after NFKC and without invisible format characters: a maximal run of exactly 12 digits, also
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
        return find_in_runs(&runs(text.chars()));
    }
    let visible = text.nfkc().filter(|c| c.general_category() != GeneralCategory::Format);
    find_in_runs(&runs(visible))
}

/// Whether `text` is 12 ASCII digits with the check digit of an individual number (番号法施行令8条).
pub fn is_valid(text: &str) -> bool {
    let Ok(digits) = <[u8; DIGITS]>::try_from(text.as_bytes()) else { return false };
    digits.iter().all(u8::is_ascii_digit) && check_digit_fits(&digits.map(|digit| digit - b'0'))
}

/// A maximal run of digits, and what stands between it and the run before it.
struct Run {
    digits: Vec<u8>,
    joint: Option<Joint>,
}

/// A single character that groups digits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Joint {
    Space,
    Hyphen,
}

fn runs(characters: impl Iterator<Item = char>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut joint = None;
    let mut inside = false;
    let mut between = 0_usize;
    for character in characters {
        if let Some(digit) = character.to_digit(10).and_then(|digit| u8::try_from(digit).ok()) {
            match runs.last_mut().filter(|_| inside) {
                Some(run) => run.digits.push(digit),
                None => runs.push(Run { digits: vec![digit], joint: joint.filter(|_| between == 1) }),
            }
            inside = true;
            between = 0;
        } else {
            inside = false;
            between += 1;
            joint = joint_of(character);
        }
    }
    runs
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

fn find_in_runs(runs: &[Run]) -> bool {
    runs.iter().any(|run| check_digit_fits(&run.digits)) || (0..runs.len()).any(|at| grouped_at(runs, at))
}

/// Whether the three runs from `at` are one number written 4-4-4, and not part of a longer row of fours.
fn grouped_at(runs: &[Run], at: usize) -> bool {
    let Some([first, second, third]) = runs.get(at..).and_then(<[Run]>::first_chunk::<3>) else {
        return false;
    };
    let (Some(left), Some(right)) = (second.joint, third.joint) else { return false };
    if [first, second, third].iter().any(|run| run.digits.len() != GROUP) {
        return false;
    }
    let before = at.checked_sub(1).and_then(|before| runs.get(before));
    let continues_left = first.joint == Some(left) && before.is_some_and(|run| run.digits.len() == GROUP);
    let continues_right =
        runs.get(at + 3).is_some_and(|run| run.joint == Some(right) && run.digits.len() == GROUP);
    if continues_left || continues_right {
        return false;
    }
    check_digit_fits(&[first, second, third].map(|run| run.digits.as_slice()).concat())
}

/// With P the digits counted from the right of the first eleven and Q their weights 2..7, 2..6: the check
/// digit is 11 - (sum of P·Q mod 11), or 0 where that remainder is 0 or 1.
fn check_digit_fits(digits: &[u8]) -> bool {
    let Some((check, rest)) = digits.split_last().filter(|(_, rest)| rest.len() == DIGITS - 1) else {
        return false;
    };
    let weights = (2..=7).chain(2..=6);
    let sum: u32 = rest.iter().rev().zip(weights).map(|(&digit, weight)| u32::from(digit) * weight).sum();
    let expected = match sum % 11 {
        0 | 1 => 0,
        remainder => 11 - remainder,
    };
    u32::from(*check) == expected
}
