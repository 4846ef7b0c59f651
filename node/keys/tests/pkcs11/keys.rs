//! Keys that stay in the token: what is wrapped opens under the same owner, root and epoch, and nowhere else.

use std::thread;

use chukei_crypto::keyring::KeyringKey;
use chukei_keys::{KeyProvider, Owner, ProviderError, WrapIds};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectClass};

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
        provider.probe(&body).unwrap();
        let key = KeyringKey::generate().unwrap();
        let wrapped = provider.wrap(&body, IDS, &key).unwrap();
        assert_ne!(wrapped, provider.wrap(&body, IDS, &key).unwrap());
        assert_eq!(token.provider().unwrap(&body, IDS, &wrapped).unwrap(), key);
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

#[test]
fn r1_two_owners_in_one_token_are_isolated() {
    on_a_token("keys::r1_two_owners_in_one_token_are_isolated", |token| {
        let provider = token.provider();
        let (one, other) = (owner("982016"), owner("982016-1"));
        endow(&provider, &one);
        assert_eq!((provider.roots(&other).unwrap(), provider.epochs(&other).unwrap()), (vec![], vec![]));
        endow(&provider, &other);
        provider.make_epoch(&other, 3).unwrap();
        let key = KeyringKey::generate().unwrap();
        let wrapped = provider.wrap(&one, IDS, &key).unwrap();
        assert!(matches!(provider.unwrap(&other, IDS, &wrapped), Err(ProviderError::Integrity)));
        provider.raise_generation(&one, 9).unwrap();
        assert_eq!(provider.generation(&other).unwrap(), 0);
        provider.destroy_epoch(&other, IDS.epoch).unwrap();
        provider.destroy_root(&other, IDS.root).unwrap();
        assert_eq!(provider.epochs(&one).unwrap(), [IDS.epoch]);
        assert_eq!(provider.unwrap(&one, IDS, &wrapped).unwrap(), key);
    });
}

#[test]
fn what_is_wrapped_under_a_destroyed_key_never_opens_again() {
    on_a_token("keys::what_is_wrapped_under_a_destroyed_key_never_opens_again", |token| {
        let (provider, body) = (token.provider(), owner("982016"));
        endow(&provider, &body);
        let key = KeyringKey::generate().unwrap();
        let wrapped = provider.wrap(&body, IDS, &key).unwrap();
        let next = WrapIds { root: 2, epoch: IDS.epoch + 1 };
        assert!(matches!(provider.wrap(&body, next, &key), Err(ProviderError::Missing)));
        provider.make_root(&body, next.root).unwrap();
        provider.make_epoch(&body, next.epoch).unwrap();
        assert_eq!(provider.roots(&body).unwrap(), [1, 2]);
        for mixed in [WrapIds { root: 2, ..IDS }, WrapIds { epoch: next.epoch, ..IDS }] {
            assert!(matches!(provider.unwrap(&body, mixed, &wrapped), Err(ProviderError::Integrity)));
        }
        provider.destroy_epoch(&body, IDS.epoch).unwrap();
        provider.destroy_epoch(&body, IDS.epoch).unwrap();
        for provider in [&provider, &token.provider()] {
            assert!(matches!(provider.unwrap(&body, IDS, &wrapped), Err(ProviderError::Destroyed)));
        }
        // A new key of the same name is another key.
        provider.make_epoch(&body, IDS.epoch).unwrap();
        assert!(matches!(provider.unwrap(&body, IDS, &wrapped), Err(ProviderError::Integrity)));
        provider.destroy_root(&body, IDS.root).unwrap();
        assert!(matches!(provider.unwrap(&body, IDS, &wrapped), Err(ProviderError::Destroyed)));
        provider.destroy_root(&body, next.root).unwrap();
        assert!(matches!(provider.unwrap(&body, next, &wrapped), Err(ProviderError::Missing)));
        assert!(matches!(provider.probe(&body), Err(ProviderError::Missing)));
    });
}

