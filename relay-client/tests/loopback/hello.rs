//! The TLS records of a flight, and the extensions of a ClientHello (RFC 8446, 4.1.2), taken apart and put together
//! again with every length mended: what somebody on the way can change.

/// The records of a flight, each with its five bytes of head.
pub(crate) fn records(flight: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = flight;
    let mut records = Vec::new();
    while let Some(length) = rest.get(3..5) {
        let (record, behind) = rest.split_at(5 + usize::from(u16::from_be_bytes([length[0], length[1]])));
        records.push(record.to_vec());
        rest = behind;
    }
    assert!(rest.is_empty());
    records
}

/// An extension of a hello.
pub(crate) struct Extension {
    pub(crate) kind: u16,
    pub(crate) data: Vec<u8>,
}

/// supported_groups.
pub(crate) const GROUPS: u16 = 10;
/// supported_versions, without which a hello is one of TLS 1.2.
pub(crate) const VERSIONS: u16 = 43;
/// key_share.
pub(crate) const KEY_SHARES: u16 = 51;

/// The flight of one ClientHello with other extensions.
pub(crate) fn edited(flight: &[u8], edit: impl FnOnce(&mut Vec<Extension>)) -> Vec<u8> {
    let (head, mut extensions) = parts(flight);
    edit(&mut extensions);
    let body: Vec<u8> = extensions
        .iter()
        .flat_map(|extension| [&extension.kind.to_be_bytes()[..], &long(&extension.data)].concat())
        .collect();
    let message = [head, long(&body)].concat();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let handshake = [&[1], &length[1..], &message].concat();
    [&[0x16, 3, 1][..], &long(&handshake)].concat()
}

/// The extensions of a ClientHello.
pub(crate) fn extensions(flight: &[u8]) -> Vec<Extension> {
    parts(flight).1
}

/// Everything of the message before its extensions, and the extensions.
fn parts(flight: &[u8]) -> (Vec<u8>, Vec<Extension>) {
    assert_eq!((flight[0], flight[5]), (0x16, 1), "a ClientHello");
    let message = &flight[9..];
    // Version, random, session id, cipher suites, compression methods.
    let mut at = 34;
    at += 1 + usize::from(message[at]);
    at += 2 + usize::from(u16::from_be_bytes([message[at], message[at + 1]]));
    at += 1 + usize::from(message[at]);
    let mut rest = &message[at + 2..];
    let mut extensions = Vec::new();
    while !rest.is_empty() {
        let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        let kind = u16::from_be_bytes([rest[0], rest[1]]);
        extensions.push(Extension { kind, data: rest[4..4 + length].to_vec() });
        rest = &rest[4 + length..];
    }
    (message[..at].to_vec(), extensions)
}

/// The groups of a key_share extension with their shares.
pub(crate) fn shares(data: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut rest = &data[2..];
    let mut shares = Vec::new();
    while !rest.is_empty() {
        let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        shares.push((u16::from_be_bytes([rest[0], rest[1]]), rest[4..4 + length].to_vec()));
        rest = &rest[4 + length..];
    }
    shares
}

/// Bytes behind their length in two bytes.
pub(crate) fn long(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}
