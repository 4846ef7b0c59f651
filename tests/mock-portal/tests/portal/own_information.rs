//! Own information against bodies and brokers that err or lie: an error each time, a disclosure never (R22, R30).

use std::sync::Arc;

use chukei_crypto::binding::{BindingSecret, Bindings};
use chukei_mock_portal::failure::Failure;
use chukei_mock_portal::protocol::SelfInfo;
use chukei_relay_client::channel::{Channel, SealedBody};
use chukei_relay_client::session::AcceptedRequest;
use chukei_wire::frame::{FrameType, Outcome, Status};
use chukei_wire::id::HeaderHash;
use chukei_wire::message::binding::verify;
use chukei_wire::message::self_info::{AnswerDataset, AnswerItem, SelfInfoAnswer, SelfInfoRequest};
use chukei_wire::result::ResultName;

use crate::body::{Body, Enrolled, answer, sealed};
use crate::stage::{Person, Stage, until};

const TAX: &str = "TM00000000000002";
const CARE: &str = "TM00000000000004";
const VALUE: &str = "髙﨑①～\u{3000}=1+1\n\"";

/// One person of one body, with a channel.
struct Case {
    stage: Stage,
    body: Body,
    person: Person,
    enrolled: Enrolled,
    other: Enrolled,
}

type Asked = tokio::task::JoinHandle<Result<SelfInfo, Failure>>;

impl Case {
    async fn set() -> Self {
        Self::on(Stage::set().await).await
    }

    async fn on(stage: Stage) -> Self {
        let body = Body::of(&stage, 0);
        let persons = stage.persons("982016", 2).await;
        let [enrolled, other] = [0, 1].map(|index| body.enrol(&stage, &persons[index]));
        Self { stage, body, person: persons[0].clone(), enrolled, other }
    }

    async fn ask(&self) -> Asked {
        let (client, person) = (self.stage.client().await, self.person.id.clone());
        tokio::spawn(async move { client.self_info(&person, "982016", &[TAX, CARE]).await })
    }

    /// The portal's request on a fresh channel, checked to be this person's.
    async fn asked(&self) -> (Asked, Arc<Channel>, AcceptedRequest) {
        let asked = self.ask().await;
        let channel = self.body.answer_set_up(&self.stage).await;
        let request = self.request(&channel).await;
        (asked, channel, request)
    }

    async fn request(&self, channel: &Channel) -> AcceptedRequest {
        let mut request = self.stage.broker.next().await;
        let raw = sealed(&mut request).await;
        let opened = channel.open_body(request.header_hash, None, &raw).unwrap();
        let message: SelfInfoRequest = opened.message().unwrap();
        let own = Bindings::new(self.enrolled.binding.clone());
        verify(&own, &message.binding_tags, request.header_hash).unwrap();
        assert_eq!(request.header.datasets, [TAX, CARE]);
        request
    }

    /// What the person sees when the body answers with `answer` under `binding`.
    async fn told(
        &self,
        content: &SelfInfoAnswer,
        binding: Option<&BindingSecret>,
        change: impl FnOnce(&mut [u8]),
    ) -> Result<SelfInfo, Failure> {
        let (asked, channel, mut request) = self.asked().await;
        answer(&mut request, &channel, content, binding, change).await;
        asked.await.unwrap()
    }
}

fn answer_of(result: ResultName, codes: &[&str]) -> SelfInfoAnswer {
    let item = || AnswerItem {
        level: 1,
        info_item_code: "TAX1".into(),
        item_name: "課税年度".into(),
        record_key: "1".into(),
        value: VALUE.into(),
        reason_of_null: None,
    };
    let dataset = |code: &&str| AnswerDataset {
        info_name_code: (*code).to_owned(),
        info_name: "地方税関係".into(),
        items: vec![item()],
    };
    let told = [ResultName::Done, ResultName::NoData, ResultName::UnavailableAskBody].contains(&result);
    SelfInfoAnswer { result, leaf: told.then_some(7), datasets: codes.iter().map(dataset).collect() }
}

