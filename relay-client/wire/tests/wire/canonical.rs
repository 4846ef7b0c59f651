//! One byte form per value: what a decoder accepts, it would have written; everything else is an error.

use std::fmt::Debug;

use chukei_wire::codec::{CodecError, decode, encode};
use chukei_wire::frame::Status;
use chukei_wire::header::{Header, Hop, Kind};
use chukei_wire::limits::MESSAGE_MAX;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::samples::{self, Visit};

/// A decoder that panics on a byte string it accepts in a form it would not write.
type Decoder = fn(&[u8]) -> bool;

fn message<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> bool {
    match decode::<T>(bytes, MESSAGE_MAX) {
        Ok(value) => encode(&value).unwrap() == bytes || panic!("accepted a second form: {bytes:02x?}"),
        Err(_) => false,
    }
}

fn header(bytes: &[u8]) -> bool {
    match Header::from_bytes(bytes) {
        Ok(value) => value.to_bytes().unwrap() == bytes || panic!("accepted a second form: {bytes:02x?}"),
        Err(_) => false,
    }
}

/// Every decoder with bytes that it accepts.
#[derive(Default)]
struct Decoders(Vec<(String, Decoder, Vec<u8>)>);

impl Visit for Decoders {
    fn message<T: Serialize + DeserializeOwned + PartialEq + Debug>(&mut self, name: &str, value: &T) {
        let bytes = encode(value).unwrap();
        assert_eq!(&decode::<T>(&bytes, MESSAGE_MAX).unwrap(), value, "{name}");
        assert_eq!(decode::<T>(&bytes, bytes.len() - 1).unwrap_err(), CodecError::TooLong, "{name}");
        self.0.push((name.to_owned(), message::<T>, bytes));
    }
}

fn decoders() -> Vec<(String, Decoder, Vec<u8>)> {
    let mut all = Decoders::default();
    samples::visit(&mut all);
    for hop in samples::hops().into_iter().chain(samples::leaves()) {
        all.message("Hop", &hop);
        assert_eq!(Hop::from_bytes(&hop.to_bytes().unwrap()).unwrap(), hop);
    }
    for status in samples::statuses() {
        all.message("Status", &status);
        assert_eq!(Status::from_bytes(&status.to_bytes().unwrap()).unwrap(), status);
    }
    all.message("PermitClaims", &samples::claims());
    let headers = Kind::ALL.iter().map(|&kind| samples::header_of(kind)).chain([samples::header()]);
    all.0.extend(headers.map(|value| ("Header".to_owned(), header as Decoder, value.to_bytes().unwrap())));
    all.0
}

#[test]
fn every_sample_is_accepted_by_its_decoder() {
    for (name, accepts, bytes) in decoders() {
        assert!(accepts(&bytes), "{name}");
    }
}

#[test]
fn a_shortened_or_lengthened_form_is_refused() {
    for (name, accepts, bytes) in decoders() {
        for length in 0..bytes.len() {
            assert!(!accepts(&bytes[..length]), "{name} cut to {length}");
        }
        assert!(!accepts(&[bytes.as_slice(), &[0]].concat()), "{name}");
    }
}

#[test]
fn a_changed_byte_is_refused_or_has_a_meaning_of_its_own() {
    for (_, accepts, bytes) in decoders() {
        for position in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[position] ^= 1 << bit;
                accepts(&changed);
            }
        }
    }
}

#[test]
fn random_bytes_never_panic() {
    let decoders = decoders();
    let mut runner = TestRunner::new(ProptestConfig::with_cases(512));
    let bytes = prop::collection::vec(any::<u8>(), 0..600);
    let cuts = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), bytes);
    runner
        .run(&cuts, |(from, to, random)| {
            for (_, accepts, sample) in &decoders {
                accepts(&random);
                let (from, to) = (from.index(sample.len()), to.index(sample.len()));
                accepts(&[&sample[..from.min(to)], random.as_slice(), &sample[from.max(to)..]].concat());
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn deep_nesting_is_refused_without_deep_recursion() {
    for opening in [0x81, 0xa1, 0xd8, 0x9f, 0xbf] {
        for (name, accepts, _) in decoders() {
            assert!(!accepts(&vec![opening; MESSAGE_MAX]), "{name}");
        }
    }
    // The same in the place of a field that nobody knows.
    let unknown = [[0xa1, 0x61, 0x7a].as_slice(), &vec![0x81; 100_000]].concat();
    for (name, accepts, _) in decoders() {
        assert!(!accepts(&unknown), "{name}");
    }
}

#[test]
fn a_promised_length_reserves_no_memory() {
    // An array or byte string of 2^62 elements, with nothing behind it.
    for opening in [0x9b, 0x5b, 0x7b, 0xbb] {
        let promise = [[opening].as_slice(), &(1_u64 << 62).to_be_bytes()].concat();
        let inside = [[0xa1, 0x61, b'd'].as_slice(), &promise].concat();
        for (name, accepts, _) in decoders() {
            assert!(!accepts(&promise) && !accepts(&inside), "{name}");
        }
    }
}

#[test]
fn lenient_cbor_is_refused() {
    // {"f": h'01'} as the codec writes it, then the same value in forms that other decoders take.
    type Flight = chukei_wire::message::control::SetupFlight;
    let forms: [&[u8]; 7] = [
        &[0xa1, 0x61, b'f', 0x58, 0x01, 0x01], // length in more bytes than needed
        &[0xbf, 0x61, b'f', 0x41, 0x01, 0xff], // indefinite map
        &[0xa1, 0x61, b'f', 0x5f, 0x41, 0x01, 0xff], // indefinite byte string
        &[0xa1, 0x61, b'f', 0x81, 0x01],       // list of integers
        &[0xa1, 0x61, b'f', 0xc2, 0x41, 0x01], // tagged
        &[0xa2, 0x61, b'f', 0x41, 0x01, 0x61, b'f', 0x41, 0x01], // key twice
        &[0xa2, 0x61, b'f', 0x41, 0x01, 0x61, b'g', 0x00], // unknown key
    ];
    assert!(message::<Flight>(&[0xa1, 0x61, b'f', 0x41, 0x01]));
    for form in forms {
        assert!(!message::<Flight>(form), "{form:02x?}");
    }
}
