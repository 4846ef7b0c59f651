//! The broker's side of one connection: numbers, leaves that wait for a root, and roots that were made.
//!
//! What must hold: numbers run from 1 without a gap, and leaves stand in their order; every permit that was issued
//! comes under a root, also when the connection has gone; what waits and what is kept is bounded.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chukei_crypto::permit::{Epoch, Leaf, NO_ROOT, RootHash, sign_root};
use chukei_crypto::sign::SigningKey;
use chukei_wire::header::PersonCode;
use chukei_wire::id::HeaderHash;
use chukei_wire::limits::ROOT_LEAVES_MAX;
use chukei_wire::message::control::PermitRoot;
use chukei_wire::permit::Permit;
use tokio::sync::Notify;

use super::{PermitSession, PermitTerms, issue};

/// Permits that may wait for a root: two seconds of thirty thousand a second. Beyond it, none is issued.
const WAITING_MAX: usize = 65_536;
/// Roots kept for a receiver that lost its connection: more than come before it notices.
const KEPT_MAX: usize = 512;
/// Bytes of leaves in those: as many permits as may wait.
const KEPT_BYTES: usize = WAITING_MAX * LEAF;
const LEAF: usize = size_of::<Leaf>();

/// What a permit says beside what the connection says.
#[derive(Clone, Debug)]
pub struct PermitBasis {
    /// The receiver's code for the person.
    pub person: Option<PersonCode>,
    /// The same in the other live version, while there are two.
    pub previous: Option<PersonCode>,
    /// Legal basis.
    pub legal_basis: String,
}

/// Issues the permits of one connection, and roots over them.
#[derive(Debug)]
pub struct PermitIssuer {
    session: PermitSession,
    epoch: Epoch,
    issued: Mutex<Issued>,
    waiting: Notify,
}

#[derive(Debug)]
struct Issued {
    last: u64,
    root: RootHash,
    /// Leaves behind the last root, one after the other.
    leaves: Vec<u8>,
    kept: VecDeque<PermitRoot>,
    kept_bytes: usize,
    closed: bool,
}

impl PermitIssuer {
    /// For the connection of `session` between the broker of this name and the receiver of this identity.
    pub fn new(session: PermitSession, broker: &str, receiver: &str) -> Self {
        let epoch = Epoch { broker: broker.to_owned(), receiver: receiver.to_owned(), id: session.epoch };
        let issued = Issued {
            last: 0,
            root: NO_ROOT,
            leaves: Vec::new(),
            kept: VecDeque::new(),
            kept_bytes: 0,
            closed: false,
        };
        Self { session, epoch, issued: Mutex::new(issued), waiting: Notify::new() }
    }

    /// Between whom, and which series.
    pub fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    /// The next permit; `None` where too many wait for a root, the series is closed, or the claims cannot be
    /// encoded.
    pub fn issue(&self, header: HeaderHash, basis: PermitBasis, now_ms: u64) -> Option<Permit> {
        let mut issued = self.issued();
        if issued.closed || issued.leaves.len() >= WAITING_MAX * LEAF {
            return None;
        }
        let number = issued.last + 1;
        let broker = self.epoch.broker.clone();
        let PermitBasis { person, previous, legal_basis } = basis;
        let terms = PermitTerms { person, previous, legal_basis, broker, number };
        let (permit, leaf) = issue(&self.session, header, terms, now_ms)?;
        issued.last = number;
        issued.leaves.extend_from_slice(&leaf);
        if issued.leaves.len() == LEAF {
            self.waiting.notify_one();
        }
        Some(permit)
    }

    /// Until a permit waits for a root.
    pub async fn waiting(&self) {
        while self.issued().leaves.is_empty() {
            self.waiting.notified().await;
        }
    }

    /// The root over the permits that have waited longest; `None` where none waits.
    pub fn next_root(&self, key: &SigningKey) -> Option<PermitRoot> {
        let mut issued = self.issued();
        let taken = issued.leaves.len().min(ROOT_LEAVES_MAX * LEAF);
        let first = issued.last - (issued.leaves.len() / LEAF) as u64 + 1;
        let leaves: Vec<u8> = issued.leaves.drain(..taken).collect();
        let previous = issued.root;
        let root = self.epoch.root(&previous, first, &leaves)?;
        issued.root = root;
        let message =
            PermitRoot { epoch: self.epoch.id, first, leaves, previous, signature: sign_root(key, &root) };
        issued.keep(message.clone());
        Some(message)
    }

    /// The roots over permits behind number `covered`, as far as they are kept.
    pub fn roots_after(&self, covered: u64) -> Vec<PermitRoot> {
        self.issued().kept.iter().filter(|root| root.first > covered).cloned().collect()
    }

    /// Whether there is anything to keep for a receiver that comes back.
    pub fn has_roots(&self) -> bool {
        !self.issued().kept.is_empty()
    }

    /// Issues nothing more.
    pub fn close(&self) {
        self.issued().closed = true;
    }

    fn issued(&self) -> MutexGuard<'_, Issued> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Issued {
    fn keep(&mut self, root: PermitRoot) {
        self.kept_bytes += root.leaves.len();
        self.kept.push_back(root);
        while self.kept.len() > KEPT_MAX || self.kept_bytes > KEPT_BYTES {
            let Some(oldest) = self.kept.pop_front() else { return };
            self.kept_bytes -= oldest.leaves.len();
        }
    }
}
