//! The limits of one body, or of those who share one because they are no body's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::bucket::Bucket;
use super::queue::FlowId;
use super::{Reason, Shed};

/// The log tells of a body that is held to its limits no more often than this.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// How long a body over its storage is told to wait: until it may have been measured again.
const STORAGE_RETRY: Duration = Duration::from_secs(30);

/// How much a body may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Its share of turns against other bodies that wait, from 1.
    pub weight: u32,
    /// Requests in work at once.
    pub in_flight: usize,
    /// Requests that wait for their turn; the batches of its streams may be as many again.
    pub waiting: usize,
    /// How long a request waits for its turn.
    pub wait: Duration,
    /// How fast requests and their bytes come and go; `None` where nothing but the places counts.
    pub pace: Option<Pace>,
    /// Calls at once that read a whole log or every row.
    pub scans: usize,
    /// Bytes that its rows may take before nothing is added to them.
    pub storage_bytes: u64,
}

/// How fast requests and their bytes come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Requests a second.
    pub requests: u32,
    /// Requests at once, after a pause.
    pub burst: u32,
    /// Bytes of messages that come in, a second.
    pub bytes_in: u64,
    /// Bytes of messages that go out, a second.
    pub bytes_out: u64,
}

impl Bounds {
    /// Places alone, and nobody waits.
    pub fn places(in_flight: usize) -> Self {
        Self {
            weight: 1,
            in_flight,
            waiting: in_flight,
            wait: Duration::ZERO,
            pace: None,
            scans: in_flight,
            storage_bytes: u64::MAX,
        }
    }
}

/// Which way bytes pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Towards the node.
    In,
    /// Away from it.
    Out,
}

/// The limits of one body. Cloning shares them.
#[derive(Clone)]
pub struct BodyLimit(Arc<Inner>);

struct Inner {
    name: String,
    bounds: Bounds,
    flow: FlowId,
    pace: Option<Buckets>,
    /// Places of requests that wait, and of batches that do.
    waiting: [Arc<Semaphore>; 2],
    scans: Arc<Semaphore>,
    storage_full: AtomicBool,
    told: Mutex<Told>,
}

struct Buckets {
    requests: Bucket,
    bytes_in: Bucket,
    bytes_out: Bucket,
}

#[derive(Default)]
struct Told {
    last: Option<Instant>,
    counts: [u64; Reason::ALL.len()],
}

impl BodyLimit {
    pub(super) fn new(name: String, bounds: Bounds, flow: FlowId) -> Self {
        let pace = bounds.pace.map(|pace| Buckets {
            requests: Bucket::new(pace.requests.into(), pace.burst.into()),
            // What a second brings may come at once.
            bytes_in: Bucket::new(pace.bytes_in, pace.bytes_in),
            bytes_out: Bucket::new(pace.bytes_out, pace.bytes_out),
        });
        let places = || Arc::new(Semaphore::new(bounds.waiting));
        Self(Arc::new(Inner {
            name,
            bounds,
            flow,
            pace,
            waiting: [places(), places()],
            scans: Arc::new(Semaphore::new(bounds.scans)),
            storage_full: AtomicBool::new(false),
            told: Mutex::default(),
        }))
    }

    pub(super) fn flow(&self) -> FlowId {
        self.0.flow
    }

    pub(super) fn bounds(&self) -> &Bounds {
        &self.0.bounds
    }

    /// Places to wait in; batches of streams have their own, so that a flood of requests does not break imports off.
    pub(super) fn waiting(&self, in_stream: bool) -> Arc<Semaphore> {
        let [requests, batches] = &self.0.waiting;
        if in_stream { batches.clone() } else { requests.clone() }
    }

    /// Lets a request in, or says why not: before anything is known of it but whose it is.
    pub fn enter(&self) -> Result<(), Shed> {
        let Some(pace) = &self.0.pace else { return Ok(()) };
        for way in [Way::In, Way::Out] {
            let debt = self.debt(way);
            if !debt.is_zero() {
                return Err(self.shed(Reason::Bytes, debt));
            }
        }
        pace.requests.take_one().map_err(|wait| self.shed(Reason::Rate, wait))
    }

    /// Counts bytes that pass.
    pub fn charge(&self, way: Way, bytes: usize) {
        if let Some(bucket) = self.bytes(way) {
            bucket.charge(u64::try_from(bytes).unwrap_or(u64::MAX));
        }
    }

    /// How long it is until bytes may pass again.
    pub(super) fn debt(&self, way: Way) -> Duration {
        self.bytes(way).map_or(Duration::ZERO, Bucket::debt)
    }

    fn bytes(&self, way: Way) -> Option<&Bucket> {
        let pace = self.0.pace.as_ref()?;
        Some(if way == Way::In { &pace.bytes_in } else { &pace.bytes_out })
    }

    /// A place among the calls that read everything.
    pub(super) fn scan(&self) -> Result<OwnedSemaphorePermit, Shed> {
        let place = self.0.scans.clone().try_acquire_owned();
        place.map_err(|_| self.shed(Reason::Scans, Duration::from_secs(1)))
    }

    /// Notes what the rows take; tells whether that is more than they may.
    pub fn measured(&self, bytes: u64) -> bool {
        let full = bytes > self.0.bounds.storage_bytes;
        if self.0.storage_full.swap(full, Ordering::AcqRel) != full {
            let limit = self.0.bounds.storage_bytes;
            tracing::warn!(body = self.0.name, full, bytes, limit, "storage of a body against its limit");
        }
        full
    }

    /// Whether rows may be added. Reads, flags and erasures never ask. Refused as OVERLOADED: nothing is wrong with the node
    /// (NOT_READY) or with the caller's rights (DENIED), nothing was done, and it will do once there is room.
    pub fn room(&self) -> Result<(), Shed> {
        match self.0.storage_full.load(Ordering::Acquire) {
            true => Err(self.shed(Reason::Storage, STORAGE_RETRY)),
            false => Ok(()),
        }
    }

    /// Not now: counted here for the log, which names the body, and by the caller for the metrics, which do not.
    pub(super) fn shed(&self, reason: Reason, wait: Duration) -> Shed {
        self.tell(reason);
        Shed::after(reason, wait)
    }

    fn tell(&self, reason: Reason) {
        let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = told.counts.get_mut(reason as usize) {
            *count = count.saturating_add(1);
        }
        if told.last.is_some_and(|last| last.elapsed() < TELL_EVERY) {
            return;
        }
        // The disk of the log is nobody's own.
        let [rate, bytes, room, scans, storage, _] = told.counts;
        *told = Told { last: Some(Instant::now()), ..Told::default() };
        drop(told);
        tracing::warn!(body = self.0.name, rate, bytes, room, scans, storage, "held to its limits");
    }
}
