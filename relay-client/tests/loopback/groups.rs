//! Which key exchange and which suites a hop agrees on, seen from a peer of somebody else's making that watches its
//! own key exchange on a real QUIC connection (R21).

use std::sync::{Arc, Mutex};

use chukei_relay_client::endpoint::ServerLimits;
use chukei_wire::limits::ALPN;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::crypto::ring::{cipher_suite, kx_group};
use rustls::crypto::{
    ActiveKeyExchange, CompletedKeyExchange, CryptoProvider, SharedSecret, SupportedKxGroup,
};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{Error, NamedGroup, ServerConfig, SupportedCipherSuite};

use crate::authority::Authority;
use crate::foreign::foreign_with;
use crate::stage::{BROKER, LOOPBACK, NODE, admitted, dialling, identity, listen};

type Used = Arc<Mutex<Vec<NamedGroup>>>;

/// A group that says when it was used to the end.
#[derive(Debug)]
struct Watched {
    group: &'static dyn SupportedKxGroup,
    used: Used,
}

struct Exchange {
    inner: Box<dyn ActiveKeyExchange>,
    used: Used,
}

/// Our own provider, whose groups are watched.
fn watched() -> (CryptoProvider, Used) {
    let used = Used::default();
    let ours = chukei_crypto::tls::provider();
    let watch = |group: &&'static dyn SupportedKxGroup| {
        let watched: &'static dyn SupportedKxGroup =
            Box::leak(Box::new(Watched { group: *group, used: Arc::clone(&used) }));
        watched
    };
    let kx_groups = ours.kx_groups.iter().map(watch).collect();
    (CryptoProvider { kx_groups, ..(*ours).clone() }, used)
}

impl SupportedKxGroup for Watched {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        Ok(Box::new(Exchange { inner: self.group.start()?, used: Arc::clone(&self.used) }))
    }

    fn start_and_complete(&self, share: &[u8]) -> Result<CompletedKeyExchange, Error> {
        self.used.lock().unwrap().push(self.name());
        self.group.start_and_complete(share)
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        self.group.name()
    }
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, share: &[u8]) -> Result<SharedSecret, Error> {
        self.used.lock().unwrap().push(self.inner.group());
        self.inner.complete(share)
    }

    fn hybrid_component(&self) -> Option<(NamedGroup, &[u8])> {
        self.inner.hybrid_component()
    }

    fn complete_hybrid_component(self: Box<Self>, share: &[u8]) -> Result<SharedSecret, Error> {
        let component = self.inner.hybrid_component().unwrap().0;
        self.used.lock().unwrap().push(component);
        self.inner.complete_hybrid_component(share)
    }

    fn pub_key(&self) -> &[u8] {
        self.inner.pub_key()
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn group(&self) -> NamedGroup {
        self.inner.group()
    }
}

/// Dials our endpoint with this provider; whether it was let in.
async fn let_in(provider: CryptoProvider) -> bool {
    let authority = Authority::new();
    let server = listen(&authority.issue(BROKER), authority.clock(), ServerLimits::default());
    let config = foreign_with(provider, Some(&authority), &[NODE], ALPN);
    // QUIC's first packets are AES-128-GCM, whatever TLS agrees on (RFC 9001, 5.2).
    let initial = cipher_suite::TLS13_AES_128_GCM_SHA256.tls13().unwrap().quic_suite().unwrap();
    let config = QuicClientConfig::with_initial(Arc::new(config), initial).unwrap();
    let endpoint = quinn::Endpoint::client(LOOPBACK).unwrap();
    let config = quinn::ClientConfig::new(Arc::new(config));
    let connecting = endpoint.connect_with(config, server.local_address().unwrap(), "localhost").unwrap();
    let (admitted, connected) = tokio::join!(admitted(&server), connecting);
    assert_eq!(admitted.is_ok(), connected.is_ok());
    admitted.is_ok()
}

#[tokio::test]
async fn r21_a_hop_we_accept_uses_the_hybrid_group() {
    let (provider, used) = watched();
    assert!(let_in(provider).await);
    assert_eq!(*used.lock().unwrap(), [NamedGroup::secp256r1MLKEM768]);
}

#[tokio::test]
async fn r21_a_hop_we_dial_uses_the_hybrid_group() {
    let (provider, used) = watched();
    let authority = Authority::new();
    let (certificate, key) = authority.write(&[BROKER]);
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_file(certificate).unwrap()],
            PrivateKeyDer::from_pem_file(key).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = vec![ALPN.to_vec()];
    let config = quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(config).unwrap()));
    let server = quinn::Endpoint::server(config, LOOPBACK).unwrap();
    let (node, clock, client) = (authority.issue(NODE), authority.clock(), dialling());
    let (address, broker) = (server.local_addr().unwrap(), identity(BROKER));
    let accepting = async { server.accept().await.unwrap().await.unwrap() };
    let (accepted, dialled) = tokio::join!(accepting, client.connect(&node, &clock, address, &broker));
    dialled.unwrap();
    drop(accepted);
    assert_eq!(*used.lock().unwrap(), [NamedGroup::secp256r1MLKEM768]);
}

#[tokio::test]
async fn r21_a_peer_without_the_hybrid_group_gets_p256_or_p384_and_one_of_x25519_nothing() {
    let with = |group| CryptoProvider { kx_groups: vec![group], ..(*chukei_crypto::tls::provider()).clone() };
    assert!(let_in(with(kx_group::SECP256R1)).await);
    assert!(let_in(with(kx_group::SECP384R1)).await);
    assert!(!let_in(with(kx_group::X25519)).await);
}

#[tokio::test]
async fn r21_a_peer_of_chacha20_alone_gets_nothing() {
    let with = |suite: SupportedCipherSuite| CryptoProvider {
        cipher_suites: vec![suite],
        ..(*chukei_crypto::tls::provider()).clone()
    };
    assert!(let_in(with(cipher_suite::TLS13_AES_256_GCM_SHA384)).await);
    assert!(!let_in(with(cipher_suite::TLS13_CHACHA20_POLY1305_SHA256)).await);
}
