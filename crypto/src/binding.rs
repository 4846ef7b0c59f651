//! Binding secrets of (person, body): shared by portal and body, unknown to the broker (R22).
//!
//! The portal derives one from each of the resident registry's masters; the body receives it inside the acquisition
//! number. A request proves it by a tag over the header hash, and a reply's key mixes it in, so that a person code
//! mapped to somebody else ends as [`SubjectMismatch`] or as bytes that do not open. A secret carries the version of
//! the master it came from, and both ends pick it by that version: none is ever tried.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::mac::MacKey;

/// The version of a registry's first master.
pub const FIRST_VERSION: u8 = 1;
/// The highest version: the high bit of the byte that names it in the head of a sealed body is kept free.
pub const VERSION_MAX: u8 = 127;

/// The binding secret of one person at one body, with the version of the master it came from.
#[derive(Clone)]
pub struct BindingSecret {
    version: u8,
    secret: Zeroizing<[u8; 32]>,
}

/// The tag was not made by somebody who shares this person's binding secret, or two secrets claim one version:
/// `SUBJECT_MISMATCH`, and an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request is not bound to this person")]
pub struct SubjectMismatch;

/// Not a version of a binding master: 1 to [`VERSION_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a binding version")]
pub struct BadVersion;

impl BindingSecret {
    /// Derives the secret of (`person`, `body`) from the resident registry's master of this version.
    pub fn derive(master: &[u8; 32], version: u8, person: &[u8], body: &[u8]) -> Result<Self, BadVersion> {
        let label = b"chukei binding secret v1";
        Self::from_bytes(version, MacKey::from_slice(master).tag(&[label, &[version], person, body]))
    }

    /// Takes the 32 secret bytes of this version.
    pub fn from_bytes(version: u8, secret: [u8; 32]) -> Result<Self, BadVersion> {
        let secret = Zeroizing::new(secret);
        if (FIRST_VERSION..=VERSION_MAX).contains(&version) {
            Ok(Self { version, secret })
        } else {
            Err(BadVersion)
        }
    }

    /// The version of the master it came from, 1 to [`VERSION_MAX`].
    pub fn version(&self) -> u8 {
        self.version
    }

    /// The secret bytes. They are to reach a cipher or a sealed file and nothing else.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.secret
    }

    /// The proof that goes with the request whose header has this hash.
    pub fn tag(&self, header: &[u8; 32]) -> [u8; 32] {
        self.mac().tag(&[Self::TAG, &[self.version], header])
    }

    /// Checks the proof in constant time.
    pub fn verify(&self, header: &[u8; 32], tag: &[u8; 32]) -> Result<(), SubjectMismatch> {
        self.mac().verify(&[Self::TAG, &[self.version], header], tag).map_err(|_| SubjectMismatch)
    }

    const TAG: &[u8] = b"chukei binding tag v1";

    fn mac(&self) -> MacKey {
        MacKey::from_slice(self.as_bytes())
    }
}

impl fmt::Debug for BindingSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BindingSecret").field("version", &self.version).finish_non_exhaustive()
    }
}

impl PartialEq for BindingSecret {
    fn eq(&self, other: &Self) -> bool {
        self.version == other.version && bool::from(self.secret[..].ct_eq(&other.secret[..]))
    }
}

impl Eq for BindingSecret {}

/// What one side holds of one person: the secret of the newest version, and of one version before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bindings {
    newest: BindingSecret,
    previous: Option<BindingSecret>,
}

/// What became of a secret that was offered to [`Bindings`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is the newest now; the one before it stays, an older one is dropped.
    Newest,
    /// It is held already, or older than what is held: nothing changed.
    Unchanged,
}

impl Bindings {
    /// One secret and none before it.
    pub fn new(newest: BindingSecret) -> Self {
        Self { newest, previous: None }
    }

    /// Takes a newer secret beside the newest, and drops what was before that. Two different secrets of one version
    /// are never one person's.
    pub fn add(&mut self, secret: BindingSecret) -> Result<Added, SubjectMismatch> {
        match self.of(secret.version) {
            Some(held) if *held == secret => Ok(Added::Unchanged),
            Some(_) => Err(SubjectMismatch),
            None if secret.version < self.newest.version => Ok(Added::Unchanged),
            None => {
                self.previous = Some(std::mem::replace(&mut self.newest, secret));
                Ok(Added::Newest)
            }
        }
    }

