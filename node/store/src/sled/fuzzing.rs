//! The decoders of what sled's items hold, for the fuzz targets.

use super::layout::{Header, Leftover, State};

/// An item: the state, the first of a row, or the key of what is left over.
pub fn sled_item(item: &[u8]) {
    if let Some(state) = State::decode(item) {
        assert_eq!(state.encode(), item);
    }
    if let Some((header, first)) = Header::decode(item) {
        let (again, _) = header.encode(first);
        assert!(item.starts_with(&again));
        // However long a row says that it is; the number of its parts is bounded by its type.
        assert!(header.bytes(0) > u64::from(header.length));
    }
    if let Some(leftover) = Leftover::decode(item) {
        assert_eq!(leftover.key(), item);
    }
}
