//! The seam behind which roots and epochs are kept: files, a mounted secret, a hardware security module.
//!
//! A **root** is long-lived and may be supplied and split by the owner (R25). An **epoch** is made once a day and
//! destroyed some days later. A keyring's key is wrapped under both: outside by the root, inside by the epoch,
//! each time under fresh randomness, bound to owner, root and epoch. What a provider reports as destroyed it
//! never serves again, and it keeps no copy of a key it served.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

use chukei_crypto::keyring::KeyringKey;

use crate::owner::Owner;

/// Which root and which epoch a keyring's key is wrapped under. Both are needed to unwrap it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrapIds {
    /// Number of the root, from 1.
    pub root: u32,
    /// The civil day in Japan, as days since 1970-01-01, on which the epoch was made.
    pub epoch: u32,
}

/// Why a provider did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The root or epoch was destroyed: what is wrapped under it never opens again (`KEY_DESTROYED`).
    #[error("the key was destroyed")]
    Destroyed,
    /// There is no such root or epoch here, nor was it destroyed as far as the provider can tell.
    #[error("there is no such root or epoch")]
    Missing,
    /// A stored key is malformed, or a wrapped key was altered or belongs to another owner.
    #[error("a stored or wrapped key is malformed, altered or another owner's")]
    Integrity,
    /// Wrapped by a later release, or by a provider of another kind.
    #[error("a key is wrapped in a form that this provider does not know")]
    NewerFormat,
    /// The provider may not make or destroy this: somebody else does.
    #[error("the provider may only read here")]
    ReadOnly,
    /// It does not answer now; it may later. The source is for the log.
    #[error("the key provider does not answer: {0}")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// Keeper of roots, epochs and the newest acknowledged generation of each owner's keyring.
///
/// Calls block on files or on a token. A call that returned is durable. Days only count up in use, but a provider
/// takes any: which epoch is made or destroyed when is decided by its caller.
pub trait KeyProvider: Send + Sync + fmt::Debug {
    /// Numbers of the roots at hand, ascending. Read anew each time: a root may be mounted while we run.
    fn roots(&self, owner: &Owner) -> Result<Vec<u32>, ProviderError>;

    /// Makes root `number`; one that is there already is left as it is. [`ProviderError::ReadOnly`] where somebody
    /// else supplies roots.
    fn make_root(&self, owner: &Owner, number: u32) -> Result<(), ProviderError>;

    /// Destroys root `number`; one that is not there is no error. [`ProviderError::ReadOnly`] where somebody else
    /// supplies roots.
    fn destroy_root(&self, owner: &Owner, number: u32) -> Result<(), ProviderError>;

    /// Days of the epochs at hand, ascending.
    fn epochs(&self, owner: &Owner) -> Result<Vec<u32>, ProviderError>;

    /// Makes the epoch of `day`; one that is there already is left as it is.
    fn make_epoch(&self, owner: &Owner, day: u32) -> Result<(), ProviderError>;

    /// Destroys the epoch of `day`; one that is not there is no error.
    fn destroy_epoch(&self, owner: &Owner, day: u32) -> Result<(), ProviderError>;

    /// Wraps `key`; the result has at most [`crate::WRAPPED_MAX`] bytes. A root or epoch that is not at hand is
    /// [`ProviderError::Missing`] or [`ProviderError::Destroyed`].
    fn wrap(&self, owner: &Owner, ids: WrapIds, key: &KeyringKey) -> Result<Vec<u8>, ProviderError>;

    /// Unwraps what [`KeyProvider::wrap`] gave for the same owner and ids. An epoch that [`KeyProvider::epochs`]
    /// does not list, and a root below the newest that is not there, is [`ProviderError::Destroyed`].
    fn unwrap(&self, owner: &Owner, ids: WrapIds, wrapped: &[u8]) -> Result<KeyringKey, ProviderError>;

    /// The newest generation of the owner's keyring that was acknowledged; 0 before the first.
    fn generation(&self, owner: &Owner) -> Result<u64, ProviderError>;

    /// Acknowledges generation `to`. Never lowers the mark.
    fn raise_generation(&self, owner: &Owner, to: u64) -> Result<(), ProviderError>;

    /// Whether the owner's epochs and generation at a second place are those of the first: one that lacks an epoch, or
    /// has one that was destroyed, is not. True where there is no second place.
    fn standby_in_step(&self, _owner: &Owner) -> Result<bool, ProviderError> {
        Ok(true)
    }

    /// Whether the provider can serve `owner` now: a root and an epoch are at hand and usable.
    fn probe(&self, owner: &Owner) -> Result<(), ProviderError>;

    /// Whether this root and this epoch can be used now: errors as of [`KeyProvider::wrap`]. Asked often, for each
    /// owner: a provider that can answer with less than wrapping and unwrapping does.
    fn serves(&self, owner: &Owner, ids: WrapIds) -> Result<(), ProviderError> {
        let key = KeyringKey::from_bytes([0; 32]);
        let wrapped = self.wrap(owner, ids, &key)?;
        self.unwrap(owner, ids, &wrapped).map(drop)
    }
}
