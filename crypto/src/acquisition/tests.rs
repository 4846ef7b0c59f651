//! Numbers issued, divided and opened by the right and the wrong readers.

use proptest::prelude::*;

use super::*;

const NOT_AFTER: u64 = 1_800_000_000_000;

fn binding(version: u8) -> BindingSecret {
    BindingSecret::derive(&[version; 32], version, b"person", b"982016").unwrap()
}

struct World {
    broker: AcquisitionKeyPair,
    body: AcquisitionKeyPair,
    registry: SigningKey,
    part: PartyPart,
}

impl World {
    fn new() -> Self {
        Self {
            broker: AcquisitionKeyPair::generate().unwrap(),
            body: AcquisitionKeyPair::generate().unwrap(),
            registry: SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap(),
            part: PartyPart { binding: binding(1), number_id: [7; 16] },
        }
    }

    fn number(&self, party: &str, person: u64) -> String {
        issue(&IssueRequest {
            party,
            person,
            part: Some(&self.part),
            not_after_ms: NOT_AFTER,
            broker_public: &self.broker.public(),
            party_public: Some(&self.body.public()),
            registry: &self.registry,
        })
        .unwrap()
    }

    fn at_broker(&self, part: &[u8], party: &str) -> Result<u64, AcquisitionError> {
        open_broker_part(part, &self.broker, &self.registry.public(), party, NOT_AFTER)
    }

    fn at_body(&self, part: &[u8], party: &str) -> Result<PartyPart, AcquisitionError> {
        open_party_part(part, &self.body, &self.registry.public(), party, NOT_AFTER)
    }
}

#[test]
fn each_reader_gets_its_part_and_nothing_of_the_other() {
    let world = World::new();
    let parts = split(&world.number("body/982016", 42)).unwrap();
    assert_eq!((parts.broker_part.len(), parts.party_part.len()), (194, 235));
    assert_eq!(world.at_broker(&parts.broker_part, "body/982016"), Ok(42));
    assert_eq!(world.at_body(&parts.party_part, "body/982016").unwrap(), world.part);
    let swapped =
        open_broker_part(&parts.broker_part, &world.body, &world.registry.public(), "body/982016", NOT_AFTER);
    assert_eq!(swapped, Err(AcquisitionError::NotOurs));
}

#[test]
fn a_number_is_bound_to_its_party_its_registry_and_its_end() {
    let world = World::new();
    let parts = split(&world.number("body/982016", 42)).unwrap();
    assert_eq!(world.at_broker(&parts.broker_part, "body/982024"), Err(AcquisitionError::BadSignature));
    assert_eq!(world.at_body(&parts.party_part, "body/982024").unwrap_err(), AcquisitionError::BadSignature);
    let elsewhere = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap().public();
    let foreign = open_broker_part(&parts.broker_part, &world.broker, &elsewhere, "body/982016", NOT_AFTER);
    assert_eq!(foreign, Err(AcquisitionError::BadSignature));
    let registry = world.registry.public();
    let late = open_broker_part(&parts.broker_part, &world.broker, &registry, "body/982016", NOT_AFTER + 1);
    assert_eq!(late, Err(AcquisitionError::Expired));
}

#[test]
fn parts_of_two_numbers_do_not_go_together() {
    let world = World::new();
    let decode = |text: String| data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).unwrap();
    let (one, two) = (decode(world.number("body/982016", 1)), decode(world.number("body/982016", 2)));
    let border = HEAD + BROKER_SEALED;
    let mixed = text::encode(&[&one[..border], &two[border..]].concat());
    let parts = split(&mixed).unwrap();
    assert_eq!(world.at_broker(&parts.broker_part, "body/982016"), Err(AcquisitionError::BadSignature));
    assert!(world.at_body(&parts.party_part, "body/982016").is_err());
}

#[test]
fn an_altered_byte_anywhere_is_refused_by_both_readers() {
    let world = World::new();
    let number = data_encoding::BASE64URL_NOPAD.decode(world.number("body/982016", 42).as_bytes()).unwrap();
    for at in 0..number.len() {
        let mut altered = number.clone();
        altered[at] ^= 1 << (at % 8);
        let parts = split(&text::encode(&altered));
        assert_eq!(parts.is_err(), at == 0, "only the version is checked before a part is opened");
        if let Ok(parts) = parts {
            assert!(world.at_broker(&parts.broker_part, "body/982016").is_err());
            assert!(world.at_body(&parts.party_part, "body/982016").is_err());
        }
    }
}

