//! A business system of one body, which shows one person's copies again and again at a steady pace.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use chukei_benches::Failure;
use chukei_benches::link::{LOOPBACK, soon};
use chukei_benches::stats::quantile;
use chukei_harness::layout::AFFAIRS;
use chukei_relay_client::clock::Clock;
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::endpoint::{ClientEndpoint, client_endpoint};
use chukei_relay_client::request_id;
use chukei_relay_client::session::open_request;
use chukei_relay_client::tls::HopCredentials;
use chukei_wire::body_code::BodyCode;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Direction, Header, Hop, Kind};
use chukei_wire::identity::Identity;
use chukei_wire::limits::VERSION;
use chukei_wire::message::staff::{CopyShowReply, CopyShowRequest};
use chukei_wire::result::ResultName;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep_until};

/// The dataset that is shown.
pub(crate) const DATASET: &str = "TM00000000000002";
/// Connections of one caller, so that no single one's streams are the limit.
const CONNECTIONS: usize = 4;
/// Requests in flight of one caller; what comes due beyond them is not sent, and counted.
const IN_FLIGHT: usize = 256;

/// Where a caller calls, as whom, and about whom.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The folder laid out.
    pub(crate) folder: PathBuf,
    /// The node's entrance for staff.
    pub(crate) address: SocketAddr,
    /// The body.
    pub(crate) body: BodyCode,
    /// Certificate and key.
    pub(crate) holder: [PathBuf; 2],
    /// 団体内統合宛名番号.
    pub(crate) addressee: String,
}

/// Connections of one business system.
pub(crate) struct Caller {
    peers: Vec<PeerConnection>,
    body: BodyCode,
    /// The affair that the dataset is of.
    affair: &'static str,
    question: Arc<CopyShowRequest>,
    clock: Clock,
    _endpoint: ClientEndpoint,
}

/// What a caller was told in one round.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Told {
    /// Requests answered.
    pub(crate) answered: u64,
    /// Requests told OVERLOADED.
    pub(crate) overloaded: u64,
    /// Requests not sent, because too many were in flight.
    pub(crate) unsent: u64,
    /// Half the answers came sooner after they were due, microseconds.
    pub(crate) p50_us: f64,
    /// One in a hundred came later.
    pub(crate) p99_us: f64,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.answered, self.overloaded, self.unsent)
    }
}

impl FromStr for Told {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let counts: Vec<u64> = text.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        let &[answered, overloaded, unsent] = counts.as_slice() else {
            return Err(format!("the one who floods said: {text}").into());
        };
        Ok(Self { answered, overloaded, unsent, ..Self::default() })
    }
}

impl Caller {
    /// Connects as this business system.
    pub(crate) async fn connect(place: &Place) -> Result<Self, Failure> {
        let [certificate, key] = &place.holder;
        let authority = place.folder.join("pki").join("ca.pem");
        let credentials = HopCredentials::load(certificate, key, &authority)?;
        let (endpoint, clock) = (client_endpoint(LOOPBACK)?, Clock::file(place.folder.join("clock")));
        let node = Identity::Node("node-a".to_owned());
        let mut peers = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            peers.push(endpoint.connect(&credentials, &clock, place.address, &node).await?);
        }
        let question = CopyShowRequest {
            integrated_addressee_number: place.addressee.clone(),
            info_name_code: DATASET.to_owned(),
        };
        let [affair, _] = AFFAIRS;
        let question = Arc::new(question);
        Ok(Self { peers, body: place.body, affair, question, clock, _endpoint: endpoint })
    }

    /// Asks so often a second, whether or not answers come, and waits for those that are in flight at the end. An
    /// answer's time counts from when its request was due.
    pub(crate) async fn pace(&self, per_second: u32, time: Duration) -> Result<Told, Failure> {
        let began = Instant::now();
        let places = Arc::new(Semaphore::new(IN_FLIGHT));
        let (tell, mut hear) = mpsc::unbounded_channel();
        let (mut told, requests) = (Told::default(), f64::from(per_second) * time.as_secs_f64());
        for number in 0..requests as u32 {
            let due = began + Duration::from_secs(number.into()) / per_second.max(1);
            sleep_until(due).await;
            let Ok(place) = places.clone().try_acquire_owned() else {
                told.unsent += 1;
                continue;
            };
            let peer = self.peers.get(number as usize % CONNECTIONS).ok_or("no connection")?.clone();
            let (header, question, tell) = (self.header()?, self.question.clone(), tell.clone());
            tokio::spawn(async move {
                let answered = ask(&peer, &header, &question).await;
                let _ = tell.send(answered.map(|answered| (answered, due.elapsed().as_secs_f64() * 1e6)));
                drop(place);
            });
        }
        drop(tell);
        let mut latencies = Vec::new();
        while let Some(asked) = hear.recv().await {
            match asked? {
                (true, us) => latencies.push(us),
                (false, _) => told.overloaded += 1,
            }
        }
        latencies.sort_by(f64::total_cmp);
        told.answered = latencies.len() as u64;
        told.p50_us = quantile(&latencies, 0.5).ok_or("no request was answered")?;
        told.p99_us = quantile(&latencies, 0.99).ok_or("no request was answered")?;
        Ok(told)
    }

    fn header(&self) -> Result<Header, Failure> {
        Ok(Header {
            version: VERSION,
            kind: Kind::CopyShow,
            direction: Direction::Hop,
            request_id: request_id::fresh(self.clock.now_ms())?,
            body: Some(self.body),
            portal: None,
            affair: Some(self.affair.to_owned()),
            datasets: Vec::new(),
            channel: None,
            deadline_ms: 20_000,
            idempotency_key: None,
            retry_of: None,
            authn_ref: None,
        })
    }
}

/// Whether it was answered; anything but an answer or OVERLOADED ends the benchmark.
async fn ask(peer: &PeerConnection, header: &Header, question: &CopyShowRequest) -> Result<bool, Failure> {
    let mut request = open_request(peer, header, &Hop::default()).await?;
    // A node that has turned it away by now does not read on: its status tells.
    let said = request.send.write_message(question).await.is_ok();
    if said {
        let _ = request.send.finish().await;
    }
    request.recv.set_deadline(soon());
    match request.read_status().await? {
        Outcome::Answered => {
            let shown: CopyShowReply = request.recv.read_message().await?;
            request.recv.expect_end().await?;
            if shown.records.is_empty() { Err("nothing is shown".into()) } else { Ok(true) }
        }
        Outcome::RetryAfter(ResultName::Overloaded, 1..) => Ok(false),
        other => Err(format!("neither answered nor OVERLOADED: {other:?}").into()),
    }
}
