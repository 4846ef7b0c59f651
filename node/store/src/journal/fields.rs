//! Numbers and names as they lie in the journal's own files: big-endian, names behind a byte of length.

/// Appends a name of at most 64 bytes.
pub(super) fn put_name(out: &mut Vec<u8>, name: &str) {
    out.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(name.as_bytes());
}

/// Takes `N` bytes off the front.
pub(super) fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*taken)
}

/// Takes a number of four bytes off the front.
pub(super) fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    take(bytes).map(u32::from_be_bytes)
}

/// Takes a number of eight bytes off the front.
pub(super) fn take_u64(bytes: &mut &[u8]) -> Option<u64> {
    take(bytes).map(u64::from_be_bytes)
}

/// Takes a name off the front.
pub(super) fn take_name(bytes: &mut &[u8]) -> Option<String> {
    let [length] = take::<1>(bytes)?;
    let (name, rest) = bytes.split_at_checked(usize::from(length))?;
    *bytes = rest;
    Some(std::str::from_utf8(name).ok()?.to_owned())
}

/// Puts a checksum over everything behind it.
pub(super) fn seal(out: &mut Vec<u8>) {
    let sum = crc32fast::hash(out);
    out.extend_from_slice(&sum.to_be_bytes());
}

/// What stands in front of the checksum, if it is right.
pub(super) fn unseal(bytes: &[u8]) -> Option<&[u8]> {
    let (text, sum) = bytes.split_last_chunk::<4>()?;
    (crc32fast::hash(text) == u32::from_be_bytes(*sum)).then_some(text)
}

/// Takes what every file of the journal begins with; the format's number, if the magic is right.
pub(super) fn take_format(bytes: &mut &[u8], magic: &[u8; 8]) -> Option<u32> {
    if take::<8>(bytes)? == *magic { take_u32(bytes) } else { None }
}
