//! A person's records against bodies and brokers that err or lie: what does not fit is refused and told, and what does fit is
//! not (R35, R43).

use std::collections::BTreeMap;
use std::sync::Arc;

use chukei_mock_portal::failure::Failure;
use chukei_mock_portal::protocol::PersonRecords;
use chukei_relay_client::channel::{Channel, write_sealed};
use chukei_relay_client::exchange::person_hash;
use chukei_relay_client::session::AcceptedRequest;
use chukei_wire::codec::encode;
use chukei_wire::frame::Outcome;
use chukei_wire::header::Kind;
use chukei_wire::id::RequestId;
use chukei_wire::message::exchange::{
    BodyCount, EpochRoot, ExchangeEnd, ExchangeEntry, ExchangeQuery, ExchangeRecord, ExchangeStatement,
};
use chukei_wire::message::records::{RecordsReply, RecordsRequest};
use chukei_wire::message::self_info::SelfInfoAnswer;
use chukei_wire::result::ResultName;

use crate::body::{Body, Enrolled, answer, sealed};
use crate::played_log::PlayedLog;
use crate::stage::{PORTAL, Person, Stage};

const BODY: &str = "982016";
const EPOCH: [u8; 16] = [3; 16];

/// One person of one body, with a channel.
struct Case {
    stage: Stage,
    body: Body,
    person: Person,
    enrolled: Enrolled,
    channel: Option<Arc<Channel>>,
}

/// What the broker tells: open records and roots, and how many entries are closed. `None` where it does not tell.
type Exchanges = Option<(Vec<ExchangeRecord>, Vec<EpochRoot>, u64)>;

impl Case {
    async fn set() -> Self {
        let stage = Stage::set().await;
        let body = Body::of(&stage, 0);
        let person = stage.persons(BODY, 1).await.remove(0);
        let enrolled = body.enrol(&stage, &person);
        Self { stage, body, person, enrolled, channel: None }
    }

    /// What the person is shown, where the body answers each question for a page with `page`, and the broker tells
    /// `exchanges`.
    async fn told(
        &mut self,
        exchanges: Exchanges,
        mut page: impl FnMut(&Stage, &RecordsRequest) -> RecordsReply,
    ) -> (Result<PersonRecords, Failure>, BTreeMap<String, String>) {
        let (client, person) = (self.stage.client().await, self.person.id.clone());
        let mut asked = std::pin::pin!(async move {
            let mut files = BTreeMap::new();
            let mut take = |received: Vec<chukei_mock_portal::protocol::ReceiptFile>| {
                files.extend(received.iter().map(|file| (file.name.clone(), file.text.clone())));
                Ok(())
            };
            let told = client.records(&person, Some(BODY), true, Some(&mut take)).await;
            (told, files)
        });
        loop {
            let request = tokio::select! {
                told = &mut asked => return told,
                request = self.stage.broker.next() => request,
            };
            match request.header.kind {
                Kind::ChannelSetup => self.set_up(request).await,
                Kind::PersonRecords => self.page(request, &mut page).await,
                Kind::ExchangeRecords => self.exchanges(request, &exchanges).await,
                other => panic!("{other:?}"),
            }
        }
    }

    async fn set_up(&mut self, request: AcceptedRequest) {
        self.channel = Some(self.body.take_set_up(&self.stage, request).await);
    }

    async fn page(
        &self,
        mut request: AcceptedRequest,
        page: &mut impl FnMut(&Stage, &RecordsRequest) -> RecordsReply,
    ) {
        let channel = self.channel.as_ref().unwrap();
        let raw = sealed(&mut request).await;
        let asked: RecordsRequest =
            channel.open_body(request.header_hash, None, &raw).unwrap().message().unwrap();
        let reply = encode(&page(&self.stage, &asked)).unwrap();
        let body = channel.seal_body(request.header_hash, Some(&self.enrolled.binding), &reply, 0).unwrap();
        request.put_status(Outcome::Answered).await.unwrap();
        write_sealed(&mut request.send, body).await.unwrap();
        request.send.finish().await.unwrap();
    }

