//! The names of tiles (C2SP `tlog-tiles`): 256 hashes of one level side by side, or fewer at the right edge.

use std::fmt;
use std::str::FromStr;

use super::Subtree;

/// Hashes of a full tile: the leaves of a subtree of height 8.
pub const TILE_WIDTH: u16 = 256;
/// Levels of tiles that a tree of [`SIZE_MAX`](super::SIZE_MAX) leaves has.
pub const TILE_LEVELS: u8 = 8;

/// The highest level a name may have.
const LEVEL_MAX: u8 = 63;
/// Levels of a tree in one level of tiles.
const HEIGHT: u8 = 8;

/// Not the name of a tile in its one form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a tile")]
pub struct BadTileName;

/// Which tile, and how many of its hashes. Written as its path: `tile/0/x001/x234/067`, `tile/1/000.p/17`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileName {
    level: u8,
    index: u64,
    width: u16,
}

impl TileName {
    /// The first `width` hashes, 1 to [`TILE_WIDTH`], of the `index`-th tile at `level`, 0 to 63.
    pub fn new(level: u8, index: u64, width: u16) -> Option<Self> {
        let fits = level <= LEVEL_MAX && (1..=TILE_WIDTH).contains(&width);
        fits.then_some(Self { level, index, width })
    }

    /// The tile at this place as it is in a tree of `size` leaves; `None` where it has no hashes there.
    pub fn in_tree(level: u8, index: u64, size: u64) -> Option<Self> {
        let hashes = hashes_at(level, size);
        let before = index.checked_mul(u64::from(TILE_WIDTH))?;
        let width = hashes.saturating_sub(before).min(u64::from(TILE_WIDTH));
        Self::new(level, index, u16::try_from(width).ok()?)
    }

    /// Where the hash of this subtree lies: the tile as narrow as it can be, and the first and the number of the hashes
    /// that the subtree is over, 1 to 128.
    pub(super) fn of(at: Subtree) -> Option<(Self, u16, u16)> {
        let (level, height) = (at.level() / HEIGHT, at.level() % HEIGHT);
        let first = at.index() << height;
        let slot = u16::try_from(first % u64::from(TILE_WIDTH)).ok()?;
        let name = Self::new(level, first / u64::from(TILE_WIDTH), slot + (1 << height))?;
        Some((name, slot, 1 << height))
    }

    /// The level of tiles: its hashes are over 256 to the power of `level` leaves each.
    pub fn level(self) -> u8 {
        self.level
    }

    /// How many tiles of its level are left of it.
    pub fn index(self) -> u64 {
        self.index
    }

    /// Its hashes, 1 to [`TILE_WIDTH`].
    pub fn width(self) -> u16 {
        self.width
    }

    /// Its bytes: 32 for each hash.
    pub fn bytes(self) -> usize {
        usize::from(self.width) * size_of::<super::Hash>()
    }

    /// Whether it has all its hashes, and so never changes.
    pub fn is_full(self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The same tile with all its hashes: what a partial one is replaced by.
    pub fn full(self) -> Self {
        Self { width: TILE_WIDTH, ..self }
    }
}

/// The hashes at this level of tiles in a tree of `size` leaves.
pub(super) fn hashes_at(level: u8, size: u64) -> u64 {
    size.checked_shr(u32::from(level) * u32::from(HEIGHT)).unwrap_or(0)
}

impl fmt::Display for TileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}/", self.level)?;
        let groups = self.index.checked_ilog(1000).unwrap_or(0);
        for group in (1..=groups).rev() {
            write!(f, "x{:03}/", self.index / 1000_u64.pow(group) % 1000)?;
        }
        write!(f, "{:03}", self.index % 1000)?;
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

impl FromStr for TileName {
    type Err = BadTileName;

    fn from_str(text: &str) -> Result<Self, BadTileName> {
        let name = read(text).ok_or(BadTileName)?;
        // Leading groups of zeros and the like: what would not be written so is not a name.
        if name.to_string() == text { Ok(name) } else { Err(BadTileName) }
    }
}

/// The name that `text` would be if it is one. The longest index has seven groups; what stands before them is not read.
fn read(text: &str) -> Option<TileName> {
    let (level, place) = text.strip_prefix("tile/")?.split_once('/')?;
    let (place, width) = match place.split_once(".p/") {
        Some((place, width)) => (place, number(width, 3)?),
        None => (place, u64::from(TILE_WIDTH)),
    };
    let mut groups = place.split('/').rev();
    let mut index = number(groups.next()?, 3)?;
    for (position, group) in (1..=6).zip(groups) {
        let group = number(group.strip_prefix('x')?, 3)?;
        index = group.checked_mul(1000_u64.pow(position))?.checked_add(index)?;
    }
    TileName::new(u8::try_from(number(level, 2)?).ok()?, index, u16::try_from(width).ok()?)
}

/// A number of at most `digits` digits.
fn number(text: &str, digits: usize) -> Option<u64> {
    let fits = text.len() <= digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}
