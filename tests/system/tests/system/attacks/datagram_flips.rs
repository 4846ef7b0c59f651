//! Datagrams that lose their integrity on the way: QUIC drops them, requests succeed or fail cleanly.

use chukei_harness::role::Role;
use tokio::task::JoinSet;

use super::inner_broker::InnerBroker;
use super::interference::Interference;
use super::rig::{BODY, Rig, ask};
use crate::group::Test;

pub(super) const TESTS: &[Test<Interference>] =
    &[("r30_changed_datagrams_never_change_an_answer", |stage| stage.without_broker(changed_datagrams))];

/// Requests at once, and in a row.
const SIDE_BY_SIDE: usize = 8;
const IN_A_ROW: usize = 40;
/// One datagram in so many is changed.
const ONE_IN: u32 = 12;
/// How a request may fail where the network is this bad.
const CLEAN: [&str; 3] = ["UNAVAILABLE", "NOT_READY", "OVERLOADED"];

fn changed_datagrams(rig: &Rig) {
    let _broker = InnerBroker::start(rig);
    let persons = rig.known_persons(BODY, SIDE_BY_SIDE);
    let hops = [&rig.node_hop, &rig.portal_hop];
    let alarms = alarms(rig);
    let before = hops.map(|hop| hop.flipped());
    hops.iter().for_each(|hop| hop.flip(ONE_IN));
    let client = rig.client();
    let answered = rig.runtime.block_on(async {
        let mut asking = JoinSet::new();
        for known in persons.clone() {
            let client = client.clone();
            asking.spawn(async move {
                let mut answered = 0;
                for _ in 0..IN_A_ROW {
                    match ask(&client, &known).await {
                        Ok(value) => {
                            assert_eq!(value, known.value);
                            answered += 1;
                        }
                        Err(code) => assert!(CLEAN.contains(&code.as_str()), "{code}"),
                    }
                }
                answered
            });
        }
        asking.join_all().await.into_iter().sum::<usize>()
    });
    hops.iter().for_each(|hop| hop.flip(0));
    let flipped: Vec<u64> = hops.iter().zip(before).map(|(hop, before)| hop.flipped() - before).collect();
    eprintln!("{answered} answers, datagrams changed: {flipped:?}");
    assert!(flipped.iter().all(|&count| count > 20), "too few datagrams were changed: {flipped:?}");
    assert!(answered > 0, "nothing was answered");
    rig.ask_until_answered(&persons[0]);
    assert_eq!(self::alarms(rig), alarms, "a changed datagram reached a role");
}

fn alarms(rig: &Rig) -> [u64; 2] {
    [Role::Node, Role::Portal].map(|role| rig.alarms(role, None))
}
