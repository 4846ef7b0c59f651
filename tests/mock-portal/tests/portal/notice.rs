//! Notices from bodies: stored once and durably, for the right person only, gone after their last day.

use chukei_crypto::binding::Bindings;
use chukei_relay_client::channel::Channel;
use chukei_relay_client::session::open_request;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Hop, Kind};
use chukei_wire::id::{DeliveryId, NoticeId};
use chukei_wire::message::binding::{BindingTag, prove};
use chukei_wire::message::notice::{
    Choice, NoticeDelivery, NoticeReceipt, NoticeStatusPage, NoticeStatusRequest,
};
use chukei_wire::result::ResultName;

use crate::body::{Body, Enrolled, exchange};
use crate::stage::{Person, Stage, until};

const NOTICE: NoticeId = NoticeId([5; 16]);
const DAY_MS: u64 = 86_400_000;

struct Case {
    stage: Stage,
    body: Body,
    channel: Channel,
    person: Person,
    enrolled: Enrolled,
    other: Enrolled,
}

impl Case {
    async fn set() -> Self {
        let stage = Stage::set().await;
        let body = Body::of(&stage, 0);
        let persons = stage.persons("982016", 2).await;
        let [enrolled, other] = [0, 1].map(|index| body.enrol(&stage, &persons[index]));
        let channel = body.set_up(&stage).await;
        Self { stage, body, channel, person: persons[0].clone(), enrolled, other }
    }

    fn now_ms(&self) -> u64 {
        self.stage.broker.desk.clock.now_ms()
    }

    /// Today in Japan, days since 1970-01-01.
    fn today(&self) -> u32 {
        u32::try_from((self.now_ms() + 9 * 3_600_000) / DAY_MS).unwrap()
    }

    fn message(&self, delivery: u8, binding_tags: Vec<BindingTag>) -> NoticeDelivery {
        let choice = |id: &str, label: &str| Choice { id: id.into(), label: label.into() };
        NoticeDelivery {
            binding_tags,
            notice: NOTICE,
            delivery: DeliveryId([delivery; 16]),
            title: "検診のお知らせ".into(),
            text: "髙﨑①～".into(),
            choices: vec![choice("mado", "窓口"), choice("yubin", "郵送")],
            publish_at_ms: self.now_ms(),
            expiry_day: self.today() + 30,
        }
    }

    /// Delivers to `to` what is bound to `bound`.
    async fn deliver(
        &self,
        delivery: u8,
        to: &Enrolled,
        bound: &Enrolled,
        change: impl FnOnce(&mut NoticeDelivery),
    ) -> (ResultName, bool) {
        let request =
            self.body.request(&self.stage, Kind::NoticeDelivery, &self.channel, Some(to.portal_code)).await;
        let tags = prove(&Bindings::new(bound.binding.clone()), request.header_hash);
        let mut message = self.message(delivery, tags);
        change(&mut message);
        let opened = exchange(request, &self.channel, &message, Some(&to.binding)).await.unwrap();
        let receipt: NoticeReceipt = opened.message().unwrap();
        assert_eq!(receipt.delivery, message.delivery);
        (receipt.result, opened.bound())
    }

