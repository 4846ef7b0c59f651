//! Set-up of channels through a hostile broker: flights replayed, reflected, or answered by a stranger.

use std::time::Duration;

use chukei_crypto::sign::IdentityKey;
use chukei_harness::role::Role;
use chukei_relay_client::channel::{ChannelLimits, Channels, Parties, respond};
use chukei_relay_client::key_file;
use chukei_relay_client::peers::Identities;
use chukei_relay_client::session::forward_request;
use chukei_wire::frame::{FrameType, Outcome};
use chukei_wire::header::{Direction, Header, Hop, Kind};

use tokio::time::Instant;

use super::hostile::{Flights, HostileBroker, Passage};
use super::interference::Interference;
use super::rig::{BODY, Rig};
use crate::group::Test;
use crate::stage::until;

pub(super) const TESTS: &[Test<Interference>] = &[
    ("r33_replayed_flights_set_up_nothing", |stage| stage.with_hostile_broker(replayed)),
    ("r33_reflected_flights_set_up_nothing", |stage| stage.with_hostile_broker(reflected)),
    ("r22_a_stranger_in_the_bodys_place_is_refused", |stage| stage.with_hostile_broker(stranger)),
];

/// How long a replayed set-up may take.
const WAIT: Duration = Duration::from_secs(10);

/// The portal is told that its channel is unknown, so that it sets up a new one.
fn forget_channel(broker: &HostileBroker) {
    broker.plan(Kind::SelfInfo, |mut passage| async move {
        passage.request.end_with(Outcome::ChannelUnknown).await.unwrap();
    });
}

fn replayed(rig: &Rig, broker: &HostileBroker) {
    let known = &rig.known_persons(BODY, 1)[0];
    rig.ask_until_answered(known);
    forget_channel(broker);
    rig.ask_until_answered(known);
    let recorded = until("a whole set-up by the portal", || {
        broker.shared.flights.lock().unwrap().iter().find(|flights| is_whole(flights)).cloned()
    });
    let alarms = rig.alarms(Role::Node, Some("channel_handshake"));
    let answers = rig.runtime.block_on(replay(broker, &recorded));
    // The node has answered the greeting at most, differently, and nothing behind it.
    assert!(answers.len() < 2, "a replayed handshake came to its end");
    assert_ne!(answers.first(), recorded.answered.first(), "the node said the same again");
    until("an alarm", || (rig.alarms(Role::Node, Some("channel_handshake")) > alarms).then_some(()));
    rig.ask_until_answered(known);
}

/// A set-up towards a body that came to its end: greeting and proof of the portal, greeting and consent of the body.
fn is_whole(flights: &Flights) -> bool {
    let to_body =
        Header::from_bytes(&flights.header).is_ok_and(|header| header.direction == Direction::ToBody);
    to_body && flights.asked.len() >= 2 && flights.answered.len() >= 2
}

/// Says again what the portal has said, under a permit that is good; what the node answers.
async fn replay(broker: &HostileBroker, flights: &Flights) -> Vec<Vec<u8>> {
    let node = broker.node("node-a").unwrap();
    let permit = broker.shared.permit(&node, &flights.header, None);
    let hop = Hop { sender_code: None, permit: Some(permit), leave: None };
    let deadline = Instant::now() + WAIT;
    let mut open = forward_request(&node.connection, &flights.header, &hop, deadline).await.unwrap();
    for flight in &flights.asked {
        open.send.put_frame(FrameType::Message, flight).await.unwrap();
    }
    let _ = open.send.finish().await;
    let mut answers = Vec::new();
    while let Ok(Some((kind, payload))) = open.recv.read_frame().await {
        if kind == FrameType::Message {
            answers.push(payload.to_vec());
        }
    }
    answers
}

fn reflected(rig: &Rig, broker: &HostileBroker) {
    refused(rig, broker, |mut passage| async move {
        passage.request.put_status(Outcome::Answered).await.unwrap();
        while let Ok(Some((kind, payload))) = passage.request.recv.read_frame().await {
            let _ = passage.request.send.write_frame(kind, &payload).await;
        }
    });
}

fn stranger(rig: &Rig, broker: &HostileBroker) {
    let portal = key_file::read(&rig.layout().dir().join("pki/portal-mynaportal.identity.key")).unwrap();
    let portal = Identities::one(IdentityKey::from_pkcs8(&portal).unwrap().public_spki());
    refused(rig, broker, |mut passage| async move {
        let own = IdentityKey::from_pkcs8(&IdentityKey::generate_pkcs8().unwrap()).unwrap();
        let clock = passage.shared.clock.clone();
        let channels = Channels::new(ChannelLimits::default());
        let channel =
            respond(&mut passage.request, Parties { own: &own, other: &portal }, &clock, &channels).await;
        assert!(channel.is_err(), "the portal has a channel with a stranger");
    });
}

/// What is done with the portal's next set-up fails it, with an alarm; it sets up another and is served.
fn refused<F: Future<Output = ()> + Send + 'static>(
    rig: &Rig,
    broker: &HostileBroker,
    deed: impl FnOnce(Passage) -> F + Send + 'static,
) {
    let known = &rig.known_persons(BODY, 1)[0];
    rig.ask_until_answered(known);
    let alarms = rig.alarms(Role::Portal, Some("channel_handshake"));
    forget_channel(broker);
    broker.plan(Kind::ChannelSetup, deed);
    assert_eq!(rig.ask(known), Ok(known.value.clone()), "another set-up serves");
    assert_eq!(rig.alarms(Role::Portal, Some("channel_handshake")), alarms + 1);
}
