//! Growth in the order of the log, whatever is at hand.

use chukei_crypto::tlog::{Frontier, Salt};

use super::*;

fn salt(number: u64) -> Salt {
    Salt::from_bytes(chukei_crypto::mac::MacKey::new([7; 32]).tag(&[&number.to_be_bytes()]))
}

fn record(number: u64) -> Coming {
    let internal = Commitment::new(Part::Internal, &salt(number), &number.to_be_bytes());
    Coming { internal, salt: salt(number), shown: None, begins: None }
}

/// The tree of records 1 to `last` by definition.
fn expected(last: u64) -> TreeHead {
    let mut frontier = Frontier::new();
    for number in 1..=last {
        let internal = record(number).internal;
        let person = Commitment::new(Part::Person, &salt(number), &[]);
        frontier.append(Leaf { person, internal }.hash()).unwrap();
    }
    frontier.head()
}

#[test]
fn a_leaf_is_there_once_its_record_is_durable_and_in_the_order_of_the_numbers() {
    let tree = LogTree::default();
    for number in [1, 2, 4, 5] {
        tree.keep(number, record(number));
    }
    assert_eq!(tree.grow(0).unwrap(), Grown::Whole);
    assert_eq!(tree.head(), (TreeHead::EMPTY, FIRST_EPOCH));
    assert_eq!(tree.grow(1).unwrap(), Grown::Whole);
    assert_eq!(tree.grow(5).unwrap(), Grown::UpTo(3), "to be read from the log");
    tree.take(3, record(3));
    assert_eq!(tree.grow(5).unwrap(), Grown::Whole);
    assert_eq!(tree.head(), (expected(5), FIRST_EPOCH));
}

#[test]
fn a_number_that_is_given_anew_has_its_own_leaf() {
    let tree = LogTree::default();
    tree.keep(1, record(7));
    tree.keep(1, record(1));
    tree.grow(1).unwrap();
    assert_eq!(tree.head(), (expected(1), FIRST_EPOCH));
}

#[test]
fn a_restore_begins_an_epoch_of_the_log() {
    let tree = LogTree::default();
    tree.keep(1, record(1));
    tree.keep(2, Coming { begins: Some(77), ..record(2) });
    tree.keep(3, record(3));
    for (durable, epoch) in [(1, FIRST_EPOCH), (2, 77), (3, 77)] {
        tree.grow(durable).unwrap();
        assert_eq!(tree.head().1, epoch);
    }
}

#[test]
fn what_is_stored_is_held_no_longer_and_what_grew_meanwhile_is() {
    let tree = LogTree::default();
    let grow_to = |from: u64, to: u64| {
        (from..=to).for_each(|number| tree.keep(number, record(number)));
        assert_eq!(tree.grow(to).unwrap(), Grown::Whole);
    };
    let widths = |unstored: &Unstored| -> Vec<_> {
        unstored.tiles.iter().map(|(place, bytes)| (*place, bytes.len() / 32)).collect()
    };
    grow_to(1, 600);
    let unstored = tree.unstored().unwrap();
    assert_eq!(widths(&unstored), [((0, 0), 256), ((0, 1), 256), ((0, 2), 88), ((1, 0), 2)]);
    grow_to(601, 800);
    tree.stored(&unstored);
    let unstored = tree.unstored().unwrap();
    assert_eq!(widths(&unstored), [((0, 2), 256), ((0, 3), 32), ((1, 0), 3)]);
    assert_eq!(tree.unstored_leaves(), 200);
    tree.stored(&unstored);
    assert!(tree.unstored().is_none() && tree.unstored_leaves() == 0);
}