#[test]
fn a_number_of_another_binding_version_is_still_the_same_persons() {
    let mut world = World::new();
    for version in [1, 2, 127] {
        world.part.binding = binding(version);
        let parts = split(&world.number("body/982016", 42)).unwrap();
        let opened = world.at_body(&parts.party_part, "body/982016").unwrap();
        assert_eq!((opened.binding.version(), opened.number_id), (version, [7; 16]));
        assert_eq!(opened, world.part);
    }
}

/// The registry may sign what it likes: a part without a version is still no part.
#[test]
fn a_part_of_no_version_is_malformed() {
    let mut bytes = World::new().part.to_bytes();
    assert!(PartyPart::from_bytes(&bytes[..]).is_ok());
    assert_eq!(PartyPart::from_bytes(&bytes[1..]), Err(AcquisitionError::Malformed));
    for version in [0, 128] {
        bytes[0] = version;
        assert_eq!(PartyPart::from_bytes(&bytes[..]), Err(AcquisitionError::Malformed));
    }
}

#[test]
fn a_portal_needs_no_party_part_and_half_of_one_is_refused() {
    let world = World::new();
    let public = world.broker.public();
    let mut request = IssueRequest {
        party: "portal/mynaportal",
        person: 7,
        part: None,
        not_after_ms: NOT_AFTER,
        broker_public: &public,
        party_public: None,
        registry: &world.registry,
    };
    let parts = split(&issue(&request).unwrap()).unwrap();
    assert!(parts.party_part.is_empty());
    assert_eq!(world.at_broker(&parts.broker_part, "portal/mynaportal"), Ok(7));
    assert_eq!(
        world.at_body(&parts.party_part, "portal/mynaportal").unwrap_err(),
        AcquisitionError::Malformed
    );

    request.part = Some(&world.part);
    assert_eq!(issue(&request), Err(IssueError::HalfAPartyPart));
    request.party_public = Some(b"no key");
    assert_eq!(issue(&request), Err(IssueError::BadPublicKey));
}

#[test]
fn keys_round_trip_and_impossible_scalars_are_refused() {
    let keys = AcquisitionKeyPair::generate().unwrap();
    assert_eq!(AcquisitionKeyPair::from_bytes(&keys.to_bytes()[..]).unwrap().public(), keys.public());
    for bad in [&[0; 32][..], &[0xff; 32], &[1; 31], &[]] {
        assert!(AcquisitionKeyPair::from_bytes(bad).is_err());
    }
}

#[test]
fn frozen_form_of_version_1() {
    let pkcs8 = data_encoding::HEXLOWER.decode(REGISTRY_PKCS8).unwrap();
    let body = AcquisitionKeyPair::from_bytes(&[2; 32]).unwrap().public();
    let binding = BindingSecret::from_bytes(2, [3; 32]).unwrap();
    let request = IssueRequest {
        party: "body/982016",
        person: 0x0123_4567_89ab_cdef,
        part: Some(&PartyPart { binding, number_id: [5; 16] }),
        not_after_ms: NOT_AFTER,
        broker_public: &AcquisitionKeyPair::from_bytes(&[1; 32]).unwrap().public(),
        party_public: Some(&body),
        registry: &SigningKey::from_pkcs8(&pkcs8).unwrap(),
    };
    insta::assert_snapshot!(issue_drawing(&request, &mut Stream::from_seed([4; 32])).unwrap());
}

/// Key and public key of RFC 8032, 7.1, test 1.
const REGISTRY_PKCS8: &[u8] =
    b"3053020101300506032b6570042204209d61b19deffd5a60ba844af492ec2cc44449c5697b326919\
703bac031cae7f60a123032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn r10_numbers_are_short_printable_and_never_resemble_an_individual_number(person: u64, not_after_ms: u64) {
        let world = World::new();
        let text = issue(&IssueRequest {
            party: "body/982016",
            person,
            part: Some(&world.part),
            not_after_ms,
            broker_public: &world.broker.public(),
            party_public: Some(&world.body.public()),
            registry: &world.registry,
        }).unwrap();
        prop_assert!(text.len() <= TEXT_MAX);
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
        prop_assert!(!text.as_bytes().windows(12).any(|run| run.iter().all(u8::is_ascii_digit)));
    }
}