fn code(told: Result<SelfInfo, Failure>) -> String {
    told.unwrap_err().code
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_shown_exactly_and_its_opening_is_proved() {
    let case = Case::set().await;
    let (asked, channel, mut request) = case.asked().await;
    assert_eq!(request.hop.sender_code, Some(case.enrolled.portal_code));
    assert!(request.header.authn_ref.is_some());
    let content = answer_of(ResultName::Done, &[TAX]);
    let receipt = answer(&mut request, &channel, &content, Some(&case.enrolled.binding), |_| {}).await;
    let shown = asked.await.unwrap().unwrap();
    assert_eq!((shown.result.as_str(), shown.body.as_str()), ("DONE", "982016"));
    assert_eq!(shown.request_id, request.header.request_id.to_string());
    assert_eq!(shown.datasets[0].items[0].value, VALUE);
    assert_eq!(request.recv.expect(FrameType::Message).await.unwrap().as_ref(), receipt);
    let closed = case.stage.client().await.logout(&case.person.id).await.unwrap();
    assert_eq!(closed.erased, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn neutral_results_are_results_and_refusals_are_failures() {
    let case = Case::set().await;
    let (asked, channel, mut request) = case.asked().await;
    let binding = Some(&case.enrolled.binding);
    answer(&mut request, &channel, &answer_of(ResultName::NoData, &[]), binding, |_| {}).await;
    assert_eq!(asked.await.unwrap().unwrap().result, "NO_DATA");
    let (asked, mut request) = (case.ask().await, case.request(&channel).await);
    answer(&mut request, &channel, &answer_of(ResultName::UnavailableAskBody, &[]), binding, |_| {}).await;
    assert_eq!(asked.await.unwrap().unwrap().result, "UNAVAILABLE_ASK_BODY");
    let (asked, mut request) = (case.ask().await, case.request(&channel).await);
    answer(&mut request, &channel, &answer_of(ResultName::NotFound, &[]), None, |_| {}).await;
    assert_eq!(code(asked.await.unwrap()), "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn r30_an_answer_sealed_for_another_person_does_not_open() {
    let case = Case::set().await;
    let content = answer_of(ResultName::Done, &[TAX]);
    let told = case.told(&content, Some(&case.other.binding), |_| {}).await;
    assert_eq!(code(told), "INTEGRITY_FAILURE");
    assert!(case.stage.metric("chukei_integrity_alarms_total") >= 1.0);
    assert_eq!(case.stage.client().await.logout(&case.person.id).await.unwrap().erased, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn r22_data_without_the_persons_binding_is_not_shown() {
    let case = Case::set().await;
    let told = case.told(&answer_of(ResultName::Done, &[TAX]), None, |_| {}).await;
    assert_eq!(code(told), "INTEGRITY_FAILURE");
}

#[tokio::test(flavor = "multi_thread")]
async fn r30_a_dataset_nobody_asked_for_is_not_shown() {
    let case = Case::set().await;
    let content = answer_of(ResultName::Done, &["TM00000000000009"]);
    let told = case.told(&content, Some(&case.enrolled.binding), |_| {}).await;
    assert_eq!(code(told), "INTEGRITY_FAILURE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_is_an_error() {
    let case = Case::set().await;
    let content = answer_of(ResultName::Done, &[TAX]);
    let told = case
        .told(&content, Some(&case.enrolled.binding), |frames| frames[SealedBody::FIRST_CHUNK + 40] ^= 1)
        .await;
    assert_eq!(code(told), "INTEGRITY_FAILURE");
}

#[tokio::test(flavor = "multi_thread")]
async fn r35_a_mismatch_stops_the_channel_and_alarms() {
    let case = Case::set().await;
    let told = case.told(&answer_of(ResultName::SubjectMismatch, &[]), None, |_| {}).await;
    assert_eq!(code(told), "SUBJECT_MISMATCH");
    assert!(case.stage.metric("chukei_integrity_alarms_total") >= 1.0);
    // The next request begins with a new channel.
    let (asked, channel, mut request) = case.asked().await;
    let content = answer_of(ResultName::NoData, &[]);
    answer(&mut request, &channel, &content, Some(&case.enrolled.binding), |_| {}).await;
    assert_eq!(asked.await.unwrap().unwrap().result, "NO_DATA");
}

#[tokio::test(flavor = "multi_thread")]
async fn r32_a_reply_that_echoes_another_request_is_dropped() {
    let case = Case::set().await;
    let (asked, _channel, mut request) = case.asked().await;
    let status = Status { header: HeaderHash([9; 32]), outcome: Outcome::Answered };
    request.send.write_frame(FrameType::Status, &status.to_bytes().unwrap()).await.unwrap();
    request.send.finish().await.unwrap();
    assert_eq!(code(asked.await.unwrap()), "INTEGRITY_FAILURE");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_answered_is_asked_again_as_a_new_request() {
    let case = Case::set().await;
    let (asked, channel, mut first) = case.asked().await;
    first.end_with(Outcome::RetryAfter(ResultName::NotReady, 1)).await.unwrap();
    let mut second = case.request(&channel).await;
    assert_eq!(second.header.retry_of, Some(first.header.request_id));
    second.end_with(Outcome::ChannelUnknown).await.unwrap();
    let fresh = case.body.answer_set_up(&case.stage).await;
    let mut third = case.request(&fresh).await;
    assert_ne!(third.header.channel, second.header.channel);
    let content = answer_of(ResultName::NoData, &[]);
    answer(&mut third, &fresh, &content, Some(&case.enrolled.binding), |_| {}).await;
    assert_eq!(asked.await.unwrap().unwrap().result, "NO_DATA");
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_another_try_within_the_time() {
    let case = Case::on(Stage::with_deadline(8_000).await).await;
    let (asked, channel, first) = case.asked().await;
    let mut second = case.request(&channel).await;
    assert_eq!(second.header.retry_of, Some(first.header.request_id));
    assert!(second.header.deadline_ms <= 2_000);
    let content = answer_of(ResultName::NoData, &[]);
    answer(&mut second, &channel, &content, Some(&case.enrolled.binding), |_| {}).await;
    assert_eq!(asked.await.unwrap().unwrap().result, "NO_DATA");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_another_try() {
    let case = Case::set().await;
    let (asked, channel, first) = case.asked().await;
    case.stage.broker.connected().await.close(chukei_relay_client::connection::CloseCode::Shutdown);
    let mut second = case.request(&channel).await;
    assert_eq!(second.header.retry_of, Some(first.header.request_id));
    let content = answer_of(ResultName::NoData, &[]);
    answer(&mut second, &channel, &content, Some(&case.enrolled.binding), |_| {}).await;
    assert_eq!(asked.await.unwrap().unwrap().result, "NO_DATA");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_after_logout_is_not_shown() {
    let case = Case::set().await;
    let (asked, channel, mut request) = case.asked().await;
    case.stage.client().await.logout(&case.person.id).await.unwrap();
    let content = answer_of(ResultName::Done, &[TAX]);
    answer(&mut request, &channel, &content, Some(&case.enrolled.binding), |_| {}).await;
    assert_eq!(code(asked.await.unwrap()), "NOT_PERMITTED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_in_flight_is_answered_before_the_portal_stops() {
    let mut case = Case::set().await;
    let (asked, channel, mut request) = case.asked().await;
    case.stage.terminate();
    let socket = case.stage.socket();
    until(|| async { !socket.exists() }).await;
    let content = answer_of(ResultName::NoData, &[]);
    answer(&mut request, &channel, &content, Some(&case.enrolled.binding), |_| {}).await;
    assert_eq!(asked.await.unwrap().unwrap().result, "NO_DATA");
    assert_eq!(case.stage.ended(), Some(0));
}
