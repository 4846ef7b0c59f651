//! Roots and epochs in a hardware security module, through PKCS #11.
//!
//! What must hold: roots and epochs are made in the token and never leave it; wrapping and unwrapping happen in
//! it; destroying an epoch destroys the object. A token that is gone, locked or too slow is
//! [`ProviderError::Unavailable`], and nothing else serves in its place. How durable a made or destroyed object
//! is, is the token's own promise.

mod identity;
mod line;
mod module;
mod objects;
mod settings;
mod token;
mod wrapping;

use std::sync::Arc;

use chukei_crypto::keyring::KeyringKey;

use self::line::Line;
use self::objects::Kind;
use self::token::{Answer, Fault, Token};
use self::wrapping::Keys;
use crate::owner::Owner;
use crate::provider::{KeyProvider, ProviderError, WrapIds};

pub use identity::{IDENTITIES_MAX, TokenIdentityError, identity_keys};
pub use settings::Pkcs11Settings;

/// Keys in one token. Every call may block for as long as [`Pkcs11Settings::wait`]: keep it off threads that serve
/// others.
pub struct Pkcs11Provider {
    token: Arc<Token>,
}

impl Pkcs11Provider {
    /// A provider on the token that `settings` name. The token is not asked yet: [`KeyProvider::probe`] does.
    pub fn new(settings: &Pkcs11Settings) -> Self {
        Self { token: Token::of(settings) }
    }
}

impl std::fmt::Debug for Pkcs11Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pkcs11Provider").field("token", &self.token.label()).finish_non_exhaustive()
    }
}

impl KeyProvider for Pkcs11Provider {
    fn roots(&self, owner: &Owner) -> Result<Vec<u32>, ProviderError> {
        let owner = owner.clone();
        self.token.call(move |line| objects::numbers(line, &owner, Kind::Root))
    }

    fn make_root(&self, owner: &Owner, number: u32) -> Result<(), ProviderError> {
        let owner = owner.clone();
        self.token.call(move |line| objects::make(line, &owner, Kind::Root, number))
    }

    fn destroy_root(&self, owner: &Owner, number: u32) -> Result<(), ProviderError> {
        let owner = owner.clone();
        self.token.call(move |line| objects::destroy(line, &owner, Kind::Root, number))
    }

    fn epochs(&self, owner: &Owner) -> Result<Vec<u32>, ProviderError> {
        let owner = owner.clone();
        self.token.call(move |line| objects::numbers(line, &owner, Kind::Epoch))
    }

    fn make_epoch(&self, owner: &Owner, day: u32) -> Result<(), ProviderError> {
        let owner = owner.clone();
        self.token.call(move |line| objects::make(line, &owner, Kind::Epoch, day))
    }

    fn destroy_epoch(&self, owner: &Owner, day: u32) -> Result<(), ProviderError> {
        let owner = owner.clone();
        self.token.call(move |line| objects::destroy(line, &owner, Kind::Epoch, day))
    }

    fn wrap(&self, owner: &Owner, ids: WrapIds, key: &KeyringKey) -> Result<Vec<u8>, ProviderError> {
        let (owner, key) = (owner.clone(), key.clone());
        self.token.call(move |line| {
            let keys = keys(line, &owner, ids)?;
            wrapping::wrap(line, &keys, &owner, ids, &key)
        })
    }

    fn unwrap(&self, owner: &Owner, ids: WrapIds, wrapped: &[u8]) -> Result<KeyringKey, ProviderError> {
        let (owner, wrapped) = (owner.clone(), wrapped.to_vec());
        self.token.call(move |line| {
            let keys = keys(line, &owner, ids)?;
            wrapping::unwrap(line, &keys, &owner, ids, &wrapped)
        })
    }

    fn generation(&self, owner: &Owner) -> Result<u64, ProviderError> {
        let owner = owner.clone();
        self.token.call(move |line| objects::generation(line, &owner))
    }

    fn raise_generation(&self, owner: &Owner, to: u64) -> Result<(), ProviderError> {
        let owner = owner.clone();
        self.token.call(move |line| objects::raise_generation(line, &owner, to))
    }

    fn probe(&self, owner: &Owner) -> Result<(), ProviderError> {
        let owner = owner.clone();
        self.token.call(move |line| {
            let newest = |kind| {
                objects::numbers(line, &owner, kind)?.pop().ok_or(Fault::Answer(ProviderError::Missing))
            };
            let ids = WrapIds { root: newest(Kind::Root)?, epoch: newest(Kind::Epoch)? };
            let probe = KeyringKey::from_bytes([0; 32]);
            let keys = keys(line, &owner, ids)?;
            let wrapped = wrapping::wrap(line, &keys, &owner, ids, &probe)?;
            wrapping::unwrap(line, &keys, &owner, ids, &wrapped).map(drop)
        })
    }
}

/// Both keys. What is not there is destroyed where the token shows that it once was: another root is there, and
/// for a root a newer one.
fn keys(line: &Line<'_>, owner: &Owner, ids: WrapIds) -> Answer<Keys> {
    let Some(root) = objects::key(line, owner, Kind::Root, ids.root)? else {
        let newest = objects::numbers(line, owner, Kind::Root)?.pop();
        let destroyed = newest.is_some_and(|newest| newest > ids.root);
        return Err(Fault::Answer(if destroyed { ProviderError::Destroyed } else { ProviderError::Missing }));
    };
    match objects::key(line, owner, Kind::Epoch, ids.epoch)? {
        Some(epoch) => Ok(Keys { root, epoch }),
        None => Err(Fault::Answer(ProviderError::Destroyed)),
    }
}