    async fn exchanges(&self, mut request: AcceptedRequest, told: &Exchanges) {
        let query: ExchangeQuery = request.recv.read_message().await.unwrap();
        let Some((records, roots, closed)) = told.clone() else {
            request.end_with(Outcome::RetryAfter(ResultName::NotReady, 1)).await.unwrap();
            return;
        };
        let answered = records.iter().filter(|record| record.is_answered()).count() as u64;
        let body = request.header.body.unwrap();
        let page = self.stage.broker.desk.page(ExchangeStatement {
            broker: "broker-a".into(),
            told: format!("portal/{PORTAL}"),
            request_id: request.header.request_id,
            person: Some(person_hash(&self.enrolled.portal_code)),
            body: Some(body),
            query,
            at_ms: 1,
            last_record: 9,
            entries: records.into_iter().map(|record| ExchangeEntry::Open(Box::new(record))).collect(),
            next: None,
            counts: vec![BodyCount { body, answered, others: 0, closed }],
            roots,
        });
        request.put_status(Outcome::Answered).await.unwrap();
        request.send.write_message(&page).await.unwrap();
        request.send.finish().await.unwrap();
    }

    /// The person asks for their own information, and the answer names this leaf: the request.
    async fn disclosed(&mut self, leaf: u64) -> RequestId {
        let (client, person) = (self.stage.client().await, self.person.id.clone());
        let asked = tokio::spawn(async move { client.self_info(&person, BODY, &["TM00000000000002"]).await });
        let mut request = self.stage.broker.next().await;
        if request.header.kind == Kind::ChannelSetup {
            self.set_up(request).await;
            request = self.stage.broker.next().await;
        }
        let channel = self.channel.as_ref().unwrap();
        sealed(&mut request).await;
        let content = SelfInfoAnswer { result: ResultName::NoData, leaf: Some(leaf), datasets: Vec::new() };
        answer(&mut request, channel, &content, Some(&self.enrolled.binding), |_| {}).await;
        assert_eq!(asked.await.unwrap().unwrap().result, "NO_DATA");
        request.header.request_id
    }

    fn alarms(&self, kind: &str) -> f64 {
        self.stage.metric(&format!("chukei_integrity_alarms_total{{kind=\"{kind}\""))
    }
}

fn id(number: u8) -> [u8; 16] {
    [number; 16]
}

fn record(request: [u8; 16], number: u64) -> ExchangeRecord {
    ExchangeRecord {
        request_id: RequestId(request),
        kind: "self-info".into(),
        body: BODY.parse().unwrap(),
        portal: PORTAL.into(),
        to_body: true,
        affair: None,
        datasets: Vec::new(),
        legal_basis: "番号法附則6条3項".into(),
        asked_ms: 1,
        ended: Some(ExchangeEnd { at_ms: 2, result: "ANSWERED".into() }),
        permit_epoch: Some(EPOCH),
        permit_number: number,
        number,
        person: None,
        undisclosed: false,
    }
}

fn root(covered: u64, of: u8) -> EpochRoot {
    EpochRoot { epoch: EPOCH, covered, root: [of; 32] }
}

fn refused(told: &Result<PersonRecords, Failure>) -> &str {
    let failure = told.as_ref().unwrap_err();
    assert_eq!(failure.code, "INTEGRITY_FAILURE");
    failure
        .message
        .split([' ', ':'])
        .find(|word| word.len() > 3 && word.is_ascii() && !word.starts_with("98"))
        .unwrap()
}

/// A log with an answered request, and what is to become another history of it.
async fn two_histories() -> (Case, PlayedLog, PlayedLog) {
    let case = Case::set().await;
    let mut log = PlayedLog::of(&case.body, 1);
    log.others(1);
    log.asked(id(1));
    log.ended(id(1));
    let other = log.clone();
    (case, log, other)
}

#[tokio::test(flavor = "multi_thread")]
async fn r43_two_checkpoints_of_one_size_are_an_alarm_and_both_notes_are_kept() {
    let (mut case, mut log, mut other) = two_histories().await;
    log.others(2);
    other.others(3);
    let first = case.told(None, |stage, asked| log.page(stage, asked, 4, &[])).await;
    assert_eq!(first.0.unwrap().verified, Some(true));
    let (told, notes) = case.told(None, |stage, asked| other.page(stage, asked, 4, &[])).await;
    assert_eq!(refused(&told), "FORKED");
    assert_eq!(case.alarms("log_fork"), 1.0);
    let names: Vec<&str> = notes.keys().map(String::as_str).collect();
    assert_eq!(names, ["982016-known.checkpoint", "982016-shown.checkpoint"]);
    assert_ne!(notes[names[0]], notes[names[1]]);
    assert!(notes.values().all(|note| note.starts_with("chukei.invalid/log/982016/1\n4\n")));
    // It stays so, whatever it shows and whoever restarts.
    case.stage.kill();
    case.stage.start().await;
    let (told, kept) = case.told(None, |stage, asked| log.page(stage, asked, 4, &[])).await;
    assert_eq!((refused(&told), kept), ("FORKED", notes));
}

