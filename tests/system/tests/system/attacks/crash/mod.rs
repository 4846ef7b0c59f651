//! The whole job goes on while node, broker and portal are killed at random moments. Afterwards nothing that was
//! acknowledged is lost, nothing came twice, and everything goes on by itself.

pub(crate) mod ledger;
pub(crate) mod verdict;
pub(crate) mod workers;

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use chukei_harness::role::Role;
use libtest_mimic::{Failed, Trial};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use self::ledger::Ledger;
use super::rig::{Rig, seed};
use crate::group::{Shared, group};
use crate::stage::until;

/// How long roles are killed.
const CHAOS: Duration = Duration::from_secs(40);
/// Between two kills, milliseconds.
const BETWEEN: std::ops::Range<u64> = 500..3_000;
/// After the last kill.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// The group.
pub(super) fn trials() -> Vec<Trial> {
    group::<Crash>("crash", &[("r30_nothing_acknowledged_is_lost_by_kills", kills)])
}

struct Crash(Rig);

impl Shared for Crash {
    fn set() -> Result<Self, Failed> {
        Rig::start("crash", "notice_poll_seconds = 1").map(Self)
    }

    fn keep(&self) {
        self.0.keep();
    }
}

fn kills(Crash(rig): &Crash) {
    let ledger = Ledger::default();
    std::thread::scope(|scope| {
        let workers = workers::start(scope, rig, &ledger);
        // Something to lose, before anything is killed.
        until("a first notice", || (ledger.notices().len() > 1 || ledger.is_failed()).then_some(()));
        let killed = kill_roles(rig, &ledger);
        eprintln!("killed: {killed:?}");
        rig.stack.wait_ready(READY_WITHIN).unwrap();
        ledger.end();
        for worker in workers {
            worker.join().unwrap();
        }
    });
    let deaths = rig.stack.deaths();
    assert!(deaths.iter().all(|death| death.status.signal() == Some(9)), "died by themselves: {deaths:?}");
    verdict::pass(rig, &ledger);
}

/// Kills a role now and then; how often each.
fn kill_roles(rig: &Rig, ledger: &Ledger) -> [(Role, u32); 3] {
    let mut dice = StdRng::seed_from_u64(seed());
    let mut killed = Role::ALL.map(|role| (role, 0));
    let end = Instant::now() + CHAOS;
    while Instant::now() < end && !ledger.is_failed() {
        std::thread::sleep(Duration::from_millis(dice.random_range(BETWEEN)));
        let (role, count) = &mut killed[dice.random_range(0..3)];
        rig.stack.kill(*role).unwrap();
        *count += 1;
    }
    killed
}
