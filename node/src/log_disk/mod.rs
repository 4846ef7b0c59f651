//! The disk of the journal while it fills: an alarm, then functions go one after the other, and at last nothing is
//! disclosed any more, while the process stays and administrators get in (R41, R43).
//!
//! What must hold: what goes is told as something to try again, with a time; the reserve is given up only once ordinary
//! requests are refused, as much of it as the log needs to go on, so that what administrators and upkeep do has its events;
//! when there is space again, everything comes back by itself and the reserve is made again first. Deliberately absent:
//! making space.

mod levels;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use chukei_store::Journal;
use chukei_store::journal::{JournalError, Reserve};
use chukei_wire::frame::Outcome;
use chukei_wire::header::Kind;
use tokio::sync::{Notify, watch};

use crate::admission::{NOT_READY, Shed};
use crate::config::log_disk::LogDiskRules;
use crate::telemetry::metrics::Metrics;

pub use levels::{Fill, Level, Thresholds};

/// How often the disk is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Segments that a log must be able to begin.
const SEGMENTS: u64 = 2;
/// How long an administrator waits for room.
const ROOM_WAIT: Duration = Duration::from_secs(3);
/// When refused work may be tried again, milliseconds.
const RETRY_AFTER_MS: u32 = 60_000;

/// Why a kind of request is not taken on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdmitted {
    /// It comes later than others in the order of R41: OVERLOADED.
    Degraded(Shed),
    /// Nothing is disclosed: NOT_READY.
    Full,
}

/// How the journal's disk stands, as requests see it.
#[derive(Debug, Default)]
pub struct LogDisk {
    level: AtomicU8,
    /// Somebody needs room now.
    asked: Notify,
    /// Looks that were taken.
    looks: watch::Sender<u64>,
}

impl NotAdmitted {
    /// What the one who asks is told.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Degraded(shed) => shed.outcome(),
            Self::Full => NOT_READY,
        }
    }
}

impl LogDisk {
    /// What the role does without now.
    pub fn level(&self) -> Level {
        let level = usize::from(self.level.load(Ordering::Acquire));
        Level::ALL.get(level).copied().unwrap_or(Level::Disclosures)
    }

    /// Whether requests of this kind are taken on now.
    pub fn admits(&self, kind: Kind) -> Result<(), NotAdmitted> {
        match Level::refuses_from(kind) {
            Some(from) if self.level() >= from => Err(match from {
                Level::Disclosures => NotAdmitted::Full,
                _ => NotAdmitted::Degraded(Shed::of_log_disk(RETRY_AFTER_MS)),
            }),
            _ => Ok(()),
        }
    }

    /// Whether a request of this kind is what the reserve is for.
    pub fn serves_always(kind: Kind) -> bool {
        Level::refuses_from(kind).is_none()
    }

    /// Has the disk looked at at once, for one who found it full, and waits until that is done.
    pub async fn make_room(&self) {
        let mut looks = self.looks.subscribe();
        looks.mark_unchanged();
        self.asked.notify_one();
        let _ = tokio::time::timeout(ROOM_WAIT, looks.changed()).await;
    }

    /// In words for operators, where anything is missing.
    pub fn told(&self) -> Option<String> {
        let level = self.level();
        (level > Level::Whole).then(|| format!("the log's disk fills: {}", level.as_str()))
    }

    fn set(&self, level: Level) {
        self.level.store(level as u8, Ordering::Release);
    }
}

/// The disk of one journal, and what is kept of it.
struct Keeper {
    journal: Arc<Journal>,
    reserve: Reserve,
    thresholds: Thresholds,
    segment: u64,
}

impl Keeper {
    fn new(journal: Arc<Journal>, rules: LogDiskRules) -> Self {
        let reserve = journal.reserve(rules.reserve_bytes);
        Self { journal, reserve, thresholds: rules.thresholds, segment: rules.segment_bytes }
    }

    /// What a log needs to go on.
    fn room(&self) -> u64 {
        self.segment * SEGMENTS
    }

