//! Who may connect, who may ask for what, and where bodies are.

use chukei_relay_client::connection::PeerConnection;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Header, Hop, Kind};
use chukei_wire::result::ResultName;
use tokio::time::timeout;

use crate::keys::identity;
use crate::stage::{Stage, about, answered, ask, header, heard, outcome};

/// Nothing here takes that long.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
const NOT_READY: Outcome = Outcome::RetryAfter(ResultName::NotReady, 1_000);
const NOT_FOUND: Outcome = Outcome::Refused(ResultName::NotFound);

#[tokio::test]
async fn peers_without_business_here_are_dropped() {
    let stage = Stage::set().await;
    for uri in [
        "chukei://body/982016/staff/u-tax-07",
        "chukei://body/982016/system/zeimu",
        "chukei://broker/broker-b",
        "chukei://portal/unlisted",
    ] {
        let connection = stage.connect(uri).await;
        connection.closed().await;
    }
}

#[tokio::test]
async fn a_portal_asks_in_its_own_name_only() {
    let stage = Stage::set().await;
    let (portal, _node) = stage.peers().await;
    let code = stage.code(&portal, "portal/mynaportal", 42).await;
    let another = stage.connect("chukei://portal/another").await;
    let refused = Outcome::Refused(ResultName::NotPermitted);
    assert_eq!(outcome(&another, &header(Kind::SelfInfo), &about(code)).await, refused);
    for kind in [Kind::Announce, Kind::NoticeDelivery, Kind::CopyShow] {
        assert_eq!(outcome(&portal, &header(kind), &about(code)).await, refused, "{kind:?}");
    }
}

#[tokio::test]
async fn r1_a_body_of_another_node_and_an_unlisted_one_are_alike_to_a_node() {
    let stage = Stage::set().await;
    let (_portal, _node) = stage.peers().await;
    let other = stage.connect("chukei://node/node-b").await;
    for body in ["982016", "983012"] {
        for kind in [Kind::NoticeStatus, Kind::ChannelSetup] {
            let direction = chukei_wire::header::Direction::ToPortal;
            let asked = Header { body: Some(body.parse().unwrap()), direction, ..header(kind) };
            assert_eq!(outcome(&other, &asked, &Default::default()).await, NOT_FOUND, "{body} {kind:?}");
        }
        let parts = vec![stage.keys.broker_part(&format!("body/{body}"), 1)];
        let codes = stage.acquire(&other, &format!("body/{body}"), parts).await;
        assert_eq!(codes.err(), Some(NOT_FOUND));
    }
}

#[tokio::test]
async fn a_body_is_not_found_when_unlisted_and_not_ready_while_its_node_is_away() {
    let stage = Stage::set().await;
    let (portal, node) = stage.peers().await;
    let code = stage.code(&portal, "portal/mynaportal", 42).await;
    let unlisted = Header { body: Some("983012".parse().unwrap()), ..header(Kind::SelfInfo) };
    assert_eq!(outcome(&portal, &unlisted, &about(code)).await, NOT_FOUND);
    node.close(chukei_relay_client::connection::CloseCode::Shutdown);
    stage.shows("/readyz", "not ready").await;
    assert_eq!(outcome(&portal, &header(Kind::SelfInfo), &about(code)).await, NOT_READY);
}

#[tokio::test]
async fn the_higher_epoch_takes_a_body_over() {
    let stage = Stage::set().await;
    let (portal, old) = stage.peers().await;
    let code = stage.code(&portal, "portal/mynaportal", 42).await;
    let new = stage.connect("chukei://node/node-b").await;
    stage.announce(&new, "node-b", 2).await;
    stage.announce(&old, "node-a", 1).await;
    let outcome = answered(&portal, &new, &header(Kind::SelfInfo), &about(code)).await;
    assert_eq!(outcome, Outcome::Answered);
}

#[tokio::test]
async fn a_delegation_for_another_node_is_refused() {
    let stage = Stage::set().await;
    let other = stage.connect("chukei://node/node-b").await;
    assert_eq!(stage.announce(&other, "node-a", 1).await, Outcome::Refused(ResultName::NotAuthorised));
}

