//! Split custody of a root key (R25): Shamir's sharing, k of n, over GF(256).
//!
//! What must hold: k shares of one set restore the root, fewer say nothing about it; a share that is foreign,
//! doubled, damaged or wrong is an error of its own, and what was put together is compared with the set's check
//! value before anybody gets it. The check value is an HMAC under the root itself, which has 256 bits: knowing
//! it does not help to find the root. Deliberately absent: files, and proof against a holder who writes down
//! another share than the one received, beyond finding that out: it takes k honest ones to restore.
//!
//! The library's field arithmetic looks tables up by secret bytes. Splitting and combining are rare acts on a
//! machine that nobody shares; nothing of this runs while requests are served.

mod text;

use blahaj::Sharks;
use zeroize::Zeroizing;

use crate::mac::MacKey;
use crate::random::{self, RandomError, Stream};

pub use text::{SHARE_TEXT_MAX, ShareTextError};

/// Fewest shares that may restore a root: one alone would be a copy of it.
pub const THRESHOLD_MIN: u8 = 2;
/// Most shares of one set.
pub const SHARES_MAX: u8 = 16;
/// Longest name of a root's owner, bytes of `a-z 0-9 -`.
pub const OWNER_MAX: usize = 32;

/// A root key.
type Secret = Zeroizing<[u8; 32]>;

/// Why a root was not split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// A threshold below [`THRESHOLD_MIN`] or above the number of shares, or more than [`SHARES_MAX`] shares.
    #[error("not a usable division: 2 to 16 shares, of which 2 or more restore the root")]
    Numbers,
    /// Not the name of an owner, or a root numbered 0.
    #[error("not the name and number of a root")]
    Name,
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// Why shares did not restore a root. Positions count from 0 in the list that was handed in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CombineError {
    /// Fewer shares than the set needs.
    #[error("{have} shares, {need} are needed")]
    TooFew {
        /// Shares handed in.
        have: usize,
        /// Shares needed.
        need: usize,
    },
    /// The share at this position belongs to another set than the first.
    #[error("a share belongs to another set")]
    Foreign {
        /// Where it stands.
        at: usize,
    },
    /// The same share twice.
    #[error("a share was given twice")]
    Doubled {
        /// Where it stands first.
        first: usize,
        /// Where it stands again.
        again: usize,
    },
    /// What was put together is not the root: shares are not what was once handed out. Which ones can be said
    /// only if enough others are right.
    #[error("the shares do not restore the root")]
    Wrong {
        /// Where the wrong ones stand; empty if it cannot be told.
        at: Vec<usize>,
    },
}

/// What all shares of a set have in common. None of it is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareSet {
    /// Random: tells two divisions of the same root apart.
    pub id: [u8; 16],
    /// Whose root it is: a body's code, or a broker's or portal's name.
    pub owner: String,
    /// The root's number, from 1.
    pub root: u32,
    /// How many shares restore it.
    pub threshold: u8,
    /// How many there are.
    pub shares: u8,
    /// [`check_value`] of the root.
    pub check: [u8; 16],
}

/// One share: useless alone, and as secret as the root together with others.
#[derive(Clone, PartialEq, Eq)]
pub struct Share {
    set: ShareSet,
    index: u8,
    value: Secret,
}

impl Share {
    /// What it has in common with the others of its set.
    pub fn set(&self) -> &ShareSet {
        &self.set
    }

    /// Which of its set it is, from 1.
    pub fn index(&self) -> u8 {
        self.index
    }
}

impl std::fmt::Debug for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Share").field("set", &self.set).field("index", &self.index).finish_non_exhaustive()
    }
}

/// What tells whether a key is the root `number` of `owner`, without saying anything else about it: 128 bits of
/// an HMAC under the key.
pub fn check_value(secret: &[u8; 32], owner: &str, number: u32) -> [u8; 16] {
    let parts: [&[u8]; 3] = [b"chukei custody check v1", owner.as_bytes(), &number.to_be_bytes()];
    let tag = MacKey::from_slice(secret).tag(&parts);
    let mut check = [0; 16];
    check.iter_mut().zip(tag).for_each(|(to, from)| *to = from);
    check
}

/// Divides the root `number` of `owner` into `shares`, of which any `threshold` restore it.
pub fn split(
    secret: &[u8; 32],
    owner: &str,
    number: u32,
    threshold: u8,
    shares: u8,
) -> Result<Vec<Share>, SplitError> {
    let check = check_value(secret, owner, number);
    let set =
        ShareSet { id: random::bytes()?, owner: owner.to_owned(), root: number, threshold, shares, check };
    divide(secret, &set, &mut Stream::from_system()?)
}

