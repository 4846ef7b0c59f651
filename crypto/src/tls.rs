//! TLS 1.3 as every connection here runs it: the provider of the hops, and the configuration of channels and of clients of
//! servers outside.
//!
//! What must hold: only listed algorithms (R21) are offered or accepted — no X25519, ChaCha20 or RSA —, and the
//! provider is always passed explicitly, never installed for the process. Deliberately absent: TLS 1.2,
//! session tickets, resumption and early data, each of which would let a peer in without a fresh proof.

mod channel;
mod client;
pub mod hybrid;

use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::crypto::ring::{cipher_suite, default_provider, kx_group};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use webpki::ring as verify;

pub use channel::{channel_client, channel_peer_name, channel_server};
pub use client::{NotAuthorities, client_of};

/// What certificates and handshakes may be signed with. The first algorithm of a scheme is the one TLS 1.3
/// means by it.
static SIGNATURES: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[
        verify::ECDSA_P256_SHA256,
        verify::ECDSA_P256_SHA384,
        verify::ECDSA_P384_SHA256,
        verify::ECDSA_P384_SHA384,
        verify::ED25519,
    ],
    mapping: &[
        (SignatureScheme::ECDSA_NISTP384_SHA384, &[verify::ECDSA_P384_SHA384]),
        (SignatureScheme::ECDSA_NISTP256_SHA256, &[verify::ECDSA_P256_SHA256]),
        (SignatureScheme::ED25519, &[verify::ED25519]),
    ],
};

/// The provider of every hop and channel: AES-GCM suites of TLS 1.3, the hybrid group first, then P-256 and
/// P-384; ECDSA and Ed25519.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: vec![cipher_suite::TLS13_AES_256_GCM_SHA384, cipher_suite::TLS13_AES_128_GCM_SHA256],
        kx_groups: vec![hybrid::SECP256R1MLKEM768, kx_group::SECP256R1, kx_group::SECP384R1],
        signature_verification_algorithms: SIGNATURES,
        ..default_provider()
    })
}

#[cfg(test)]
mod key_schedule;
#[cfg(test)]
mod tests;
