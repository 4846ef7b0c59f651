//! How long a permit waits for its root: from its issue by the broker to the moment when the receiver holds a signed
//! root over it, verified and in its chain (R22).
//!
//! Not a pair: the wait is mostly the time in which permits are gathered. Both ends and everything that makes the
//! load share one thread, so that what they take from each other is in the figures.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chukei_benches::Failure;
use chukei_benches::stats::{Spread, quantile};
use chukei_benches::table::Table;
use chukei_crypto::permit::Epoch;
use chukei_crypto::sign::SigningKey;
use chukei_relay_client::permit::{
    PastEpochs, PermitBasis, PermitFault, PermitIssuer, PermitReceiver, PermitSession, RootKeeper,
    RootWitness, follow, open_roots, serve_roots,
};
use chukei_relay_client::session::accept_request;
use chukei_wire::header::{Direction, Header, Kind};
use chukei_wire::message::control::{PermitRoot, WantedEpoch};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::handshake::{BROKER, Ends, PORTAL, header};

/// Permits of one second.
const PACES: [u32; 4] = [10, 100, 1_000, 10_000];
/// The broker's load is made in steps of this length; a pace below one permit a step has one in some.
const STEP: Duration = Duration::from_millis(1);
/// Bytes of a leaf in a root.
const LEAF: usize = 32;
/// What nobody who works waits for.
const SETTLED: Duration = Duration::from_secs(5);

/// The broker's key; its roots go nowhere but to the receiver.
struct Keeper(SigningKey);

impl RootKeeper for Keeper {
    fn key(&self) -> &SigningKey {
        &self.0
    }

    fn keep(&self, _: &Epoch, _: &PermitRoot) {}

    fn earlier(&self, _: &str, _: &WantedEpoch) -> Vec<PermitRoot> {
        Vec::new()
    }
}

/// Notes when each permit was proven; the first permit has the number 1.
struct Witness {
    public: Vec<u8>,
    proven: Mutex<Vec<Instant>>,
    past: PastEpochs,
}

impl Witness {
    fn proven(&self) -> Vec<Instant> {
        self.proven.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl RootWitness for Witness {
    fn public(&self, _: &str) -> Option<Vec<u8>> {
        Some(self.public.clone())
    }

    fn is_held(&self, _: &str, _: u64) -> bool {
        false
    }

    fn proven(&self, _: &Epoch, root: PermitRoot) {
        let permits = root.leaves.len() / LEAF;
        let now = Instant::now();
        self.proven.lock().unwrap_or_else(PoisonError::into_inner).extend(std::iter::repeat_n(now, permits));
    }

    fn unproven(&self, _: &Epoch, _: usize) {}

    fn stopped(&self, _: &Epoch, fault: PermitFault) {
        eprintln!("micro: the receiver stopped: {fault}");
    }

    fn past(&self) -> &PastEpochs {
        &self.past
    }
}

pub(crate) fn table(seconds: f64, runtime: &Runtime) -> Result<Table, Failure> {
    let columns = ["permits a second", "permits", "median, ms", "p99, ms", "longest, ms"];
    let mut table = Table::new("From a permit's issue to its signed root at the receiver", &columns);
    for pace in PACES {
        let mut waits = runtime.block_on(waits(pace, seconds))?;
        waits.sort_by(f64::total_cmp);
        let spread = Spread::of(waits.iter().copied()).ok_or("no permit was issued")?;
        let [p99, longest] = [0.99, 1.0].map(|at| quantile(&waits, at).unwrap_or_default());
        let figures = [spread.show(1), format!("{p99:.1}"), format!("{longest:.1}")];
        table.row([pace.to_string(), waits.len().to_string()].into_iter().chain(figures));
    }
    Ok(table)
}

/// Milliseconds that each permit waited, at one pace over a fresh connection.
async fn waits(pace: u32, seconds: f64) -> Result<Vec<f64>, Failure> {
    let ends = Ends::set().await?;
    let key = SigningKey::from_pkcs8(&SigningKey::generate()?)?;
    let witness = Arc::new(Witness {
        public: key.public().to_vec(),
        proven: Mutex::default(),
        past: PastEpochs::default(),
    });
    let receiver_name = format!("chukei://portal/{PORTAL}");
    let issuer = Arc::new(PermitIssuer::new(PermitSession::of(&ends.link.accepted)?, BROKER, &receiver_name));
    let receiver = Arc::new(PermitReceiver::new(&ends.link.dialled, &receiver_name)?);
    let (end, ended) = oneshot::channel::<()>();
    let (served, connection) = (Arc::clone(&issuer), ends.link.accepted.clone());
    let serving = tokio::spawn(async move {
        let (send, recv) = connection.accept().await?;
        let request = accept_request(send, recv).await?;
        serve_roots(&served, &Keeper(key), request, async { drop(ended.await) }).await?;
        Ok::<_, Failure>(())
    });
    let roots = open_roots(&receiver, witness.past(), ends.clock.now_ms()).await?;
    let following = tokio::spawn(follow(Arc::clone(&receiver), roots, Arc::clone(&witness)));

    let issued = issue(&ends, &issuer, &receiver, pace, seconds).await?;
    let settled = Instant::now() + SETTLED;
    while receiver.uncovered() > 0 {
        if Instant::now() > settled {
            return Err("a permit has no root".into());
        }
        tokio::time::sleep(STEP).await;
    }
    drop(end);
    serving.await??;
    following.abort();
    let proven = witness.proven();
    if proven.len() != issued.len() {
        return Err("roots do not cover what was issued".into());
    }
    Ok(issued.iter().zip(proven).map(|(issued, proven)| (proven - *issued).as_secs_f64() * 1e3).collect())
}

/// Issues and verifies permits at the pace, and says when each was issued.
async fn issue(
    ends: &Ends,
    issuer: &PermitIssuer,
    receiver: &PermitReceiver,
    pace: u32,
    seconds: f64,
) -> Result<Vec<Instant>, Failure> {
    let total = (f64::from(pace) * seconds) as usize;
    let mut issued = Vec::with_capacity(total);
    let begun = Instant::now();
    let mut steps = tokio::time::interval(STEP);
    while issued.len() < total {
        steps.tick().await;
        let due = (begun.elapsed().as_secs_f64() * f64::from(pace)) as usize + 1;
        while issued.len() < due.min(total) {
            let now_ms = ends.clock.now_ms();
            let header = header(Kind::ChannelSetup, Direction::ToPortal, now_ms)?;
            let hash = Header::hash(&header.to_bytes()?);
            let basis = PermitBasis { person: None, previous: None, legal_basis: "benchmark".to_owned() };
            issued.push(Instant::now());
            let permit = issuer.issue(hash, basis, now_ms).ok_or("no permit was issued")?;
            receiver
                .verify(Some(permit), &header, hash, now_ms)
                .map_err(|refused| format!("a permit was refused: {refused:?}"))?;
        }
    }
    Ok(issued)
}
