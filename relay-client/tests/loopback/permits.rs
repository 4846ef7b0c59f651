//! Permits and their roots over a real connection (R22, R35).

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chukei_crypto::permit::Epoch;
use chukei_crypto::sign::SigningKey;
use chukei_relay_client::connection::{CloseCode, ConnectionError, PeerConnection};
use chukei_relay_client::permit::{
    Followed, PastEpochs, PermitBasis, PermitFault, PermitIssuer, PermitReceiver, PermitSession, RootKeeper,
    RootWitness, VerifiedPermit, follow, open_roots, serve_roots,
};
use chukei_relay_client::session::accept_request;
use chukei_wire::header::{Direction, Header, Kind};
use chukei_wire::message::control::{PermitRoot, WantedEpoch};
use chukei_wire::result::ResultName;
use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::session::header;
use crate::stage::{BROKER, LOOPBACK, NODE, Stage, admitted, identity};

/// The broker's key, and the roots it made.
struct Keeper {
    key: SigningKey,
    kept: Mutex<Vec<PermitRoot>>,
    earlier: Option<Arc<PermitIssuer>>,
}

impl RootKeeper for Keeper {
    fn key(&self) -> &SigningKey {
        &self.key
    }

    fn keep(&self, _: &Epoch, root: &PermitRoot) {
        self.kept.lock().unwrap().push(root.clone());
    }

    fn earlier(&self, receiver: &str, wanted: &WantedEpoch) -> Vec<PermitRoot> {
        let of = |issuer: &&Arc<PermitIssuer>| {
            issuer.epoch().id == wanted.epoch && issuer.epoch().receiver == receiver
        };
        self.earlier.iter().find(of).map(|issuer| issuer.roots_after(wanted.covered)).unwrap_or_default()
    }
}

/// What the node was told.
#[derive(Default)]
struct Witness {
    public: Mutex<Option<Vec<u8>>>,
    proven: Mutex<Vec<PermitRoot>>,
    unproven: Mutex<usize>,
    stopped: Mutex<Vec<PermitFault>>,
    past: PastEpochs,
}

impl RootWitness for Witness {
    fn public(&self, broker: &str) -> Option<Vec<u8>> {
        self.public.lock().unwrap().clone().filter(|_| broker == "broker-a")
    }

    fn is_held(&self, _: &str, _: u64) -> bool {
        false
    }

    fn proven(&self, _: &Epoch, root: PermitRoot) {
        self.proven.lock().unwrap().push(root);
    }

    fn unproven(&self, _: &Epoch, permits: usize) {
        *self.unproven.lock().unwrap() += permits;
    }

    fn stopped(&self, _: &Epoch, fault: PermitFault) {
        self.stopped.lock().unwrap().push(fault);
    }

    fn past(&self) -> &PastEpochs {
        &self.past
    }
}

fn parties() -> (Keeper, Arc<Witness>) {
    let key = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
    let witness = Witness { public: Mutex::new(Some(key.public().to_vec())), ..Witness::default() };
    (Keeper { key, kept: Mutex::default(), earlier: None }, Arc::new(witness))
}

/// A followed connection.
struct Following {
    issuer: Arc<PermitIssuer>,
    receiver: Arc<PermitReceiver>,
    following: JoinHandle<Followed>,
    serving: JoinHandle<Arc<Keeper>>,
    /// Ends the broker's stream with the last roots.
    last: oneshot::Sender<()>,
}

impl Following {
    async fn on(stage: &Stage, keeper: Arc<Keeper>, witness: &Arc<Witness>) -> Self {
        let session = PermitSession::of(&stage.at_broker).unwrap();
        let issuer = Arc::new(PermitIssuer::new(session, "broker-a", NODE));
        let receiver = Arc::new(PermitReceiver::new(&stage.at_node, NODE).unwrap());
        let (last, ends) = oneshot::channel();
        let (served, kept, connection) = (Arc::clone(&issuer), Arc::clone(&keeper), stage.at_broker.clone());
        let serving = tokio::spawn(async move {
            let (send, recv) = connection.accept().await.unwrap();
            let request = accept_request(send, recv).await.unwrap();
            // Ends with the connection, or when it is told to.
            let _ = serve_roots(&served, &*kept, request, async { drop(ends.await) }).await;
            kept
        });
        let roots = open_roots(&receiver, witness.past(), stage.clock.now_ms()).await.unwrap();
        let following = tokio::spawn(follow(Arc::clone(&receiver), roots, Arc::clone(witness)));
        Self { issuer, receiver, following, serving, last }
    }

