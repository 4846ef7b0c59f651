//! An identity that the peer list drops is over: within a second, counted from the new list, nothing is served on
//! it any more, on channels set up before or after.

use std::path::Path;

use chukei_crypto::acquisition::{AcquisitionKeyPair, open_broker_part, split};
use chukei_crypto::person_code::{CodeMaster, FIRST_VERSION};
use chukei_crypto::sign::IdentityKey;
use chukei_harness::layout::Layout;
use chukei_harness::role::Role;
use chukei_relay_client::channel::{Channel, ChannelError, Parties, initiate};
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::endpoint::{ClientEndpoint, client_endpoint};
use chukei_relay_client::key_file::{read, read_array};
use chukei_relay_client::peers::{Identities, PeerList};
use chukei_relay_client::session::open_request;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Header, Hop, Kind, PersonCode};
use chukei_wire::identity::Identity;
use chukei_wire::result::ResultName;

use super::{BODY, OF_BODY, OF_PORTAL, OTHER, Turning, pki};
use crate::copy_file::TAX;
use crate::hop::{LOOPBACK, address, credentials, header, key_file};
use crate::person::{Person, until_served};
use crate::stage::{refused_in_time, until};

/// The body's node does not have the identity that the list names now: nobody reaches the body.
pub(super) fn of_a_body(turning: &Turning) {
    let _turn = turning.turn();
    let stage = &turning.stage;
    let (person, other) =
        (turning.stage.with_copies(BODY, 1).remove(0), turning.stage.with_copies(OTHER, 1).remove(0));
    until_served(stage, BODY, &person);
    until_served(stage, OTHER, &other);
    // The list is made where the node's keys are not.
    let (here, elsewhere) = (turning.pki(), stage.file("pki"));
    copy_folder(&here, &elsewhere);
    let before = stage.file("list-before");
    copy_folder(&here, &before);
    pki(&elsewhere, "rotate", OF_BODY);
    pki(&elsewhere, "retire", OF_BODY);
    take_list(&elsewhere, &here);
    let args = ["self-info", "--person", &person.user, "--body", BODY, "--dataset", TAX];
    let client = stage.client();
    refused_in_time("the body", || {
        stage.runtime.block_on(client.self_info(&person.user, BODY, &[TAX])).is_ok()
    });
    assert_ne!(stage.portal(&args).code, Some(0), "and stays so");
    until("the end of its channels at both ends", || {
        let left = turning.channels(Role::Portal, "opened") + turning.channels(Role::Node, "answered");
        // One at each end is the other body's.
        (left <= 2).then_some(())
    });
    until_served(stage, OTHER, &other);
    take_list(&before, &here);
    until_served(stage, BODY, &person);
}

/// Whoever has the portal's former key is nobody.
pub(super) fn of_the_portal(turning: &Turning) {
    let _turn = turning.turn();
    let stage = &turning.stage;
    let person = turning.stage.with_copies(BODY, 1).remove(0);
    let thief = Thief::new(stage.layout(), &person);
    let alarms = turning.alarms(Role::Node);
    // Its place at the broker is taken.
    stage.stack.stop_role(Role::Portal).unwrap();
    stage.runtime.block_on(async {
        let peer = thief.connect(stage.layout()).await;
        let channel = thief.set_up(&peer.0, &thief.identity).await.unwrap();
        assert_eq!(thief.ask(&peer.0, &channel).await, Outcome::Refused(ResultName::BadFormat));
    });
    pki(&turning.pki(), "rotate", OF_PORTAL);
    let connected = stage.runtime.block_on(thief.connect(stage.layout()));
    let old = stage.runtime.block_on(thief.set_up(&connected.0, &thief.identity)).unwrap();
    pki(&turning.pki(), "retire", OF_PORTAL);
    refused_in_time("a channel of the former identity", || {
        let outcome = stage.runtime.block_on(thief.ask(&connected.0, &old));
        let served = outcome == Outcome::Refused(ResultName::BadFormat);
        assert!(served || outcome == Outcome::ChannelUnknown, "{outcome:?}");
        served
    });
    let set_up = stage.runtime.block_on(thief.set_up(&connected.0, &thief.identity));
    assert!(set_up.is_err(), "nor is another set up");
    assert!(turning.alarms(Role::Node) > alarms, "that one was an alarm");
    let own = read(&key_file(stage.layout(), "portal-mynaportal.identity.key")).unwrap();
    let own = IdentityKey::from_pkcs8(&own).unwrap();
    assert!(stage.runtime.block_on(thief.set_up(&connected.0, &own)).is_ok(), "the portal itself is served");
    drop(connected);
    stage.stack.start_role(Role::Portal).unwrap();
    until_served(stage, BODY, &person);
}