    /// Looks, and says at which level that leaves the role.
    fn look(&self, now: Level) -> Result<(Fill, Level), JournalError> {
        let (status, held) = (self.journal.status()?, self.reserve.held()?);
        // A level that was entered for want of room is left with twice as much.
        let room = if now == Level::Disclosures { self.room() * 2 } else { self.room() };
        let fill = Fill::of(status.disk_bytes, status.free_bytes, self.reserve.wanted(), held, room);
        Ok((fill, self.thresholds.next(now, fill)))
    }

    /// Gives up as much of the reserve as the log needs, or makes it again where that leaves room. Ordinary requests are
    /// refused already where it is given up. What it holds then, bytes.
    fn settle(&self, level: Level) -> Result<u64, JournalError> {
        let before = self.reserve.held()?;
        loop {
            let free = self.journal.status()?.free_bytes;
            let changed = if level == Level::Disclosures {
                free < self.room() && self.reserve.give_up()?
            } else {
                free >= self.reserve.step() + self.room() && self.reserve.take()?
            };
            if !changed {
                break;
            }
        }
        let held = self.reserve.held()?;
        if held != before {
            tracing::warn!(degraded = level.as_str(), before, held, "bytes of the log's reserve");
        }
        Ok(held)
    }
}

/// Looks after the disk until `stop` changes to true. A disk that does not answer holds up nothing but this.
pub async fn keep(
    disk: Arc<LogDisk>,
    journal: Arc<Journal>,
    rules: LogDiskRules,
    metrics: Metrics,
    mut stop: watch::Receiver<bool>,
) {
    let keeper = Arc::new(Keeper::new(journal, rules));
    let mut alarmed = false;
    loop {
        look(&disk, &keeper, &metrics, rules.alarm_percent, &mut alarmed).await;
        disk.looks.send_modify(|looks| *looks += 1);
        tokio::select! {
            () = disk.asked.notified() => {}
            () = tokio::time::sleep(EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

async fn look(disk: &LogDisk, keeper: &Arc<Keeper>, metrics: &Metrics, alarm: f64, alarmed: &mut bool) {
    let (now, of) = (disk.level(), keeper.clone());
    let percent = match beside(move || of.look(now)).await {
        Ok((fill, level)) => {
            if level != now {
                tell(now, level, fill);
            }
            disk.set(level);
            fill.percent
        }
        Err(error) => {
            tracing::debug!(code = error.code(), "the log's disk tells nothing");
            return;
        }
    };
    if *alarmed != (percent >= alarm) {
        *alarmed = percent >= alarm;
        match *alarmed {
            true => tracing::error!(percent, "the log's disk fills: give it space"),
            false => tracing::info!(percent, "the log's disk has space again"),
        }
    }
    metrics.degraded_level.set(i64::from(disk.level() as u8));
    metrics.log_disk_used.set(percent / 100.0);
    metrics.log_disk_alarm.set(i64::from(*alarmed));
    let (level, of) = (disk.level(), keeper.clone());
    match beside(move || of.settle(level)).await {
        Ok(held) => metrics.log_reserve_bytes.set(i64::try_from(held).unwrap_or(i64::MAX)),
        Err(error) => {
            tracing::warn!(code = error.code(), cause = %error, "the log's reserve is not as it should be");
        }
    }
}

fn tell(before: Level, level: Level, fill: Fill) {
    let (percent, level_name) = (fill.percent, level.as_str());
    if level > before {
        tracing::error!(
            percent,
            degraded = level as u8,
            "the log's disk fills: the role goes on {level_name}"
        );
    } else {
        tracing::info!(
            percent,
            degraded = level as u8,
            "the log's disk has space: the role goes on {level_name}"
        );
    }
}

/// On a thread that may wait for files.
async fn beside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, JournalError> + Send + 'static,
) -> Result<T, JournalError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(JournalError::Failed))
}

#[cfg(test)]
mod tests;
