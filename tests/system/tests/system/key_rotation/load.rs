//! Root, epoch, day and standing keys change again and again while people ask, business systems register and notices go
//! out; and not one request fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use chukei_domain::day::{DAY_MS, Day, JAPAN_OFFSET_MS, day_of};
use chukei_harness::layout::Layout;
use chukei_harness::role::Role;
use chukei_mock_portal::client::Client;
use chukei_relay_client::clock::Clock;
use libtest_mimic::{Failed, Trial};
use tokio::sync::RwLock;

use super::{BODY, rotate, status, until_rewritten};
use crate::attacks::rig::{Known, ask};
use crate::copy_file::{Row, file};
use crate::group::{Shared, Test, group};
use crate::notice_file::{notice, with};
use crate::stage::{Stage, until};

const TESTS: &[Test<Busy>] =
    &[("root_epoch_day_and_standing_keys_rotate_under_full_load_without_a_failed_request", under_load)];

pub(super) fn trials() -> Vec<Trial> {
    group("rotation_load", TESTS)
}

/// Midnights that pass under load.
const MIDNIGHTS: u64 = 3;
/// Real seconds from the moment the load goes on to each midnight.
const BEFORE_MIDNIGHT_S: u64 = 5;
/// People asking at once.
const ASKERS: usize = 12;
const PERSONS: usize = 40;

struct Busy(Stage);

impl Shared for Busy {
    fn set() -> Result<Self, Failed> {
        Stage::start("rotation", patient_logins).map(Self)
    }

    fn keep(&self) {
        self.0.keep();
    }
}

/// A login outlives the days that are skipped between two midnights.
fn patient_logins(layout: &Layout) {
    let path = layout.config(Role::Portal);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("login_timeout_s = 8640000\n{text}")).unwrap();
}

/// What everybody shares: who goes on, and who holds still while days are skipped.
#[derive(Default)]
struct Load {
    over: AtomicBool,
    skipping: RwLock<()>,
    answered: AtomicU64,
    imported: AtomicU64,
    noticed: AtomicU64,
}

impl Load {
    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::SeqCst)
    }
}

/// Ends the load when its owner ends, also by a panic.
struct Ending<'a>(&'a Load);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::SeqCst);
    }
}

fn under_load(Busy(stage): &Busy) {
    let known = Arc::new(stage.known_persons(BODY, PERSONS));
    let day = with(notice("one-day", &[&known[0].person]), "retention_days", 1.into());
    let passing = stage.send(BODY, &day);
    stage.until_listed(&known[0].person.user, &passing);
    let before = status(stage);
    let load = Arc::new(Load::default());
    let rotations = std::thread::scope(|scope| {
        let asking = scope.spawn(|| stage.runtime.block_on(everybody_asks(stage, &known, &load)));
        let importing = scope.spawn(|| imports(stage, &known, &load));
        let sending = scope.spawn(|| notices(stage, &known, &load));
        let rotations = {
            let _ending = Ending(&load);
            (0..MIDNIGHTS).map(|night| rotate_over_midnight(stage, &known, &load, night)).sum::<u64>()
        };
        asking.join().unwrap();
        importing.join().unwrap();
        sending.join().unwrap();
        rotations
    });
    let counted = [&load.answered, &load.imported, &load.noticed].map(|count| count.load(Ordering::SeqCst));
    eprintln!("{rotations} rotations of each kind under {counted:?} answers, imports and notices");
    assert!(rotations >= 6 && counted[0] > 100 && counted[1] > 3 && counted[2] > 3, "hardly any load");
    keys_stand_as_they_should(stage, &before, rotations);
    let listed = stage.staff(BODY, &["notice", "list"]).done();
    let listed = listed["notices"].as_array().unwrap().iter().find(|listed| listed["notice_id"] == *passing);
    assert_eq!(listed.unwrap()["state"], "ERASED", "its day ended under load");
    for known in known.iter() {
        stage.ask(known).map(drop).unwrap();
    }
}

