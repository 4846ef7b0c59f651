//! A token that goes away, comes back, refuses or was altered: a clear error, and never another key store.

use std::fs;
use std::num::NonZeroU8;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chukei_crypto::keyring::KeyringKey;
use chukei_keys::pkcs11::{Pkcs11Provider, Pkcs11Settings};
use chukei_keys::{KeyProvider, ProviderError};
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;

use crate::keys::{IDS, endow, owner};
use crate::soft_token::{PIN, on_a_token};

/// What the log would say of a token that does not serve.
fn unavailable<T: std::fmt::Debug>(outcome: Result<T, ProviderError>) -> String {
    match outcome {
        Err(ProviderError::Unavailable(source)) => source.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Repeats `attempt` until it succeeds; the driver is started anew at most once a second.
fn soon<T>(mut attempt: impl FnMut() -> Result<T, ProviderError>) -> T {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(error) if Instant::now() > until => panic!("{error:?}"),
            Err(_) => std::thread::yield_now(),
        }
    }
}

#[test]
fn a_token_that_is_gone_is_unavailable_and_serves_again_when_it_is_back() {
    on_a_token("trouble::a_token_that_is_gone_is_unavailable_and_serves_again_when_it_is_back", |token| {
        let (provider, body) = (token.provider(), owner("982016"));
        endow(&provider, &body);
        let key = KeyringKey::generate().unwrap();
        let wrapped = provider.wrap(&body, IDS, &key).unwrap();
        provider.raise_generation(&body, 7).unwrap();
        token.take_away();
        // Several times over, so that every session and a new start of the driver meet it.
        for _ in 0..3 {
            unavailable(provider.unwrap(&body, IDS, &wrapped));
            unavailable(provider.wrap(&body, IDS, &key));
            unavailable(provider.generation(&body));
            unavailable(provider.raise_generation(&body, 8));
            unavailable(provider.epochs(&body));
            unavailable(provider.roots(&body));
            unavailable(provider.make_epoch(&body, 1));
            unavailable(provider.make_root(&body, 2));
            unavailable(provider.destroy_epoch(&body, IDS.epoch));
            unavailable(provider.destroy_root(&body, IDS.root));
            unavailable(provider.probe(&body));
        }
        token.put_back();
        assert_eq!(soon(|| provider.unwrap(&body, IDS, &wrapped)), key);
        assert_eq!(provider.generation(&body).unwrap(), 7);
        assert_eq!(provider.epochs(&body).unwrap(), [IDS.epoch]);
        provider.probe(&body).unwrap();
    });
}

