//! The shipped policies have tables, and bodies with the same text share what was read.

use super::*;

const NOTES: &str = "@reason_en(\"test\") @reason_ja(\"試験\")";

fn policy(id: &str, minute: usize) -> String {
    format!(
        "@id(\"{id}\") {NOTES} forbid (principal, action, resource) when {{ context.minute == {minute} }};\n"
    )
}

#[test]
fn every_shipped_policy_has_a_table() {
    let base = base(&Vocabulary::shipped().unwrap(), &Memory::new()).unwrap();
    assert_eq!(base.wide(), 0);
    let bytes: usize = base.rules.iter().map(|rule| rule.table_bytes()).sum();
    assert!(base.wide.is_empty() && base.count() > 40 && bytes < 4_096);
}

#[test]
fn bodies_with_the_same_policy_share_it_and_it_goes_with_the_last() {
    let (vocabulary, memory, shelf) = (Vocabulary::shipped().unwrap(), Memory::new(), Shelf::default());
    let base = base(&vocabulary, &memory).unwrap();
    let read = |text: &str| own(&vocabulary, &memory, &shelf, &base, text).unwrap();
    let first = read(&(policy("a", 1) + &policy("b", 2)));
    let second = read(&format!("// another text\n{}", policy("b", 2)));
    assert!(Arc::ptr_eq(&first.rules[1], &second.rules[0]));
    assert_ne!(first.version, second.version);
    let gone = Arc::downgrade(&first.rules[0]);
    drop(first);
    assert!(gone.upgrade().is_none());
    assert_eq!(Arc::strong_count(&second.rules[0]), 1);
}
