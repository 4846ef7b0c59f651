//! Keys that stay in the token: what is wrapped opens under the same owner, root and epoch, and nowhere else.

use std::sync::Arc;
use std::thread;

use chukei_crypto::keyring::KeyringKey;
use chukei_keys::{KeyProvider, Owner, ProviderError, WrapIds};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass};

use crate::conformance::{Subject, holds};
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
fn a_token_does_what_every_provider_does() {
    on_a_token("keys::a_token_does_what_every_provider_does", |token| {
        holds(&Subject { open: &|| Arc::new(token.provider()), mount_root: None });
    });
}

#[test]
fn a_key_made_again_under_its_old_name_is_another_key() {
    on_a_token("keys::a_key_made_again_under_its_old_name_is_another_key", |token| {
        let (provider, body) = (token.provider(), owner("982016"));
        endow(&provider, &body);
        let key = KeyringKey::generate().unwrap();
        let wrapped = provider.wrap(&body, IDS, &key).unwrap();
        provider.destroy_epoch(&body, IDS.epoch).unwrap();
        provider.make_epoch(&body, IDS.epoch).unwrap();
        assert!(matches!(provider.unwrap(&body, IDS, &wrapped), Err(ProviderError::Integrity)));
    });
}

/// R1: also where somebody gave two owners the same keys.
#[test]
fn r1_what_is_wrapped_is_bound_to_its_owner_by_more_than_the_key() {
    on_a_token("keys::r1_what_is_wrapped_is_bound_to_its_owner_by_more_than_the_key", |token| {
        let (provider, owners) = (token.provider(), ["982016", "982024"].map(owner));
        assert_eq!(provider.roots(&owners[0]).unwrap(), []);
        let session = token.session();
        for owner in &owners {
            for (kind, number) in [("root", IDS.root), ("epoch", IDS.epoch)] {
                let id = format!("chukei/{owner}/{kind}");
                let given = [
                    Attribute::Class(ObjectClass::SECRET_KEY),
                    Attribute::KeyType(KeyType::AES),
                    Attribute::Token(true),
                    Attribute::Private(true),
                    Attribute::Sensitive(true),
                    Attribute::Extractable(false),
                    Attribute::Encrypt(true),
                    Attribute::Decrypt(true),
                    Attribute::Label(format!("{id}-{number}").into_bytes()),
                    Attribute::Id(id.into_bytes()),
                    Attribute::Value(vec![7; 32]),
                ];
                session.create_object(&given).unwrap();
            }
        }
        let key = KeyringKey::generate().unwrap();
        let wrapped = provider.wrap(&owners[0], IDS, &key).unwrap();
        assert_eq!(provider.unwrap(&owners[0], IDS, &wrapped).unwrap(), key);
        assert!(matches!(provider.unwrap(&owners[1], IDS, &wrapped), Err(ProviderError::Integrity)));
    });
}

#[test]
fn one_mark_of_the_generation_is_kept() {
    on_a_token("keys::one_mark_of_the_generation_is_kept", |token| {
        let (provider, body) = (token.provider(), owner("broker-a"));
        for to in [5, 3, 8, u64::MAX] {
            provider.raise_generation(&body, to).unwrap();
        }
        let session = token.session();
        let marks = [Attribute::Class(ObjectClass::DATA), Attribute::Token(true)];
        assert_eq!(session.find_objects(&marks).unwrap().len(), 1);
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
