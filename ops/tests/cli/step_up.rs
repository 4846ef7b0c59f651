//! A node that asks for a fresh factor (R6): the program shows it once more, and asks for the same act again, once.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use chukei_wire::frame::Outcome;
use chukei_wire::header::Kind;
use chukei_wire::id::{ActId, IdempotencyKey};
use chukei_wire::message::act::{ActRequest, ActShown, ActStep};
use chukei_wire::message::factor::{FactorChallenge, FactorRequest};
use chukei_wire::result::ResultName;
use serde_json::json;

use crate::stand_in::{Printed, Script, StaffCall, StandIn};

/// Calls of the program, in order: what, and the key of the act.
type Calls = Arc<Mutex<Vec<(Kind, Option<IdempotencyKey>)>>>;

/// Believes every factor, and asks for a fresh one before it takes an act: so often.
struct Asking {
    times: usize,
    calls: Calls,
}

impl Script for Asking {
    async fn serve(&mut self, mut call: StaffCall) {
        self.calls.lock().unwrap().push((call.kind(), call.idempotency_key()));
        if call.kind() == Kind::Factor {
            let asked: FactorRequest = call.next().await.unwrap();
            if asked.proof.is_none() {
                call.reply(&FactorChallenge { challenge: [7; 32], stretch: None }).await;
            }
            return call.finish().await;
        }
        let ActRequest { reference, .. } = call.next().await.unwrap();
        if self.times > 0 {
            self.times -= 1;
            return call.end_with(Outcome::Refused(ResultName::StepUpRequired)).await;
        }
        call.reply(&requested(reference)).await;
        call.finish().await;
    }
}

fn requested(reference: String) -> ActShown {
    ActShown {
        act: ActId([0x70; 16]),
        kind: "keyring-copy".to_owned(),
        state: "requested".to_owned(),
        reference,
        integrated_addressee_number: None,
        datasets: Vec::new(),
        name: None,
        digest: None,
        period_ms: None,
        requested: ActStep { by: "chukei://body/982016/staff/u-tax-07".to_owned(), at_ms: 1 },
        approved: None,
        not_before_ms: None,
        until_ms: 2,
        ended: None,
        failure: None,
        fetched: false,
        erasure: None,
    }
}

/// Asks for an act at a node that wants a fresh factor `times` times.
fn ask(times: usize, with_factor: bool) -> (Printed, Vec<(Kind, Option<IdempotencyKey>)>) {
    let calls = Calls::default();
    let node = StandIn::start(Asking { times, calls: Arc::clone(&calls) });
    if with_factor {
        let key = node.path("face.key");
        let made = ["factor", "new", "--name", "face", "--kind", "biometrics", "--key"];
        let made: Vec<&OsStr> = made.iter().map(OsStr::new).chain([key.as_os_str()]).collect();
        assert_eq!(node.json(&made).exit, 0);
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o077, 0);
        node.configure("\n[[factor]]\nname = \"face\"\nkind = \"biometrics\"\nkey = \"face.key\"\n");
    }
    let printed = node.json(&["keys", "copy", "--reference", "R8-1"].map(OsStr::new));
    let calls = calls.lock().unwrap().clone();
    (printed, calls)
}

#[test]
fn r6_a_fresh_factor_is_shown_once_and_the_same_act_is_asked_for_again() {
    let (printed, calls) = ask(1, true);
    assert_eq!((printed.exit, &printed.json["state"]), (0, &json!("requested")), "{}", printed.text);
    let kinds: Vec<Kind> = calls.iter().map(|(kind, _)| *kind).collect();
    let (factor, act) = (Kind::Factor, Kind::ActRequest);
    assert_eq!(kinds, [factor, factor, act, factor, factor, act]);
    let keys: Vec<_> = calls.iter().filter(|(kind, _)| *kind == act).map(|(_, key)| *key).collect();
    assert!(keys[0].is_some() && keys[0] == keys[1], "one act: {keys:?}");
}

#[test]
fn r6_a_node_that_is_never_content_is_not_asked_for_ever() {
    let (printed, calls) = ask(usize::MAX, true);
    assert_eq!((printed.exit, &printed.json["code"]), (3, &json!("STEP_UP_REQUIRED")));
    assert!(printed.json["message"].as_str().unwrap().contains("access explain"), "{}", printed.text);
    assert_eq!(calls.iter().filter(|(kind, _)| *kind == Kind::ActRequest).count(), 2);
}

#[test]
fn r5_without_a_factor_it_is_asked_once_and_told_how_to_get_one() {
    let (printed, calls) = ask(usize::MAX, false);
    assert_eq!((printed.exit, &printed.json["code"]), (3, &json!("STEP_UP_REQUIRED")));
    assert!(printed.json["message"].as_str().unwrap().contains("factor new"), "{}", printed.text);
    assert_eq!(calls.len(), 1);
}
