//! R50: what a withheld answer looks like, and what it does not reveal.

use super::*;

const NOW: u64 = 1_795_219_200_000;

fn code(number: &str) -> InfoNameCode {
    format!("TM000000000000{number}").parse().unwrap()
}

#[test]
fn an_answer_follows_what_is_there() {
    let flags = PersonFlags::default();
    let (tax, care) = (code("02"), code("04"));
    assert_eq!(decide(&flags, &[tax, care], |_| true), Answer::Done);
    assert_eq!(decide(&flags, &[tax, care], |dataset| *dataset == care), Answer::Done);
    assert_eq!(decide(&flags, &[tax, care], |_| false), Answer::NoData);
}

#[test]
fn r50_a_withheld_dataset_gives_the_neutral_answer_whether_or_not_anything_is_there() {
    let mut flags = PersonFlags::default();
    flags.block(&[code("02")]);
    for present in [true, false] {
        assert_eq!(decide(&flags, &[code("02")], |_| present), Answer::UnavailableAskBody);
        assert_eq!(decide(&flags, &[code("02"), code("04")], |_| present), Answer::UnavailableAskBody);
        assert_eq!(decide(&flags, &[code("04")], |_| present) == Answer::Done, present);
    }
}

#[test]
fn r50_flags_add_up_and_naming_no_dataset_withholds_all() {
    let mut flags = PersonFlags::default();
    flags.block(&[code("80"), code("02")]);
    flags.block(&[code("02")]);
    assert_eq!(flags.blocked_datasets, [code("02"), code("80")]);
    assert!(flags.blocks(&code("80")) && !flags.blocks(&code("04")));
    flags.block(&[]);
    assert!(flags.blocks(&code("04")));
    flags.block(&[code("04")]);
    assert!(flags.blocked_all, "naming a dataset later does not narrow the flag");
}

#[test]
fn r50_what_is_cleared_is_given_out_again_and_nothing_else() {
    let mut flags = PersonFlags::default();
    flags.block(&[code("80"), code("02")]);
    flags.unblock(&[code("02")]);
    assert_eq!(flags.blocked_datasets, [code("80")]);
    flags.block(&[]);
    flags.unblock(&[code("04")]);
    assert!(flags.blocks(&code("04")), "everything is withheld still");
    flags.unblock(&[]);
    assert_eq!(flags, PersonFlags::default());
}

#[test]
fn r50_the_two_flags_are_independent_and_each_change_of_what_is_hidden_is_counted() {
    let mut flags = PersonFlags::default();
    assert!(flags.undisclose(&[code("80"), code("02")], NOW));
    assert!(!flags.undisclose(&[code("02")], NOW), "nothing changed");
    assert!(flags.hides(&[code("04"), code("02")]) && !flags.hides(&[code("04")]) && !flags.hides(&[]));
    flags.block(&[]);
    flags.unblock(&[]);
    assert!(flags.hides(&[code("02")]) && !flags.blocked_all);
    assert!(flags.undisclose(&[], NOW) && flags.hides(&[]) && flags.hides(&[code("04")]));
    assert!(flags.disclose(&[code("02")], NOW), "one less is named");
    assert!(flags.hides(&[code("02")]), "everything is hidden still");
    assert!(flags.disclose(&[], NOW) && !flags.hides(&[code("80")]));
    assert_eq!(flags.undisclosed_version, NOW + 3);
    assert!(!flags.blocks(&code("80")));
}
