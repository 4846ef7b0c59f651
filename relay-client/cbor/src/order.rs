//! Puts the entries of maps into the order of their keys, in place.

/// Items within items: far more than any format here has.
const DEPTH: u32 = 64;

/// An entry of a map: where its key begins, its value, and what follows.
#[derive(Clone, Copy)]
struct Entry {
    key: usize,
    value: usize,
    end: usize,
}

impl Entry {
    fn key<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.key..self.value).unwrap_or_default()
    }
}

/// Entries that most values have no more of at a time.
const ENTRIES: usize = 32;

/// Memory for it.
pub(crate) struct Order {
    /// Of the maps that are being read, the outer ones first.
    entries: Vec<Entry>,
    moved: Vec<u8>,
}

impl Order {
    /// Room for most values.
    pub(crate) fn new() -> Self {
        Self { entries: Vec::with_capacity(ENTRIES), moved: Vec::new() }
    }

    /// Orders one item, which is all that `bytes` hold; `None` where they hold anything else, or a key twice.
    pub(crate) fn put(&mut self, bytes: &mut [u8]) -> Option<()> {
        (self.item(bytes, 0, DEPTH)? == bytes.len()).then_some(())
    }

    /// Orders the item at `at`; where the next one begins.
    fn item(&mut self, bytes: &mut [u8], at: usize, depth: u32) -> Option<usize> {
        let (first, argument, next) = head(bytes, at)?;
        let within = depth.checked_sub(1)?;
        match first >> 5 {
            0 | 1 => Some(next),
            2 | 3 => next.checked_add(argument).filter(|end| *end <= bytes.len()),
            4 => (0..argument).try_fold(next, |at, _| self.item(bytes, at, within)),
            5 => self.map(bytes, next, argument, within),
            // False, true, null.
            7 if (0xf4..=0xf6).contains(&first) => Some(next),
            _ => None,
        }
    }

    /// Orders a map of so many entries, the first of which begins at `from`.
    fn map(&mut self, bytes: &mut [u8], from: usize, count: usize, depth: u32) -> Option<usize> {
        let outer = self.entries.len();
        let (mut key, mut in_order) = (from, true);
        for _ in 0..count {
            let value = self.item(bytes, key, depth)?;
            let end = self.item(bytes, value, depth)?;
            let entry = Entry { key, value, end };
            if let Some(before) = self.entries.get(outer..)?.last() {
                in_order &= before.key(bytes) < entry.key(bytes);
            }
            self.entries.push(entry);
            key = end;
        }
        if !in_order {
            self.reorder(bytes.get_mut(..key)?, from, outer)?;
        }
        self.entries.truncate(outer);
        Some(key)
    }

    /// Moves the entries from number `outer` on, which lie in `bytes` from `from` to their end.
    fn reorder(&mut self, bytes: &mut [u8], from: usize, outer: usize) -> Option<()> {
        let entries = self.entries.get_mut(outer..)?;
        entries.sort_unstable_by(|one, other| one.key(bytes).cmp(other.key(bytes)));
        let twice = |pair: &[Entry]| matches!(pair, [one, other] if one.key(bytes) == other.key(bytes));
        if entries.windows(2).any(twice) {
            return None;
        }
        self.moved.clear();
        self.moved.reserve(bytes.len().saturating_sub(from));
        for entry in entries {
            self.moved.extend_from_slice(bytes.get(entry.key..entry.end)?);
        }
        bytes.get_mut(from..)?.copy_from_slice(&self.moved);
        Some(())
    }
}

/// First byte and argument of the item at `at`, and what follows them. What has no length beforehand has none.
fn head(bytes: &[u8], at: usize) -> Option<(u8, usize, usize)> {
    let (&first, rest) = bytes.get(at..)?.split_first()?;
    let (argument, bytes) = match first & 0x1f {
        small @ 0..=23 => (u64::from(small), 0),
        24 => (u64::from(*rest.first()?), 1),
        25 => (u64::from(u16::from_be_bytes(*rest.first_chunk()?)), 2),
        26 => (u64::from(u32::from_be_bytes(*rest.first_chunk()?)), 4),
        27 => (u64::from_be_bytes(*rest.first_chunk()?), 8),
        _ => return None,
    };
    Some((first, usize::try_from(argument).ok()?, at + 1 + bytes))
}
