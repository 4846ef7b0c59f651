//! Channels as two ends would have them after a handshake, without one.

use super::*;

pub(super) fn scope(body: &str) -> Scope {
    Scope { portal: "mynaportal".to_owned(), body: body.parse().unwrap(), direction: Direction::ToBody }
}

pub(super) fn end(id: u8, role: Role, established_ms: u64) -> Channel {
    Channel {
        id: ChannelId([id; 16]),
        scope: scope("982016"),
        role,
        established_ms,
        requests: DirectionSecret::from_bytes([id; 32]),
        replies: DirectionSecret::from_bytes([id ^ 0xff; 32]),
        bodies: AtomicU64::new(0),
        stopped: AtomicBool::new(false),
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
