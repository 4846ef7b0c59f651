//! The code master turns from version 1 to version 2 under load: no request fails, and afterwards version 1 is over.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use chukei_crypto::acquisition::{AcquisitionKeyPair, open_broker_part, split};
use chukei_crypto::person_code::CodeMaster;
use chukei_harness::role::Role;
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::endpoint::{ClientEndpoint, client_endpoint};
use chukei_relay_client::key_file::{read, read_array};
use chukei_relay_client::peers::PeerList;
use chukei_relay_client::session::open_request;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Hop, Kind, PersonCode};
use chukei_wire::identity::Identity;
use chukei_wire::message::control::{RenewReply, RenewRequest};
use chukei_wire::result::ResultName;
use libtest_mimic::{Failed, Trial};

use super::{list_masters, pki};
use crate::attacks::rig::{BODY, Known, ask};
use crate::group::{Shared, group};
use crate::hop::{LOOPBACK, address, credentials, header, key_file};
use crate::notice_file::notice;
use crate::page::{metric, page};
use crate::person::Person;
use crate::stage::{Stage, until};

/// The groups.
pub(super) fn trials() -> Vec<Trial> {
    let turned = group::<CodeRotation>(
        "code_rotation",
        &[("a_code_master_turns_under_load_without_a_failed_request", turn)],
    );
    let away = group::<CodeRotation>(
        "code_rotation_missed",
        &[("a_node_that_was_away_for_the_whole_overlap_is_mended_by_enrolling_again", missed)],
    );
    turned.into_iter().chain(away).collect()
}

/// More than one message of renewals.
const PERSONS: usize = 300;
/// Persons who ask all the while, each one request after the other.
const ASKING: usize = 4;
/// Answers between two steps.
const ANSWERS: usize = 40;

const FIRST: &str = "version = 1\nfile = \"pki/code-master-1.key\"";
const SECOND: &str = "version = 2\nfile = \"pki/code-master-2.key\"";

struct CodeRotation(Stage);

impl Shared for CodeRotation {
    fn set() -> Result<Self, Failed> {
        // A broker that starts again takes seconds on a busy machine; whoever asks meanwhile waits.
        let longer = |layout: &chukei_harness::layout::Layout| {
            let path = layout.config(Role::Portal);
            let text = std::fs::read_to_string(&path).unwrap();
            std::fs::write(&path, text + "\n[limits]\ndeadline_ms = 60000\n").unwrap();
        };
        Ok(Self(Stage::start("code-rotation", longer)?))
    }

    fn keep(&self) {
        self.0.keep();
    }
}

fn turn(rotation: &CodeRotation) {
    let stage = &rotation.0;
    let persons = stage.known_persons(BODY, PERSONS);
    let (answers, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let asking: Vec<_> = persons[..ASKING]
            .iter()
            .map(|known| scope.spawn(|| ask_on(stage, known, &answers, &over)))
            .collect();
        let more = || {
            let enough = answers.load(Ordering::Relaxed) + ANSWERS;
            let failed = || asking.iter().any(|asking| asking.is_finished());
            until("answers", || (answers.load(Ordering::Relaxed) >= enough || failed()).then_some(()));
        };
        more();
        pki(stage.layout()).code_master(2).unwrap();
        // Known to the brokers, and not made by any of them yet.
        let prepared = format!("{SECOND}\nissue_from = \"2999-01-01\"");
        turn_to(stage, &[FIRST, &prepared], 1);
        more();
        turn_to(stage, &[FIRST, SECOND], 2);
        more();
        turn_to(stage, &[SECOND], 2);
        more();
        over.store(true, Ordering::Relaxed);
        asking.into_iter().for_each(|asking| asking.join().unwrap());
    });
    everybody_is_reached(stage, &persons);
    assert_eq!([Role::Node, Role::Portal].map(|role| stage.alarms(role, None)), [0, 0]);
    r30_codes_of_the_first_version_are_like_invented_ones(stage, &persons[0].person);
}

fn missed(rotation: &CodeRotation) {
    let stage = &rotation.0;
    let persons = stage.known_persons(BODY, 3);
    let numbers: String =
        persons.iter().map(|known| format!("{},{}\n", known.person.addressee, known.person.number)).collect();
    let file =
        stage.written("persons.csv", format!("integrated_addressee_number,acquisition_number\n{numbers}"));
    let enroll = || stage.staff(BODY, &["person", "enroll", &file]).done();
    assert_eq!(enroll()["unchanged"], persons.len());
    pki(stage.layout()).code_master(2).unwrap();
    stage.stack.stop_role(Role::Node).unwrap();
    for masters in [&[FIRST, SECOND][..], &[SECOND]] {
        list_masters(stage.layout(), Role::Broker, "code_masters", masters);
        stage.restart(Role::Broker);
        until_brought(stage, Role::Portal, 2);
    }
    stage.stack.start_role(Role::Node).unwrap();
    until_brought(stage, Role::Node, 2);
    persons.iter().for_each(|known| assert_eq!(stage.ask(known), Err("NOT_FOUND".to_owned())));
    assert_eq!(enroll()["enrolled"], persons.len(), "the codes that live");
    assert_eq!(enroll()["unchanged"], persons.len());
    persons.iter().for_each(|known| assert_eq!(stage.ask(known), Ok(known.value.clone())));
    assert_eq!([Role::Node, Role::Portal].map(|role| stage.alarms(role, None)), [0, 0]);
}

