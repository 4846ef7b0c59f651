//! A hop of its own in front of the portal, on which one request gets its permit, as at a real broker.

use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::endpoint::{
    ClientEndpoint, ServerEndpoint, ServerLimits, client_endpoint, server_endpoint,
};
use chukei_relay_client::session::{accept_request, forward_request};
use chukei_relay_client::stream::splice;
use chukei_relay_client::tls::HopCredentials;
use chukei_wire::header::Hop;
use chukei_wire::identity::Identity;

use crate::stage::{LOOPBACK, Stage};

const BYTES_MAX: u64 = 1024 * 1024;

pub(crate) struct Relay {
    /// Where the body asks.
    pub(crate) near: PeerConnection,
    _dialling: ClientEndpoint,
    _listening: ServerEndpoint,
}

impl Relay {
    pub(crate) async fn to_portal(stage: &Stage) -> Self {
        let hop = &stage.keys.broker.hop;
        let credentials = HopCredentials::load(&hop.certificate, &hop.key, &hop.authority).unwrap();
        let clock = stage.broker.desk.clock.clone();
        let here = (LOOPBACK, 0).into();
        let listening = server_endpoint(here, &credentials, clock.clone(), ServerLimits::default()).unwrap();
        let dialling = client_endpoint(here).unwrap();
        let expected = Identity::Broker("broker-a".into());
        let (far, near) = tokio::join!(
            async { listening.accept().await.unwrap().establish().await.unwrap() },
            dialling.connect(&credentials, &clock, listening.local_address().unwrap(), &expected),
        );
        let portal = stage.broker.connected().await;
        let permits = stage.broker.permits().await;
        let desk = stage.broker.desk.clone();
        tokio::spawn(async move {
            let (send, recv) = far.accept().await.unwrap();
            let mut request = accept_request(send, recv).await.unwrap();
            let permit = Some(desk.permit(&permits, request.header_hash, None));
            let hop = Hop { sender_code: None, permit, leave: None };
            let deadline = request.deadline();
            let onward = forward_request(&portal, &request.header_bytes, &hop, deadline).await.unwrap();
            let (mut to, mut from) = (onward.send, onward.recv);
            let (asked, answered) = tokio::join!(
                async {
                    splice(&mut request.recv, &mut to, BYTES_MAX).await?;
                    to.finish().await
                },
                async {
                    splice(&mut from, &mut request.send, BYTES_MAX).await?;
                    request.send.finish().await
                },
            );
            asked.and(answered).unwrap();
            // The body may have hung up by now: it has all it waits for.
            let _ = request.send.finished_ack().await;
        });
        Self { near: near.unwrap(), _dialling: dialling, _listening: listening }
    }
}
