//! Person codes while two versions live: which are made, which are taken, and how a party has its own renewed.

use chukei_crypto::person_code::CodeMaster;
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::session::open_request;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Header, Hop, Kind, PersonCode};
use chukei_wire::limits::RENEW_BATCH_CODES;
use chukei_wire::message::control::{RenewReply, RenewRequest};
use chukei_wire::result::ResultName;

use crate::keys::{FIRST_MASTER, SECOND_MASTER};
use crate::stage::{PORTAL, Stage, about, ask, header, heard, outcome};

const TWO: &str = "[[code_masters]]\nversion = 2\nfile = \"code-master-2.key\"\n";
const PREPARED: &str =
    "[[code_masters]]\nversion = 2\nfile = \"code-master-2.key\"\nissue_from = \"2999-01-01\"\n";
const AT_PORTAL: &str = "portal/mynaportal";
const AT_BODY: &str = "body/982016";

fn code(version: u8, party: &str, person: u64) -> PersonCode {
    let secret = if version == 1 { FIRST_MASTER } else { SECOND_MASTER };
    PersonCode(CodeMaster::new(version, secret).unwrap().party(party).encode(person))
}

/// What a peer is told about codes of its own: a node of the body it names.
async fn renewed(
    peer: &PeerConnection,
    body: Option<&str>,
    codes: Vec<PersonCode>,
) -> Result<RenewReply, Outcome> {
    let header = Header { body: body.map(|body| body.parse().unwrap()), ..header(Kind::RenewCodes) };
    let mut open = open_request(peer, &header, &Hop::default()).await.unwrap();
    open.send.write_message(&RenewRequest { codes }).await.unwrap();
    open.send.finish().await.unwrap();
    match open.read_status().await.unwrap() {
        Outcome::Answered => Ok(open.recv.read_message().await.unwrap()),
        other => Err(other),
    }
}

/// The codes in the permit of a request that the portal makes with `code`.
async fn permitted(
    portal: &PeerConnection,
    node: &PeerConnection,
    code: PersonCode,
) -> [Option<PersonCode>; 2] {
    let mut open = ask(portal, &header(Kind::SelfInfo), &about(code)).await;
    let mut request = heard(node).await;
    let claims = request.hop.permit.clone().unwrap().claims;
    request.end_with(Outcome::Answered).await.unwrap();
    assert_eq!(open.read_status().await, Ok(Outcome::Answered));
    [claims.person, claims.previous]
}

#[tokio::test]
async fn either_version_is_taken_and_the_permit_has_the_receivers_code_in_both() {
    let stage = Stage::with(TWO).await;
    let (portal, node) = stage.peers().await;
    assert_eq!(stage.code(&portal, AT_PORTAL, 42).await, code(2, AT_PORTAL, 42), "made in the current one");
    for version in [1, 2] {
        let codes = permitted(&portal, &node, code(version, AT_PORTAL, 42)).await;
        assert_eq!(codes, [2, 1].map(|version| Some(code(version, AT_BODY, 42))));
    }
}

#[tokio::test]
async fn a_version_to_come_is_taken_and_not_made() {
    let stage = Stage::with(PREPARED).await;
    let (portal, node) = stage.peers().await;
    assert_eq!(stage.code(&portal, AT_PORTAL, 42).await, code(1, AT_PORTAL, 42));
    let codes = permitted(&portal, &node, code(2, AT_PORTAL, 42)).await;
    assert_eq!(
        codes,
        [1, 2].map(|version| Some(code(version, AT_BODY, 42))),
        "whoever is ahead is found too"
    );
    let told = renewed(&portal, None, Vec::new()).await.unwrap();
    assert_eq!(told, RenewReply { current: 1, live: vec![1, 2], codes: Vec::new() });
}

#[tokio::test]
async fn r30_a_code_of_a_version_that_no_broker_has_is_like_an_invented_one() {
    let stage = Stage::set().await;
    let (portal, _node) = stage.peers().await;
    for nobody in [code(2, AT_PORTAL, 42), PersonCode([1; 17]), code(1, AT_BODY, 42)] {
        let refused = outcome(&portal, &header(Kind::SelfInfo), &about(nobody)).await;
        assert_eq!(refused, Outcome::Refused(ResultName::NotFound));
    }
}

#[tokio::test]
async fn r32_a_partys_own_codes_are_renewed_in_their_order_and_nobody_elses() {
    let stage = Stage::with(TWO).await;
    let (portal, node) = stage.peers().await;
    let asked = |party: &str, other: &str| {
        vec![code(1, party, 7), PersonCode([1; 17]), code(1, other, 7), code(2, party, 9), code(1, party, 8)]
    };
    for (peer, body, party, other) in
        [(&portal, None, AT_PORTAL, AT_BODY), (&node, Some("982016"), AT_BODY, "body/982024")]
    {
        let reply = renewed(peer, body, asked(party, other)).await.unwrap();
        let codes = [Some(7), None, None, Some(9), Some(8)].map(|person| Some(code(2, party, person?)));
        assert_eq!(reply, RenewReply { current: 2, live: vec![1, 2], codes: codes.to_vec() });
    }
}

#[tokio::test]
async fn r1_who_is_no_party_and_what_is_too_much_is_refused() {
    let stage = Stage::with(TWO).await;
    let (portal, node) = stage.peers().await;
    let own = || vec![code(1, AT_BODY, 7)];
    assert_eq!(renewed(&node, None, own()).await, Err(Outcome::Refused(ResultName::BadFormat)));
    for unknown in ["142051", "983012"] {
        let refused = renewed(&node, Some(unknown), own()).await;
        assert_eq!(refused, Err(Outcome::Refused(ResultName::NotFound)), "{unknown}");
    }
    let many = vec![code(1, AT_PORTAL, 7); RENEW_BATCH_CODES + 1];
    assert_eq!(renewed(&portal, None, many).await, Err(Outcome::Refused(ResultName::BadFormat)));
    let most = vec![code(1, AT_PORTAL, 7); RENEW_BATCH_CODES];
    assert_eq!(renewed(&portal, None, most).await.unwrap().codes.len(), RENEW_BATCH_CODES);
}

#[tokio::test]
async fn r40_renewals_without_end_are_told_to_wait_and_others_are_not() {
    let stage = Stage::with(TWO).await;
    let (portal, node) = stage.peers().await;
    let another = stage.connect(PORTAL.replace("mynaportal", "another").as_str()).await;
    let mut shed = None;
    for _ in 0..400 {
        shed = renewed(&portal, None, vec![code(1, AT_PORTAL, 7)]).await.err();
        if shed.is_some() {
            break;
        }
    }
    assert!(matches!(shed, Some(Outcome::RetryAfter(ResultName::Overloaded, 1..=1_000))), "{shed:?}");
    assert!(renewed(&node, Some("982016"), vec![code(1, AT_BODY, 7)]).await.is_ok());
    assert!(renewed(&another, None, Vec::new()).await.is_ok());
}