    async fn status(&self) -> NoticeStatusPage {
        let request = self.body.request(&self.stage, Kind::NoticeStatus, &self.channel, None).await;
        let query = NoticeStatusRequest { notice: NOTICE, after: None };
        exchange(request, &self.channel, &query, None).await.unwrap().message().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_is_read_and_answered_once_and_the_body_learns_of_it() {
    let case = Case::set().await;
    let client = case.stage.client().await;
    let (person, notice) = (case.person.id.as_str(), NOTICE.to_string());
    let registered = (ResultName::Registered, true);
    assert_eq!(case.deliver(1, &case.enrolled, &case.enrolled, |_| {}).await, registered);
    let state = case.status().await.states.remove(0);
    assert_eq!((state.read_at_ms, state.answers.len()), (None, 0));

    assert_eq!(client.notices(person).await.unwrap().notices[0].state, "UNREAD");
    assert_eq!(client.read(person, &notice).await.unwrap().text, "髙﨑①～");
    assert_eq!(client.notices(person).await.unwrap().notices[0].state, "READ");
    let refused = client.answer(person, &notice, "none").await.unwrap_err();
    assert_eq!(refused.code, "INVALID_CHOICE");
    assert_eq!(client.answer(person, &notice, "yubin").await.unwrap().answers, ["yubin"]);
    let second = client.answer(person, &notice, "mado").await.unwrap_err();
    assert_eq!(second.code, "ALREADY_ANSWERED");

    let page = case.status().await;
    assert_eq!((page.result, page.more), (ResultName::Done, false));
    assert!(page.states[0].read_at_ms.is_some());
    assert_eq!(page.states[0].answers, ["yubin"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_racing_answers_exactly_one_stands() {
    let case = Case::set().await;
    case.deliver(1, &case.enrolled, &case.enrolled, |_| {}).await;
    let client = case.stage.client().await;
    let answers = (0..16).map(|index| {
        let (client, person) = (client.clone(), case.person.id.clone());
        let choice = if index % 2 == 0 { "mado" } else { "yubin" };
        tokio::spawn(async move { client.answer(&person, &NOTICE.to_string(), choice).await })
    });
    let answers: Vec<_> = answers.collect();
    let mut stood = Vec::new();
    for answer in answers {
        match answer.await.unwrap() {
            Ok(answered) => stood.extend(answered.answers.clone()),
            Err(failure) => assert_eq!(failure.code, "ALREADY_ANSWERED"),
        }
    }
    assert_eq!(stood.len(), 1);
    assert_eq!(case.status().await.states[0].answers, stood);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_comes_again_is_acknowledged_and_stored_once() {
    let mut case = Case::set().await;
    let registered = (ResultName::Registered, true);
    let published = case.now_ms();
    let same = |message: &mut NoticeDelivery| message.publish_at_ms = published;
    assert_eq!(case.deliver(1, &case.enrolled, &case.enrolled, same).await, registered);
    assert_eq!(case.deliver(1, &case.enrolled, &case.enrolled, same).await, registered);
    case.stage.kill();
    case.stage.start().await;
    case.channel = case.body.set_up(&case.stage).await;
    assert_eq!(case.deliver(1, &case.enrolled, &case.enrolled, same).await, registered);
    let client = case.stage.client().await;
    assert_eq!(client.notices(&case.person.id).await.unwrap().notices.len(), 1);
    assert_eq!(case.status().await.states.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn r22_a_notice_bound_to_another_person_is_a_mismatch_and_stored_nowhere() {
    let case = Case::set().await;
    let told = case.deliver(1, &case.enrolled, &case.other, |_| {}).await;
    assert_eq!(told, (ResultName::SubjectMismatch, false));
    let client = case.stage.client().await;
    for person in client.persons("982016").await.unwrap() {
        assert_eq!(client.notices(&person.person).await.unwrap().notices.len(), 0);
    }
    // Counted a moment after it was answered.
    until(|| async { case.stage.metric("chukei_integrity_alarms_total") >= 1.0 }).await;
    // R35: nothing more on this channel.
    let code = Some(case.enrolled.portal_code);
    let request = case.body.request(&case.stage, Kind::NoticeDelivery, &case.channel, code).await;
    let message = case.message(2, prove(&Bindings::new(case.enrolled.binding.clone()), request.header_hash));
    let stopped = exchange(request, &case.channel, &message, None).await.err();
    assert_eq!(stopped, Some(Outcome::Refused(ResultName::IntegrityStop)));
}

#[tokio::test(flavor = "multi_thread")]
async fn r22_a_request_without_a_good_permit_is_refused_and_an_id_is_used_once() {
    let case = Case::set().await;
    let portal = case.stage.broker.connected().await;
    let header = case.body.header(&case.stage, Kind::NoticeStatus, Some(&case.channel));
    let hash = chukei_wire::header::Header::hash(&header.to_bytes().unwrap());
    let permits = case.stage.broker.permits().await;
    let good = case.stage.broker.desk.permit(&permits, hash, None);
    let mut forged = good.clone();
    forged.mac[0] ^= 1;
    let named = case.stage.broker.desk.permit(&permits, hash, Some(case.enrolled.portal_code));
    let expected = [
        (None, ResultName::PermitScope),
        (Some(forged), ResultName::BadSignature),
        (Some(named), ResultName::PermitScope),
    ];
    for (permit, result) in expected {
        let mut request =
            open_request(&portal, &header, &Hop { sender_code: None, permit, leave: None }).await.unwrap();
        assert_eq!(request.read_status().await.unwrap(), Outcome::Refused(result));
    }
    let again = case.stage.broker.desk.permit(&permits, hash, None);
    for (permit, expected) in [(good, None), (again, Some(Outcome::Refused(ResultName::Replay)))] {
        let hop = Hop { sender_code: None, permit: Some(permit), leave: None };
        let request = open_request(&portal, &header, &hop).await.unwrap();
        let query = NoticeStatusRequest { notice: NOTICE, after: None };
        assert_eq!(exchange(request, &case.channel, &query, None).await.err(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_another_bodys_notice_is_one_that_does_not_exist() {
    let case = Case::set().await;
    case.deliver(1, &case.enrolled, &case.enrolled, |_| {}).await;
    let other = Body::of(&case.stage, 1);
    let channel = other.set_up(&case.stage).await;
    for notice in [NOTICE, NoticeId([6; 16])] {
        let request = other.request(&case.stage, Kind::NoticeStatus, &channel, None).await;
        let query = NoticeStatusRequest { notice, after: None };
        let page: NoticeStatusPage =
            exchange(request, &channel, &query, None).await.unwrap().message().unwrap();
        assert_eq!((page.result, page.states.len()), (ResultName::NotFound, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_its_last_day_a_notice_is_gone_on_every_way_also_after_a_restart() {
    let mut case = Case::set().await;
    case.deliver(1, &case.enrolled, &case.enrolled, |_| {}).await;
    let today = case.today();
    case.stage.forward(31).await;
    for _ in 0..2 {
        let client = case.stage.client().await;
        assert_eq!(client.notices(&case.person.id).await.unwrap().notices.len(), 0);
        let (person, notice) = (case.person.id.as_str(), NOTICE.to_string());
        assert_eq!(client.read(person, &notice).await.unwrap_err().code, "EXPIRED");
        assert_eq!(client.answer(person, &notice, "mado").await.unwrap_err().code, "EXPIRED");
        assert_eq!(client.read(person, &NoticeId([6; 16]).to_string()).await.unwrap_err().code, "NOT_FOUND");
        case.stage.kill();
        case.stage.start().await;
    }
    // Even with the clock put back the day stays over.
    std::fs::write(case.stage.folder.path().join("clock"), "+0d").unwrap();
    case.stage.kill();
    case.stage.start().await;
    case.channel = case.body.set_up(&case.stage).await;
    let late = case.deliver(2, &case.enrolled, &case.enrolled, |message| message.expiry_day = today).await;
    assert_eq!(late, (ResultName::Expired, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_over_the_limits_is_refused() {
    let case = Case::set().await;
    let far = |message: &mut NoticeDelivery| message.expiry_day += 4_000;
    assert_eq!(case.deliver(1, &case.enrolled, &case.enrolled, far).await, (ResultName::BadRetention, true));
    let twice = |message: &mut NoticeDelivery| message.choices[1].id = "mado".into();
    assert_eq!(case.deliver(1, &case.enrolled, &case.enrolled, twice).await, (ResultName::BadFormat, true));
}
