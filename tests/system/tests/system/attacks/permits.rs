//! Permits that are not what they seem (R22): nothing is answered under one.

use chukei_harness::role::Role;
use chukei_wire::header::{Kind, PersonCode};
use chukei_wire::permit::Permit;

use super::hostile::{HostileBroker, Passage};
use super::interference::{HOLD, Interference};
use super::rig::{BODY, Rig};
use crate::group::Test;
use crate::notice_file::notice;
use crate::played_permits::Deceit;
use crate::stage::until;

pub(super) const TESTS: &[Test<Interference>] = &[
    ("r22_a_forged_permit_is_refused_with_an_alarm", |stage| stage.with_hostile_broker(forged)),
    ("r22_a_permit_for_something_else_or_of_another_time_is_refused", |stage| {
        stage.with_hostile_broker(misplaced)
    }),
    ("r22_r35_the_portal_too_stops_a_broker_that_does_not_prove_its_permits", |stage| {
        stage.with_hostile_broker(unproven_at_the_portal)
    }),
];

/// Longer than a permit lives, with all skew that is tolerated, milliseconds.
const LONG: u64 = 60_000;

/// What is wrong with a permit.
type Flaw = (&'static str, fn(&Passage, Permit) -> Permit);

fn forged(rig: &Rig, broker: &HostileBroker) {
    let known = &rig.known_persons(BODY, 1)[0];
    rig.ask_until_answered(known);
    let flaws: [Flaw; 4] = [
        ("code", |_, mut permit| {
            permit.mac[31] ^= 1;
            permit
        }),
        ("person", |_, mut permit| {
            permit.claims.person = Some(PersonCode([7; 17]));
            permit
        }),
        ("expiry", |_, mut permit| {
            permit.claims.expires_ms += 1;
            permit
        }),
        ("of another connection", |passage, permit| {
            let portals = passage.shared.portals.lock().unwrap();
            let elsewhere = portals.values().next().unwrap();
            let forged = passage.shared.permit(elsewhere, &passage.request.header_bytes, passage.person);
            assert_eq!(forged.claims.person, permit.claims.person);
            forged
        }),
    ];
    for (what, flaw) in flaws {
        let alarms = rig.alarms(Role::Node, Some("permit_signature"));
        plan(broker, flaw);
        assert_eq!(rig.ask(known), Err("BAD_SIGNATURE".into()), "{what}");
        assert_eq!(rig.alarms(Role::Node, Some("permit_signature")), alarms + 1, "{what}");
        rig.ask_until_answered(known);
    }
}

fn misplaced(rig: &Rig, broker: &HostileBroker) {
    let known = &rig.known_persons(BODY, 1)[0];
    rig.ask_until_answered(known);
    let flaws: [(&str, Flaw); 4] = [
        (
            "PERMIT_SCOPE",
            ("of another request", |passage, _| {
                let mut header = passage.request.header.clone();
                header.deadline_ms -= 1;
                let receiver = passage.asking().receiver;
                passage.shared.permit(&receiver, &header.to_bytes().unwrap(), passage.person)
            }),
        ),
        (
            "PERMIT_SCOPE",
            ("of nobody", |passage, _| {
                let receiver = passage.asking().receiver;
                passage.shared.permit(&receiver, &passage.request.header_bytes, None)
            }),
        ),
        ("PERMIT_EXPIRED", ("over", |passage, _| at(passage, passage.shared.clock.now_ms() - LONG))),
        ("PERMIT_EXPIRED", ("not begun", |passage, _| at(passage, passage.shared.clock.now_ms() + LONG))),
    ];
    for (name, flaw) in flaws {
        let refused = || rig.counted(Role::Node, "chukei_requests_total{", &format!("\"{name}\""));
        let before = refused();
        plan(broker, flaw.1);
        // An expired permit is a broker's slowness: the portal asks again, and the second permit is good.
        let asked = rig.ask(known);
        let expected = if name == "PERMIT_SCOPE" { Err(name.to_owned()) } else { Ok(known.value.clone()) };
        assert_eq!(asked, expected, "{}", flaw.0);
        // Counted a moment after it was answered.
        until("the refusal in the metrics", || (refused() == before + 1).then_some(()));
        rig.ask_until_answered(known);
    }
}

fn unproven_at_the_portal(rig: &Rig, broker: &HostileBroker) {
    let known = &rig.known_persons(BODY, 1)[0];
    rig.ask_until_answered(known);
    let withheld = || rig.alarms(Role::Portal, Some("permit_withheld"));
    let before = withheld();
    broker.portal("mynaportal").expect("it is connected").permits.deceive(Deceit::Withheld);
    let notice = rig.send(BODY, &notice("n-unproven", &[&known.person]));
    until("the portal's alarm", || (withheld() == before + 1).then_some(()));
    // Its time over, the broker is welcome again; the notice comes, and came, once.
    rig.advance(HOLD);
    rig.ask_until_answered(known);
    until("the notice", || (rig.notices(known) == [notice.clone()]).then_some(()));
}

fn at(passage: &Passage, ms: u64) -> Permit {
    let receiver = passage.asking().receiver;
    passage.shared.permit_of(&receiver, &passage.request.header_bytes, passage.person, ms)
}

/// The next request for own information comes with a flawed permit.
fn plan(broker: &HostileBroker, flaw: fn(&Passage, Permit) -> Permit) {
    broker.plan(Kind::SelfInfo, move |passage| async move {
        let mut asking = passage.asking();
        asking.permit = flaw(&passage, asking.permit);
        let answer = passage.ask(asking).await;
        passage.give_honestly(answer).await;
    });
}
