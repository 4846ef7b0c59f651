//! The receiver's side of one connection: permits are verified and taken into the ledger in one step.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chukei_crypto::permit::Epoch;
use chukei_wire::header::Header;
use chukei_wire::id::HeaderHash;
use chukei_wire::permit::Permit;
use chukei_wire::result::ResultName;
use tokio::sync::Notify;

use super::ledger::{Ledger, NotAccepted, PermitFault};
use super::{PermitSession, VerifiedPermit, verify};
use crate::connection::{ConnectionError, PeerConnection};

/// Verifies what one broker permits on one connection.
#[derive(Debug)]
pub struct PermitReceiver {
    connection: PeerConnection,
    session: PermitSession,
    account: Mutex<Account>,
    /// Counts while the connection is followed, see [`super::follow()`].
    tick: AtomicU64,
    faulted: Notify,
}

#[derive(Debug)]
struct Account {
    ledger: Ledger,
    fault: Option<PermitFault>,
}

impl PermitReceiver {
    /// For a fresh connection to a broker, made by the receiver of the identity `own`.
    pub fn new(connection: &PeerConnection, own: &str) -> Result<Self, ConnectionError> {
        let session = PermitSession::of(connection)?;
        let broker = connection.identity().name().to_owned();
        let ledger = Ledger::new(Epoch { broker, receiver: own.to_owned(), id: session.epoch });
        Ok(Self {
            connection: connection.clone(),
            session,
            account: Mutex::new(Account { ledger, fault: None }),
            tick: AtomicU64::new(0),
            faulted: Notify::new(),
        })
    }

    /// Name of the broker.
    pub fn broker(&self) -> &str {
        self.connection.identity().name()
    }

    /// Verifies the permit that came with a request, and uses its number up.
    ///
    /// Errors: as [`verify`], and `PERMIT_SCOPE` without a permit, `OVERLOADED` where too many wait for a root,
    /// `INTEGRITY_STOP` where the broker is at fault, from then on for every permit of the connection.
    pub fn verify(
        &self,
        permit: Option<Permit>,
        header: &Header,
        header_hash: HeaderHash,
        now_ms: u64,
    ) -> Result<VerifiedPermit, ResultName> {
        let permit = permit.ok_or(ResultName::PermitScope)?;
        let verified = verify(&self.session, permit, header, header_hash, self.broker(), now_ms)?;
        let mut account = self.account();
        if account.fault.is_some() {
            return Err(ResultName::IntegrityStop);
        }
        let tick = self.tick.load(Ordering::Relaxed);
        match account.ledger.accept(verified.number(), verified.leaf(), tick) {
            Ok(()) => Ok(verified),
            Err(NotAccepted::Full) => Err(ResultName::Overloaded),
            Err(NotAccepted::Late) => Err(ResultName::PermitExpired),
            Err(NotAccepted::Fault(fault)) => {
                account.fault = Some(fault);
                self.faulted.notify_one();
                Err(ResultName::IntegrityStop)
            }
        }
    }

    /// Permits that no root proves yet.
    pub fn uncovered(&self) -> usize {
        self.account().ledger.uncovered()
    }

    pub(super) fn connection(&self) -> &PeerConnection {
        &self.connection
    }

    /// Until a permit has shown a fault.
    pub(super) async fn faulted(&self) -> PermitFault {
        loop {
            if let Some(fault) = self.account().fault {
                return fault;
            }
            self.faulted.notified().await;
        }
    }

    /// Nothing more is accepted.
    pub(super) fn stop(&self, fault: PermitFault) {
        self.account().fault.get_or_insert(fault);
    }

    pub(super) fn count_tick(&self) -> u64 {
        self.tick.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn tick(&self) -> u64 {
        self.tick.load(Ordering::Relaxed)
    }

    pub(super) fn with_ledger<T>(&self, work: impl FnOnce(&mut Ledger) -> T) -> T {
        work(&mut self.account().ledger)
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
