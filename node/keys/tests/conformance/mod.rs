//! What every provider of roots and epochs does, as one suite over the published seam.
//!
//! Each check has owners of its own, so that one store of keys serves the whole suite. What is said to one handle must
//! hold for another: a handle stands for a process, and everything that returned is durable.

use std::collections::BTreeSet;
use std::sync::Arc;

use chukei_crypto::keyring::KeyringKey;
use chukei_keys::{KeyProvider, Owner, ProviderError, WRAPPED_MAX, WrapIds};

type Outcome<T> = Result<T, ProviderError>;
type Mount<'a> = &'a dyn Fn(&Owner, u32);

/// A provider to be judged, over storage in which no owner has anything.
pub(crate) struct Subject<'a> {
    /// A new handle on the same storage, as another process would have.
    pub(crate) open: &'a dyn Fn() -> Arc<dyn KeyProvider>,
    /// Puts a root there, where the provider itself may not.
    pub(crate) mount_root: Option<Mount<'a>>,
}

/// Judges the provider.
pub(crate) fn holds(subject: &Subject<'_>) {
    for check in [
        nothing_is_there_at_first,
        roots_are_made_once_and_listed_in_order,
        epochs_are_made_once_and_listed_in_order,
        what_is_wrapped_is_unwrapped_by_another_handle,
        a_wrapped_key_is_bound_to_owner_root_and_epoch,
        any_altered_byte_and_any_cut_is_refused,
        a_destroyed_epoch_is_destroyed_for_every_handle,
        a_replaced_root_is_destroyed_and_one_not_there_yet_is_missing,
        the_generation_never_falls,
        owners_share_nothing,
        the_probe_wants_a_root_and_an_epoch,
        handles_may_be_used_at_once,
    ] {
        check(subject);
    }
}

impl Subject<'_> {
    fn root(&self, owner: &Owner, number: u32) {
        match self.mount_root {
            Some(mount) => mount(owner, number),
            None => (self.open)().make_root(owner, number).unwrap(),
        }
    }

    /// An owner with root 1 and the epoch of day 20,000.
    fn owner(&self, name: &str) -> (Owner, Arc<dyn KeyProvider>) {
        let owner = named(name);
        self.root(&owner, 1);
        let provider = (self.open)();
        provider.make_epoch(&owner, IDS.epoch).unwrap();
        (owner, provider)
    }
}

const IDS: WrapIds = WrapIds { root: 1, epoch: 20_000 };

fn named(name: &str) -> Owner {
    name.parse().unwrap()
}

fn key() -> KeyringKey {
    KeyringKey::from_bytes([7; 32])
}

fn destroyed<T>(outcome: Outcome<T>) -> bool {
    matches!(outcome, Err(ProviderError::Destroyed))
}

fn refused(outcome: Outcome<KeyringKey>) -> bool {
    matches!(outcome, Err(ProviderError::Integrity | ProviderError::NewerFormat))
}

fn nothing_is_there_at_first(subject: &Subject<'_>) {
    let (owner, provider) = (named("c-nothing"), (subject.open)());
    assert_eq!(provider.roots(&owner).unwrap(), []);
    assert_eq!(provider.epochs(&owner).unwrap(), []);
    assert_eq!(provider.generation(&owner).unwrap(), 0);
    assert!(provider.wrap(&owner, IDS, &key()).is_err());
    provider.destroy_epoch(&owner, 1).unwrap();
}

fn roots_are_made_once_and_listed_in_order(subject: &Subject<'_>) {
    let (owner, provider) = subject.owner("c-roots");
    let wrapped = provider.wrap(&owner, IDS, &key()).unwrap();
    subject.root(&owner, 10);
    subject.root(&owner, 2);
    assert_eq!(provider.roots(&owner).unwrap(), [1, 2, 10], "also seen by a handle that was there before");
    if subject.mount_root.is_none() {
        provider.make_root(&owner, 1).unwrap();
    } else {
        assert!(matches!(provider.make_root(&owner, 3), Err(ProviderError::ReadOnly)));
        assert!(matches!(provider.destroy_root(&owner, 1), Err(ProviderError::ReadOnly)));
        assert_eq!(provider.roots(&owner).unwrap(), [1, 2, 10]);
    }
    assert_eq!(provider.unwrap(&owner, IDS, &wrapped).unwrap(), key(), "making it again changes nothing");
    let newest = WrapIds { root: 10, ..IDS };
    let under_newest = provider.wrap(&owner, newest, &key()).unwrap();
    assert_eq!((subject.open)().unwrap(&owner, newest, &under_newest).unwrap(), key());
}