#[tokio::test]
async fn r24_a_changed_byte_of_the_peer_list_is_an_alarm_and_the_last_good_one_stays() {
    let stage = Stage::set().await;
    let (portal, node) = stage.peers().await;
    let code = stage.code(&portal, "portal/mynaportal", 42).await;
    let path = stage.dir.path().join("peers.json");
    let list = std::fs::read(&path).unwrap();
    let mut changed = list.clone();
    *changed.last_mut().unwrap() ^= 1;
    std::fs::write(&path, changed).unwrap();
    stage.shows("/readyz", "CONFIG_TAMPERED").await;
    stage.shows("/metrics", r#"chukei_integrity_alarms_total{kind="config_tampered",role="broker"} 1"#).await;
    let outcome = answered(&portal, &node, &header(Kind::SelfInfo), &about(code)).await;
    assert_eq!(outcome, Outcome::Answered);
}

#[tokio::test]
async fn a_portal_that_was_struck_off_the_list_is_served_no_more_though_it_is_still_connected() {
    let stage = Stage::set().await;
    let (portal, node) = stage.peers().await;
    let code = stage.code(&portal, "portal/mynaportal", 42).await;
    assert_eq!(answered(&portal, &node, &header(Kind::SelfInfo), &about(code)).await, Outcome::Answered);
    stage.keys.write_peers(&["another"]);
    loop {
        let mut open = ask(&portal, &header(Kind::SelfInfo), &about(code)).await;
        tokio::select! {
            refused = open.read_status() => {
                assert_eq!(refused, Ok(NOT_FOUND));
                break;
            }
            mut request = heard(&node) => request.end_with(Outcome::Answered).await.unwrap(),
        }
    }
    let parts = vec![stage.keys.broker_part("portal/mynaportal", 1)];
    assert_eq!(stage.acquire(&portal, "portal/mynaportal", parts).await.err(), Some(NOT_FOUND));
}

#[tokio::test]
async fn r20_a_route_ends_with_the_identity_that_delegated_it_and_another_takes_its_place() {
    let stage = Stage::set().await;
    let (portal, node) = stage.peers().await;
    let portals = ["mynaportal", "another"];
    let newer: Vec<_> = stage.keys.bodies.iter().map(|_| identity()).collect();
    // Not listed yet: what was announced before stands.
    let early = stage.announce_under(&newer, &node, "node-a", 2).await;
    assert_eq!(early, Outcome::Refused(ResultName::BadSignature));
    assert_eq!(set_up(&portal, &node).await, Outcome::Answered);
    stage.keys.write_rotated(&portals, &newer, false);
    let listed =
        async { while stage.announce_under(&newer, &node, "node-a", 3).await != Outcome::Answered {} };
    timeout(PATIENCE, listed).await.expect("the new identity counts");
    assert_eq!(stage.announce(&node, "node-a", 4).await, Outcome::Answered, "both count");
    stage.keys.write_rotated(&portals, &newer, true);
    let served = async { while set_up(&portal, &node).await == Outcome::Answered {} };
    timeout(PATIENCE, served).await.expect("the old identity no longer counts");
    assert_eq!(set_up(&portal, &node).await, NOT_READY, "the old one is gone");
    assert_eq!(stage.announce(&node, "node-a", 5).await, Outcome::Refused(ResultName::BadSignature));
    assert_eq!(stage.announce_under(&newer, &node, "node-a", 6).await, Outcome::Answered);
    assert_eq!(set_up(&portal, &node).await, Outcome::Answered);
}

/// How a set-up of the portal ends, which the node answers if it gets it.
async fn set_up(portal: &PeerConnection, node: &PeerConnection) -> Outcome {
    let mut open = ask(portal, &header(Kind::ChannelSetup), &Hop::default()).await;
    tokio::select! {
        outcome = open.read_status() => outcome.unwrap(),
        mut request = heard(node) => {
            request.end_with(Outcome::Answered).await.unwrap();
            open.read_status().await.unwrap()
        }
    }
}
