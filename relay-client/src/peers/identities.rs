//! The identities of one party: one, or two while the older one is being replaced.
//!
//! What must hold: never none, never more than two, never the same twice; the newest is the first.

use serde::{Deserialize, Serialize};

use super::Hex;

/// Identities a party may have at once.
const MOST: usize = 2;

/// P-256 identities of one body or portal, each a SubjectPublicKeyInfo, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Hex>", into = "Vec<Hex>")]
pub struct Identities {
    newest: Hex,
    older: Option<Hex>,
}

/// Not one or two different keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a party has one identity, or two different ones")]
pub struct BadIdentities;

impl Identities {
    /// One identity.
    pub fn one(spki: Vec<u8>) -> Self {
        Self { newest: Hex(spki), older: None }
    }

    /// The identity to be used by whoever knows it.
    pub fn newest(&self) -> &[u8] {
        &self.newest.0
    }

    /// The one being replaced, which still counts.
    pub fn older(&self) -> Option<&[u8]> {
        self.older.as_ref().map(|hex| hex.0.as_slice())
    }

    /// Every identity, newest first.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(self.newest()).chain(self.older())
    }

    /// Whether `spki` is among them.
    pub fn contains(&self, spki: &[u8]) -> bool {
        self.iter().any(|known| known == spki)
    }
}

impl TryFrom<Vec<Hex>> for Identities {
    type Error = BadIdentities;

    fn try_from(keys: Vec<Hex>) -> Result<Self, BadIdentities> {
        let count = keys.len();
        let mut keys = keys.into_iter();
        let newest = keys.next().filter(|key| !key.0.is_empty()).ok_or(BadIdentities)?;
        let older = keys.next();
        let usable = older.as_ref().is_none_or(|key| !key.0.is_empty() && *key != newest);
        if count <= MOST && usable { Ok(Self { newest, older }) } else { Err(BadIdentities) }
    }
}

impl From<Identities> for Vec<Hex> {
    fn from(identities: Identities) -> Self {
        std::iter::once(identities.newest).chain(identities.older).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(keys: &[u8]) -> Result<Identities, BadIdentities> {
        keys.iter().map(|key| Hex(vec![*key; 91])).collect::<Vec<_>>().try_into()
    }

    #[test]
    fn one_or_two_different_keys_and_nothing_else() {
        let both = of(&[1, 2]).unwrap();
        assert_eq!((both.newest(), both.older()), (&[1; 91][..], Some(&[2; 91][..])));
        assert!(both.contains(&[2; 91]) && !both.contains(&[3; 91]));
        assert_eq!(Vec::from(both), [Hex(vec![1; 91]), Hex(vec![2; 91])]);
        assert_eq!(of(&[1]).unwrap(), Identities::one(vec![1; 91]));
        for keys in [&[][..], &[1, 1], &[1, 2, 3]] {
            assert_eq!(of(keys), Err(BadIdentities), "{keys:?}");
        }
        for empty in [vec![Hex(vec![])], vec![Hex(vec![1]), Hex(vec![])]] {
            assert_eq!(Identities::try_from(empty), Err(BadIdentities));
        }
    }
}