fn epochs_are_made_once_and_listed_in_order(subject: &Subject<'_>) {
    let (owner, provider) = subject.owner("c-epochs");
    let wrapped = provider.wrap(&owner, IDS, &key()).unwrap();
    for day in [20_002, 9, 20_000, 20_001] {
        provider.make_epoch(&owner, day).unwrap();
    }
    assert_eq!((subject.open)().epochs(&owner).unwrap(), [9, 20_000, 20_001, 20_002]);
    assert_eq!(provider.unwrap(&owner, IDS, &wrapped).unwrap(), key(), "making it again changes nothing");
}

fn what_is_wrapped_is_unwrapped_by_another_handle(subject: &Subject<'_>) {
    let (owner, provider) = subject.owner("c-wrapping");
    let wrapped: BTreeSet<Vec<u8>> = (0..16).map(|_| provider.wrap(&owner, IDS, &key()).unwrap()).collect();
    assert_eq!(wrapped.len(), 16, "each under fresh randomness");
    for wrapped in wrapped {
        assert!(wrapped.len() <= WRAPPED_MAX);
        assert!(!wrapped.windows(8).any(|part| part == [7; 8]), "nothing of the key stands in it");
        assert_eq!((subject.open)().unwrap(&owner, IDS, &wrapped).unwrap(), key());
    }
}

fn a_wrapped_key_is_bound_to_owner_root_and_epoch(subject: &Subject<'_>) {
    let (owner, provider) = subject.owner("c-bound");
    let (other, _) = subject.owner("c-bound-2");
    subject.root(&owner, 2);
    provider.make_epoch(&owner, 20_001).unwrap();
    let wrapped = provider.wrap(&owner, IDS, &key()).unwrap();
    assert!(refused(provider.unwrap(&other, IDS, &wrapped)));
    assert!(refused(provider.unwrap(&owner, WrapIds { root: 2, ..IDS }, &wrapped)));
    assert!(refused(provider.unwrap(&owner, WrapIds { epoch: 20_001, ..IDS }, &wrapped)));
    assert_eq!(provider.unwrap(&owner, IDS, &wrapped).unwrap(), key());
}

fn any_altered_byte_and_any_cut_is_refused(subject: &Subject<'_>) {
    let (owner, provider) = subject.owner("c-altered");
    let wrapped = provider.wrap(&owner, IDS, &key()).unwrap();
    for at in 0..wrapped.len() {
        let mut altered = wrapped.clone();
        altered[at] ^= 0x40;
        assert!(refused(provider.unwrap(&owner, IDS, &altered)), "byte {at}");
        assert!(refused(provider.unwrap(&owner, IDS, &wrapped[..at])), "cut at {at}");
    }
    let longer = [&wrapped[..], &[0]].concat();
    assert!(refused(provider.unwrap(&owner, IDS, &longer)));
    assert!(refused(provider.unwrap(&owner, IDS, &[0; 4096])));
}

fn a_destroyed_epoch_is_destroyed_for_every_handle(subject: &Subject<'_>) {
    let (owner, provider) = subject.owner("c-destroyed");
    provider.make_epoch(&owner, 20_001).unwrap();
    let kept_ids = WrapIds { epoch: 20_001, ..IDS };
    let gone = provider.wrap(&owner, IDS, &key()).unwrap();
    let kept = provider.wrap(&owner, kept_ids, &key()).unwrap();
    let earlier = (subject.open)();
    assert_eq!(earlier.unwrap(&owner, IDS, &gone).unwrap(), key());
    provider.destroy_epoch(&owner, 20_000).unwrap();
    provider.destroy_epoch(&owner, 20_000).unwrap();
    for handle in [&provider, &earlier, &(subject.open)()] {
        assert_eq!(handle.epochs(&owner).unwrap(), [20_001]);
        assert!(destroyed(handle.serves(&owner, IDS)));
        handle.serves(&owner, kept_ids).unwrap();
        assert!(destroyed(handle.unwrap(&owner, IDS, &gone)), "no handle keeps a copy");
        assert!(destroyed(handle.wrap(&owner, IDS, &key())));
        assert_eq!(handle.unwrap(&owner, kept_ids, &kept).unwrap(), key());
    }
    provider.destroy_epoch(&owner, 20_001).unwrap();
    assert!(destroyed(provider.unwrap(&owner, kept_ids, &kept)), "the last one too");
}

