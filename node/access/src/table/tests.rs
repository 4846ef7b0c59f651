//! Intervals and the values that stand for them.

use super::*;

#[test]
fn every_number_has_an_interval_and_every_interval_a_number_where_there_is_room() {
    let cases: &[&[i64]] =
        &[&[], &[0], &[1, 2, 4], &[i64::MIN, 0, i64::MAX], &[-3, -1], &[i64::MAX - 1, i64::MAX]];
    for numbers in cases {
        let around = numbers.iter().flat_map(|number| {
            [
                number.saturating_sub(2),
                number.saturating_sub(1),
                *number,
                number.saturating_add(1),
                number.saturating_add(2),
            ]
        });
        for value in around.chain([i64::MIN, -1, 0, 1, i64::MAX]) {
            let class = interval(numbers, value);
            let stands = number_of(numbers, class).unwrap();
            assert_eq!(interval(numbers, stands), class, "{numbers:?} {value}");
            for number in *numbers {
                assert_eq!(value.cmp(number), stands.cmp(number), "{numbers:?} {value} {stands}");
            }
        }
    }
    assert_eq!(number_of(&[1, 2], 2), None, "nothing lies between 1 and 2");
    assert_eq!(number_of(&[i64::MIN], 0), None);
    assert_eq!(number_of(&[i64::MAX], 2), None);
}

#[test]
fn the_text_that_stands_for_all_others_is_none_of_them() {
    let texts: Vec<Box<str>> = ["", "-", "--", "---x"].map(Into::into).to_vec();
    assert!(!texts.contains(&other(&texts).into()));
    assert_eq!(other(&[]), "-");
}

#[test]
fn different_values_have_different_parts_of_a_key() {
    let names = |texts: &[&str]| -> Vec<String> { texts.iter().map(|&text| text.to_owned()).collect() };
    let sets = [&["a", "b"][..], &["ab"], &["b"], &[], &["", "b"], &[""]].map(names);
    // An attribute has one type: only values of one type have to be told apart.
    let sets: Vec<Value<'_>> =
        sets.iter().map(|set| Value::Texts(crate::reading::Texts::Names(set))).collect();
    let texts = ["", "a", "ab", "\0"].map(Value::Text);
    let others = [Value::Long(0), Value::Long(-1), Value::Long(1)];
    for values in [&sets[..], &texts, &others] {
        let mut keys: Vec<Vec<u8>> = values
            .iter()
            .map(|value| {
                let mut key = Vec::new();
                put_value(&mut key, *value);
                put(&mut key, b"x");
                key
            })
            .collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), values.len());
    }
}
