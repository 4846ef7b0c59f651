//! Walks the bytes of a record along the types, and holds each value to the kind of its field.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::kinds::{Kind, kind_of};
use super::source::{Field, Payload, Shape, Source, Ty};

/// Any value of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Flag(bool),
    Number(u64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Map(BTreeMap<String, Value>),
}

/// What was seen on the way.
pub(super) struct Walk<'a> {
    source: &'a Source,
    /// Leaves that had a value at least once, as `Type.field`.
    pub(super) seen: BTreeSet<String>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(source: &'a Source) -> Self {
        Self { source, seen: BTreeSet::new() }
    }

    /// Walks the canonical CBOR of a value of this type.
    pub(super) fn record(&mut self, name: &str, cbor: &[u8]) {
        self.named(name, &chukei_cbor::from_slice(cbor).unwrap());
    }

    fn named(&mut self, name: &str, value: &Value) {
        let source = self.source;
        match (&source.types[name].shape, value) {
            (Shape::Struct(fields), Value::Map(map)) => self.fields(name, "", fields, map),
            // A word of a closed set, or the number of one.
            (Shape::Enum(variants), Value::Text(word)) => {
                assert!(variants.iter().any(|variant| variant.key == *word), "{name}: {word}");
            }
            (Shape::Enum(variants), Value::Number(number)) => {
                assert!((1..=variants.len() as u64).contains(number), "{name}: {number}");
            }
            (Shape::Enum(variants), Value::Map(map)) => {
                let (key, inner) = map.first_key_value().unwrap();
                let variant = variants.iter().find(|variant| variant.key == *key).unwrap();
                match (&variant.payload, inner) {
                    (Payload::One(ty), inner) => {
                        let (key, doc) = (variant.key.clone(), variant.doc.clone());
                        let (name_of, ty, left_out) = (variant.name.clone(), ty.clone(), false);
                        self.field(name, &Field { name: name_of, key, doc, ty, left_out }, inner);
                    }
                    (Payload::Fields(fields), Value::Map(map)) => {
                        self.fields(name, &format!("{}.", variant.name), fields, map);
                    }
                    _ => panic!("{name}: {inner:?}"),
                }
            }
            _ => panic!("{name}: {value:?}"),
        }
    }

    fn fields(&mut self, owner: &str, prefix: &str, fields: &[Field], map: &BTreeMap<String, Value>) {
        for (key, value) in map {
            let field = fields.iter().find(|field| field.key == *key);
            let field = field.unwrap_or_else(|| panic!("{owner} has no field under {key}"));
            self.field(owner, &Field { name: format!("{prefix}{}", field.name), ..field.clone() }, value);
        }
    }

    fn field(&mut self, owner: &str, field: &Field, value: &Value) {
        match (&field.ty, value) {
            (Ty::Maybe(_), Value::Null) => {}
            (Ty::Maybe(of), value) => {
                self.field(owner, &Field { ty: (**of).clone(), ..field.clone() }, value)
            }
            (Ty::List(of), Value::List(values)) => {
                let one = Field { ty: (**of).clone(), ..field.clone() };
                values.iter().for_each(|value| self.field(owner, &one, value));
            }
            (Ty::Named(name), value) if self.source.types.contains_key(name) => self.named(name, value),
            _ => {
                let place = format!("{owner}.{}", field.name);
                let kind = kind_of(owner, field).unwrap_or_else(|| panic!("{place} is of no kind"));
                assert!(is_of(kind, value), "{place}, {kind:?}: {value:?}");
                self.seen.insert(place);
            }
        }
    }
}

/// Whether a value has the form of its kind.
fn is_of(kind: Kind, value: &Value) -> bool {
    match (kind, value) {
        (Kind::Identity, Value::Text(text)) => {
            let uri = text.split(" via ").next().unwrap();
            uri.starts_with("chukei://") && is_plain(text)
        }
        (Kind::Person | Kind::Id, Value::Bytes(bytes)) => bytes.len() == 16,
        (Kind::Code, Value::Text(text)) => {
            (6..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        }
        (Kind::Name, Value::Text(text)) => is_plain(text) && !text.contains(char::is_whitespace),
        (Kind::Word, Value::Text(text)) => {
            let of_words = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            text.bytes().all(of_words) && is_plain(text)
        }
        (Kind::Word, Value::Flag(_)) => true,
        (Kind::Digest, Value::Bytes(bytes)) => [8, 32, 64].contains(&bytes.len()),
        // The name of a catalogue's version is a day, written as digits.
        (Kind::Number, Value::Text(text)) => {
            text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit())
        }
        (Kind::Person | Kind::Number | Kind::Count | Kind::Time, Value::Number(_)) => true,
        _ => false,
    }
}

/// Short, and with nothing in it that could be a number of a person (R10: 12 digits, or the 15 of an addressee).
fn is_plain(text: &str) -> bool {
    let digits = text.split(|letter: char| !letter.is_ascii_digit()).map(str::len).max().unwrap_or_default();
    !text.is_empty() && text.len() <= 128 && digits < 12
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value of a record")
            }

            fn visit_unit<E: Error>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_none<E: Error>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
                Ok(Value::Flag(flag))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
                Ok(Value::Number(number))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
                Ok(Value::Text(text.to_owned()))
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Value, E> {
                Ok(Value::Bytes(bytes.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    values.push(value);
                }
                Ok(Value::List(values))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut values = BTreeMap::new();
                while let Some((key, value)) = map.next_entry()? {
                    values.insert(key, value);
                }
                Ok(Value::Map(values))
            }
        }
        deserializer.deserialize_any(Any)
    }
}
