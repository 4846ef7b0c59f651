//! A body's identity in the token: it signs there, and TLS and the peer list see a key like any other.

use std::sync::Arc;

use chukei_crypto::sign::{IdentityKey, verify_p256};
use chukei_crypto::tls::{channel_client, channel_peer_name, channel_server};
use chukei_keys::ProviderError;
use chukei_keys::pkcs11::{TokenIdentityError, identity_keys};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;
use cryptoki::session::Session;
use rustls::{ClientConnection, Connection, ServerConnection};

use crate::soft_token::{SoftToken, on_a_token};

const LABEL: &str = "chukei/982016/identity";
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

fn make_pair(session: &Session, id: u8, extractable: bool) {
    let named =
        [Attribute::Token(true), Attribute::Label(LABEL.as_bytes().to_vec()), Attribute::Id(vec![id])];
    let public = [&named[..], &[Attribute::EcParams(P256.to_vec()), Attribute::Verify(true)]].concat();
    let secret = [Attribute::Sensitive(true), Attribute::Extractable(extractable)];
    let private = [&named[..], &secret, &[Attribute::Private(true), Attribute::Sign(true)]].concat();
    session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private).unwrap();
}

/// A session that may see and make private objects.
fn session(token: &SoftToken) -> Session {
    chukei_keys::KeyProvider::roots(&token.provider(), &"982016".parse().unwrap()).unwrap();
    token.session()
}

#[test]
fn an_identity_in_the_token_signs_as_the_key_that_it_shows() {
    on_a_token("identities::an_identity_in_the_token_signs_as_the_key_that_it_shows", |token| {
        let found = identity_keys(&token.settings(), LABEL);
        assert!(matches!(found, Err(TokenIdentityError::Provider(ProviderError::Missing))), "{found:?}");
        let session = session(token);
        make_pair(&session, 9, true);
        let found = identity_keys(&token.settings(), LABEL);
        assert!(matches!(found, Err(TokenIdentityError::Provider(ProviderError::Missing))), "{found:?}");
        make_pair(&session, 1, false);
        let key = identity_keys(&token.settings(), LABEL).unwrap().pop().unwrap();
        for number in 0..20_u32 {
            let message = number.to_be_bytes();
            assert_eq!(verify_p256(key.spki(), &message, &key.sign(&message).unwrap()), Ok(()));
        }
        make_pair(&session, 2, false);
        let keys = identity_keys(&token.settings(), LABEL).unwrap();
        assert!(keys.len() == 2 && keys[0].spki() != keys[1].spki());
        make_pair(&session, 3, false);
        assert!(matches!(identity_keys(&token.settings(), LABEL), Err(TokenIdentityError::TooMany)));
    });
}

#[test]
fn a_channel_stands_on_an_identity_in_the_token_and_falls_with_it() {
    on_a_token("identities::a_channel_stands_on_an_identity_in_the_token_and_falls_with_it", |token| {
        make_pair(&session(token), 1, false);
        let body = identity_keys(&token.settings(), LABEL).unwrap().pop().unwrap();
        let portal = IdentityKey::from_pkcs8(&IdentityKey::generate_pkcs8().unwrap()).unwrap();
        assert!(handshake(&portal, &body));
        assert!(handshake(&body, &portal));
        token.take_away();
        assert!(body.sign(b"message").is_err());
        assert!(!handshake(&portal, &body));
        assert!(!handshake(&body, &portal));
    });
}

/// Whether a channel comes about between the two.
fn handshake(client: &IdentityKey, server: &IdentityKey) -> bool {
    let config = channel_client(client, [server.spki()]).unwrap();
    let mut dialling = Connection::from(ClientConnection::new(config, channel_peer_name()).unwrap());
    let config = channel_server(server, [client.spki()]).unwrap();
    let mut accepting = Connection::from(ServerConnection::new(Arc::clone(&config)).unwrap());
    for _ in 0..4 {
        if !(carry(&mut dialling, &mut accepting) && carry(&mut accepting, &mut dialling)) {
            return false;
        }
    }
    !dialling.is_handshaking() && !accepting.is_handshaking()
}

fn carry(from: &mut Connection, to: &mut Connection) -> bool {
    let mut flight = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut flight).unwrap();
    }
    let mut rest = flight.as_slice();
    while !rest.is_empty() {
        to.read_tls(&mut rest).unwrap();
        if to.process_new_packets().is_err() {
            return false;
        }
    }
    true
}
