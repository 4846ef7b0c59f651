//! A keyring's key, wrapped twice: inside under an epoch, outside under the root.
//!
//! Wrapped form: version 1 ‖ suite 1 ‖ salt of the root 16 ‖ outer ciphertext 64 ‖ tag 16; the outer plaintext is
//! salt of the epoch 16 ‖ inner ciphertext 32 ‖ tag 16; the inner plaintext is the key. Each layer is AES-256-GCM
//! under HKDF-SHA-256(its salt; its key; its label), a key used once. Associated data of both: version ‖ suite ‖
//! length of owner (u8) ‖ owner ‖ root (u32) ‖ epoch (u32), integers big-endian.

use zeroize::Zeroizing;

use super::{EpochKey, KeyringError, KeyringKey, RootKey};
use crate::once::{OnceKey, SALT, TAG};
use crate::random;

const VERSION: u8 = 1;
const SUITE: u8 = 1;
const HEADER: usize = 2;
const INNER: usize = SALT + 32 + TAG;
const SIZE: usize = HEADER + SALT + INNER + TAG;
const ROOT_LABEL: &[u8] = b"chukei root wrap v1";
const EPOCH_LABEL: &[u8] = b"chukei epoch wrap v1";

/// Whose key is wrapped, and under which of their roots and epochs.
#[derive(Clone, Copy, Debug)]
pub struct WrapPlace<'a> {
    /// The owner's name, at most 255 bytes.
    pub owner: &'a [u8],
    /// Number of the root.
    pub root: u32,
    /// Day of the epoch.
    pub epoch: u32,
}

/// Wraps `key` for `place`.
pub fn wrap(
    root: &RootKey,
    epoch: &EpochKey,
    place: WrapPlace<'_>,
    key: &KeyringKey,
) -> Result<Vec<u8>, KeyringError> {
    wrap_salted(root, epoch, place, key, [random::bytes()?, random::bytes()?])
}

/// Salts of the root and of the epoch must be fresh.
pub(super) fn wrap_salted(
    root: &RootKey,
    epoch: &EpochKey,
    place: WrapPlace<'_>,
    key: &KeyringKey,
    [root_salt, epoch_salt]: [[u8; SALT]; 2],
) -> Result<Vec<u8>, KeyringError> {
    let associated = associated(place)?;
    let too_long = |_| KeyringError::TooLong;
    let mut inner = Vec::with_capacity(INNER);
    inner.extend_from_slice(&epoch_salt);
    OnceKey::derive(&epoch_salt, epoch.as_bytes(), &[EPOCH_LABEL])?
        .seal_onto(&associated, &mut inner, key.as_bytes())
        .map_err(too_long)?;
    let mut out = Vec::with_capacity(SIZE);
    out.extend_from_slice(&[VERSION, SUITE]);
    out.extend_from_slice(&root_salt);
    OnceKey::derive(&root_salt, root.as_bytes(), &[ROOT_LABEL])?
        .seal_onto(&associated, &mut out, &inner)
        .map_err(too_long)?;
    Ok(out)
}

/// Unwraps what [`wrap`] gave for `place`.
pub fn unwrap(
    root: &RootKey,
    epoch: &EpochKey,
    place: WrapPlace<'_>,
    wrapped: &[u8],
) -> Result<KeyringKey, KeyringError> {
    let failed = || KeyringError::IntegrityFailure;
    let (&[version, suite], rest) = wrapped.split_first_chunk::<HEADER>().ok_or_else(failed)?;
    if (version, suite) != (VERSION, SUITE) {
        return Err(KeyringError::NewerFormat);
    }
    let (root_salt, _) = rest.split_first_chunk::<SALT>().ok_or_else(failed)?;
    if wrapped.len() != SIZE {
        return Err(failed());
    }
    let associated = associated(place)?;
    let mut inner = Zeroizing::new(wrapped.to_vec());
    OnceKey::derive(root_salt, root.as_bytes(), &[ROOT_LABEL])?
        .open_within(&associated, &mut inner, HEADER + SALT)
        .map_err(|_| failed())?;
    let (epoch_salt, _) = inner.split_first_chunk::<SALT>().ok_or_else(failed)?;
    let epoch_key = OnceKey::derive(epoch_salt, epoch.as_bytes(), &[EPOCH_LABEL])?;
    epoch_key.open_within(&associated, &mut inner, SALT).map_err(|_| failed())?;
    let key = inner.as_slice().try_into().map_err(|_| failed())?;
    Ok(KeyringKey::from_bytes(key))
}

fn associated(place: WrapPlace<'_>) -> Result<Vec<u8>, KeyringError> {
    let length = u8::try_from(place.owner.len()).map_err(|_| KeyringError::TooLong)?;
    let numbers = [place.root.to_be_bytes(), place.epoch.to_be_bytes()].concat();
    Ok([&[VERSION, SUITE, length], place.owner, &numbers].concat())
}
