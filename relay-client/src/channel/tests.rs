//! Channels as two ends would have them after a handshake, without one.

use std::sync::LazyLock;

use chukei_crypto::sign::IdentityKey;

use super::*;

/// The identity of this side in every channel made here.
pub(super) static OWN: LazyLock<IdentityKey> =
    LazyLock::new(|| IdentityKey::from_pkcs8(&IdentityKey::generate_pkcs8().unwrap()).unwrap());

/// That of the other side.
pub(super) const OTHER: [u8; 91] = [2; 91];

pub(super) fn scope(body: &str) -> Scope {
    Scope { portal: "mynaportal".to_owned(), body: body.parse().unwrap(), direction: Direction::ToBody }
}

pub(super) fn end(id: u8, role: Role, established_ms: u64) -> Channel {
    Channel {
        id: ChannelId([id; 16]),
        scope: scope("982016"),
        role,
        ends: Ends { own: OWN.public_spki(), other: OTHER.to_vec() },
        established_ms,
        requests: DirectionSecret::from_bytes([id; 32]),
        replies: DirectionSecret::from_bytes([id ^ 0xff; 32]),
        bodies: AtomicU64::new(0),
        state: AtomicU8::new(0),
    }
}

pub(super) fn pair() -> (Channel, Channel) {
    (end(1, Role::Initiator, 0), end(1, Role::Responder, 0))
}

#[test]
fn a_channel_shows_no_secret() {
    let shown = format!("{:?}", end(0xab, Role::Responder, 0));
    assert!(!shown.contains("secret") && !shown.contains("requests"), "{shown}");
}
