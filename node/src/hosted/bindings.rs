//! The stored form of a person's binding secrets: a list of (version, 32 bytes), newest first.
//!
//! Read only as [`Bindings`] would have kept them: one or two, descending, of possible versions.

use chukei_crypto::binding::{Added, BindingSecret, Bindings};
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{SerializeSeq, Serializer};
use serde_bytes::{ByteArray, Bytes};

/// Writes the list.
pub fn serialize<S: Serializer>(bindings: &Bindings, serializer: S) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(Some(bindings.iter().count()))?;
    for secret in bindings.iter() {
        list.serialize_element(&(secret.version(), Bytes::new(secret.as_bytes())))?;
    }
    list.end()
}

/// Reads the list.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bindings, D::Error> {
    let stored = Vec::<(u8, ByteArray<32>)>::deserialize(deserializer)?;
    let malformed = || D::Error::custom("not a person's binding secrets");
    let secret = |&(version, ref bytes): &(u8, ByteArray<32>)| {
        BindingSecret::from_bytes(version, **bytes).map_err(|_| malformed())
    };
    match stored.as_slice() {
        [newest] => Ok(Bindings::new(secret(newest)?)),
        [newest, previous] => {
            let mut bindings = Bindings::new(secret(previous)?);
            let added = bindings.add(secret(newest)?);
            if added == Ok(Added::Newest) { Ok(bindings) } else { Err(malformed()) }
        }
        _ => Err(malformed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;

    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    #[serde(transparent)]
    struct Row(#[serde(with = "super")] Bindings);

    fn row(versions: &[u8]) -> Result<Row, ()> {
        let list: Vec<_> =
            versions.iter().map(|version| (*version, ByteArray::new([*version; 32]))).collect();
        let bytes = chukei_cbor::to_vec(&list).map_err(|_| ())?;
        chukei_cbor::from_slice(&bytes).map_err(|_| ())
    }

    #[test]
    fn one_or_two_versions_come_back_newest_first_and_nothing_else_does() {
        for versions in [&[1][..], &[2, 1], &[127, 3]] {
            let read = row(versions).unwrap();
            assert!(read.0.iter().map(BindingSecret::version).eq(versions.iter().copied()));
            let again = chukei_cbor::to_vec(&read).unwrap();
            assert_eq!(chukei_cbor::from_slice::<Row>(&again).unwrap(), read);
        }
        for versions in [&[][..], &[1, 2], &[2, 2], &[3, 2, 1], &[0], &[128], &[2, 0]] {
            assert_eq!(row(versions), Err(()), "{versions:?}");
        }
    }
}