fn divide(secret: &[u8; 32], set: &ShareSet, random: &mut Stream) -> Result<Vec<Share>, SplitError> {
    if !set.numbers_fit() {
        return Err(SplitError::Numbers);
    }
    if !set.name_fits() {
        return Err(SplitError::Name);
    }
    let dealt = Sharks(set.threshold).dealer_rng(secret, random).take(set.shares.into());
    dealt
        .map(|share| {
            let bytes = Zeroizing::new(Vec::from(&share));
            let (index, value) = bytes.split_first().ok_or(SplitError::Numbers)?;
            let mut secret = Secret::default();
            secret.copy_from_slice(value);
            Ok(Share { set: set.clone(), index: *index, value: secret })
        })
        .collect()
}

/// The root that `shares` restore. Every share handed in must be right, also those beyond the threshold: a drill
/// with all of them proves all of them.
pub fn combine(shares: &[Share]) -> Result<Secret, CombineError> {
    let set = compatible(shares)?;
    let need = u32::from(set.threshold);
    let choices =
        (0..1_u32 << shares.len().min(SHARES_MAX.into())).filter(|chosen| chosen.count_ones() == need);
    // Usually the first choice is right. The others are tried only to be able to name the share that is wrong.
    let mut found = choices.filter_map(|chosen| {
        let secret = interpolate(shares, chosen, need)?;
        let check = check_value(&secret, &set.owner, set.root);
        bool::from(subtle::ConstantTimeEq::ct_eq(&check[..], &set.check[..])).then_some((chosen, secret))
    });
    let (chosen, secret) = found.next().ok_or(CombineError::Wrong { at: Vec::new() })?;
    // In place of one that is known to be right, only another right one gives the same secret.
    let others_chosen = chosen & (chosen - 1);
    let wrong = |at: &usize| {
        let instead = 1 << at;
        chosen & instead == 0 && interpolate(shares, others_chosen | instead, need).as_ref() != Some(&secret)
    };
    let at: Vec<usize> = (0..shares.len()).filter(wrong).collect();
    if at.is_empty() { Ok(secret) } else { Err(CombineError::Wrong { at }) }
}

/// The set that all shares belong to, if they are enough and each is there once.
fn compatible(shares: &[Share]) -> Result<&ShareSet, CombineError> {
    let first = shares.first().ok_or(CombineError::TooFew { have: 0, need: THRESHOLD_MIN.into() })?;
    for (at, share) in shares.iter().enumerate() {
        if share.set != first.set {
            return Err(CombineError::Foreign { at });
        }
        let earlier = shares.iter().take(at).position(|other| other.index == share.index);
        if let Some(first) = earlier {
            return Err(CombineError::Doubled { first, again: at });
        }
    }
    let (have, need) = (shares.len(), usize::from(first.set.threshold));
    if have < need { Err(CombineError::TooFew { have, need }) } else { Ok(&first.set) }
}

/// What the shares whose bits are set in `chosen` restore.
fn interpolate(shares: &[Share], chosen: u32, need: u32) -> Option<Secret> {
    let chosen = shares.iter().enumerate().filter(|(at, _)| chosen & (1 << at) != 0);
    let points: Vec<blahaj::Share> = chosen
        .filter_map(|(_, share)| {
            let mut point = Zeroizing::new([share.index; 33]);
            point.iter_mut().skip(1).zip(share.value.iter()).for_each(|(to, from)| *to = *from);
            blahaj::Share::try_from(&point[..]).ok()
        })
        .collect();
    let restored = Zeroizing::new(Sharks(u8::try_from(need).ok()?).recover(&points).ok()?);
    let mut secret = Secret::default();
    if restored.len() != secret.len() {
        return None;
    }
    secret.copy_from_slice(&restored);
    Some(secret)
}

impl ShareSet {
    fn numbers_fit(&self) -> bool {
        (THRESHOLD_MIN..=self.shares).contains(&self.threshold) && self.shares <= SHARES_MAX
    }

    fn name_fits(&self) -> bool {
        let owner = self.owner.as_bytes();
        (1..=OWNER_MAX).contains(&owner.len())
            && owner.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
            && self.root > 0
    }
}

#[cfg(test)]
mod tests;
