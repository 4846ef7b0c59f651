//! Channels follow the peer list: renewed when an identity is replaced, gone when one is removed.

use chukei_crypto::sign::SigningKey;

use super::*;
use crate::channel::Ends;
use crate::peers::{BodyPeer, PEERS_PURPOSE, PeerListFile, PortalPeer};
use crate::signed::sign;

const NEWER: [u8; 91] = [3; 91];

/// A list with these identities of the body; the portal's is this side's.
fn list(body: &[&[u8]]) -> Arc<PeerList> {
    let file = PeerListFile {
        version: 1,
        issued_ms: 0,
        not_after_ms: u64::MAX,
        bodies: vec![BodyPeer {
            code: "982016".parse().unwrap(),
            name: "海鳴市".to_owned(),
            identities: identities(body),
            acquisition_public: Hex(vec![4; 65]),
        }],
        portals: vec![PortalPeer {
            name: "mynaportal".to_owned(),
            identities: Identities::one(OWN.public_spki()),
        }],
        brokers: Vec::new(),
        registry: Hex(vec![5; 32]),
    };
    let root = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
    let bytes = file.to_json().unwrap();
    let signature = data_encoding::HEXLOWER.decode(sign(PEERS_PURPOSE, &bytes, &root).as_bytes()).unwrap();
    Arc::new(PeerList::verify(&bytes, &signature, &root.public(), 0).unwrap())
}

/// A channel that the body has answered to the portal, as the body has it.
fn answered(byte: u8, portal: &[u8], body: &[u8]) -> Channel {
    let ends = Ends { own: body.to_vec(), other: portal.to_vec() };
    Channel { ends, ..end(byte, Role::Responder, 0) }
}

async fn opened_to(table: &Channels, other: &[&[u8]], now_ms: u64, made: Channel) -> ChannelId {
    held_to(table, other, now_ms, made).await.id()
}

async fn held_to(table: &Channels, other: &[&[u8]], now_ms: u64, made: Channel) -> Arc<Channel> {
    let other = identities(other);
    let parties = Parties { own: &OWN, other: &other };
    let set_up = || async { Ok(made) };
    table.get_or_setup(&body(), parties, now_ms, soon(), set_up).await.unwrap()
}

fn to(other: &[u8], byte: u8, now_ms: u64) -> Channel {
    let ends = Ends { own: OWN.public_spki(), other: other.to_vec() };
    Channel { ends, ..end(byte, Role::Initiator, now_ms) }
}

#[tokio::test]
async fn a_channel_is_renewed_once_the_other_side_has_a_newer_identity() {
    let table = Channels::new(ChannelLimits { max_age_ms: 100_000, ..limits() });
    assert_eq!(opened_to(&table, &[&OTHER], 0, to(&OTHER, 1, 0)).await, id(1));
    let both: &[&[u8]] = &[&NEWER, &OTHER];
    assert_eq!(opened_to(&table, both, 5000, to(&OTHER, 2, 5000)).await, id(2), "not taken into use yet");
    assert_eq!(opened_to(&table, both, 5001, to(&NEWER, 3, 5001)).await, id(2), "not tried again at once");
    assert_eq!(opened_to(&table, both, 6000, to(&NEWER, 4, 6000)).await, id(4));
    assert_eq!(opened_to(&table, both, 90_000, to(&NEWER, 5, 90_000)).await, id(4), "and stays");
}

#[tokio::test]
async fn a_channel_is_renewed_once_this_side_uses_another_identity() {
    let table = Channels::new(ChannelLimits { max_age_ms: 100_000, ..limits() });
    let former = Channel { ends: Ends { own: vec![9; 91], other: OTHER.to_vec() }, ..to(&OTHER, 1, 0) };
    assert_eq!(opened_to(&table, &[&OTHER], 0, former).await, id(1));
    assert_eq!(opened_to(&table, &[&OTHER], 5000, to(&OTHER, 2, 5000)).await, id(2));
}

#[tokio::test]
async fn r20_an_identity_that_left_the_list_takes_its_channels_with_it() {
    let table = Channels::new(limits());
    let at_body = [(1, &OTHER), (2, &NEWER)]
        .map(|(byte, body)| table.insert(answered(byte, OWN.spki(), body), 0).unwrap());
    let opened = held_to(&table, &[&OTHER], 0, to(&OTHER, 3, 0)).await;
    table.enforce(list(&[&NEWER, &OTHER]));
    assert_eq!((table.counts(), table.on_former_identities()), ((2, 1), 1), "both count");
    table.enforce(list(&[&NEWER]));
    assert_eq!(table.get(id(1), &body(), 0).unwrap_err(), ChannelUnusable::Unknown);
    assert!(at_body[0].is_withdrawn() && !at_body[0].is_stopped(), "no mismatch");
    assert!(opened.is_withdrawn(), "whoever holds it");
    assert_eq!(at_body[0].count_body().unwrap_err(), ChannelError::Withdrawn, "what is in flight ends");
    assert!(table.get(id(2), &body(), 0).is_ok());
    let found = opened_to(&table, &[&NEWER], 0, to(&NEWER, 4, 0)).await;
    assert_eq!(found, id(4), "the opened one is not used any more");
}

#[tokio::test]
async fn r20_a_set_up_that_ends_after_its_identity_left_the_list_gives_no_channel() {
    let table = Channels::new(limits());
    table.enforce(list(&[&NEWER]));
    let late = table.insert(answered(1, OWN.spki(), &OTHER), 0);
    assert_eq!(late.unwrap_err(), ChannelError::Withdrawn);
    assert_eq!(table.counts(), (0, 0));
    let late = table.get_or_setup(&body(), parties(), 0, soon(), || async { Ok(to(&OTHER, 2, 0)) }).await;
    assert_eq!(late.unwrap_err(), ChannelError::Withdrawn);
    assert_eq!(opened_to(&table, &[&NEWER], 0, to(&NEWER, 3, 0)).await, id(3));
}

#[tokio::test]
async fn r1_an_identity_of_another_party_does_not_count_for_this_one() {
    let table = Channels::new(limits());
    table.enforce(list(&[&OTHER]));
    // The portal's own key in the body's place, and the body's in the portal's.
    let swapped = table.insert(answered(1, &OTHER, OWN.spki()), 0);
    assert_eq!(swapped.unwrap_err(), ChannelError::Withdrawn);
    assert!(table.insert(answered(2, OWN.spki(), &OTHER), 0).is_ok());
}
