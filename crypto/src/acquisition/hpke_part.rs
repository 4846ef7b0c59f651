//! The sealed parts of an acquisition number: HPKE (RFC 9180) to one reader's P-256 key.

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::DhP256HkdfSha256;
use hpke::{
    Deserializable, Kem, OpModeR, OpModeS, Serializable, single_shot_open, single_shot_seal_with_rng,
};
use zeroize::Zeroizing;

use super::{AcquisitionError, IssueError};
use crate::random::{RandomError, Stream};
use crate::sign::BadKey;

type PrivateKey = <DhP256HkdfSha256 as Kem>::PrivateKey;
type PublicKey = <DhP256HkdfSha256 as Kem>::PublicKey;
type Encapsulated = <DhP256HkdfSha256 as Kem>::EncappedKey;

/// The sender's point, uncompressed.
const POINT: usize = 65;
/// What sealing adds: the sender's point and a tag.
pub(super) const OVERHEAD: usize = POINT + 16;

/// The P-256 key pair with which a broker or a body reads its part of acquisition numbers.
pub struct AcquisitionKeyPair {
    private: PrivateKey,
    public: PublicKey,
}

impl AcquisitionKeyPair {
    /// A new random key pair.
    pub fn generate() -> Result<Self, RandomError> {
        let (private, public) = DhP256HkdfSha256::gen_keypair_with_rng(&mut Stream::from_system()?);
        Ok(Self { private, public })
    }

    /// Reads the private scalar: 32 bytes, big-endian, not zero, below the group's order.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadKey> {
        let private = PrivateKey::from_bytes(bytes).map_err(|_| BadKey)?;
        let public = DhP256HkdfSha256::sk_to_pk(&private);
        Ok(Self { private, public })
    }

    /// The private scalar, for the key file.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.private.to_bytes().into())
    }

    /// The public key: an uncompressed point, 65 bytes.
    pub fn public(&self) -> Vec<u8> {
        self.public.to_bytes().to_vec()
    }
}

impl std::fmt::Debug for AcquisitionKeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AcquisitionKeyPair(redacted)")
    }
}

/// Who is to open a part: one reader's part never opens as the other's, even under the same key.
#[derive(Clone, Copy)]
pub(super) enum Reader {
    Broker,
    Party,
}

impl Reader {
    fn info(self) -> &'static [u8] {
        match self {
            Self::Broker => b"chukei acquisition broker part v1",
            Self::Party => b"chukei acquisition party part v1",
        }
    }

    /// The sender's point ‖ ciphertext ‖ tag.
    pub(super) fn seal(
        self,
        public: &[u8],
        party: &str,
        plaintext: &[u8],
        randomness: &mut Stream,
    ) -> Result<Vec<u8>, IssueError> {
        let public = PublicKey::from_bytes(public).map_err(|_| IssueError::BadPublicKey)?;
        let (point, sealed) = single_shot_seal_with_rng::<AesGcm256, HkdfSha256, DhP256HkdfSha256>(
            &OpModeS::Base,
            &public,
            self.info(),
            plaintext,
            party.as_bytes(),
            randomness,
        )
        .map_err(|_| IssueError::BadPublicKey)?;
        Ok([&point.to_bytes()[..], &sealed].concat())
    }

    pub(super) fn open(
        self,
        keys: &AcquisitionKeyPair,
        party: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, AcquisitionError> {
        let (point, sealed) = sealed.split_at_checked(POINT).ok_or(AcquisitionError::Malformed)?;
        let point = Encapsulated::from_bytes(point).map_err(|_| AcquisitionError::Malformed)?;
        single_shot_open::<AesGcm256, HkdfSha256, DhP256HkdfSha256>(
            &OpModeR::Base,
            &keys.private,
            &point,
            self.info(),
            sealed,
            party.as_bytes(),
        )
        .map(Zeroizing::new)
        .map_err(|_| AcquisitionError::NotOurs)
    }
}
