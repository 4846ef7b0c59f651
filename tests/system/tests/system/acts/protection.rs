//! R50: a person's protection ends by two persons, and nobody else learns whom it was about.

use super::{BODY, Timed};
use crate::copy_file::TAX;
use crate::group::Test;
use crate::stage::until;

pub(super) const TESTS: &[Test<Timed>] = &[
    ("r50_protection_ends_by_two_persons_after_the_waiting_period", ends),
    ("r50_protection_set_anew_calls_off_what_would_end_it", set_anew),
    ("r50_hidden_records_are_shown_again_by_two_persons_and_hiding_them_anew_calls_that_off", disclosed),
    ("r50_whom_an_act_is_about_only_those_see_who_decide", seen),
];

fn ends(timed: &Timed) {
    let mut turn = timed.turn();
    let person = &turn.stage.with_copies(BODY, 1)[0];
    turn.first(&["person", "block", &person.addressee]).done();
    let result = |turn: &super::Turn<'_>| turn.stage.self_info(&person.user, BODY, &[TAX])["result"].clone();
    assert_eq!(result(&turn), "UNAVAILABLE_ASK_BODY");
    let act = turn.decided(&["person", "unblock", &person.addressee]);
    assert_eq!(result(&turn), "UNAVAILABLE_ASK_BODY");
    turn.pass(72);
    turn.until(&act, "executed");
    assert_eq!(result(&turn), "DONE");
}

fn set_anew(timed: &Timed) {
    let mut turn = timed.turn();
    let person = &turn.stage.with_copies(BODY, 1)[0];
    turn.first(&["person", "block", &person.addressee]).done();
    let act = turn.decided(&["person", "unblock", &person.addressee]);
    assert_eq!(turn.first(&["person", "block", &person.addressee]).done()["result"], "UNCHANGED");
    assert_eq!(turn.act(&act)["state"], "cancelled");
    turn.pass(72);
    turn.carried_out(&["audit", "export", "--from", "2026-01-01", "--until", "2026-01-02"]);
    let answer = turn.stage.self_info(&person.user, BODY, &[TAX]);
    assert_eq!(answer["result"], "UNAVAILABLE_ASK_BODY");
}

fn disclosed(timed: &Timed) {
    let mut turn = timed.turn();
    let person = &turn.stage.with_copies(BODY, 1)[0];
    turn.stage.self_info(&person.user, BODY, &[TAX]);
    turn.first(&["person", "undisclose", &person.addressee]).done();
    let hidden = |turn: &super::Turn<'_>| {
        let shown = turn.first(&["exchange", "list", "--person", &person.addressee]).done();
        shown["exchanges"][0]["undisclosed"].clone()
    };
    assert_eq!(hidden(&turn), true);
    let act = turn.decided(&["person", "disclose", &person.addressee]);
    assert_eq!(turn.act(&act)["kind"], "disclose-records");
    turn.first(&["person", "block", &person.addressee]).done();
    assert_eq!(turn.act(&act)["state"], "approved", "the other flag is another matter");
    turn.first(&["person", "undisclose", &person.addressee]).done();
    assert_eq!(turn.act(&act)["state"], "cancelled");
    turn.carried_out(&["person", "disclose", &person.addressee]);
    until("the broker to show it again", || (hidden(&turn) == false).then_some(()));
    let answer = turn.stage.self_info(&person.user, BODY, &[TAX]);
    assert_eq!(answer["result"], "UNAVAILABLE_ASK_BODY", "the other flag stands");
}

fn seen(timed: &Timed) {
    let turn = timed.turn();
    let person = &turn.stage.with_copies(BODY, 1)[0];
    turn.first(&["person", "block", &person.addressee]).done();
    let act = turn.requested(&["person", "unblock", &person.addressee]);
    let layout = turn.stage.layout();
    let lists = |args: &[&str]| {
        [
            turn.first(args).done(),
            turn.second(args).done(),
            turn.clerk(args).done(),
            turn.by(&layout.auditor_config(BODY), args).done(),
        ]
    };
    for (place, shown) in lists(&["act", "show", &act]).into_iter().enumerate() {
        assert_eq!((&shown["kind"], &shown["state"]), (&"unblock".into(), &"requested".into()));
        let decides = place < 2;
        assert_eq!(shown["integrated_addressee_number"] == person.addressee.as_str(), decides, "{shown}");
    }
    for (place, list) in lists(&["act", "list", "--open"]).into_iter().enumerate() {
        let text = list.to_string();
        assert!(text.contains(&act), "all of the body's staff and auditors see that it is asked for: {text}");
        assert_eq!(text.contains(&person.addressee), place < 2);
    }
    turn.first(&["act", "cancel", &act]).done();
}
