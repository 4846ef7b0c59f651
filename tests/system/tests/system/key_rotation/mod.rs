//! Keys that change while everything goes on: rotated under load, turned at midnight, rewritten across stops and kills,
//! gone and back.

mod broken;
mod kills;
mod load;
mod restart;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::stage::{Stage, until};

pub(crate) fn trials() -> Vec<Trial> {
    let groups = [load::trials(), restart::trials(), kills::trials(), broken::trials()];
    groups.into_iter().flatten().collect()
}

const BODY: &str = "982016";

/// Rotates `parts` of the body's keys; how the keys stand then.
fn rotate(stage: &Stage, parts: &[&str]) -> Value {
    stage.staff(BODY, &[&["keys", "rotate"], parts].concat()).done()
}

fn status(stage: &Stage) -> Value {
    stage.staff(BODY, &["keys", "status"]).done()
}

/// Waits until a rewrite has come to its end: nothing stands under an old number, and every old number is retired but
/// those of the log.
fn until_rewritten(stage: &Stage) -> Value {
    let status = until("the end of the rewrite", || {
        let status = status(stage);
        (status["rewrite"]["running"] == false && status["rewrite"]["left"] == 0).then_some(status)
    });
    for purpose in status["purposes"].as_array().unwrap() {
        let numbers = purpose["standing"].as_array().unwrap().len();
        assert!(numbers == 1 || purpose["purpose"] == "audit", "{status}");
    }
    status
}
