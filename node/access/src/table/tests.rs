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
fn different_samples_have_different_keys() {
    let sample = |values: &[&str]| Sample {
        action: 1,
        values: vec![(Attribute::Roles, Owned::Texts(values.iter().map(|&text| text.to_owned()).collect()))],
    };
    let text =
        |text: &str| Sample { action: 1, values: vec![(Attribute::Kind, Owned::Text(text.to_owned()))] };
    let mut keys = vec![key(1, &text("a")), key(2, &text("a")), key(1, &text("b")), key(1, &text(""))];
    for values in [&["a", "b"][..], &["ab"], &["b"], &[], &["", ""], &[""]] {
        keys.push(key(1, &sample(values)));
    }
    keys.push(key(1, &Sample { action: 2, values: Vec::new() }));
    let count = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), count);
}
