//! The node is killed at random moments of rotations and rewrites, while the whole job goes on: what was acknowledged,
//! keys included, stands afterwards.

use std::time::{Duration, Instant};

use chukei_harness::role::Role;
use libtest_mimic::{Failed, Trial};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{BODY, rotate, until_rewritten};
use crate::attacks::crash::ledger::Ledger;
use crate::attacks::crash::{verdict, workers};
use crate::attacks::rig::{Rig, seed};
use crate::group::{Shared, group};
use crate::stage::until;

const CHAOS: Duration = Duration::from_secs(30);
/// Between two kills, milliseconds.
const BETWEEN: std::ops::Range<u64> = 1_000..3_500;

pub(super) fn trials() -> Vec<Trial> {
    group::<Killed>("rotation_kills", &[("nothing_acknowledged_is_lost_by_kills_amid_rotation", kills)])
}

struct Killed(Rig);

impl Shared for Killed {
    fn set() -> Result<Self, Failed> {
        Rig::start("rotation-kills", "notice_poll_seconds = 1").map(Self)
    }

    fn keep(&self) {
        self.0.keep();
    }
}

fn kills(Killed(rig): &Killed) {
    let ledger = Ledger::default();
    let rotated = std::thread::scope(|scope| {
        let workers = workers::start(scope, rig, &ledger);
        let rotating = scope.spawn(|| rotates(rig, &ledger));
        until("a first notice", || (ledger.notices().len() > 1 || ledger.is_failed()).then_some(()));
        let mut dice = StdRng::seed_from_u64(seed());
        let end = Instant::now() + CHAOS;
        while Instant::now() < end && !ledger.is_failed() {
            std::thread::sleep(Duration::from_millis(dice.random_range(BETWEEN)));
            rig.stack.kill(Role::Node).unwrap();
        }
        rig.stack.wait_ready(Duration::from_secs(60)).unwrap();
        ledger.end();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        rotating.join().unwrap()
    });
    eprintln!("{rotated} rotations were acknowledged");
    assert!(rotated > 2, "hardly anything was rotated");
    rotate(rig, &["--rewrite"]);
    let status = until_rewritten(rig);
    assert!(status["root"].as_u64().unwrap() > rotated, "acknowledged roots stand: {status}");
    verdict::pass(rig, &ledger);
}

/// Rotates everything again and again; how many rotations were acknowledged. Only an absent node is an excuse.
fn rotates(rig: &Rig, ledger: &Ledger) -> u64 {
    let mut acknowledged = 0;
    let mut root = 1;
    while ledger.goes_on() {
        let args = ["keys", "rotate", "--root", "--epoch", "--standing", "--rewrite"];
        let ended = rig.staff(BODY, &args);
        if ended.code == Some(4) {
            continue;
        }
        let status = ended.done();
        let now = status["root"].as_u64().unwrap();
        assert!(now > root, "a root that was acknowledged is gone: {status}");
        root = now;
        acknowledged += 1;
    }
    acknowledged
}
