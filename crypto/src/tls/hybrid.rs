//! The key-exchange group SecP256r1MLKEM768 (draft-ietf-tls-ecdhe-mlkem): ECDH on P-256 beside ML-KEM-768
//! (FIPS 203), safe as long as either holds.
//!
//! Shares are the P-256 point, uncompressed (65 bytes), then ML-KEM's encapsulation key (client, 1,184 bytes) or
//! ciphertext (server, 1,088 bytes); the secret is ECDH's (32 bytes), then ML-KEM's (32 bytes). P-256 is ring's
//! through rustls; ML-KEM is RustCrypto's, not audited, which is why it never stands alone.

use ml_kem::kem::{Encapsulate, FromSeed, KeyExport};
use ml_kem::ml_kem_768::{Ciphertext, DecapsulationKey, EncapsulationKey};
use ml_kem::{Decapsulate, MlKem768, Seed};
use rustls::crypto::ring::kx_group::SECP256R1;
use rustls::crypto::{
    ActiveKeyExchange, CompletedKeyExchange, GetRandomFailed, SharedSecret, SupportedKxGroup,
};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::{Error, NamedGroup, PeerMisbehaved, ProtocolVersion};
use zeroize::Zeroize;

use crate::random::{self, RandomError, Stream};

/// Length of an uncompressed P-256 point.
const POINT: usize = 65;

/// SecP256r1MLKEM768, code point 0x11EB.
pub static SECP256R1MLKEM768: &dyn SupportedKxGroup = &Hybrid;

#[derive(Debug)]
struct Hybrid;

const INVALID_SHARE: Error = Error::PeerMisbehaved(PeerMisbehaved::InvalidKeyShare);

impl SupportedKxGroup for Hybrid {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let classical = SECP256R1.start()?;
        let mut seed = Seed::default();
        random::fill(&mut seed).map_err(no_randomness)?;
        let (decapsulation, encapsulation) = MlKem768::from_seed(&seed);
        seed.zeroize();
        let share = [classical.pub_key(), &encapsulation.to_bytes()].concat();
        Ok(Box::new(Started { classical, decapsulation, share }))
    }

    fn start_and_complete(&self, client_share: &[u8]) -> Result<CompletedKeyExchange, Error> {
        let (point, key) = split(client_share)?;
        let key = key.try_into().map_err(|_| INVALID_SHARE)?;
        // Refuses an encoding with coefficients out of range (FIPS 203, 7.2).
        let key = EncapsulationKey::new(key).map_err(|_| INVALID_SHARE)?;
        let classical = SECP256R1.start_and_complete(point)?;
        let mut randomness = Stream::from_system().map_err(no_randomness)?;
        let (ciphertext, mut post_quantum) = key.encapsulate_with_rng(&mut randomness);
        let secret = joined(&classical.secret, &post_quantum);
        post_quantum.zeroize();
        Ok(CompletedKeyExchange {
            group: self.name(),
            pub_key: [&classical.pub_key[..], &ciphertext].concat(),
            secret,
        })
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::secp256r1MLKEM768
    }

    fn usable_for_version(&self, version: ProtocolVersion) -> bool {
        version == ProtocolVersion::TLSv1_3
    }
}

/// The client's half, waiting for the server's share.
struct Started {
    classical: Box<dyn ActiveKeyExchange>,
    decapsulation: DecapsulationKey,
    share: Vec<u8>,
}

impl ActiveKeyExchange for Started {
    fn complete(self: Box<Self>, server_share: &[u8]) -> Result<SharedSecret, Error> {
        let (point, ciphertext) = split(server_share)?;
        let ciphertext: &Ciphertext = ciphertext.try_into().map_err(|_| INVALID_SHARE)?;
        let classical = self.classical.complete(point)?;
        let mut post_quantum = self.decapsulation.decapsulate(ciphertext);
        let secret = joined(&classical, &post_quantum);
        post_quantum.zeroize();
        Ok(secret)
    }

    // A server without the hybrid group takes the P-256 half of the same hello: no second round trip.
    fn hybrid_component(&self) -> Option<(NamedGroup, &[u8])> {
        Some((self.classical.group(), self.classical.pub_key()))
    }

    fn complete_hybrid_component(self: Box<Self>, server_share: &[u8]) -> Result<SharedSecret, Error> {
        self.classical.complete(server_share)
    }

    fn pub_key(&self) -> &[u8] {
        &self.share
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::secp256r1MLKEM768
    }
}

fn split(share: &[u8]) -> Result<(&[u8], &[u8]), Error> {
    share.split_at_checked(POINT).ok_or(INVALID_SHARE)
}

fn joined(classical: &SharedSecret, post_quantum: &[u8]) -> SharedSecret {
    SharedSecret::from([classical.secret_bytes(), post_quantum].concat())
}

fn no_randomness(_: RandomError) -> Error {
    GetRandomFailed.into()
}