#[test]
fn the_generation_never_falls_and_outlives_the_process() {
    on_a_token("keys::the_generation_never_falls_and_outlives_the_process", |token| {
        let (provider, body) = (token.provider(), owner("broker-a"));
        assert_eq!(provider.generation(&body).unwrap(), 0);
        for (to, then) in [(5, 5), (3, 5), (5, 5), (u64::MAX, u64::MAX), (1, u64::MAX)] {
            provider.raise_generation(&body, to).unwrap();
            assert_eq!(token.provider().generation(&body).unwrap(), then);
        }
        let session = token.session();
        let marks = [Attribute::Class(ObjectClass::DATA), Attribute::Token(true)];
        assert_eq!(session.find_objects(&marks).unwrap().len(), 1, "older marks stay behind");
    });
}

#[test]
fn keys_do_not_leave_the_token_and_one_that_could_is_not_used() {
    on_a_token("keys::keys_do_not_leave_the_token_and_one_that_could_is_not_used", |token| {
        let (provider, body) = (token.provider(), owner("982016"));
        endow(&provider, &body);
        let session = token.session();
        let keys = session.find_objects(&[Attribute::Class(ObjectClass::SECRET_KEY)]).unwrap();
        assert_eq!(keys.len(), 2);
        for key in keys {
            assert!(session.get_attributes(key, &[AttributeType::Value]).unwrap().is_empty());
            assert!(session.update_attributes(key, &[Attribute::Extractable(true)]).is_err());
        }
        let weak = [
            Attribute::Token(true),
            Attribute::ValueLen(32.into()),
            Attribute::Sensitive(true),
            Attribute::Extractable(true),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::Label(b"chukei/982016/epoch-3".to_vec()),
            Attribute::Id(b"chukei/982016/epoch".to_vec()),
        ];
        session.generate_key(&Mechanism::AesKeyGen, &weak).unwrap();
        assert_eq!(provider.epochs(&body).unwrap(), [IDS.epoch]);
        let key = KeyringKey::generate().unwrap();
        let ids = WrapIds { epoch: 3, ..IDS };
        assert!(matches!(provider.wrap(&body, ids, &key), Err(ProviderError::Destroyed)));
    });
}

#[test]
fn two_keys_of_one_name_are_an_error_and_not_a_choice() {
    on_a_token("keys::two_keys_of_one_name_are_an_error_and_not_a_choice", |token| {
        let (provider, body) = (token.provider(), owner("982016"));
        endow(&provider, &body);
        let session = token.session();
        let second = [
            Attribute::Token(true),
            Attribute::ValueLen(32.into()),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Label(b"chukei/982016/root-1".to_vec()),
            Attribute::Id(b"chukei/982016/root".to_vec()),
        ];
        session.generate_key(&Mechanism::AesKeyGen, &second).unwrap();
        let key = KeyringKey::generate().unwrap();
        assert!(matches!(provider.wrap(&body, IDS, &key), Err(ProviderError::Integrity)));
        assert!(matches!(provider.roots(&body), Err(ProviderError::Integrity)));
    });
}

#[test]
fn threads_that_make_the_same_keys_at_once_make_each_once() {
    on_a_token("keys::threads_that_make_the_same_keys_at_once_make_each_once", |token| {
        let providers = [token.provider(), token.provider()];
        let body = owner("982016");
        thread::scope(|scope| {
            for worker in 0..8 {
                let (provider, body) = (&providers[worker % 2], &body);
                scope.spawn(move || {
                    for day in 0..10 {
                        // Whoever meets a key that is being made twice is told so, and asks again.
                        while let Err(error) = provider.make_epoch(body, day) {
                            assert!(matches!(error, ProviderError::Integrity), "{error:?}");
                        }
                    }
                });
            }
        });
        let days: Vec<u32> = (0..10).collect();
        assert_eq!(providers[0].epochs(&body).unwrap(), days);
    });
}