#[tokio::test(flavor = "multi_thread")]
async fn r43_a_checkpoint_that_is_not_proven_to_continue_the_known_one_is_refused() {
    let (mut case, mut log, mut other) = two_histories().await;
    other.leaves_of_others(&[9, 9, 9]);
    log.leaves_of_others(&[2, 3, 4]);
    let (told, _) = case.told(None, |stage, asked| log.page(stage, asked, 5, &[])).await;
    assert_eq!(told.unwrap().verified, Some(true));
    // Another history, which is larger; and the own one without its proof.
    let (told, notes) = case.told(None, |stage, asked| other.page(stage, asked, 6, &[])).await;
    assert_eq!((refused(&told), notes.len()), ("NOT_GROWN", 2));
    let bare = |stage: &Stage, asked: &RecordsRequest| {
        let mut page = log.page(stage, asked, 6, &[]);
        page.log.as_mut().unwrap().grown.clear();
        page
    };
    let (told, _) = case.told(None, bare).await;
    assert_eq!(refused(&told), "NOT_GROWN");
    let (told, _) = case.told(None, |stage, asked| log.page(stage, asked, 4, &[])).await;
    assert_eq!(refused(&told), "STALE_CHECKPOINT");
    let (told, _) = case.told(None, |stage, asked| log.page(stage, asked, 6, &[])).await;
    assert_eq!(told.unwrap().verified, Some(true), "what was refused has changed nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn r43_what_no_broker_vouches_for_settles_nothing() {
    let mut case = Case::set().await;
    let mut log = PlayedLog::of(&case.body, 1);
    let mut other = log.clone();
    let request = case.disclosed(0).await;
    log.asked(request.0);
    log.ended(request.0);
    log.witnessed = false;
    let (told, _) = case.told(None, |stage, asked| log.page(stage, asked, 2, &[])).await;
    assert_eq!(told.unwrap().verified, Some(false));
    // What brokers vouch for knows nothing of it.
    other.leaves_of_others(&[1, 2, 3]);
    let (told, _) = case.told(None, |stage, asked| other.page(stage, asked, 3, &[])).await;
    assert_eq!(refused(&told), "MISSING");
}

#[tokio::test(flavor = "multi_thread")]
async fn r41_records_verify_after_a_restore_and_what_it_lost_is_told_as_lost() {
    let mut case = Case::set().await;
    let mut log = PlayedLog::of(&case.body, 1);
    log.others(1);
    let kept = case.disclosed(log.size()).await;
    log.asked(kept.0);
    log.ended(kept.0);
    let saved = log.size();
    let lost = case.disclosed(saved).await;
    log.asked(lost.0);
    log.ended(lost.0);
    let now_ms = case.stage.broker.desk.clock.now_ms();
    let mut restored = log.restored(now_ms, usize::try_from(saved).unwrap());
    restored.leaves_of_others(&[5, 6, 7, 8]);
    for _ in 0..2 {
        let (told, _) =
            case.told(None, |stage, asked| restored.page(stage, asked, restored.size(), &[])).await;
        let told = told.unwrap();
        assert_eq!((told.verified, &told.bodies[0].lost), (Some(true), &vec![lost.to_string()]));
        assert_eq!(told.bodies[0].shown, 2);
    }
    // It goes on from there.
    let mut later = restored.clone();
    later.leaves_of_others(&[1, 1]);
    let (told, _) = case.told(None, |stage, asked| later.page(stage, asked, later.size(), &[])).await;
    assert_eq!(told.unwrap().bodies[0].lost.len(), 1);
    // A log that says it was restored in the future excuses nothing.
    let future = log.restored(now_ms + 3_600_000, usize::try_from(saved).unwrap());
    let (told, _) = case.told(None, |stage, asked| future.page(stage, asked, saved, &[])).await;
    assert_eq!(refused(&told), "EPOCH");
}

#[tokio::test(flavor = "multi_thread")]
async fn r35_a_request_that_ends_between_two_pages_is_no_alarm() {
    let mut case = Case::set().await;
    let mut log = PlayedLog::of(&case.body, 1);
    let wide = |number: u16| {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&number.to_be_bytes());
        id
    };
    for number in 1..=127 {
        log.asked(wide(number));
        log.ended(wide(number));
    }
    log.others(1);
    // Places 255 and 257 are of one request, 256 and 258 of another: their ends come while the pages are fetched.
    log.asked(wide(128));
    log.asked(wide(129));
    let first = log.size();
    log.ended(wide(128));
    log.ended(wide(129));
    let page = |stage: &Stage, asked: &RecordsRequest| match asked.from {
        1 => log.page(stage, asked, first, &[255, 256]),
        _ => log.page(stage, asked, log.size(), &[]),
    };
    let (told, receipts) = case.told(None, page).await;
    let told = told.unwrap();
    assert_eq!((told.bodies[0].count, told.bodies[0].shown), (258, 254));
    assert_eq!(receipts.len(), 255, "of what is shown, and the keys");
    assert_eq!(case.alarms("records"), 0.0);
    let (told, _) = case.told(None, |stage, asked| log.page(stage, asked, log.size(), &[])).await;
    assert_eq!(told.unwrap().bodies[0].shown, 258);
    // One that is left out under one checkpoint is an alarm as ever.
    let half = |stage: &Stage, asked: &RecordsRequest| log.page(stage, asked, log.size(), &[256]);
    let (told, _) = case.told(None, half).await;
    assert_eq!(refused(&told), "UNPAIRED");
}