fn a_replaced_root_is_destroyed_and_one_not_there_yet_is_missing(subject: &Subject<'_>) {
    let (owner, provider) = subject.owner("c-replaced");
    let wrapped = provider.wrap(&owner, IDS, &key()).unwrap();
    let ahead = WrapIds { root: 2, ..IDS };
    assert!(matches!(provider.unwrap(&owner, ahead, &wrapped), Err(ProviderError::Missing)));
    assert!(matches!(provider.wrap(&owner, ahead, &key()), Err(ProviderError::Missing)));
    assert!(matches!(provider.serves(&owner, ahead), Err(ProviderError::Missing)));
    provider.serves(&owner, IDS).unwrap();
    if subject.mount_root.is_some() {
        return;
    }
    subject.root(&owner, 2);
    provider.destroy_root(&owner, 1).unwrap();
    provider.destroy_root(&owner, 1).unwrap();
    for handle in [provider, (subject.open)()] {
        assert_eq!(handle.roots(&owner).unwrap(), [2]);
        assert!(destroyed(handle.unwrap(&owner, IDS, &wrapped)));
        assert!(destroyed(handle.serves(&owner, IDS)));
        assert!(handle.wrap(&owner, ahead, &key()).is_ok());
    }
}

fn the_generation_never_falls(subject: &Subject<'_>) {
    let (owner, provider) = subject.owner("c-generation");
    for (raised, then) in [(3, 3), (2, 3), (0, 3), (1 << 40, 1 << 40), (3, 1 << 40)] {
        provider.raise_generation(&owner, raised).unwrap();
        assert_eq!((subject.open)().generation(&owner).unwrap(), then);
    }
    let top = named("c-generation-top");
    provider.raise_generation(&top, u64::MAX).unwrap();
    assert_eq!(provider.generation(&top).unwrap(), u64::MAX);
}

/// R1: also where one owner's name begins with another's.
fn owners_share_nothing(subject: &Subject<'_>) {
    let (short, provider) = subject.owner("c-98201");
    let (long, _) = subject.owner("c-982016");
    let (dashed, _) = subject.owner("c-98201-20000");
    let all = [&short, &long, &dashed];
    let wrapped = all.map(|owner| provider.wrap(owner, IDS, &key()).unwrap());
    provider.raise_generation(&short, 9).unwrap();
    provider.make_epoch(&short, 20_001).unwrap();
    provider.destroy_epoch(&short, 20_000).unwrap();
    assert!(destroyed(provider.unwrap(&short, IDS, &wrapped[0])));
    for (owner, wrapped) in [(&long, &wrapped[1]), (&dashed, &wrapped[2])] {
        assert_eq!(provider.epochs(owner).unwrap(), [20_000]);
        assert_eq!(provider.roots(owner).unwrap(), [1]);
        assert_eq!(provider.generation(owner).unwrap(), 0);
        assert_eq!(provider.unwrap(owner, IDS, wrapped).unwrap(), key());
    }
}

fn the_probe_wants_a_root_and_an_epoch(subject: &Subject<'_>) {
    let (owner, provider) = (named("c-probe"), (subject.open)());
    assert!(provider.probe(&owner).is_err());
    subject.root(&owner, 1);
    assert!(provider.probe(&owner).is_err());
    provider.make_epoch(&owner, 20_000).unwrap();
    provider.probe(&owner).unwrap();
    provider.destroy_epoch(&owner, 20_000).unwrap();
    assert!(provider.probe(&owner).is_err());
}

fn handles_may_be_used_at_once(subject: &Subject<'_>) {
    let (owner, provider) = subject.owner("c-at-once");
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let (owner, provider) = (&owner, &provider);
            scope.spawn(move || {
                for step in 0..4 {
                    let day = 30_000 + worker * 4 + step;
                    provider.make_epoch(owner, day).unwrap();
                    let ids = WrapIds { epoch: day, ..IDS };
                    let wrapped = provider.wrap(owner, ids, &key()).unwrap();
                    assert_eq!(provider.unwrap(owner, ids, &wrapped).unwrap(), key());
                    provider.raise_generation(owner, u64::from(day)).unwrap();
                    provider.destroy_epoch(owner, day).unwrap();
                }
            });
        }
    });
    assert_eq!(provider.epochs(&owner).unwrap(), [20_000]);
    assert_eq!(provider.generation(&owner).unwrap(), 30_015);
}