fn keys_stand_as_they_should(stage: &Stage, before: &serde_json::Value, rotations: u64) {
    rotate(stage, &["--rewrite"]);
    let after = until_rewritten(stage);
    assert_eq!(after["root"].as_u64().unwrap(), before["root"].as_u64().unwrap() + rotations);
    assert!(after["generation"].as_u64().unwrap() > before["generation"].as_u64().unwrap() + 2 * rotations);
    let epochs = after["epochs"].as_array().unwrap();
    assert_eq!(epochs.last(), Some(&after["epoch"]), "{after}");
    assert!(epochs.len() > usize::try_from(MIDNIGHTS).unwrap(), "an epoch for each day: {after}");
    let report = stage.staff(BODY, &["audit", "verify"]).done();
    assert_eq!(report["verified"], true, "{report}");
    for role in Role::ALL {
        let log = std::fs::read_to_string(stage.layout().log(role)).unwrap();
        let loud = log.lines().find(|line| line.contains("integrity alarm") || line.contains("not ready"));
        assert_eq!(loud, None, "in the log of {role}");
    }
}

/// Skips to the evening of a later day while everybody holds still, then rotates under load until the day is over.
fn rotate_over_midnight(stage: &Stage, known: &[Known], load: &Load, night: u64) -> u64 {
    let today = {
        let _alone = load.skipping.blocking_write();
        let in_japan = Clock::system().now_ms() + JAPAN_OFFSET_MS;
        let evening = (2 * DAY_MS - in_japan % DAY_MS - BEFORE_MIDNIGHT_S * 1_000) % DAY_MS;
        let announced = announcements(stage);
        stage.layout().set_clock(&format!("+{}s", (evening + (night + 1) * DAY_MS) / 1_000)).unwrap();
        // Delegations end with the skipped day, and are renewed before anybody goes on.
        until("new delegations", || (announcements(stage) > announced).then_some(()));
        until("an answer in the evening", || stage.ask(&known[0]).ok());
        day_of(stage.layout().clock().now_ms())
    };
    let mut rounds = 0;
    while day_of(stage.layout().clock().now_ms()) == today || rounds < 2 {
        assert!(load.goes_on(), "somebody failed");
        rotate(stage, &["--root", "--epoch"]);
        rotate(stage, &["--standing", "--rewrite"]);
        rounds += 1;
    }
    let tomorrow = Day::from_number(today + 1).to_string();
    let has_epoch = || status(stage)["epochs"].as_array().unwrap().iter().any(|day| *day == *tomorrow);
    until("the epoch of the new day", || has_epoch().then_some(()));
    rounds
}

/// How often the broker was told who speaks for the bodies.
fn announcements(stage: &Stage) -> usize {
    std::fs::read_to_string(stage.layout().log(Role::Broker)).unwrap().matches("\"announced\"").count()
}

async fn everybody_asks(stage: &Stage, known: &Arc<Vec<Known>>, load: &Arc<Load>) {
    let client = Client::connect(&stage.layout().portal_socket()).await.unwrap();
    let mut askers = tokio::task::JoinSet::new();
    for asker in 0..ASKERS {
        let (client, known, load) = (client.clone(), known.clone(), load.clone());
        askers.spawn(async move {
            let _ending = Ending(&load);
            for at in asker.. {
                if !load.goes_on() {
                    return;
                }
                let known = &known[at % PERSONS];
                let _still = load.skipping.read().await;
                let value =
                    ask(&client, known).await.unwrap_or_else(|code| panic!("a request failed: {code}"));
                assert!(value.contains(&known.person.addressee), "{value} for {known:?}");
                load.answered.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    while let Some(ended) = askers.join_next().await {
        ended.unwrap();
    }
}

fn imports(stage: &Stage, known: &[Known], load: &Load) {
    let _ending = Ending(load);
    for version in 0.. {
        if !load.goes_on() {
            return;
        }
        let _still = load.skipping.blocking_read();
        let rows: Vec<(String, String)> = known
            .iter()
            .map(|known| (known.record_id(), format!("{version}/{}", known.person.addressee)))
            .collect();
        let rows: Vec<Row<'_>> = known
            .iter()
            .zip(&rows)
            .map(|(known, (id, value))| Row::new(BODY, &known.person, id, value))
            .collect();
        let path = stage.written("copies.csv", file(&rows));
        let report = stage.staff(BODY, &["copy", "import", &path]).done();
        assert_eq!(report["registered"], PERSONS, "{report}");
        load.imported.fetch_add(1, Ordering::SeqCst);
    }
}

fn notices(stage: &Stage, known: &[Known], load: &Load) {
    let _ending = Ending(load);
    for number in 0.. {
        if !load.goes_on() {
            return;
        }
        let _still = load.skipping.blocking_read();
        let person = &known[number % PERSONS].person;
        let id = stage.send(BODY, &notice(&format!("under-load-{number}"), &[person]));
        stage.until_listed(&person.user, &id);
        load.noticed.fetch_add(1, Ordering::SeqCst);
    }
}
