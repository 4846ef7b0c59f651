//! Whole handshakes, stepped in memory: which group is negotiated, who is refused, what is never offered.

use rustls::crypto::SupportedKxGroup;
use rustls::{
    CertificateError, CipherSuite, ClientConfig, ClientConnection, Error, HandshakeKind, NamedGroup,
    ServerConfig, ServerConnection, SignatureScheme,
};

use super::channel::{client_of, server_of};
use super::*;
use crate::sign::IdentityKey;

fn identity() -> IdentityKey {
    IdentityKey::from_pkcs8(&IdentityKey::generate_pkcs8().unwrap()).unwrap()
}

fn provider_of(groups: &[&'static dyn SupportedKxGroup]) -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider { kx_groups: groups.to_vec(), ..(*provider()).clone() })
}

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

fn negotiated(
    client_groups: &[&'static dyn SupportedKxGroup],
    server_groups: &[&'static dyn SupportedKxGroup],
) -> (NamedGroup, HandshakeKind) {
    let (portal, body) = (identity(), identity());
    let client = client_of(provider_of(client_groups), &portal, [&*body.public_spki()]).unwrap();
    let server = server_of(provider_of(server_groups), &body, [&*portal.public_spki()]).unwrap();
    let (client, server) = shake(client, server).unwrap();
    assert!(!client.is_handshaking() && !server.is_handshaking());
    let group = client.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, server.negotiated_key_exchange_group().unwrap().name());
    (group, client.handshake_kind().unwrap())
}

#[test]
fn r21_a_channel_negotiates_the_hybrid_group_and_both_sides_export_the_same_secrets() {
    let (portal, body) = (identity(), identity());
    let client = channel_client(&portal, [&*body.public_spki()]).unwrap();
    let server = channel_server(&body, [&*portal.public_spki()]).unwrap();
    let (client, server) = shake(client, server).unwrap();

    let group = client.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, NamedGroup::secp256r1MLKEM768);
    assert_eq!(client.handshake_kind(), Some(HandshakeKind::Full));
    let suite = client.negotiated_cipher_suite().unwrap().suite();
    assert_eq!(suite, CipherSuite::TLS13_AES_256_GCM_SHA384);

    let export = |context: &[u8]| {
        let ours = client.export_keying_material([0; 80], b"chukei e2e v1", Some(context)).unwrap();
        let theirs = server.export_keying_material([0; 80], b"chukei e2e v1", Some(context)).unwrap();
        assert_eq!(ours, theirs);
        ours
    };
    assert_ne!(export(b"one header"), export(b"another header"));
}

#[test]
fn a_server_without_the_hybrid_group_gets_p256_of_the_same_hello() {
    let ours = &provider().kx_groups;
    assert_eq!(negotiated(ours, &[kx_group::SECP256R1]), (NamedGroup::secp256r1, HandshakeKind::Full));
}

#[test]
fn a_client_without_the_hybrid_group_gets_p256() {
    let ours = &provider().kx_groups;
    assert_eq!(negotiated(&[kx_group::SECP256R1], ours), (NamedGroup::secp256r1, HandshakeKind::Full));
}

#[test]
fn p384_is_reached_with_a_second_hello() {
    let ours = &provider().kx_groups;
    let expected = (NamedGroup::secp384r1, HandshakeKind::FullWithHelloRetryRequest);
    assert_eq!(negotiated(ours, &[kx_group::SECP384R1]), expected);
}

#[test]
fn r21_a_peer_of_x25519_alone_is_refused() {
    let (portal, body) = (identity(), identity());
    let client = client_of(provider_of(&[kx_group::X25519]), &portal, [&*body.public_spki()]).unwrap();
    let server = channel_server(&body, [&*portal.public_spki()]).unwrap();
    assert!(matches!(shake(client, server), Err(Error::PeerIncompatible(_))));
}

#[test]
fn r21_a_body_of_x25519_alone_is_not_settled_for() {
    let (portal, body) = (identity(), identity());
    let client = channel_client(&portal, [&*body.public_spki()]).unwrap();
    let server = server_of(provider_of(&[kx_group::X25519]), &body, [&*portal.public_spki()]).unwrap();
    assert!(matches!(shake(client, server), Err(Error::PeerIncompatible(_))));
}

#[test]
fn r21_a_peer_of_chacha20_alone_is_refused() {
    let (portal, body) = (identity(), identity());
    let suites = vec![rustls::crypto::ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256];
    let other = Arc::new(CryptoProvider { cipher_suites: suites, ..(*provider()).clone() });
    let client = client_of(Arc::clone(&other), &portal, [&*body.public_spki()]).unwrap();
    let server = channel_server(&body, [&*portal.public_spki()]).unwrap();
    assert!(matches!(shake(client, server), Err(Error::PeerIncompatible(_))));
    let client = channel_client(&portal, [&*body.public_spki()]).unwrap();
    let server = server_of(other, &body, [&*portal.public_spki()]).unwrap();
    assert!(matches!(shake(client, server), Err(Error::PeerIncompatible(_))));
}

#[test]
fn either_identity_of_a_party_is_accepted_while_it_has_two_and_no_third() {
    let (portal, newer, older, third) = (identity(), identity(), identity(), identity());
    let pinned = [newer.public_spki(), older.public_spki()];
    for (body, accepted) in [(&newer, true), (&older, true), (&third, false)] {
        let client = channel_client(&portal, pinned.iter().map(Vec::as_slice)).unwrap();
        let server = channel_server(body, [&*portal.public_spki()]).unwrap();
        assert_eq!(shake(client, server).is_ok(), accepted);
    }
}

#[test]
fn r21_only_listed_algorithms_are_offered() {
    let ours = provider();
    let suites: Vec<_> = ours.cipher_suites.iter().map(|suite| suite.suite()).collect();
    assert_eq!(suites, [CipherSuite::TLS13_AES_256_GCM_SHA384, CipherSuite::TLS13_AES_128_GCM_SHA256]);
    let groups: Vec<_> = ours.kx_groups.iter().map(|group| group.name()).collect();
    assert_eq!(groups, [NamedGroup::secp256r1MLKEM768, NamedGroup::secp256r1, NamedGroup::secp384r1]);
    let schemes = ours.signature_verification_algorithms.supported_schemes();
    let listed = [
        SignatureScheme::ECDSA_NISTP384_SHA384,
        SignatureScheme::ECDSA_NISTP256_SHA256,
        SignatureScheme::ED25519,
    ];
    assert_eq!(schemes, listed);
}

#[test]
fn r24_an_identity_that_is_not_the_pinned_one_is_refused_by_either_side() {
    let refused = Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure);
    let (portal, body, stranger) = (identity(), identity(), identity());

    let client = channel_client(&portal, [&*body.public_spki()]).unwrap();
    let server = channel_server(&stranger, [&*portal.public_spki()]).unwrap();
    assert_eq!(shake(client, server).unwrap_err(), refused);

    let client = channel_client(&stranger, [&*body.public_spki()]).unwrap();
    let server = channel_server(&body, [&*portal.public_spki()]).unwrap();
    assert_eq!(shake(client, server).unwrap_err(), refused);
}