#[tokio::test(flavor = "multi_thread")]
async fn r50_what_a_body_hides_and_brokers_show_is_told() {
    let mut case = Case::set().await;
    let mut log = PlayedLog::of(&case.body, 1);
    for number in 1..=3 {
        log.asked(id(number));
        log.ended(id(number));
    }
    let shown =
        Some(((1..=3).map(|number| record(id(number), u64::from(number))).collect(), vec![root(3, 1)], 0));
    let (told, _) = case.told(shown.clone(), |stage, asked| log.page(stage, asked, 6, &[])).await;
    assert_eq!(told.unwrap().bodies[0].complete, Some(true));
    // Hidden at the body alone; then at both.
    let hiding = |stage: &Stage, asked: &RecordsRequest| log.page(stage, asked, 6, &[3, 4]);
    let (told, _) = case.told(shown, hiding).await;
    let body = &told.unwrap().bodies[0];
    assert_eq!((body.complete, &body.kept_closed), (Some(false), &vec![RequestId(id(2)).to_string()]));
    assert_eq!(body.differences, Vec::<String>::new());
    let both = Some((vec![record(id(1), 1), record(id(3), 3)], vec![root(3, 1)], 1));
    let (told, _) = case.told(both, hiding).await;
    assert_eq!(told.unwrap().bodies[0].complete, Some(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn r22_permits_are_held_against_the_roots_that_their_broker_signed() {
    let mut case = Case::set().await;
    let mut log = PlayedLog::of(&case.body, 1);
    log.asked(id(1));
    log.ended(id(1));
    let told_by = |number, covered, of| Some((vec![record(id(1), number)], vec![root(covered, of)], 0));
    let page = |stage: &Stage, asked: &RecordsRequest| log.page(stage, asked, 2, &[]);
    let (told, _) = case.told(told_by(4, 9, 1), page).await;
    assert_eq!(told.unwrap().bodies[0].complete, Some(true));
    let (told, _) = case.told(told_by(10, 9, 1), page).await;
    let body = &told.unwrap().bodies[0];
    assert_eq!((body.complete, &body.unproven), (Some(false), &vec![RequestId(id(1)).to_string()]));
    // Another root over as many permits, at another visit and behind a restart.
    case.stage.kill();
    case.stage.start().await;
    let (told, _) = case.told(told_by(4, 9, 2), page).await;
    assert_eq!(refused(&told), "PERMITS");
    let (told, _) = case.told(told_by(4, 12, 3), page).await;
    assert_eq!(told.unwrap().bodies[0].complete, Some(true));
}
