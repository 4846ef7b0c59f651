//! The stage of attacks on what is on the way: one stack, whose broker each test replaces or disturbs in its turn.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chukei_harness::role::Role;
use libtest_mimic::{Failed, Trial};

use super::hostile::HostileBroker;
use super::rig::{Known, Rig};
use super::{datagram_flips, mixups, permits, sealed_flips, setups};
use crate::group::{Shared, Test, group};

/// Longer than a node or a portal holds anybody off after a mismatch (`integrity_hold_seconds`).
pub(super) const HOLD: Duration = Duration::from_secs(31);

/// The stage.
pub(super) struct Interference {
    rig: Rig,
    /// One test at a time has it. Absent while a test has another broker in its place.
    broker: Mutex<Option<HostileBroker>>,
}

impl Shared for Interference {
    fn set() -> Result<Self, Failed> {
        let rig = Rig::start("interference", "notice_poll_seconds = 1")?;
        rig.stack.stop_role(Role::Broker)?;
        let broker = Mutex::new(Some(HostileBroker::start(&rig)));
        Ok(Self { rig, broker })
    }

    fn keep(&self) {
        self.rig.keep();
    }
}

impl Interference {
    /// Runs one test with the hostile broker.
    pub(super) fn with_hostile_broker(&self, test: impl FnOnce(&Rig, &HostileBroker)) {
        let mut slot = self.broker.lock().unwrap_or_else(PoisonError::into_inner);
        let broker = slot.get_or_insert_with(|| HostileBroker::start(&self.rig));
        broker.repent();
        test(&self.rig, broker);
    }

    /// Runs one test with another broker in its place, which must have gone when the test ends, however it ends.
    pub(super) fn without_broker(&self, test: impl FnOnce(&Rig)) {
        let mut slot = self.broker.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = None;
        test(&self.rig);
    }
}

/// The node has found a mismatch: it holds the portal off for a while, and then goes on by itself (R35).
#[track_caller]
pub(super) fn held_off_then_served(rig: &Rig, known: &Known) {
    assert_eq!(rig.ask(known), Err("INTEGRITY_STOP".into()));
    rig.advance(HOLD);
    rig.ask_until_answered(known);
}

/// The tests.
pub(super) fn trials() -> Vec<Trial> {
    let tests: [&[Test<Interference>]; 5] =
        [sealed_flips::TESTS, permits::TESTS, mixups::TESTS, setups::TESTS, datagram_flips::TESTS];
    group("interference", &tests.concat())
}
