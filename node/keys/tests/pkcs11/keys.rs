//! Keys that stay in the token: what is wrapped opens under the same owner, root and epoch, and nowhere else.

use chukei_crypto::keyring::KeyringKey;
use chukei_keys::{KeyProvider, Owner, ProviderError, WrapIds};

use crate::soft_token::on_a_token;

pub(crate) const IDS: WrapIds = WrapIds { root: 1, epoch: 20_778 };

pub(crate) fn owner(name: &str) -> Owner {
    name.parse().unwrap()
}

/// A root and an epoch.
pub(crate) fn endow(provider: &impl KeyProvider, owner: &Owner) {
    provider.make_root(owner, IDS.root).unwrap();
    provider.make_epoch(owner, IDS.epoch).unwrap();
}

#[test]
fn what_was_wrapped_is_unwrapped_and_every_changed_byte_is_noticed() {
    on_a_token("keys::what_was_wrapped_is_unwrapped_and_every_changed_byte_is_noticed", |token| {
        let (provider, body) = (token.provider(), owner("982016"));
        endow(&provider, &body);
        let key = KeyringKey::generate().unwrap();
        let wrapped = provider.wrap(&body, IDS, &key).unwrap();
        assert_eq!(provider.unwrap(&body, IDS, &wrapped).unwrap(), key);
        for at in 0..wrapped.len() {
            let mut changed = wrapped.clone();
            changed[at] ^= 1;
            let refused = provider.unwrap(&body, IDS, &changed);
            assert!(matches!(refused, Err(ProviderError::Integrity)), "{at}: {refused:?}");
        }
        for length in [0, 11, 12, 27, 28, wrapped.len() - 1] {
            let refused = provider.unwrap(&body, IDS, &wrapped[..length]);
            assert!(matches!(refused, Err(ProviderError::Integrity)), "{length}: {refused:?}");
        }
    });
}
