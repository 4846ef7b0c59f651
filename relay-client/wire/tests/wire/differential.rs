//! An independent CBOR decoder reads the same bytes to the same values.

use std::fmt::Debug;

use chukei_wire::codec::encode;
use chukei_wire::header::Kind;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::samples::{self, Visit};

#[derive(Default)]
struct Second(usize);

impl Visit for Second {
    fn message<T: Serialize + DeserializeOwned + PartialEq + Debug>(&mut self, name: &str, value: &T) {
        let bytes = encode(value).unwrap();
        let read: T = serde_cbor::from_slice(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(&read, value, "{name}");
        let generic: serde_cbor::Value = serde_cbor::from_slice(&bytes).unwrap();
        assert_eq!(serde_cbor::to_vec(&generic).unwrap(), bytes, "{name}: keys in canonical order");
        self.0 += 1;
    }
}

#[test]
fn serde_cbor_reads_what_the_codec_writes() {
    let mut second = Second::default();
    samples::visit(&mut second);
    samples::hops().iter().chain(&samples::leaves()).for_each(|hop| second.message("Hop", hop));
    samples::statuses().iter().for_each(|status| second.message("Status", status));
    second.message("PermitClaims", &samples::claims());
    second.message("Header", &samples::header());
    Kind::ALL.iter().for_each(|&kind| second.message("Header", &samples::header_of(kind)));
    assert!(second.0 > 50);
}
