//! Permits and roots of a played broker: made with a real broker's keys, and with deceit where a test says so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chukei_crypto::permit::{Epoch, Leaf, NO_ROOT, RootHash, leaf, sign_root};
use chukei_crypto::sign::SigningKey;
use chukei_harness::layout::Layout;
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::key_file::read;
use chukei_relay_client::permit::{GATHER, PermitSession};
use chukei_relay_client::session::AcceptedRequest;
use chukei_wire::frame::Outcome;
use chukei_wire::message::control::{PermitRoot, RootsWanted};
use chukei_wire::permit::{Permit, PermitClaims};
use tokio::time::Instant;

use crate::hop::key_file;

/// Longer than any test.
const ALWAYS: Duration = Duration::from_secs(3_600);

/// What is wrong with the roots of a broker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Deceit {
    /// Nothing.
    #[default]
    None,
    /// None is sent.
    Withheld,
    /// The last permit comes under none.
    LeftOut,
    /// Signed by somebody else.
    Forged,
    /// Behind another history than was sent.
    Forked,
    /// The leaves of two permits change places, and then it is signed.
    Reordered,
    /// A permit is left out between two roots.
    Gap,
    /// A permit's leaf is another's, and then it is signed.
    Altered,
}

/// A broker's name and the key that it signs with.
#[derive(Clone)]
pub(crate) struct PlayedKey {
    broker: &'static str,
    key: Arc<SigningKey>,
}

/// The signing key of the broker of this name.
pub(crate) fn permit_key(layout: &Layout, broker: &'static str) -> PlayedKey {
    let pkcs8 = read(&key_file(layout, &format!("{broker}.permit.key"))).unwrap();
    PlayedKey { broker, key: Arc::new(SigningKey::from_pkcs8(&pkcs8).unwrap()) }
}

/// The permits of one connection.
pub(crate) struct PlayedPermits {
    session: PermitSession,
    epoch: Epoch,
    key: Arc<SigningKey>,
    series: Mutex<Series>,
}

struct Series {
    last: u64,
    covered: u64,
    root: RootHash,
    leaves: BTreeMap<u64, Leaf>,
    deceit: Deceit,
}

impl PlayedPermits {
    pub(crate) fn of(connection: &PeerConnection, key: &PlayedKey) -> Self {
        let session = PermitSession::of(connection).unwrap();
        let receiver = connection.identity().to_string();
        let epoch = Epoch { broker: key.broker.to_owned(), receiver, id: session.epoch };
        let deceit = Deceit::None;
        let series = Series { last: 0, covered: 0, root: NO_ROOT, leaves: BTreeMap::new(), deceit };
        Self { session, epoch, key: Arc::clone(&key.key), series: Mutex::new(series) }
    }

    /// Authenticates claims as they stand, under the next number of the series unless they have one.
    pub(crate) fn authenticated(&self, mut claims: PermitClaims) -> Permit {
        let mut series = self.series.lock().unwrap();
        claims.epoch = self.epoch.id;
        if claims.number == 0 {
            series.last += 1;
            claims.number = series.last;
        }
        let bytes = claims.to_authenticated_bytes().unwrap();
        let mac = self.session.key.tag(&bytes);
        series.leaves.insert(claims.number, leaf(&bytes));
        Permit { claims, mac }
    }

    /// From now on, roots are so.
    pub(crate) fn deceive(&self, deceit: Deceit) {
        self.series.lock().unwrap().deceit = deceit;
    }

    /// Sends roots until the receiver goes.
    pub(crate) async fn serve(&self, mut request: AcceptedRequest) {
        let _: RootsWanted = request.recv.read_message().await.unwrap();
        let _ = request.put_status(Outcome::Answered).await;
        request.set_deadline(Instant::now() + ALWAYS);
        loop {
            if request.send.flush().await.is_err() {
                return;
            }
            if let Some(root) = self.next_root()
                && request.send.write_message(&root).await.is_err()
            {
                return;
            }
            tokio::time::sleep(GATHER).await;
        }
    }

    fn next_root(&self) -> Option<PermitRoot> {
        let mut series = self.series.lock().unwrap();
        let deceit = series.deceit;
        let mut leaves: Vec<Leaf> = series.leaves.values().copied().collect();
        let needed = match deceit {
            Deceit::Withheld => return None,
            Deceit::LeftOut => {
                leaves.pop();
                1
            }
            Deceit::Reordered | Deceit::Gap => 2,
            _ => 1,
        };
        if leaves.len() < needed {
            return None;
        }
        let mut first = series.covered + 1;
        let mut previous = series.root;
        let mut key = Arc::clone(&self.key);
        match deceit {
            Deceit::Forged => {
                let other = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
                key = Arc::new(other);
            }
            Deceit::Forked => previous[0] ^= 1,
            Deceit::Reordered => leaves.reverse(),
            Deceit::Altered => leaves[0][0] ^= 1,
            Deceit::Gap => {
                leaves.remove(0);
                first += 1;
            }
            Deceit::None | Deceit::Withheld | Deceit::LeftOut => {}
        }
        series.covered = first - 1 + leaves.len() as u64;
        let covered = series.covered;
        series.leaves.retain(|number, _| *number > covered);
        let leaves = leaves.concat();
        series.root = self.epoch.root(&previous, first, &leaves).unwrap();
        let signature = sign_root(&key, &series.root);
        Some(PermitRoot { epoch: self.epoch.id, first, leaves, previous, signature })
    }
}
