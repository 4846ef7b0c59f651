//! Exchange records through the broker: what a person's portal sees, what the body sees, and what nobody else does.

use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::exchange::{ExchangeError, Question, person_hash, records, undisclosed};
use chukei_relay_client::session::open_request;
use chukei_wire::codec::encode;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Header, Kind, PersonCode};
use chukei_wire::message::exchange::{
    ANSWERED, BodyCount, ExchangeEntry, ExchangeQuery, ExchangeRecord, ExchangeStatement, UndisclosedMark,
};
use chukei_wire::result::ResultName;

use crate::stage::{Stage, about, answered, header, heard, outcome};

const AT_PORTAL: &str = "portal/mynaportal";
const AT_BODY: &str = "body/982016";
const TAX: &str = "TM00000000000002";
const ALL: ExchangeQuery = ExchangeQuery { from_ms: 0, until_ms: u64::MAX, after: None, limit: 256 };

/// Asks for records as `party`, of the body named, about the person behind the code.
async fn asked(
    stage: &Stage,
    peer: &PeerConnection,
    party: &str,
    body: Option<&str>,
    person: Option<PersonCode>,
    query: &ExchangeQuery,
) -> Result<ExchangeStatement, Outcome> {
    let header = Header { body: body.map(|body| body.parse().unwrap()), ..header(Kind::ExchangeRecords) };
    let question = Question { header: &header, asker: party, person, query };
    match records(peer, "broker-a", question, &stage.peer_list()).await {
        Ok(page) => Ok(page.statement),
        Err(ExchangeError::NotAnswered(outcome)) => Err(outcome),
        Err(error) => panic!("{error}"),
    }
}

fn open(statement: &ExchangeStatement) -> Vec<&ExchangeRecord> {
    let mut records = Vec::new();
    for entry in &statement.entries {
        if let ExchangeEntry::Open(record) = entry {
            records.push(record.as_ref());
        }
    }
    records
}

async fn hide(
    node: &PeerConnection,
    body: &str,
    person: PersonCode,
    mark: &UndisclosedMark,
) -> Result<(), ExchangeError> {
    let header = Header { body: Some(body.parse().unwrap()), ..header(Kind::Undisclosed) };
    undisclosed(node, &header, person, mark).await
}

fn mark(version: u64, all: bool, datasets: &[&str]) -> UndisclosedMark {
    UndisclosedMark { version, all, datasets: datasets.iter().map(|code| (*code).to_owned()).collect() }
}

#[tokio::test]
async fn a_provision_and_a_refusal_are_shown_to_the_persons_portal_and_to_the_body() {
    let stage = Stage::set().await;
    let (portal, node) = stage.peers().await;
    let at_portal = stage.code(&portal, AT_PORTAL, 42).await;
    let at_node = stage.code(&node, AT_BODY, 42).await;
    let (first, second) = (header(Kind::SelfInfo), header(Kind::SelfInfo));
    assert_eq!(answered(&portal, &node, &first, &about(at_portal)).await, Outcome::Answered);
    let refusing =
        async { heard(&node).await.end_with(Outcome::Refused(ResultName::PermitScope)).await.unwrap() };
    let hop = about(at_portal);
    tokio::join!(outcome(&portal, &second, &hop), refusing);

    let shown = asked(&stage, &portal, AT_PORTAL, None, Some(at_portal), &ALL).await.unwrap();
    let records = open(&shown);
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].request_id, first.request_id);
    assert_eq!((records[0].kind.as_str(), records[0].portal.as_str()), ("self-info", "mynaportal"));
    assert_eq!((records[0].datasets.as_slice(), records[0].permit_number), (&[TAX.to_owned()][..], 1));
    assert_eq!(records[0].ended.as_ref().map(|end| end.result.as_str()), Some(ANSWERED));
    assert_eq!(records[1].ended.as_ref().map(|end| end.result.as_str()), Some("PERMIT_SCOPE"));
    assert_eq!((records[0].person, records[0].undisclosed), (None, false));
    let count = BodyCount { body: "982016".parse().unwrap(), answered: 1, others: 1, closed: 0 };
    assert_eq!(shown.counts, [count]);
    assert_eq!(shown.person, Some(person_hash(&at_portal)));

    let told = asked(&stage, &node, AT_BODY, Some("982016"), None, &ALL).await.unwrap();
    let records = open(&told);
    assert_eq!(
        records.iter().map(|one| one.request_id).collect::<Vec<_>>(),
        [first.request_id, second.request_id]
    );
    assert!(records.iter().all(|one| one.person == Some(at_node)));
    assert_eq!(told.counts, []);
}

