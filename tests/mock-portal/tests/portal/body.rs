//! A body's side: its channels with the portal, and what it seals on them.

use std::sync::Arc;

use chukei_crypto::acquisition::{AcquisitionKeyPair, PartyPart, open_party_part, split};
use chukei_crypto::binding::{BindingSecret, Bindings};
use chukei_crypto::sign::IdentityKey;
use chukei_relay_client::channel::{
    Channel, ChannelLimits, Channels, OpenedBody, Parties, RawSealed, initiate, read_sealed, respond,
    write_sealed,
};
use chukei_relay_client::key_file;
use chukei_relay_client::peers::Identities;
use chukei_relay_client::request_id;
use chukei_relay_client::session::{AcceptedRequest, OpenRequest, open_request};
use chukei_wire::body_code::BodyCode;
use chukei_wire::codec::encode;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Direction, Header, Hop, Kind, PersonCode};
use chukei_wire::limits::{SEALED_BODY_MAX, VERSION};
use chukei_wire::message::self_info::SelfInfoAnswer;
use serde::Serialize;

use crate::relay::Relay;
use crate::stage::{PORTAL, Person, Stage, until};

/// Set-ups the portal has ended, by result.
const SET_UPS: &str = "chukei_requests_total{kind=\"setup\",";

/// One body.
pub(crate) struct Body {
    pub(crate) code: BodyCode,
    pub(crate) identity: IdentityKey,
    portal: Identities,
}

/// What a body learns of a person when it enrols them.
#[derive(Clone)]
pub(crate) struct Enrolled {
    pub(crate) binding: BindingSecret,
    /// The code by which the portal knows the person.
    pub(crate) portal_code: PersonCode,
}

impl Body {
    pub(crate) fn of(stage: &Stage, index: usize) -> Self {
        let (code, paths) = &stage.keys.bodies[index];
        let identity = IdentityKey::from_pkcs8(&key_file::read(&paths.identity_key).unwrap()).unwrap();
        let portal = stage.broker.desk.peers.portal(PORTAL).unwrap().identities.clone();
        Self { code: *code, identity, portal }
    }

    /// Opens the parts of a person's acquisition number, the broker's one in the broker's place.
    pub(crate) fn enrol(&self, stage: &Stage, person: &Person) -> Enrolled {
        let paths = &stage.keys.bodies.iter().find(|(code, _)| *code == self.code).unwrap().1;
        let keys = AcquisitionKeyPair::from_bytes(&key_file::read(&paths.acquisition_key).unwrap()).unwrap();
        let parts = split(&person.number).unwrap();
        let party = format!("body/{}", self.code);
        let desk = &stage.broker.desk;
        let registry = desk.peers.registry();
        let PartyPart { binding, .. } =
            open_party_part(&parts.party_part, &keys, registry, &party, desk.clock.now_ms()).unwrap();
        let number = desk.person(&party, &parts.broker_part).unwrap();
        Enrolled { binding, portal_code: desk.portal_code(number) }
    }

    fn parties(&self) -> Parties<'_> {
        Parties { own: &self.identity, other: &self.portal }
    }

    /// Answers the portal's set-up.
    pub(crate) async fn answer_set_up(&self, stage: &Stage) -> Arc<Channel> {
        let request = stage.broker.next().await;
        self.take_set_up(stage, request).await
    }

    /// Answers this one.
    pub(crate) async fn take_set_up(&self, stage: &Stage, mut request: AcceptedRequest) -> Arc<Channel> {
        assert_eq!(request.header.kind, Kind::ChannelSetup);
        let clock = &stage.broker.desk.clock;
        let channels = Channels::new(ChannelLimits::default());
        respond(&mut request, self.parties(), clock, &channels).await.unwrap()
    }

    pub(crate) fn header(&self, stage: &Stage, kind: Kind, channel: Option<&Channel>) -> Header {
        Header {
            version: VERSION,
            kind,
            direction: Direction::ToPortal,
            request_id: request_id::fresh(stage.broker.desk.clock.now_ms()).unwrap(),
            body: Some(self.code),
            portal: Some(PORTAL.to_owned()),
            affair: None,
            datasets: Vec::new(),
            channel: channel.map(Channel::id),
            deadline_ms: 30_000,
            idempotency_key: None,
            retry_of: None,
            authn_ref: None,
        }
    }

    /// Sets a channel to the portal up, through a second hop as a broker does, so that the permit is on it.
    pub(crate) async fn set_up(&self, stage: &Stage) -> Channel {
        let header = self.header(stage, Kind::ChannelSetup, None);
        let relay = Relay::to_portal(stage).await;
        let (clock, before) = (&stage.broker.desk.clock, stage.metric(SET_UPS));
        let channel = initiate(&relay.near, &header, self.parties(), clock).await.unwrap();
        // The portal takes a channel in only after it has confirmed it.
        until(|| async { stage.metric(SET_UPS) > before }).await;
        channel
    }

    /// A request to the portal that is sealed on `channel` and carries a permit for `person`.
    pub(crate) async fn request(
        &self,
        stage: &Stage,
        kind: Kind,
        channel: &Channel,
        person: Option<PersonCode>,
    ) -> OpenRequest {
        let header = self.header(stage, kind, Some(channel));
        let hash = Header::hash(&header.to_bytes().unwrap());
        let permits = stage.broker.permits().await;
        let permit = Some(stage.broker.desk.permit(&permits, hash, person));
        let portal = stage.broker.connected().await;
        open_request(&portal, &header, &Hop { sender_code: None, permit, leave: None }).await.unwrap()
    }
}

/// Seals `message` on `channel`, sends it, and reads what comes back.
pub(crate) async fn exchange<T: Serialize>(
    mut request: OpenRequest,
    channel: &Channel,
    message: &T,
    binding: Option<&BindingSecret>,
) -> Result<OpenedBody, Outcome> {
    let hash = request.header_hash;
    let sealed = channel.seal_body(hash, None, &encode(message).unwrap(), 0).unwrap();
    write_sealed(&mut request.send, sealed).await.unwrap();
    request.send.finish().await.unwrap();
    match request.read_status().await.unwrap() {
        Outcome::Answered => {
            let raw = read_sealed(&mut request.recv, SEALED_BODY_MAX).await.unwrap();
            let bindings = binding.cloned().map(Bindings::new);
            Ok(channel.open_body(hash, bindings.as_ref(), &raw).unwrap())
        }
        other => Err(other),
    }
}

/// Reads the sealed part of the portal's request.
pub(crate) async fn sealed(request: &mut AcceptedRequest) -> RawSealed {
    read_sealed(&mut request.recv, SEALED_BODY_MAX).await.unwrap()
}

/// Answers the portal, and gives the receipt tag that would prove the opening.
pub(crate) async fn answer(
    request: &mut AcceptedRequest,
    channel: &Channel,
    answer: &SelfInfoAnswer,
    binding: Option<&BindingSecret>,
    change: impl FnOnce(&mut [u8]),
) -> [u8; 16] {
    let mut body = channel.seal_body(request.header_hash, binding, &encode(answer).unwrap(), 0).unwrap();
    change(&mut body.frames);
    let receipt = body.receipt;
    request.put_status(Outcome::Answered).await.unwrap();
    write_sealed(&mut request.send, body).await.unwrap();
    request.send.finish().await.unwrap();
    receipt
}
