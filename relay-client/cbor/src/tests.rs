//! Against the library that sorts while it writes.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Serialize, Serializer};

use super::*;

/// Whatever a format here may hold; maps in the order in which they are told.
#[derive(Clone, Debug)]
enum Any {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Any>),
    Map(Vec<(String, Any)>),
}

impl Serialize for Any {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Unsigned(value) => serializer.serialize_u64(*value),
            Self::Signed(value) => serializer.serialize_i64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::Bytes(value) => serializer.serialize_bytes(value),
            Self::List(values) => {
                let mut list = serializer.serialize_seq(Some(values.len()))?;
                values.iter().try_for_each(|value| list.serialize_element(value))?;
                list.end()
            }
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
        }
    }
}

fn values() -> impl Strategy<Value = Any> {
    let leaf = prop_oneof![
        Just(Any::Null),
        any::<bool>().prop_map(Any::Bool),
        any::<u64>().prop_map(Any::Unsigned),
        (0..70_000_u64).prop_map(Any::Unsigned),
        any::<i64>().prop_map(Any::Signed),
        ".{0,30}".prop_map(Any::Text),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Any::Bytes),
    ];
    leaf.prop_recursive(5, 64, 12, |inner| {
        let key = prop_oneof!["[a-c]{0,3}", "[a-z]{22,26}", "[a-b]{254,258}"];
        let entries = prop::collection::btree_map(key, inner.clone(), 0..12);
        let told = entries.prop_map(|entries: BTreeMap<String, Any>| entries.into_iter().collect::<Vec<_>>());
        prop_oneof![
            prop::collection::vec(inner, 0..30).prop_map(Any::List),
            told.prop_shuffle().prop_map(Any::Map),
        ]
    })
}

proptest! {
    #[test]
    fn every_value_has_the_form_that_the_library_gives_it(value in values()) {
        prop_assert_eq!(to_vec(&value).unwrap(), serde_ipld_dagcbor::to_vec(&value).unwrap());
    }

    #[test]
    fn what_stands_before_a_value_stays(value in values(), before in prop::collection::vec(any::<u8>(), 0..20)) {
        let bytes = behind(&before, &value).unwrap();
        prop_assert_eq!(&bytes[..before.len()], &before[..]);
        prop_assert_eq!(&bytes[before.len()..], &to_vec(&value).unwrap()[..]);
    }

    #[test]
    fn bytes_that_nobody_wrote_are_ordered_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let before = bytes.len();
        let _ = Order::new().put(&mut bytes);
        prop_assert_eq!(bytes.len(), before);
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    #[serde(rename = "plain")]
    Plain,
    #[serde(rename = "of")]
    Of { z: u8, a: Option<u8>, aa: i8 },
    #[serde(rename = "pair")]
    Pair(u8, u8),
    #[serde(rename = "whole")]
    Whole(Inner),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Inner {
    name: String,
    #[serde(with = "serde_bytes")]
    id: [u8; 4],
    #[serde(default, skip_serializing_if = "Option::is_none")]
    b: Option<u16>,
}

#[test]
fn derived_types_have_the_form_that_the_library_gives_them() {
    let inner = || Inner { name: "値".to_owned(), id: [1, 2, 3, 4], b: None };
    let all = vec![
        Kind::Plain,
        Kind::Of { z: 1, a: None, aa: -1 },
        Kind::Of { z: 1, a: Some(2), aa: -1 },
        Kind::Pair(1, 2),
        Kind::Whole(inner()),
        Kind::Whole(Inner { b: Some(7), ..inner() }),
    ];
    let bytes = to_vec(&all).unwrap();
    assert_eq!(bytes, serde_ipld_dagcbor::to_vec(&all).unwrap());
    assert_eq!(from_slice::<Vec<Kind>>(&bytes), Ok(all));
}

#[test]
fn what_has_no_form_here_is_refused() {
    assert_eq!(to_vec(&1.5_f64), Err(NotInForm));
    let twice = Any::Map(vec![("b".into(), Any::Null), ("a".into(), Any::Null), ("b".into(), Any::Null)]);
    assert_eq!(to_vec(&twice), Err(NotInForm));
    let twice = Any::Map(vec![("a".into(), Any::Null), ("a".into(), Any::Null)]);
    assert_eq!(to_vec(&twice), Err(NotInForm));
    struct Endless;
    impl Serialize for Endless {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut list = serializer.serialize_seq(None)?;
            list.serialize_element(&1)?;
            list.end()
        }
    }
    assert_eq!(to_vec(&Endless), Err(NotInForm));
    let deep = (0..70).fold(Any::Null, |within, _| Any::List(vec![within]));
    assert_eq!(to_vec(&deep), Err(NotInForm));
}