#[tokio::test]
async fn permits_of_shown_records_lie_under_a_root_that_the_page_names() {
    let stage = Stage::set().await;
    let (portal, node) = stage.peers().await;
    let at_portal = stage.code(&portal, AT_PORTAL, 42).await;
    assert_eq!(answered(&portal, &node, &header(Kind::SelfInfo), &about(at_portal)).await, Outcome::Answered);
    // Nobody follows its roots: it is made when the connection ends.
    node.close(chukei_relay_client::connection::CloseCode::Shutdown);
    loop {
        let shown = asked(&stage, &portal, AT_PORTAL, None, Some(at_portal), &ALL).await;
        let Ok(shown) = shown else { continue };
        let epoch = open(&shown)[0].permit_epoch.unwrap();
        if let Some(root) = shown.roots.first() {
            assert_eq!((root.epoch, root.covered), (epoch, 1));
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn r1_another_body_is_not_found_and_another_portal_sees_nothing() {
    let stage = Stage::set().await;
    let (portal, node) = stage.peers().await;
    let at_portal = stage.code(&portal, AT_PORTAL, 42).await;
    assert_eq!(answered(&portal, &node, &header(Kind::SelfInfo), &about(at_portal)).await, Outcome::Answered);
    let none = asked(&stage, &node, "body/982024", Some("982024"), None, &ALL).await.unwrap();
    assert_eq!(none.entries, [], "its own other body has none");
    for body in ["983012", "980005"] {
        let refused = asked(&stage, &node, &format!("body/{body}"), Some(body), None, &ALL).await;
        assert_eq!(refused.unwrap_err(), Outcome::Refused(ResultName::NotFound), "{body}");
    }
    let stranger = stage.connect("chukei://node/node-b").await;
    let refused = asked(&stage, &stranger, AT_BODY, Some("982016"), None, &ALL).await;
    assert_eq!(refused.unwrap_err(), Outcome::Refused(ResultName::NotFound));
    // The code of another party is nobody's.
    let at_node = stage.code(&node, AT_BODY, 42).await;
    let refused = asked(&stage, &portal, AT_PORTAL, None, Some(at_node), &ALL).await;
    assert_eq!(refused.unwrap_err(), Outcome::Refused(ResultName::NotFound));
    let refused = asked(&stage, &portal, AT_PORTAL, None, None, &ALL).await;
    assert_eq!(refused.unwrap_err(), Outcome::Refused(ResultName::BadFormat), "a portal names a person");
}

/// R50: what is hidden is what has not ended, to the byte.
#[tokio::test]
async fn r50_a_hidden_record_is_the_same_as_one_that_has_not_ended() {
    let stage = Stage::set().await;
    let (portal, node) = stage.peers().await;
    let at_portal = stage.code(&portal, AT_PORTAL, 42).await;
    let at_node = stage.code(&node, AT_BODY, 42).await;
    let begun = header(Kind::SelfInfo);
    let mut waiting = open_request(&portal, &begun, &about(at_portal)).await.unwrap();
    waiting.send.flush().await.unwrap();
    let request = heard(&node).await;
    let body = Some("982016");
    let pending = asked(&stage, &portal, AT_PORTAL, body, Some(at_portal), &ALL).await.unwrap();
    assert_eq!(pending.entries, [ExchangeEntry::Closed]);
    let finish = async |mut waiting: chukei_relay_client::session::OpenRequest, request| {
        let mut request: chukei_relay_client::session::AcceptedRequest = request;
        waiting.send.finish().await.unwrap();
        let ending = async { request.end_with(Outcome::Answered).await.unwrap() };
        tokio::join!(async { waiting.read_status().await.unwrap() }, ending);
    };
    finish(waiting, request).await;
    let ended = asked(&stage, &portal, AT_PORTAL, body, Some(at_portal), &ALL).await.unwrap();
    assert_eq!((open(&ended).len(), ended.counts[0].answered), (1, 1));
    for hiding in [mark(1, true, &[]), mark(2, false, &[TAX])] {
        hide(&node, "982016", at_node, &hiding).await.unwrap();
        let hidden = asked(&stage, &portal, AT_PORTAL, body, Some(at_portal), &ALL).await.unwrap();
        let same = ExchangeStatement {
            request_id: pending.request_id,
            at_ms: pending.at_ms,
            last_record: pending.last_record,
            ..hidden
        };
        assert_eq!(encode(&same).unwrap(), encode(&pending).unwrap(), "nothing else tells them apart");
    }
    let told = asked(&stage, &node, AT_BODY, body, Some(at_node), &ALL).await.unwrap();
    assert!(open(&told)[0].undisclosed, "the body sees it, marked");
    // An older word changes nothing; a newer one shows it again.
    hide(&node, "982016", at_node, &mark(1, true, &[])).await.unwrap();
    hide(&node, "982016", at_node, &mark(3, false, &["TM00000000000004"])).await.unwrap();
    let shown = asked(&stage, &portal, AT_PORTAL, body, Some(at_portal), &ALL).await.unwrap();
    assert_eq!(open(&shown).len(), 1);
}

#[tokio::test]
async fn pages_come_one_behind_the_other_and_only_the_first_counts() {
    let mut stage = Stage::set().await;
    let (portal, node) = stage.peers().await;
    let at_portal = stage.code(&portal, AT_PORTAL, 42).await;
    let mut asked_for = Vec::new();
    for _ in 0..5 {
        let header = header(Kind::SelfInfo);
        asked_for.push(header.request_id);
        assert_eq!(answered(&portal, &node, &header, &about(at_portal)).await, Outcome::Answered);
    }
    drop((portal, node));
    // Everything is there again behind a start.
    stage.restart().await;
    let (portal, _node) = stage.peers().await;
    let mut query = ExchangeQuery { limit: 2, ..ALL };
    let (mut shown, mut counted) = (Vec::new(), Vec::new());
    loop {
        let page = asked(&stage, &portal, AT_PORTAL, None, Some(at_portal), &query).await.unwrap();
        shown.extend(open(&page).iter().map(|one| one.request_id));
        counted.push(page.counts.first().map(|count| count.answered));
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    assert_eq!(shown, asked_for);
    assert_eq!(counted, [Some(5), None, None]);
    for wrong in [
        ExchangeQuery { limit: 0, ..ALL },
        ExchangeQuery { limit: 257, ..ALL },
        ExchangeQuery { after: Some(vec![7; 90].into()), ..ALL },
    ] {
        let refused = asked(&stage, &portal, AT_PORTAL, None, Some(at_portal), &wrong).await;
        assert_eq!(refused.unwrap_err(), Outcome::Refused(ResultName::BadFormat));
    }
    let empty = ExchangeQuery { from_ms: 5, until_ms: 5, ..ALL };
    let refused = asked(&stage, &portal, AT_PORTAL, None, Some(at_portal), &empty).await;
    assert_eq!(refused.unwrap_err(), Outcome::Refused(ResultName::BadPeriod));
}

#[tokio::test]
async fn a_portal_without_rights_to_hide_is_refused_and_so_is_a_word_without_a_version() {
    let stage = Stage::set().await;
    let (portal, node) = stage.peers().await;
    let at_node = stage.code(&node, AT_BODY, 42).await;
    let refused = |told: Result<(), ExchangeError>| match told {
        Err(ExchangeError::NotAnswered(outcome)) => outcome,
        other => panic!("{other:?}"),
    };
    let told = hide(&portal, "982016", at_node, &mark(1, true, &[])).await;
    assert_eq!(refused(told), Outcome::Refused(ResultName::NotPermitted));
    let told = hide(&node, "983012", at_node, &mark(1, true, &[])).await;
    assert_eq!(refused(told), Outcome::Refused(ResultName::NotFound));
    for malformed in [mark(0, true, &[]), mark(1, false, &[TAX, TAX]), mark(1, false, &["XX00000000000002"])]
    {
        let told = hide(&node, "982016", at_node, &malformed).await;
        assert_eq!(refused(told), Outcome::Refused(ResultName::BadFormat));
    }
    let nobodys = stage.code(&portal, AT_PORTAL, 42).await;
    let told = hide(&node, "982016", nobodys, &mark(1, true, &[])).await;
    assert_eq!(refused(told), Outcome::Refused(ResultName::NotFound));
}