/// Waits until a role has every code in `version`.
fn until_brought(stage: &Stage, role: Role, version: u8) {
    let layout = stage.layout();
    until("renewals", || {
        page(layout, role, "/readyz").filter(|(status, _)| *status == 200)?;
        let brought = metric(layout, role, "chukei_code_version") as u8 == version
            && metric(layout, role, "chukei_code_renewals_pending") == 0.0;
        brought.then_some(())
    });
}

fn ask_on(stage: &Stage, known: &Known, answers: &AtomicUsize, over: &AtomicBool) {
    let client = stage.client();
    while !over.load(Ordering::Relaxed) {
        let answer = stage.runtime.block_on(ask(&client, known));
        assert_eq!(answer.as_deref(), Ok(known.value.as_str()));
        answers.fetch_add(1, Ordering::Relaxed);
    }
}

/// Restarts the broker with these masters; returns once node and portal have every code in `version` and no alias of
/// another.
fn turn_to(stage: &Stage, masters: &[&str], version: u8) {
    let layout = stage.layout();
    list_masters(layout, Role::Broker, "code_masters", masters);
    stage.restart(Role::Broker);
    let told = |role| stage.counted(role, "chukei_requests_total{kind=\"renew-codes\"", "");
    until("the broker", || page(layout, Role::Broker, "/readyz").filter(|(status, _)| *status == 200));
    let before = told(Role::Broker);
    // Both have asked the broker as it is now, and have acted on what it told.
    until("renewals", || {
        let brought = |role| {
            metric(layout, role, "chukei_code_version") as u8 == version
                && metric(layout, role, "chukei_code_renewals_pending") == 0.0
        };
        (told(Role::Broker) >= before + 4 && brought(Role::Node) && brought(Role::Portal)).then_some(())
    });
}

fn everybody_is_reached(stage: &Stage, persons: &[Known]) {
    let client = stage.client();
    for known in persons {
        let answer = stage.runtime.block_on(ask(&client, known));
        assert_eq!(answer.as_deref(), Ok(known.value.as_str()));
    }
    let targets: Vec<&Person> = persons.iter().map(|known| &known.person).collect();
    let notice = stage.send(BODY, &notice("n-turned", &targets));
    for known in persons {
        until("the notice", || (stage.notices(known) == [notice.clone()]).then_some(()));
    }
}

/// Asks a broker in the portal's place with codes of either version, and with one that nobody ever had.
fn r30_codes_of_the_first_version_are_like_invented_ones(stage: &Stage, person: &Person) {
    stage.stack.stop_role(Role::Portal).unwrap();
    let number = number_of(stage, person);
    let [first, second] = [1, 2].map(|version| code(stage, version, number));
    stage.runtime.block_on(async {
        let (broker, _endpoint) = as_portal(stage).await;
        let now_ms = stage.layout().clock().now_ms();
        let ask = async |code: PersonCode| {
            let hop = Hop { sender_code: Some(code), permit: None, leave: None };
            let mut open = open_request(&broker, &header(Kind::SelfInfo, BODY, now_ms), &hop).await.unwrap();
            open.send.finish().await.unwrap();
            open.read_status().await.unwrap()
        };
        // It comes to the body, which does not know the channel.
        assert_eq!(ask(second).await, Outcome::ChannelUnknown);
        for nobody in [first, PersonCode([1; 17]), PersonCode([2; 17]), PersonCode([3; 17])] {
            assert_eq!(ask(nobody).await, Outcome::Refused(ResultName::NotFound));
        }
        let request = RenewRequest { codes: vec![first, second, PersonCode([2; 17])] };
        let header = header(Kind::RenewCodes, BODY, now_ms);
        let mut open = open_request(&broker, &header, &Hop::default()).await.unwrap();
        open.send.write_message(&request).await.unwrap();
        open.send.finish().await.unwrap();
        assert_eq!(open.read_status().await.unwrap(), Outcome::Answered);
        let reply: RenewReply = open.recv.read_message().await.unwrap();
        assert_eq!(reply, RenewReply { current: 2, live: vec![2], codes: vec![None, Some(second), None] });
    });
}

async fn as_portal(stage: &Stage) -> (PeerConnection, ClientEndpoint) {
    let layout = stage.layout();
    let endpoint = client_endpoint(LOOPBACK).unwrap();
    let portal = credentials(layout, "portal-mynaportal");
    let broker = Identity::Broker("broker-a".into());
    let relay = address(layout, Role::Broker, "relay");
    let connection = endpoint.connect(&portal, &layout.clock(), relay, &broker).await.unwrap();
    (connection, endpoint)
}

/// The registry's number of a person, as the broker reads it.
fn number_of(stage: &Stage, person: &Person) -> u64 {
    let layout = stage.layout();
    let file = |name: &str| key_file(layout, name);
    let now_ms = layout.clock().now_ms();
    let brokers = AcquisitionKeyPair::from_bytes(&read(&file("brokers.acquisition.key")).unwrap()).unwrap();
    let peers = PeerList::load(&file("peers.json"), &file("peer-root.pub"), now_ms).unwrap();
    let parts = split(&person.number).unwrap();
    let party = format!("body/{BODY}");
    open_broker_part(&parts.broker_part, &brokers, peers.registry(), &party, now_ms).unwrap()
}

/// The portal's code of a person in this version.
fn code(stage: &Stage, version: u8, number: u64) -> PersonCode {
    let secret = read_array::<32>(&key_file(stage.layout(), &format!("code-master-{version}.key"))).unwrap();
    PersonCode(CodeMaster::new(version, *secret).unwrap().party("portal/mynaportal").encode(number))
}