    /// A permit that the node accepts.
    fn permit(&self, stage: &Stage) {
        self.try_permit(stage).unwrap();
    }

    fn try_permit(&self, stage: &Stage) -> Result<VerifiedPermit, ResultName> {
        let header = header(Kind::ChannelSetup, Direction::ToBody, stage.clock.now_ms());
        let hash = Header::hash(&header.to_bytes().unwrap());
        let basis = PermitBasis { person: None, previous: None, legal_basis: "basis".into() };
        let now_ms = stage.clock.now_ms();
        let permit = self.issuer.issue(hash, basis, now_ms).unwrap();
        self.receiver.verify(Some(permit), &header, hash, now_ms)
    }

    async fn proven(&self) {
        while self.receiver.uncovered() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn r22_every_permit_comes_under_a_root_that_both_sides_keep() {
    let stage = Stage::set().await;
    let (keeper, witness) = parties();
    let mut followed = Following::on(&stage, Arc::new(keeper), &witness).await;
    for _ in 0..3 {
        followed.permit(&stage);
        followed.permit(&stage);
        followed.proven().await;
    }
    // The last are proven although nobody waits for them.
    followed.permit(&stage);
    followed.last.send(()).unwrap();
    let keeper = followed.serving.await.unwrap();
    stage.at_broker.close(CloseCode::Shutdown);
    assert_eq!((&mut followed.following).await.unwrap(), Followed::Ended);
    assert_eq!(followed.receiver.uncovered(), 0);
    let proven = witness.proven.lock().unwrap();
    assert!(!proven.is_empty() && *proven == *keeper.kept.lock().unwrap());
    assert_eq!((witness.stopped.lock().unwrap().len(), *witness.unproven.lock().unwrap()), (0, 0));
}

#[tokio::test]
async fn r35_a_broker_that_is_there_and_proves_nothing_is_stopped() {
    for hangs_up in [false, true] {
        let stage = Stage::set().await;
        let (keeper, witness) = parties();
        let mut followed = Following::on(&stage, Arc::new(keeper), &witness).await;
        // What is permitted now comes under no root: nobody serves it.
        let session = PermitSession::of(&stage.at_broker).unwrap();
        followed.issuer = Arc::new(PermitIssuer::new(session, "broker-a", NODE));
        if hangs_up {
            followed.serving.abort();
        }
        followed.permit(&stage);
        let ended = (&mut followed.following).await.unwrap();
        assert_eq!(ended, Followed::Stopped(PermitFault::Withheld), "hangs up: {hangs_up}");
        assert_eq!(*witness.stopped.lock().unwrap(), [PermitFault::Withheld]);
        let refused = followed.try_permit(&stage).err();
        assert_eq!(refused, Some(ResultName::IntegrityStop), "nothing more is accepted");
        let code = ConnectionError::ClosedByPeer(CloseCode::IntegrityStop as u64);
        assert_eq!(stage.at_broker.closed().await, code);
    }
}

#[tokio::test]
async fn r44_a_broker_that_is_struck_off_the_list_loses_its_connection_and_is_not_accused() {
    let stage = Stage::set().await;
    let (keeper, witness) = parties();
    let followed = Following::on(&stage, Arc::new(keeper), &witness).await;
    *witness.public.lock().unwrap() = None;
    followed.permit(&stage);
    assert_eq!(followed.following.await.unwrap(), Followed::Unlisted);
    let code = ConnectionError::ClosedByPeer(CloseCode::NotPermitted as u64);
    assert_eq!(stage.at_broker.closed().await, code);
    assert!(witness.stopped.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_a_lost_connection_left_unproven_is_brought_on_the_next_one() {
    let mut stage = Stage::set().await;
    let (keeper, witness) = parties();
    let keeper = Arc::new(keeper);
    let mut followed = Following::on(&stage, Arc::clone(&keeper), &witness).await;
    followed.permit(&stage);
    followed.proven().await;
    followed.serving.abort();
    followed.permit(&stage);
    stage.at_broker.close(CloseCode::Shutdown);
    assert_eq!((&mut followed.following).await.unwrap(), Followed::Ended);
    assert_eq!(followed.receiver.uncovered(), 1);
    // The broker signs for what it had issued, and the node asks for it when it is back.
    followed.issuer.next_root(&keeper.key).unwrap();
    stage.again().await;
    let known = Keeper { earlier: Some(followed.issuer), ..Arc::into_inner(keeper).unwrap() };
    let again = Following::on(&stage, Arc::new(known), &witness).await;
    while witness.proven.lock().unwrap().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    again.permit(&stage);
    again.proven().await;
    assert_eq!(*witness.unproven.lock().unwrap(), 0);
    assert!(witness.past.give_up_all().is_empty());
}

#[tokio::test]
async fn what_a_broker_does_not_bring_is_counted_and_no_alarm() {
    let mut stage = Stage::set().await;
    let (keeper, witness) = parties();
    let keeper = Arc::new(keeper);
    let mut followed = Following::on(&stage, Arc::clone(&keeper), &witness).await;
    followed.serving.abort();
    followed.permit(&stage);
    stage.at_broker.close(CloseCode::Shutdown);
    assert_eq!((&mut followed.following).await.unwrap(), Followed::Ended);
    stage.again().await;
    let again = Following::on(&stage, keeper, &witness).await;
    while *witness.unproven.lock().unwrap() == 0 {
        assert!(!again.following.is_finished());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(witness.stopped.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_broker_that_nothing_is_heard_of_is_lost_and_not_accused() {
    let mut stage = Stage::set().await;
    let cut = stage.behind_a_line().await;
    let (keeper, witness) = parties();
    let mut followed = Following::on(&stage, Arc::new(keeper), &witness).await;
    followed.permit(&stage);
    followed.proven().await;
    cut.store(true, Ordering::Relaxed);
    followed.permit(&stage);
    assert_eq!((&mut followed.following).await.unwrap(), Followed::Silent);
    assert!(witness.stopped.lock().unwrap().is_empty());
    assert_eq!(witness.past.give_up_all().len(), 1, "its root is expected when it is back");
}

impl Stage {
    /// The node connects again.
    async fn again(&mut self) {
        let address = self.server.local_address().unwrap();
        self.reconnect(address).await;
    }

    async fn reconnect(&mut self, address: SocketAddr) {
        let expected = identity(BROKER);
        let connecting = self.client.connect(&self.node, &self.clock, address, &expected);
        let (at_broker, at_node) = tokio::join!(admitted(&self.server), connecting);
        let (at_broker, at_node): (PeerConnection, PeerConnection) = (at_broker.unwrap(), at_node.unwrap());
        (self.at_broker, self.at_node) = (at_broker, at_node);
    }

    /// The node connects over a line that can be cut.
    async fn behind_a_line(&mut self) -> Arc<AtomicBool> {
        let (front, back) =
            (UdpSocket::bind(LOOPBACK).await.unwrap(), UdpSocket::bind(LOOPBACK).await.unwrap());
        back.connect(self.server.local_address().unwrap()).await.unwrap();
        let (here, cut) = (front.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let seen = Arc::clone(&cut);
        tokio::spawn(async move {
            let (mut there, mut back_again) = ([0; 2_048], [0; 2_048]);
            let mut node = None;
            loop {
                tokio::select! {
                    read = front.recv_from(&mut there) => {
                        let (length, from) = read.unwrap();
                        node = Some(from);
                        if !seen.load(Ordering::Relaxed) {
                            back.send(&there[..length]).await.unwrap();
                        }
                    }
                    read = back.recv(&mut back_again) => {
                        let length = read.unwrap();
                        if let Some(node) = node.filter(|_| !seen.load(Ordering::Relaxed)) {
                            front.send_to(&back_again[..length], node).await.unwrap();
                        }
                    }
                }
            }
        });
        self.reconnect(here).await;
        cut
    }
}