    /// The secret of the newest version.
    pub fn newest(&self) -> &BindingSecret {
        &self.newest
    }

    /// The secret of exactly this version.
    pub fn of(&self, version: u8) -> Option<&BindingSecret> {
        self.iter().find(|secret| secret.version == version)
    }

    /// The secrets, newest first: one or two.
    pub fn iter(&self) -> impl Iterator<Item = &BindingSecret> {
        std::iter::once(&self.newest).chain(&self.previous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derived(master: u8, version: u8, person: &[u8], body: &[u8]) -> BindingSecret {
        BindingSecret::derive(&[master; 32], version, person, body).unwrap()
    }

    fn secret(version: u8, byte: u8) -> BindingSecret {
        BindingSecret::from_bytes(version, [byte; 32]).unwrap()
    }

    #[test]
    fn r22_a_tag_of_another_person_body_version_or_request_is_a_mismatch() {
        let secret = derived(1, 1, b"person", b"982016");
        let tag = secret.tag(&[9; 32]);
        assert_eq!(secret.verify(&[9; 32], &tag), Ok(()));
        assert_eq!(secret.verify(&[8; 32], &tag), Err(SubjectMismatch));
        let others = [
            derived(1, 1, b"other", b"982016"),
            derived(1, 1, b"person", b"982024"),
            derived(2, 1, b"person", b"982016"),
            derived(1, 2, b"person", b"982016"),
            BindingSecret::from_bytes(2, *secret.as_bytes()).unwrap(),
        ];
        for other in others {
            assert_eq!(other.verify(&[9; 32], &tag), Err(SubjectMismatch));
        }
    }

    #[test]
    fn versions_have_seven_bits_and_none_is_zero() {
        for version in [0, 128, 255] {
            assert_eq!(BindingSecret::from_bytes(version, [1; 32]), Err(BadVersion));
            assert_eq!(BindingSecret::derive(&[1; 32], version, b"p", b"b"), Err(BadVersion));
        }
        assert_eq!(secret(127, 1).version(), 127);
    }

    #[test]
    fn the_newest_two_are_held_and_each_is_found_by_its_version_alone() {
        let mut held = Bindings::new(secret(1, 1));
        assert_eq!(held.add(secret(2, 2)), Ok(Added::Newest));
        assert_eq!((held.newest(), held.of(1)), (&secret(2, 2), Some(&secret(1, 1))));
        assert_eq!(held.add(secret(4, 4)), Ok(Added::Newest));
        assert_eq!((held.of(4), held.of(2)), (Some(&secret(4, 4)), Some(&secret(2, 2))));
        assert_eq!((held.of(1), held.of(3)), (None, None));
        let before = held.clone();
        for (version, byte) in [(4, 4), (2, 2), (1, 1), (3, 3)] {
            assert_eq!(held.add(secret(version, byte)), Ok(Added::Unchanged));
        }
        assert_eq!(held, before);
    }

    #[test]
    fn r30_two_secrets_of_one_version_are_not_one_person() {
        let mut held = Bindings::new(secret(1, 1));
        assert_eq!(held.add(secret(1, 9)), Err(SubjectMismatch));
        held.add(secret(2, 2)).unwrap();
        assert_eq!(held.add(secret(2, 9)), Err(SubjectMismatch));
        assert_eq!(held.add(secret(1, 9)), Err(SubjectMismatch));
        assert_eq!(held.newest(), &secret(2, 2));
    }

    #[test]
    fn a_secret_redacts_itself() {
        assert_eq!(format!("{:?}", secret(3, 0xab)), "BindingSecret { version: 3, .. }");
    }

    /// The portal derives these again for as long as the registry's masters live: they may never change.
    #[test]
    fn frozen_form_of_both_versions() {
        let lines = [1, 2].map(|version| {
            let secret = derived(version, version, b"person", b"982016");
            [*secret.as_bytes(), secret.tag(&[9; 32])]
                .map(|part| data_encoding::HEXLOWER.encode(&part))
                .join("\n")
        });
        insta::assert_snapshot!(lines.join("\n"));
    }
}
