//! Loopback ports for what tests start: roles, and servers that they need.
//!
//! What must hold: a port is handed out once, and is none that the system picks for whoever does not care (Linux: from 32,768
//! on). What starts, or is away for a while, would lose such a one to any socket that is opened meanwhile, and many
//! are. Another process may still take a port by its number before it is bound.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

const FIRST: u16 = 16_384;
const PORTS: u16 = 16_384;

/// Begins anywhere, so that processes that run at the same time seldom try the same ports.
static NEXT: LazyLock<AtomicU32> = LazyLock::new(|| {
    let anywhere = RandomState::new().hash_one(std::process::id());
    AtomicU32::new(u32::try_from(anywhere % u64::from(PORTS)).unwrap_or_default())
});

/// A port that nobody listens on, neither with TCP nor with UDP.
pub fn free() -> io::Result<SocketAddr> {
    let mut tried = Err(io::ErrorKind::AddrInUse.into());
    for _ in 0..PORTS {
        let place = NEXT.fetch_add(1, Ordering::Relaxed) % u32::from(PORTS);
        let port = u16::try_from(place).map_or(FIRST, |place| FIRST + place);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        tried = TcpListener::bind(address).and_then(|_| UdpSocket::bind(address)).map(|_| address);
        if tried.is_ok() {
            break;
        }
    }
    tried
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_handed_out_once_and_none_that_is_taken() {
        let taken = free().unwrap();
        let _held = UdpSocket::bind(taken).unwrap();
        NEXT.fetch_sub(1, Ordering::Relaxed);
        let others = [free().unwrap(), free().unwrap()];
        assert!(others[0] != others[1] && !others.contains(&taken), "{taken} {others:?}");
    }
}
