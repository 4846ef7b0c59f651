//! Identity keys in the token: ECDSA on P-256, signed there.
//!
//! A key is a pair of objects of one label and one CKA_ID: the private key, sensitive and not extractable, and the
//! public key beside it, which says what the peer list has to name. Two pairs may share the label while an
//! identity is being replaced; which of them is in use is for the peer list to say.

use std::sync::Arc;

use chukei_crypto::hash::sha256;
use chukei_crypto::sign::{ExternalSigner, IdentityKey, SignError, p256_spki};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass};

use super::line::Line;
use super::objects::{find_all, find_one, integrity, read_all};
use super::settings::Pkcs11Settings;
use super::token::{Answer, Fault, Token};
use crate::provider::ProviderError;

/// Most keys of one label: the one in use and the one that replaces it.
pub const IDENTITIES_MAX: usize = 2;
/// DER of the OID of P-256 (RFC 5480).
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// DER before the 65 bytes of a point in an OCTET STRING.
const OCTET_STRING: [u8; 2] = [0x04, 65];

/// Why no identity key was had from a token.
#[derive(Debug, thiserror::Error)]
pub enum TokenIdentityError {
    /// The token gave none.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// A key did not sign, or is not the one of its public key.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// More than [`IDENTITIES_MAX`].
    #[error("more than {IDENTITIES_MAX} identity keys of one label")]
    TooMany,
}

/// The identity keys of `label`, at least one, each shown by a signature to be the one of its public key. Blocks on
/// the token, and so does every later signature: [`IdentityKey::may_block`].
pub fn identity_keys(settings: &Pkcs11Settings, label: &str) -> Result<Vec<IdentityKey>, TokenIdentityError> {
    let token = Token::of(settings);
    let asked = label.to_owned();
    let found = token.call(move |line| pairs(line, &asked))?;
    if found.is_empty() {
        return Err(ProviderError::Missing.into());
    }
    if found.len() > IDENTITIES_MAX {
        return Err(TokenIdentityError::TooMany);
    }
    let keys = found.into_iter().map(|(id, spki)| {
        let key = TokenKey { token: Arc::clone(&token), label: label.to_owned(), id, spki };
        Ok(IdentityKey::external(Arc::new(key))?)
    });
    keys.collect()
}

/// CKA_ID and SubjectPublicKeyInfo of each private key that is usable.
fn pairs(line: &Line<'_>, label: &str) -> Answer<Vec<(Vec<u8>, Vec<u8>)>> {
    let private = read_all(line, &private(label), AttributeType::Id)?;
    private.into_iter().map(|(_, id)| Ok((id.clone(), public_spki(line, label, id)?))).collect()
}

fn public_spki(line: &Line<'_>, label: &str, id: Vec<u8>) -> Answer<Vec<u8>> {
    let public = [
        Attribute::Class(ObjectClass::PUBLIC_KEY),
        Attribute::KeyType(KeyType::EC),
        Attribute::Token(true),
        Attribute::Label(label.as_bytes().to_vec()),
        Attribute::Id(id),
        Attribute::EcParams(P256.to_vec()),
    ];
    let found = find_all(line, &public)?;
    let [public] = found.as_slice() else { return Err(integrity()) };
    let attributes = line.get_attributes(*public, &[AttributeType::EcPoint])?;
    let [Attribute::EcPoint(point)] = attributes.as_slice() else { return Err(integrity()) };
    // An OCTET STRING by the standard; some tokens give the bare point.
    let point = point.strip_prefix(&OCTET_STRING).filter(|rest| rest.len() == 65).unwrap_or(point);
    p256_spki(point).map_err(|_| integrity())
}

fn private(label: &str) -> Vec<Attribute> {
    vec![
        Attribute::Class(ObjectClass::PRIVATE_KEY),
        Attribute::KeyType(KeyType::EC),
        Attribute::Token(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Label(label.as_bytes().to_vec()),
    ]
}

/// One key in the token.
#[derive(Debug)]
struct TokenKey {
    token: Arc<Token>,
    label: String,
    id: Vec<u8>,
    spki: Vec<u8>,
}

impl ExternalSigner for TokenKey {
    fn public_spki(&self) -> Vec<u8> {
        self.spki.clone()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let (label, id, digest) = (self.label.clone(), self.id.clone(), sha256(message));
        let signed = self.token.call(move |line| {
            let mut template = private(&label);
            template.push(Attribute::Id(id.clone()));
            let key = find_one(line, &template)?.ok_or(Fault::Answer(ProviderError::Missing))?;
            let signature = line.sign(&Mechanism::Ecdsa, key, &digest)?;
            signature.try_into().map_err(|_| integrity())
        });
        signed.map_err(|error| SignError(Box::new(error)))
    }
}