/// What somebody has who copied the portal's keys.
struct Thief {
    identity: IdentityKey,
    body: Identities,
    code: PersonCode,
    layout: Layout,
}

impl Thief {
    fn new(layout: &Layout, person: &Person) -> Self {
        let clock = layout.clock();
        let file = |name: &str| key_file(layout, name);
        let identity = IdentityKey::from_pkcs8(&read(&file("portal-mynaportal.identity.key")).unwrap());
        let peers = PeerList::load(&file("peers.json"), &file("peer-root.pub"), clock.now_ms()).unwrap();
        let brokers =
            AcquisitionKeyPair::from_bytes(&read(&file("brokers.acquisition.key")).unwrap()).unwrap();
        let parts = split(&person.number).unwrap();
        let party = format!("body/{BODY}");
        let id =
            open_broker_part(&parts.broker_part, &brokers, peers.registry(), &party, clock.now_ms()).unwrap();
        let master = read_array::<32>(&file("code-master-1.key")).unwrap();
        let code = CodeMaster::new(FIRST_VERSION, *master).unwrap().party("portal/mynaportal").encode(id);
        let body = peers.body(&BODY.parse().unwrap()).unwrap().identities.clone();
        Self { identity: identity.unwrap(), body, code: PersonCode(code), layout: layout.clone() }
    }

    async fn connect(&self, layout: &Layout) -> (PeerConnection, ClientEndpoint) {
        let endpoint = client_endpoint(LOOPBACK).unwrap();
        let relay = address(layout, Role::Broker, "relay");
        let (portal, broker) =
            (credentials(layout, "portal-mynaportal"), Identity::Broker("broker-a".into()));
        (endpoint.connect(&portal, &layout.clock(), relay, &broker).await.unwrap(), endpoint)
    }

    async fn set_up(&self, peer: &PeerConnection, own: &IdentityKey) -> Result<Channel, ChannelError> {
        let clock = self.layout.clock();
        let setup = Header { channel: None, ..header(Kind::ChannelSetup, BODY, clock.now_ms()) };
        initiate(peer, &setup, Parties { own, other: &self.body }, &clock).await
    }

    /// A request without content: refused for that, where its channel is known.
    async fn ask(&self, peer: &PeerConnection, channel: &Channel) -> Outcome {
        let now_ms = self.layout.clock().now_ms();
        let header = Header { channel: Some(channel.id()), ..header(Kind::SelfInfo, BODY, now_ms) };
        let hop = Hop { sender_code: Some(self.code), permit: None, leave: None };
        let mut request = open_request(peer, &header, &hop).await.unwrap();
        request.send.finish().await.unwrap();
        request.read_status().await.unwrap()
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// Takes the list of another folder over, the signature last.
fn take_list(from: &Path, to: &Path) {
    for name in ["peers.json", "peers.json.sig"] {
        let fresh = to.join(format!("{name}.fresh"));
        std::fs::copy(from.join(name), &fresh).unwrap();
        std::fs::rename(fresh, to.join(name)).unwrap();
    }
}
