//! R41, R43: while the disk of its log fills, a broker takes no second copies of another one's records: what is left is for its
//! own. The other one says that its records have no second copy, and goes on; when there is space again, they have.

use std::fs;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use chukei_harness::layout::Layout;
use chukei_harness::role::Role;
use chukei_node::config::broker::BrokerConfig;
use libtest_mimic::{Completion, Failed, Trial};

use crate::attacks::broker_loss::{Second, lay_out_linked};
use crate::attacks::rig::{BODY, ask};
use crate::disks::SmallDisk;
use crate::group::{Shared, Skippable, skippable_group};
use crate::page::{fetch, metric};
use crate::stage::{Stage, until};

const TESTS: &[Skippable<Filling>] =
    &[("r41_a_broker_whose_disk_fills_takes_no_copies_and_the_other_says_that_there_are_none", filling)];

/// Megabytes of the second broker's disk, and what of it is not reserved, kilobytes.
const DISK: u32 = 24;
const ORDINARY: u64 = 20 << 10;

pub(crate) fn trials() -> Vec<Trial> {
    skippable_group("copies_disk", TESTS)
}

/// Two brokers, of which the second has a small disk.
struct Filling {
    stage: Stage,
    second: Second,
    disk: Mutex<Option<SmallDisk>>,
    metrics: SocketAddr,
}

impl Shared for Filling {
    fn set() -> Result<Self, Failed> {
        let (mut second, mut disk, mut metrics) = (None, None, None);
        let stage = Stage::start("copies-disk", |layout| {
            lay_out_linked(layout);
            let path = layout.dir().join("broker-b.toml");
            let rules = "\n[log_disk]\nreserve_bytes = 4194304\nsegment_bytes = 262144\nbulk_percent = 80\n\
                 notices_percent = 88\nqueries_percent = 93\ndisclosures_percent = 97\n";
            fs::write(&path, fs::read_to_string(&path).unwrap() + rules).unwrap();
            fs::create_dir(layout.dir().join("broker-b")).unwrap();
            disk = SmallDisk::mount_of(&layout.dir().join("broker-b/journal"), DISK);
            metrics = Some(BrokerConfig::load(&path).unwrap().listen.metrics);
            second = Some(Second::start(layout));
        })?;
        let second = second.expect("the layout was prepared");
        Ok(Self { stage, second, disk: disk.into(), metrics: metrics.expect("it names them") })
    }

    fn keep(&self) {
        self.stage.keep();
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        // The broker before the disk, and that before the folder.
        self.second.kill();
        *self.disk.get_mut().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Filling {
    /// A metric of the second broker.
    fn there(&self, name: &str) -> Option<f64> {
        let (_, text) = fetch(self.metrics, "GET", "/metrics")?;
        let line = text.lines().find(|line| line.split(['{', ' ']).next() == Some(name))?;
        line.rsplit(' ').next()?.parse().ok()
    }

    fn until_level(&self, level: f64) {
        until(&format!("level {level} of the second broker"), || {
            (self.there("chukei_degraded_level") == Some(level)).then_some(())
        });
    }
}

fn copied(layout: &Layout) -> bool {
    let of = |name| metric(layout, Role::Broker, name);
    of("chukei_record_copies") == 1.0 && of("chukei_record_copies_behind") == 0.0
}

fn filling(on: &Filling) -> Completion {
    let disk = on.disk.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(disk) = &*disk else {
        return Completion::ignored_with("a file system in memory may not be mounted here");
    };
    let (stage, layout) = (&on.stage, on.stage.layout());
    let known = stage.known_persons(BODY, 1).remove(0);
    let client = stage.client();
    stage.runtime.block_on(ask(&client, &known)).unwrap();
    until("copies of everything", || copied(layout).then_some(()));

    disk.leave(ORDINARY * 5 / 100);
    on.until_level(3.0);
    // Disclosures go on, with one copy of their records.
    until("records without a second copy", || {
        let _ = stage.runtime.block_on(ask(&client, &known));
        (metric(layout, Role::Broker, "chukei_record_copies") == 0.0).then_some(())
    });
    until("an alarm", || {
        let told = fs::read_to_string(layout.log(Role::Broker)).unwrap();
        told.contains("records_not_copied").then_some(())
    });
    // However often it is tried again, at no look are there said to be any.
    let behind = metric(layout, Role::Broker, "chukei_record_copies_behind");
    assert!(behind > 0.0);
    until("records that have waited for long", || {
        let copies = metric(layout, Role::Broker, "chukei_record_copies");
        assert_eq!(copies, 0.0, "none of them is copied");
        (metric(layout, Role::Broker, "chukei_record_copies_lag_seconds") > 8.0).then_some(())
    });
    assert!(metric(layout, Role::Broker, "chukei_record_copies_behind") >= behind);

    disk.leave(ORDINARY);
    on.until_level(0.0);
    until("copies of everything", || copied(layout).then_some(()));
    Completion::Completed
}
