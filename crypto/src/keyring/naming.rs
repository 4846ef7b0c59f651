//! Names of rows: HMACs, so that a raw store tells neither persons nor datasets.

use crate::key::Key32;
use crate::mac::MacKey;

/// Names rows of a body, or of one person.
#[derive(Clone, Debug)]
pub struct NamingKey(MacKey);

impl NamingKey {
    pub(super) fn of_body(secret: &Key32) -> Self {
        Self::with_label(secret, b"chukei body naming v1")
    }

    /// The key that names what belongs to one person. It derives from the person's key: once that is
    /// destroyed, nobody can tell any more whose a row was.
    pub fn for_person(person_key: &Key32) -> Self {
        Self::with_label(person_key, b"chukei person naming v1")
    }

    fn with_label(secret: &Key32, label: &[u8]) -> Self {
        Self(MacKey::new(MacKey::from_slice(secret.as_bytes()).tag(&[label])))
    }

    /// The name of what `parts` identify within `space`.
    pub fn name(&self, space: u8, parts: &[&[u8]]) -> [u8; 32] {
        self.0.tag_behind(&[&[space]], parts)
    }
}
