//! Whole TLS 1.3 handshakes in memory between our channel's configuration and a peer run by AWS-LC.

use std::sync::Arc;

use chukei_crypto::sign::IdentityKey;
use chukei_crypto::tls::{channel_client, channel_peer_name, channel_server};
use rustls::{
    ClientConfig, ClientConnection, Error, HandshakeKind, NamedGroup, ServerConfig, ServerConnection,
};

use crate::peer;

/// Steps both sides until neither has anything to say; the first error ends it.
fn shake(
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
) -> Result<(ClientConnection, ServerConnection), Error> {
    let mut client = ClientConnection::new(client, channel_peer_name())?;
    let mut server = ServerConnection::new(server)?;
    loop {
        let (mut flight, mut reply) = (Vec::new(), Vec::new());
        while client.wants_write() {
            client.write_tls(&mut flight).unwrap();
        }
        let mut unread = &flight[..];
        while !unread.is_empty() {
            server.read_tls(&mut unread).unwrap();
            server.process_new_packets()?;
        }
        while server.wants_write() {
            server.write_tls(&mut reply).unwrap();
        }
        let mut unread = &reply[..];
        while !unread.is_empty() {
            client.read_tls(&mut unread).unwrap();
            client.process_new_packets()?;
        }
        if flight.is_empty() && reply.is_empty() {
            return Ok((client, server));
        }
    }
}

fn identity() -> (IdentityKey, Vec<u8>) {
    let pkcs8 = IdentityKey::generate_pkcs8().unwrap();
    (IdentityKey::from_pkcs8(&pkcs8).unwrap(), pkcs8.to_vec())
}

/// Both finished, with the hybrid group, at once, and export the same secrets for the same context only.
fn agree(client: &ClientConnection, server: &ServerConnection) {
    assert!(!client.is_handshaking() && !server.is_handshaking());
    assert_eq!(client.negotiated_key_exchange_group().unwrap().name(), NamedGroup::secp256r1MLKEM768);
    assert_eq!(server.negotiated_key_exchange_group().unwrap().name(), NamedGroup::secp256r1MLKEM768);
    assert_eq!(client.handshake_kind(), Some(HandshakeKind::Full));
    let export = |context: &[u8]| {
        let ours = client.export_keying_material([0; 80], b"chukei e2e v1", Some(context)).unwrap();
        let theirs = server.export_keying_material([0; 80], b"chukei e2e v1", Some(context)).unwrap();
        assert_eq!(ours, theirs);
        ours
    };
    assert_ne!(export(b"one header"), export(b"another header"));
}

#[test]
fn interop_our_channel_client_with_a_server_of_aws_lc() {
    for suite in peer::SUITES {
        let ((ours, _), (theirs, pkcs8)) = (identity(), identity());
        let client = channel_client(&ours, [&theirs.public_spki()[..]]).unwrap();
        let (client, server) = shake(client, peer::server(suite, &pkcs8)).unwrap();
        agree(&client, &server);
        assert_eq!(client.negotiated_cipher_suite().unwrap().suite(), suite.suite());
        // What AWS-LC's side was shown is our raw public key, nothing else.
        assert_eq!(server.peer_certificates().unwrap()[0].as_ref(), ours.public_spki());
    }
}

#[test]
fn interop_our_channel_server_with_a_client_of_aws_lc() {
    for suite in peer::SUITES {
        let ((ours, _), (theirs, pkcs8)) = (identity(), identity());
        let server = channel_server(&ours, [&theirs.public_spki()[..]]).unwrap();
        let (client, server) = shake(peer::client(suite, &pkcs8), server).unwrap();
        agree(&client, &server);
        assert_eq!(server.negotiated_cipher_suite().unwrap().suite(), suite.suite());
        assert_eq!(client.peer_certificates().unwrap()[0].as_ref(), ours.public_spki());
    }
}

#[test]
fn interop_a_peer_of_aws_lc_with_another_key_than_the_pinned_one_is_refused() {
    let ((ours, _), (pinned, _), (_, pkcs8)) = (identity(), identity(), identity());
    let client = channel_client(&ours, [&pinned.public_spki()[..]]).unwrap();
    assert!(matches!(
        shake(client, peer::server(peer::SUITES[0], &pkcs8)),
        Err(Error::InvalidCertificate(_))
    ));
    let server = channel_server(&ours, [&pinned.public_spki()[..]]).unwrap();
    assert!(matches!(
        shake(peer::client(peer::SUITES[0], &pkcs8), server),
        Err(Error::InvalidCertificate(_))
    ));
}
