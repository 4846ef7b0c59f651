//! A keyring's key under root and epoch, both layers by AES-256-GCM in the token.
//!
//! Form: `0x11 ‖ nonce 12 ‖ AES-GCM(root; nonce 12 ‖ AES-GCM(epoch; key 32))`, 89 bytes, each layer bound to a label of its own,
//! the owner, the root's number and the epoch's day. Nonces are 96 random bits of ours, or the token's where it
//! insists on its own: SP 800-38D allows 2^32 of them under one key, and a root wraps one key per change of its
//! owner's keyring, which at one a second is 136 years.

use chukei_crypto::keyring::KeyringKey;
use chukei_crypto::random;
use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use zeroize::Zeroizing;

use super::objects::integrity;
use super::token::{Answer, Fault};
use crate::owner::Owner;
use crate::provider::{ProviderError, WrapIds};

/// First byte of the form: no other provider's, so that a key wrapped by another is told from an altered one.
const FORM: u8 = 0x11;
const NONCE: usize = 12;
const TAG: usize = 16;
const TAG_BITS: u64 = 128;

/// The two keys of one wrapping.
pub(super) struct Keys {
    pub(super) root: ObjectHandle,
    pub(super) epoch: ObjectHandle,
}

pub(super) fn wrap(
    session: &Session,
    keys: &Keys,
    owner: &Owner,
    ids: WrapIds,
    key: &KeyringKey,
) -> Answer<Vec<u8>> {
    let inner = seal(session, keys.epoch, &associated(b"inner", owner, ids), key.as_bytes())?;
    let outer = seal(session, keys.root, &associated(b"outer", owner, ids), &inner)?;
    Ok([&[FORM], outer.as_slice()].concat())
}

pub(super) fn unwrap(
    session: &Session,
    keys: &Keys,
    owner: &Owner,
    ids: WrapIds,
    wrapped: &[u8],
) -> Answer<KeyringKey> {
    let (form, outer) = wrapped.split_first().ok_or_else(integrity)?;
    if *form != FORM {
        return Err(Fault::Answer(ProviderError::NewerFormat));
    }
    let inner = open(session, keys.root, &associated(b"outer", owner, ids), outer)?;
    let key = open(session, keys.epoch, &associated(b"inner", owner, ids), &inner)?;
    let key: Zeroizing<[u8; 32]> = Zeroizing::new(key.as_slice().try_into().map_err(|_| integrity())?);
    Ok(KeyringKey::from_bytes(*key))
}

/// Only the owner's name varies in length, and it stands last.
fn associated(layer: &[u8; 5], owner: &Owner, ids: WrapIds) -> Vec<u8> {
    let WrapIds { root, epoch } = ids;
    let numbers = [root.to_be_bytes(), epoch.to_be_bytes()].concat();
    [b"chukei pkcs11 wrap v1 ", &layer[..], &numbers, owner.as_bytes()].concat()
}

fn seal(session: &Session, key: ObjectHandle, associated: &[u8], plaintext: &[u8]) -> Answer<Vec<u8>> {
    let mut nonce = random::bytes::<NONCE>().map_err(|error| Fault::Token(Box::new(error)))?;
    let params = GcmParams::new(&mut nonce, associated, TAG_BITS.into())?;
    let sealed = session.encrypt(&Mechanism::AesGcm(params), key, plaintext)?;
    if sealed.len() != plaintext.len() + TAG {
        return Err(Fault::Token(Box::new(Error::InvalidValue)));
    }
    Ok([&nonce[..], &sealed].concat())
}

fn open(
    session: &Session,
    key: ObjectHandle,
    associated: &[u8],
    sealed: &[u8],
) -> Answer<Zeroizing<Vec<u8>>> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or_else(integrity)?;
    if sealed.len() < TAG {
        return Err(integrity());
    }
    let mut nonce = *nonce;
    let params = GcmParams::new(&mut nonce, associated, TAG_BITS.into())?;
    match session.decrypt(&Mechanism::AesGcm(params), key, sealed) {
        Ok(plain) => Ok(Zeroizing::new(plain)),
        Err(Error::Pkcs11(error, Function::Decrypt)) => Err(refused(session, key, error)),
        Err(error) => Err(error.into()),
    }
}

/// Whether a refused decryption speaks of the data or of the token. Some tokens have one code for both: then the
/// key is tried on something that was sealed this moment.
fn refused(session: &Session, key: ObjectHandle, error: RvError) -> Fault {
    match error {
        RvError::EncryptedDataInvalid | RvError::EncryptedDataLenRange => integrity(),
        RvError::GeneralError | RvError::FunctionFailed if serves(session, key) => integrity(),
        error => Error::Pkcs11(error, Function::Decrypt).into(),
    }
}

fn serves(session: &Session, key: ObjectHandle) -> bool {
    let probe = b"probe";
    let mut nonce = [0; NONCE];
    let Ok(sealed) = seal(session, key, probe, probe) else { return false };
    let Some((given, sealed)) = sealed.split_first_chunk::<NONCE>() else { return false };
    nonce.copy_from_slice(given);
    let Ok(params) = GcmParams::new(&mut nonce, probe, TAG_BITS.into()) else { return false };
    session.decrypt(&Mechanism::AesGcm(params), key, sealed).is_ok_and(|plain| plain == probe)
}
