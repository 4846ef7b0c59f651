//! What is replaced while requests keep coming: channels after a few messages, and the identities they stand on.

use chukei_harness::role::Role;

use super::{BODY, MESSAGES, OF_BODY, OF_PORTAL, SET_UPS, Turning, pki, sum};
use crate::load::Load;
use crate::notice_file::notice;
use crate::person::Person;
use crate::stage::until;

/// Requests with hundreds of channels.
const REQUESTS: usize = 3_000;

pub(super) fn by_count(turning: &Turning) {
    let _turn = turning.turn();
    let persons = turning.stage.with_copies(BODY, 4);
    let (set_ups, refused) = (turning.sum(Role::Node, SET_UPS), not_answered(turning));
    let load = Load::begin(&turning.stage, BODY, &persons);
    until("enough requests", || {
        load.goes_on();
        (load.answered() >= REQUESTS).then_some(())
    });
    let answered = load.end(&turning.stage);
    let set_ups = usize::try_from(turning.sum(Role::Node, SET_UPS) - set_ups).unwrap();
    assert!(set_ups >= answered * 2 / (2 * MESSAGES), "{set_ups} channels for {answered} requests");
    assert_eq!(not_answered(turning), refused, "no channel was handed out that the node had given up");
    // Two bodies are asked in this stage.
    let kept = turning.channels(Role::Node, "answered");
    assert!(kept <= 2 * 64, "the node's table is bounded for each scope: {kept}");
}

/// Requests for own information that the node has not answered, of one page: what ends between two would count
/// on one of them only.
fn not_answered(turning: &Turning) -> u64 {
    let page = turning.page(Role::Node);
    let sample = "chukei_requests_total{kind=\"self-info\",result=\"";
    sum(&page, sample) - sum(&page, &format!("{sample}DONE"))
}

pub(super) fn identities(turning: &Turning) {
    let _turn = turning.turn();
    let stage = &turning.stage;
    let persons = turning.stage.with_copies(BODY, 4);
    let first = stage.send(BODY, &notice("before the turns", &[&persons[0]]));
    stage.until_listed(&persons[0].user, &first);
    const ROLES: [Role; 3] = [Role::Node, Role::Broker, Role::Portal];
    let (alarms, refused) = (ROLES.map(|role| turning.alarms(role)), not_answered(turning));
    let load = Load::begin(&turning.stage, BODY, &persons);
    for (number, holder) in [OF_BODY, OF_PORTAL].into_iter().enumerate() {
        let seen = [Role::Portal, Role::Node].map(|role| (role, lists_seen(turning, role)));
        let keys = pki(&turning.pki(), "rotate", holder);
        for (role, seen) in seen {
            until("the new list", || (lists_seen(turning, role) > seen).then_some(()));
            until("channels on the new identity alone", || {
                (turning.channels(role, "former_identity") == 0).then_some(())
            });
        }
        load.goes_on();
        let peers = pki(&turning.pki(), "retire", holder);
        assert_eq!(peers["file"], keys["file"]);
        load.goes_on();
        delivered(turning, &persons[0], number);
        load.goes_on();
    }
    load.end(&turning.stage);
    assert_eq!(ROLES.map(|role| turning.alarms(role)), alarms, "what is meant to be is no alarm");
    assert_eq!(not_answered(turning), refused);
}

/// How many lists a role has taken into force since it was started.
fn lists_seen(turning: &Turning, role: Role) -> usize {
    let log = std::fs::read_to_string(turning.stage.layout().log(role)).unwrap();
    log.matches("another peer list is in force").count()
}

/// The body reaches the portal, too.
fn delivered(turning: &Turning, person: &Person, number: usize) {
    let sent = turning.stage.send(BODY, &notice(&format!("turn {number}"), &[person]));
    turning.stage.until_listed(&person.user, &sent);
}
