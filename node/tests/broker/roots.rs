//! Signed roots over the permits of a connection (R22): asked for, chained, kept, and complete when the broker stops.

use std::sync::{Arc, Mutex};

use chukei_crypto::permit::Epoch;
use chukei_relay_client::clock::Clock;
use chukei_relay_client::connection::{CloseCode, ConnectionError, PeerConnection};
use chukei_relay_client::permit::{
    EVIDENCE_PARTITION, Evidence, EvidenceOf, Followed, NotFollowed, PastEpochs, PermitFault, PermitReceiver,
    RootWitness, follow, open_roots,
};
use chukei_store::journal::{Journal, JournalOptions};
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Hop, Kind};
use chukei_wire::message::control::PermitRoot;
use chukei_wire::result::ResultName;
use tokio::task::JoinHandle;

use crate::stage::{NODE, Stage, header, heard, outcome};

/// A node's witness: it keeps what is proven, and nothing else may happen.
struct Witness {
    public: Vec<u8>,
    proven: Mutex<Vec<PermitRoot>>,
    past: PastEpochs,
}

impl RootWitness for Witness {
    fn public(&self, _: &str) -> Option<Vec<u8>> {
        Some(self.public.clone())
    }

    fn is_held(&self, _: &str, _: u64) -> bool {
        false
    }

    fn proven(&self, _: &Epoch, root: PermitRoot) {
        self.proven.lock().unwrap().push(root);
    }

    fn unproven(&self, _: &Epoch, permits: usize) {
        panic!("{permits} permits stay unproven");
    }

    fn stopped(&self, _: &Epoch, fault: PermitFault) {
        panic!("{fault}");
    }

    fn past(&self) -> &PastEpochs {
        &self.past
    }
}

/// A node that follows its roots.
struct Follower {
    permits: Arc<PermitReceiver>,
    witness: Arc<Witness>,
    following: JoinHandle<Followed>,
}

impl Follower {
    async fn on(stage: &Stage, node: &PeerConnection) -> Self {
        let witness = Arc::new(Witness {
            public: stage.keys.permit_public.to_vec(),
            proven: Mutex::default(),
            past: PastEpochs::default(),
        });
        let permits = Arc::new(PermitReceiver::new(node, NODE).unwrap());
        let roots = open_roots(&permits, &witness.past, Clock::system().now_ms()).await.unwrap();
        let following = tokio::spawn(follow(permits.clone(), roots, witness.clone()));
        Self { permits, witness, following }
    }

    /// The portal asks for a channel, and the node refuses it by a good permit.
    async fn permitted(&self, portal: &PeerConnection, node: &PeerConnection) {
        let refusing = async {
            let mut request = heard(node).await;
            let (permit, hash) = (request.hop.permit.clone(), request.header_hash);
            let now_ms = Clock::system().now_ms();
            self.permits.verify(permit, &request.header, hash, now_ms).unwrap();
            request.end_with(Outcome::Refused(ResultName::NotFound)).await.unwrap();
        };
        let (asked, hop) = (header(Kind::ChannelSetup), Hop::default());
        let (told, ()) = tokio::join!(outcome(portal, &asked, &hop), refusing);
        assert_eq!(told, Outcome::Refused(ResultName::NotFound));
    }
}

#[tokio::test]
async fn r22_every_permit_is_proven_also_when_the_broker_stops_and_both_keep_the_proof() {
    let mut stage = Stage::set().await;
    let (portal, node) = stage.peers().await;
    let follower = Follower::on(&stage, &node).await;
    for _ in 0..3 {
        follower.permitted(&portal, &node).await;
    }
    // At once: the last permits have had no time to come under a root by themselves.
    stage.stop.send_replace(true);
    (&mut stage.running).await.unwrap().unwrap();
    assert_eq!(node.closed().await, ConnectionError::ClosedByPeer(CloseCode::Shutdown as u64));
    assert_eq!(follower.following.await.unwrap(), Followed::Ended);
    assert_eq!(follower.permits.uncovered(), 0);
    let proven = follower.witness.proven.lock().unwrap();
    assert_eq!(proven.iter().map(|root| root.leaves.len() / 32).sum::<usize>(), 3);

    let journal = stage.dir.path().join("data/journal");
    let (journal, _) = Journal::open(&journal, JournalOptions::default()).unwrap();
    let kept = journal.read(EVIDENCE_PARTITION, 1).map(|entry| {
        let evidence = Evidence::from_bytes(&entry.unwrap().sealed).unwrap();
        assert_eq!((evidence.broker.as_str(), evidence.receiver.as_str()), ("broker-a", NODE));
        let EvidenceOf::Root(root) = evidence.of else { panic!("{:?}", evidence.of) };
        root
    });
    assert_eq!(kept.collect::<Vec<_>>(), *proven);
}

#[tokio::test]
async fn one_stream_of_roots_is_served_on_a_connection() {
    let stage = Stage::set().await;
    let (_portal, node) = stage.peers().await;
    let follower = Follower::on(&stage, &node).await;
    let again = open_roots(&follower.permits, &follower.witness.past, Clock::system().now_ms()).await;
    let refused = Outcome::Refused(ResultName::NotPermitted);
    assert!(matches!(again, Err(NotFollowed::Refused(told)) if told == refused));
    assert!(!node.is_closed());
}
