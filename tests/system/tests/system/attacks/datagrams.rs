//! A relay of datagrams on the loopback between a role and its broker: records them, or changes bytes in them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::net::UdpSocket;
use tokio::runtime::Runtime;

/// Largest datagram of the loopback.
const DATAGRAM_MAX: usize = 65_536;
/// Bytes recorded at most; what comes later is counted only.
const RECORDED_MAX: usize = 512 * 1024 * 1024;

/// A relay in front of one address. It ends with its runtime.
pub(crate) struct DatagramRelay {
    /// Where to send instead.
    pub(crate) front: SocketAddr,
    tap: Arc<Tap>,
}

struct Tap {
    recording: Mutex<Option<Vec<u8>>>,
    dice: Mutex<StdRng>,
    /// One datagram in so many is changed; none at 0.
    flip_one_in: AtomicU32,
    flipped: AtomicU64,
}

impl DatagramRelay {
    /// Starts a relay to `upstream`.
    pub(crate) fn start(runtime: &Runtime, upstream: SocketAddr, seed: u64) -> Self {
        let socket = runtime.block_on(UdpSocket::bind("127.0.0.1:0")).unwrap();
        let front = socket.local_addr().unwrap();
        let tap = Arc::new(Tap {
            recording: Mutex::new(None),
            dice: Mutex::new(StdRng::seed_from_u64(seed)),
            flip_one_in: AtomicU32::new(0),
            flipped: AtomicU64::new(0),
        });
        runtime.spawn(forward(Arc::new(socket), upstream, Arc::clone(&tap)));
        Self { front, tap }
    }

    /// Records from now on.
    pub(crate) fn record(&self) {
        *self.tap.recording.lock().unwrap() = Some(Vec::new());
    }

    /// What was recorded until now, once `marker` is among it.
    pub(crate) fn recording_with(&self, marker: &[u8]) -> Option<Vec<u8>> {
        let recording = self.tap.recording.lock().unwrap();
        let recorded = recording.as_ref().expect("something was to be recorded");
        memchr::memmem::find(recorded, marker).map(|_| recorded.clone())
    }

    /// Changes a byte of one datagram in `one_in` from now on; of none at 0.
    pub(crate) fn flip(&self, one_in: u32) {
        self.tap.flip_one_in.store(one_in, Ordering::Relaxed);
    }

    /// Datagrams changed so far.
    pub(crate) fn flipped(&self) -> u64 {
        self.tap.flipped.load(Ordering::Relaxed)
    }
}

impl Tap {
    fn pass(&self, datagram: &mut [u8]) {
        let one_in = self.flip_one_in.load(Ordering::Relaxed);
        if one_in > 0 && !datagram.is_empty() {
            let mut dice = self.dice.lock().unwrap();
            if dice.random_range(0..one_in) == 0 {
                let place = dice.random_range(0..datagram.len());
                datagram[place] ^= dice.random_range(1..=255_u8);
                self.flipped.fetch_add(1, Ordering::Relaxed);
            }
        }
        if let Some(recording) = self.recording.lock().unwrap().as_mut()
            && recording.len() + datagram.len() <= RECORDED_MAX
        {
            recording.extend_from_slice(datagram);
        }
    }
}

async fn forward(front: Arc<UdpSocket>, upstream: SocketAddr, tap: Arc<Tap>) {
    let mut backs: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    let mut datagram = vec![0; DATAGRAM_MAX];
    loop {
        // An error of a loopback socket tells that an earlier datagram found nobody: it was lost, as on any network.
        let Ok((length, sender)) = front.recv_from(&mut datagram).await else { continue };
        let back = match backs.get(&sender) {
            Some(back) => Arc::clone(back),
            None => {
                let back = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
                back.connect(upstream).await.unwrap();
                tokio::spawn(answer(Arc::clone(&back), Arc::clone(&front), sender, Arc::clone(&tap)));
                backs.insert(sender, Arc::clone(&back));
                back
            }
        };
        tap.pass(&mut datagram[..length]);
        let _ = back.send(&datagram[..length]).await;
    }
}

async fn answer(back: Arc<UdpSocket>, front: Arc<UdpSocket>, to: SocketAddr, tap: Arc<Tap>) {
    let mut datagram = vec![0; DATAGRAM_MAX];
    loop {
        let Ok(length) = back.recv(&mut datagram).await else { continue };
        tap.pass(&mut datagram[..length]);
        let _ = front.send_to(&datagram[..length], to).await;
    }
}