#[test]
fn a_public_key_without_its_private_key_is_refused() {
    let (portal, body, stranger) = (identity(), identity(), identity());
    let mut stolen = (*stranger.rustls_certified_key()).clone();
    stolen.cert = body.rustls_certified_key().cert.clone();
    let mut server = (*channel_server(&body, [&*portal.public_spki()]).unwrap()).clone();
    server.cert_resolver = Arc::new(rustls::server::AlwaysResolvesServerRawPublicKeys::new(Arc::new(stolen)));
    let client = channel_client(&portal, [&*body.public_spki()]).unwrap();
    let error = shake(client, Arc::new(server)).unwrap_err();
    assert_eq!(error, Error::InvalidCertificate(CertificateError::BadSignature));
}

#[test]
fn r20_no_ticket_is_sent_so_that_nothing_can_be_resumed() {
    let (portal, body) = (identity(), identity());
    let client = channel_client(&portal, [&*body.public_spki()]).unwrap();
    let server = channel_server(&body, [&*portal.public_spki()]).unwrap();
    for _ in 0..2 {
        let (client, server) = shake(Arc::clone(&client), Arc::clone(&server)).unwrap();
        assert_eq!(client.handshake_kind(), Some(HandshakeKind::Full));
        assert_eq!(client.tls13_tickets_received(), 0);
        assert_eq!(server.handshake_kind(), Some(HandshakeKind::Full));
    }
}

mod shares {
    //! The hybrid group itself, fed shares a peer should not send.

    use super::hybrid::SECP256R1MLKEM768 as GROUP;

    #[test]
    fn lengths_and_secrets_are_those_of_the_draft() {
        let started = GROUP.start().unwrap();
        assert_eq!(started.pub_key().len(), 65 + 1_184);
        let answered = GROUP.start_and_complete(started.pub_key()).unwrap();
        assert_eq!(answered.pub_key.len(), 65 + 1_088);
        let secret = started.complete(&answered.pub_key).unwrap();
        assert_eq!(secret.secret_bytes().len(), 64);
        assert_eq!(secret.secret_bytes(), answered.secret.secret_bytes());
    }

    #[test]
    fn a_client_share_of_the_wrong_shape_is_refused() {
        let share = GROUP.start().unwrap().pub_key().to_vec();
        let longer = [&share[..], &[0]].concat();
        let mut off_the_curve = share.clone();
        off_the_curve[64] ^= 1;
        let mut out_of_range = share.clone();
        out_of_range[65..68].fill(0xff);
        for bad in [&share[..64], &share[..share.len() - 1], &longer, &off_the_curve, &out_of_range, &[]] {
            assert!(GROUP.start_and_complete(bad).is_err());
        }
    }

    #[test]
    fn a_server_share_of_the_wrong_shape_is_refused_and_an_altered_one_gives_another_secret() {
        let answer = |started: &dyn rustls::crypto::ActiveKeyExchange| {
            let answered = GROUP.start_and_complete(started.pub_key()).unwrap();
            (answered.pub_key, answered.secret.secret_bytes().to_vec())
        };
        let started = GROUP.start().unwrap();
        let (share, _) = answer(&*started);
        assert!(started.complete(&share[..share.len() - 1]).is_err());

        let started = GROUP.start().unwrap();
        let (mut share, secret) = answer(&*started);
        *share.last_mut().unwrap() ^= 1;
        assert_ne!(started.complete(&share).unwrap().secret_bytes(), secret);
    }
}