#[test]
fn a_token_taken_away_in_the_middle_of_work_loses_nothing_that_was_acknowledged() {
    let name = "trouble::a_token_taken_away_in_the_middle_of_work_loses_nothing_that_was_acknowledged";
    on_a_token(name, |token| {
        let (provider, body) = (token.provider(), owner("982016"));
        endow(&provider, &body);
        let back = AtomicBool::new(false);
        let worker = |seed: u64| {
            let (mut acknowledged, mut served) = (0, 0);
            while served < 20 {
                let to = acknowledged + seed;
                match provider.raise_generation(&body, to) {
                    Ok(()) => {
                        acknowledged = to;
                        served += u32::from(back.load(Ordering::SeqCst));
                    }
                    Err(ProviderError::Unavailable(_)) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
            acknowledged
        };
        let acknowledged: Vec<u64> = std::thread::scope(|scope| {
            let workers: Vec<_> = (1..=3)
                .map(|seed| {
                    scope.spawn({
                        let worker = &worker;
                        move || worker(seed)
                    })
                })
                .collect();
            let began = provider.generation(&body).unwrap();
            soon(|| match provider.generation(&body)? {
                now if now > began + 10 => Ok(()),
                _ => Err(ProviderError::Missing),
            });
            token.take_away();
            while provider.probe(&body).is_ok() {}
            token.put_back();
            back.store(true, Ordering::SeqCst);
            workers.into_iter().map(|worker| worker.join().unwrap()).collect()
        });
        assert_eq!(provider.generation(&body).unwrap(), acknowledged.into_iter().max().unwrap());
    });
}

#[test]
fn a_wrong_pin_is_unavailable_until_the_file_is_right() {
    on_a_token("trouble::a_wrong_pin_is_unavailable_until_the_file_is_right", |token| {
        fs::write(token.pin_file(), "1111\n").unwrap();
        let (provider, body) = (token.provider(), owner("982016"));
        for _ in 0..3 {
            let said = unavailable(provider.make_root(&body, 1));
            assert!(said.contains("refused the PIN") && !said.contains("1111"), "{said}");
        }
        fs::write(token.pin_file(), PIN).unwrap();
        provider.make_root(&body, 1).unwrap();
        fs::remove_file(token.pin_file()).unwrap();
        assert_eq!(provider.roots(&body).unwrap(), [1], "what is logged in stays");
        let missing =
            Pkcs11Provider::new(&Pkcs11Settings { pin_file: "/nowhere".into(), ..token.settings() });
        // The log-in is the process's, so the second provider needs no PIN of its own.
        assert_eq!(missing.roots(&body).unwrap(), [1]);
    });
}

/// Or the token would lock itself after a few looks at whether it is ready.
#[test]
fn a_refused_pin_is_not_tried_again_until_its_file_is_written() {
    on_a_token("trouble::a_refused_pin_is_not_tried_again_until_its_file_is_written", |token| {
        fs::write(token.pin_file(), "11112222\n").unwrap();
        let (provider, body) = (token.provider(), owner("982016"));
        unavailable(provider.roots(&body));
        // From now on the token would take it.
        let session = token.session();
        session.login(UserType::User, Some(&AuthPin::from(PIN))).unwrap();
        session.set_pin(&AuthPin::from(PIN), &AuthPin::from("11112222")).unwrap();
        session.logout().unwrap();
        for _ in 0..3 {
            assert!(unavailable(provider.roots(&body)).contains("not tried again"));
        }
        fs::write(token.pin_file(), "11112222").unwrap();
        assert_eq!(provider.roots(&body).unwrap(), []);
    });
}

#[test]
fn a_driver_token_or_pin_that_is_not_there_is_said() {
    on_a_token("trouble::a_driver_token_or_pin_that_is_not_there_is_said", |token| {
        let body = owner("982016");
        let roots = |settings: Pkcs11Settings| Pkcs11Provider::new(&settings).roots(&body);
        let error = roots(Pkcs11Settings { pin_file: "/nowhere".into(), ..token.settings() });
        assert!(matches!(error, Err(ProviderError::Io { .. })), "{error:?}");
        unavailable(roots(Pkcs11Settings { module: PathBuf::from("/nowhere.so"), ..token.settings() }));
        unavailable(roots(Pkcs11Settings { module: PathBuf::from("/etc/passwd"), ..token.settings() }));
        let said = unavailable(roots(Pkcs11Settings { token: "other".into(), ..token.settings() }));
        assert!(said.contains("other"), "{said}");
    });
}

#[test]
fn which_of_two_tokens_of_one_label_is_meant_is_not_guessed() {
    on_a_token("trouble::which_of_two_tokens_of_one_label_is_meant_is_not_guessed", |token| {
        token.tool(&["--init-token", "--free", "--label", "chukei", "--pin", PIN, "--so-pin", "31415926"]);
        let said = unavailable(token.provider().roots(&owner("982016")));
        assert!(said.contains("more than one"), "{said}");
    });
}

#[test]
fn a_token_whose_objects_were_altered_gives_no_key() {
    on_a_token("trouble::a_token_whose_objects_were_altered_gives_no_key", |token| {
        let (provider, body) = (token.provider(), owner("982016"));
        endow(&provider, &body);
        let key = KeyringKey::generate().unwrap();
        let wrapped = provider.wrap(&body, IDS, &key).unwrap();
        for file in token.objects() {
            let bytes = fs::read(&file).unwrap();
            for at in (0..bytes.len()).step_by(41) {
                let mut altered = bytes.clone();
                altered[at] ^= 0x40;
                fs::write(&file, &altered).unwrap();
                if let Ok(unwrapped) = token.provider().unwrap(&body, IDS, &wrapped) {
                    assert_eq!(unwrapped, key, "another key came out");
                }
            }
            fs::write(&file, &bytes).unwrap();
        }
        assert_eq!(soon(|| provider.unwrap(&body, IDS, &wrapped)), key);
    });
}

#[test]
fn a_token_that_hangs_keeps_its_caller_for_a_bounded_time_only() {
    on_a_token("trouble::a_token_that_hangs_keeps_its_caller_for_a_bounded_time_only", |token| {
        // Nobody ever writes into it: whoever opens it for reading hangs, as in a driver that got no answer.
        let pin_file = token.pin_file().with_extension("fifo");
        assert!(Command::new("mkfifo").arg(&pin_file).status().unwrap().success());
        let (sessions, wait) = (NonZeroU8::new(4).unwrap(), Duration::from_millis(50));
        let settings = Pkcs11Settings { pin_file, sessions, wait, ..token.settings() };
        let (provider, body) = (Pkcs11Provider::new(&settings), owner("982016"));
        for _ in 0..4 {
            let said = unavailable(provider.roots(&body));
            assert!(said.contains("did not answer within 50 ms"), "{said}");
        }
        let mut said = String::new();
        for _ in 0..70 {
            said = unavailable(provider.roots(&body));
        }
        assert!(said.contains("too many calls"), "{said}");
    });
}
