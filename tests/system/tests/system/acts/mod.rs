//! Acts that two persons decide, over real QUIC: asked for and approved, waited for by the clock, carried out by the
//! node, called off, seen by the body and by nobody else.

mod erasing;
mod exports;
mod kills;
mod protection;
mod settings;

use std::sync::{Mutex, MutexGuard, PoisonError};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::group::{Shared, Test, group};
use crate::program::{Ended, with_config};
use crate::stage::{Stage, until};

pub(crate) fn trials() -> Vec<Trial> {
    let tests: Vec<Test<Timed>> =
        [erasing::TESTS, protection::TESTS, settings::TESTS, exports::TESTS].concat();
    group("acts", &tests).into_iter().chain(kills::trials()).collect()
}

const BODY: &str = "982016";
const OTHER: &str = "982024";
const HOUR_S: u64 = 3_600;

/// A stage whose hours the tests let pass, one test at a time.
struct Timed {
    stage: Stage,
    hours: Mutex<u64>,
}

/// The time of one test.
struct Turn<'a> {
    stage: &'a Stage,
    hours: MutexGuard<'a, u64>,
}

impl Shared for Timed {
    fn set() -> Result<Self, Failed> {
        Ok(Self { stage: Stage::start("acts", |_| ())?, hours: Mutex::new(0) })
    }

    fn keep(&self) {
        self.stage.keep();
    }
}

impl Timed {
    fn turn(&self) -> Turn<'_> {
        Turn { stage: &self.stage, hours: self.hours.lock().unwrap_or_else(PoisonError::into_inner) }
    }
}

impl Turn<'_> {
    /// Lets `hours` pass.
    fn pass(&mut self, hours: u64) {
        *self.hours += hours;
        self.stage.layout().set_clock(&format!("+{}s", *self.hours * HOUR_S)).unwrap();
        // A proof that begins before the node reads the clock anew is over before it ends.
        until("the node to have read the clock", || {
            (self.first(&["act", "list"]).code == Some(0)).then_some(())
        });
    }

    /// The first person: asks for acts, and is an administrator.
    fn first(&self, args: &[&str]) -> Ended {
        self.stage.staff(BODY, args)
    }

    /// The second person: approves.
    fn second(&self, args: &[&str]) -> Ended {
        self.by(&self.stage.layout().approver_config(BODY), args)
    }

    /// A clerk, who decides on nothing.
    fn clerk(&self, args: &[&str]) -> Ended {
        self.by(&self.stage.layout().care_config(BODY), args)
    }

    fn by(&self, config: &std::path::Path, args: &[&str]) -> Ended {
        with_config("chukei", &config.display().to_string(), args)
    }

    /// Asks for an act; its id.
    #[track_caller]
    fn requested(&self, args: &[&str]) -> String {
        let act = self.first(&[args, &["--reference", "R8-zei/42"]].concat()).done();
        assert_eq!((&act["state"], &act["approved_by"]), (&"requested".into(), &Value::Null), "{act}");
        act["act"].as_str().unwrap().to_owned()
    }

    /// Asks for an act and lets it be approved; its id.
    #[track_caller]
    fn decided(&self, args: &[&str]) -> String {
        let act = self.requested(args);
        assert_eq!(self.second(&["act", "approve", &act]).done()["state"], "approved");
        act
    }

    /// An act as it stands.
    #[track_caller]
    fn act(&self, act: &str) -> Value {
        self.first(&["act", "show", act]).done()
    }

    /// Waits until an act has come to this state.
    #[track_caller]
    fn until(&self, act: &str, state: &str) -> Value {
        until(state, || Some(self.act(act)).filter(|act| act["state"] == state))
    }

    /// Decides an act and lets its waiting period pass.
    #[track_caller]
    fn carried_out(&mut self, args: &[&str]) -> String {
        let act = self.decided(args);
        self.pass(72);
        self.until(&act, "executed");
        act
    }
}
