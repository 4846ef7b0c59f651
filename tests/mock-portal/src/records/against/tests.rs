//! What the two sides may differ in, and what they may not.

use super::*;

fn ids(numbers: &[u8]) -> BTreeSet<RequestId> {
    numbers.iter().map(|number| RequestId([*number; 16])).collect()
}

/// What is left out, and what is kept closed.
fn differ(answered: &[u8], shown: &[u8], hidden: u64, at_body: &[u8], closed: u64) -> (Vec<u8>, Vec<u8>) {
    let told = Told { answered: ids(answered), shown: ids(shown), closed: hidden };
    let asked = ids(at_body);
    let differing = differences(&told, &Shown { asked: &asked, closed, lost: &[], until_ms: u64::MAX });
    let numbers = |ids: &[RequestId]| ids.iter().map(|request| request.0[0]).collect();
    (numbers(&differing.left_out), numbers(&differing.kept_closed))
}

const NONE: (Vec<u8>, Vec<u8>) = (Vec::new(), Vec::new());

#[test]
fn what_one_side_leaves_out_is_told_by_request() {
    assert_eq!(differ(&[1, 2], &[1, 2, 3], 0, &[1, 2, 3], 0), NONE);
    assert_eq!(differ(&[1, 2], &[1, 2], 0, &[1], 0), (vec![2], vec![]), "left out at the body");
    assert_eq!(differ(&[1], &[1], 0, &[1, 2], 0), (vec![2], vec![]), "left out at the brokers");
    assert_eq!(differ(&[1, 2], &[1, 2], 0, &[], 1), (vec![1, 2], vec![]), "more than is closed");
}

#[test]
fn r50_what_is_hidden_at_both_sides_is_no_difference() {
    assert_eq!(differ(&[1], &[1], 1, &[1, 2], 0), NONE);
    assert_eq!(differ(&[], &[], 2, &[], 4), NONE);
    assert_eq!(differ(&[1], &[1], 3, &[1], 6), NONE);
}

/// A body that hides a record and tells no broker to hide it.
#[test]
fn r50_what_the_body_alone_keeps_closed_is_told_and_excuses_nothing_else() {
    assert_eq!(differ(&[1, 2], &[1, 2], 0, &[1], 2), (vec![], vec![2]));
    // Two requests hidden lawfully, which take four places: they are no room for four others.
    assert_eq!(differ(&[1, 2], &[1, 2], 2, &[], 4), (vec![], vec![1, 2]));
    assert_eq!(differ(&[1, 2, 3], &[1, 2, 3], 2, &[], 4), (vec![1, 2, 3], vec![]));
    assert_eq!(
        differ(&[1, 2], &[1, 2], 0, &[], 3),
        (vec![1, 2], vec![]),
        "one place is no room for a request"
    );
}

#[test]
fn r41_what_a_restore_has_lost_is_told_as_that_and_not_twice() {
    let told = Told { answered: ids(&[1, 2]), shown: ids(&[1, 2]), closed: 0 };
    let lost = [RequestId([2; 16])];
    let of = |asked: &[u8]| {
        let asked = ids(asked);
        differences(&told, &Shown { asked: &asked, closed: 0, lost: &lost, until_ms: u64::MAX })
    };
    assert!(of(&[1]).is_none());
    assert_eq!(of(&[]).left_out, [RequestId([1; 16])]);
}

#[test]
fn requests_of_the_last_seconds_are_left_out() {
    let id: RequestId = "019aa3d2c8007abc8123456789abcdef".parse().unwrap();
    let told = Told { answered: [id].into(), shown: [id].into(), closed: 0 };
    let at = id.unix_ms().unwrap();
    let none = BTreeSet::new();
    let of = |until_ms, closed| differences(&told, &Shown { asked: &none, closed, lost: &[], until_ms });
    assert_eq!((of(at, 0), of(at, 2)), (Differences::default(), Differences::default()));
    assert_eq!((of(at + 1, 0).left_out.len(), of(at + 1, 2).kept_closed.len()), (1, 1));
}

#[test]
fn r40_numbers_that_no_sum_can_hold_are_taken_as_what_they_are() {
    let count = |answered, closed| BodyCount { body: "982016".parse().unwrap(), answered, others: 0, closed };
    let mut told = Told::default();
    assert_eq!(counted(&mut told, &[count(1, 2), count(3, 4)]), 4);
    assert_eq!(counted(&mut told, &[count(u64::MAX, u64::MAX), count(1, 1)]), u64::MAX);
    assert_eq!(told.closed, u64::MAX);
}
