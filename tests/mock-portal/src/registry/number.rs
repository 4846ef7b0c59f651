//! Integrated addressee numbers (団体内統合宛名番号) the mock registry gives out: 15 digits, the body's code in
//! the middle, a counter around it, so that numbers of two bodies never meet.
//!
//! Form: counter / 10,000 as five digits ‖ body code ‖ counter mod 10,000 as four digits. There is room for
//! far more than 10 million persons per body. Counters ending in 9999 are never given out: such a number is
//! nobody's.

use chukei_wire::body_code::BodyCode;

/// The first counter of every body.
pub(crate) const FIRST: u64 = 101;
/// Counters are below this.
pub(crate) const END: u64 = 1_000_000_000;
const LOW: u64 = 10_000;
const NEVER: u64 = LOW - 1;

/// The addressee number of `counter` in `body`.
pub(crate) fn addressee_number(body: BodyCode, counter: u64) -> String {
    format!("{:05}{}{:04}", counter / LOW, body, counter % LOW)
}

/// The counters from `start` on, without those that are never given out.
pub(crate) fn counters(start: u64) -> impl Iterator<Item = u64> {
    (start..END).filter(|counter| counter % LOW != NEVER)
}

/// The counter behind `count` counters from `start` on; `None` where there is no room for them.
pub(crate) fn after(start: u64, count: u64) -> Option<u64> {
    // Counted in usable numbers: every block of LOW has one less.
    let used = start - start / LOW - u64::from(start % LOW == NEVER);
    let used = used.checked_add(count)?;
    let end = used.checked_add(used / (LOW - 1))?;
    (end <= END).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(code: &str) -> BodyCode {
        code.parse().unwrap()
    }

    #[test]
    fn the_first_person_is_the_first_of_the_scenarios() {
        assert_eq!(addressee_number(body("982016"), FIRST), "000009820160101");
        assert_eq!(addressee_number(body("982024"), FIRST), "000009820240101");
    }

    #[test]
    fn numbers_are_15_digits_unique_and_in_order() {
        let given = counters(FIRST).take(30_000).map(|counter| addressee_number(body("982024"), counter));
        let numbers: Vec<String> = given.collect();
        assert!(numbers.is_sorted_by(|a, b| a < b));
        assert!(numbers.iter().all(|number| number.len() == 15));
        assert!(!numbers.contains(&"000009820249999".to_owned()));
    }

    #[test]
    fn allotments_follow_each_other_without_gap_or_overlap() {
        for count in [1, 9_897, 9_898, 9_899, 9_900, 20_000, 65_432] {
            let next = after(FIRST, count).unwrap();
            let count = usize::try_from(count).unwrap();
            let last = counters(FIRST).nth(count - 1).unwrap();
            assert!(last < next, "{count}");
            assert_eq!(counters(next).next(), counters(FIRST).nth(count), "{count}");
        }
    }

    #[test]
    fn ten_million_persons_fit_and_the_end_is_an_answer() {
        let end = after(FIRST, 10_000_000).unwrap();
        assert_eq!(addressee_number(body("470007"), end).len(), 15);
        assert_eq!(after(FIRST, END), None);
        assert_eq!(after(FIRST, u64::MAX), None);
    }
}
