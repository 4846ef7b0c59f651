//! Replies of OpenSSL, and what no authority would answer, made with OpenSSL by `samples/make.sh`.

mod flips;

use super::*;

/// The time in the samples that were put together by hand.
const AT_MS: u64 = 1_893_456_000_250;
const HOUR_MS: u64 = 3_600_000;
const MINUTE_MS: u64 = 60_000;
const CONTENT: &[u8] = include_bytes!("samples/content.txt");
const NONCE: [u8; 17] = [1, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31];

macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!("samples/", $name, ".tsr")).as_slice()
    };
}
use sample;

fn roots() -> Roots {
    Roots::from_pem(include_bytes!("samples/root-ec.pem")).unwrap()
}

fn request(policy: Option<&str>) -> Request {
    Request::with_nonce(CONTENT, policy.map(|policy| policy.parse().unwrap()), NONCE)
}

/// What becomes of a reply that comes at the stamped time.
fn accepted(reply: &[u8]) -> Result<Stamp, StampError> {
    request(None).accept(reply, &roots(), AT_MS, MINUTE_MS).map(|(_, stamp)| stamp)
}

#[test]
fn r21_the_question_is_the_one_that_openssl_has_read() {
    assert_eq!(request(None).to_der(), include_bytes!("samples/request.tsq"));
    let [one, other] = [(); 2].map(|()| Request::new(CONTENT, None).unwrap().to_der());
    assert_eq!(one.len(), other.len());
    assert_ne!(one, other, "another nonce each time");
    let named = request(Some("1.3.6.1.4.1.99999.1")).to_der();
    assert_eq!(named.len(), one.len() + 11);
}

#[test]
fn r43_what_openssl_stamps_is_believed_by_its_root_alone() {
    let rsa = Roots::from_pem(include_bytes!("samples/root-rsa.pem")).unwrap();
    for (reply, own, other) in [(sample!("rsa"), &rsa, &roots()), (sample!("ec"), &roots(), &rsa)] {
        let token = reply::token(reply).unwrap();
        let stamp = verify(token, CONTENT, own).unwrap();
        assert_eq!(stamp.policy.to_string(), "1.3.6.1.4.1.99999.1");
        assert_eq!(verify(token, CONTENT, other), Err(StampError::Untrusted));
        assert_eq!(verify(token, b"other", own), Err(StampError::OtherBytes));
        let (kept, again) = request(None).accept(reply, own, stamp.at_ms + 9_000, 10_000).unwrap();
        assert_eq!((kept.as_slice(), &again), (token, &stamp));
    }
}

#[test]
fn r43_fractions_key_identifiers_and_longer_hashes_are_read() {
    for reply in [sample!("fraction"), sample!("key-id"), sample!("p384")] {
        let stamp = accepted(reply).unwrap();
        assert_eq!((stamp.at_ms, stamp.serial.as_slice()), (AT_MS, [7].as_slice()));
    }
}

#[test]
fn r43_an_answer_to_something_else_is_refused() {
    assert_eq!(accepted(sample!("other-bytes")), Err(StampError::OtherBytes));
    assert_eq!(accepted(sample!("other-nonce")), Err(StampError::OtherRequest));
    assert_eq!(accepted(sample!("no-nonce")), Err(StampError::OtherRequest));
    assert_eq!(accepted(sample!("later")), Err(StampError::OtherTime));
    let late = request(None).accept(sample!("later"), &roots(), AT_MS, 2 * HOUR_MS);
    assert_eq!(late.unwrap().1.at_ms, AT_MS - 250 + HOUR_MS);
    let other = request(Some("1.3.6.1.4.1.99999.2")).accept(sample!("fraction"), &roots(), AT_MS, 0);
    assert_eq!(other.unwrap_err(), StampError::OtherPolicy);
    assert!(request(Some("1.3.6.1.4.1.99999.1")).accept(sample!("fraction"), &roots(), AT_MS, 0).is_ok());
    assert_eq!(accepted(sample!("rejected")), Err(StampError::NotGranted));
    assert_eq!(accepted(sample!("modified")), Err(StampError::NotGranted));
}

#[test]
fn r43_a_signer_that_is_not_an_authority_is_refused() {
    assert_eq!(accepted(sample!("unknown")), Err(StampError::Untrusted));
    assert_eq!(accepted(sample!("over")), Err(StampError::NotValidThen));
    for reply in [sample!("weak"), sample!("also"), sample!("none"), sample!("encipher")] {
        assert_eq!(accepted(reply), Err(StampError::Purpose));
    }
    assert_eq!(accepted(sample!("no-certificate")), Err(StampError::NoCertificate));
    assert_eq!(accepted(sample!("unnamed")), Err(StampError::Attributes));
    assert_eq!(accepted(sample!("bare")), Err(StampError::Attributes));
    assert_eq!(accepted(sample!("two-signers")), Err(StampError::Malformed));
}

#[test]
fn r21_algorithms_that_are_not_on_the_list_are_refused() {
    assert_eq!(accepted(sample!("sha1")), Err(StampError::Algorithm));
    assert_eq!(accepted(sample!("p521")), Err(StampError::Algorithm));
    assert_eq!(accepted(sample!("short-rsa")), Err(StampError::Signature));
}

#[test]
fn what_is_no_stamp_is_refused() {
    for reply in [sample!("version"), sample!("critical"), sample!("data"), b"".as_slice(), b"<html>"] {
        assert_eq!(accepted(reply), Err(StampError::Malformed));
    }
    assert_eq!(accepted(&vec![0x30; REPLY_MAX + 1]), Err(StampError::TooLarge));
    let longer = [sample!("fraction"), &[0]].concat();
    assert_eq!(accepted(&longer), Err(StampError::Malformed));
}

#[test]
fn roots_are_certificates() {
    assert_eq!(Roots::from_pem(b"").unwrap_err(), BadRoots::Number);
    let cut = &include_bytes!("samples/root-ec.pem")[..300];
    assert!(Roots::from_pem(cut).is_err());
    let none = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(Roots::from_pem(none).unwrap_err(), BadRoots::Malformed);
    assert!("1.2.".parse::<Policy>().is_err() && "".parse::<Policy>().is_err());
}
