//! A call's leave to use the node: its turns, and the bytes that pass on its stream.
//!
//! What must hold: a call holds a turn while the node works for it, and none while it waits for its caller or for the
//! network; a stream that is faster than its body may be is slowed down between two messages, and told to come back
//! only where that would take too long.

use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use super::{Admission, BodyLimit, Reason, Shed, Turn, Way};

/// How long a stream waits for its turn between two messages: its caller sends nothing meanwhile.
const STREAM_WAIT: Duration = Duration::from_secs(10);
/// The longest pause of a stream whose body has had too many bytes; its caller waits 30 s for an answer.
const PAUSE_MAX: Duration = Duration::from_secs(20);
/// Bytes of a message that cost as much as a request.
const BYTES_OF_ONE: usize = 8 * 1024;

/// The leave of one call.
pub struct Pass {
    admission: Admission,
    limit: BodyLimit,
    turn: Option<Turn>,
    _scan: Option<OwnedSemaphorePermit>,
}

impl Pass {
    /// Lets a call in and waits for its first turn. `scans`: it reads a whole log or every row.
    pub async fn enter(admission: &Admission, limit: &BodyLimit, scans: bool) -> Result<Self, Shed> {
        limit.enter()?;
        let scan = scans.then(|| limit.scan()).transpose()?;
        let turn = admission.turn(limit, 1, limit.bounds().wait, false).await?;
        Ok(Self { admission: admission.clone(), limit: limit.clone(), turn: Some(turn), _scan: scan })
    }

    /// Gives the turn back while the call waits for somebody else.
    pub fn rest(&mut self) {
        self.turn = None;
    }

    /// A message of so many bytes has come: what it asks for is done in a turn.
    pub async fn received(&mut self, bytes: usize) -> Result<(), Shed> {
        self.limit.charge(Way::In, bytes);
        self.pause(Way::In).await?;
        self.turn = Some(self.next(bytes).await?);
        Ok(())
    }

    /// A message of so many bytes is about to go out, without a turn.
    pub async fn sending(&mut self, bytes: usize) -> Result<(), Shed> {
        self.rest();
        self.pause(Way::Out).await?;
        self.limit.charge(Way::Out, bytes);
        Ok(())
    }

    /// The turn, to be kept by work that outlives the wait for it.
    pub async fn take_turn(&mut self) -> Result<Turn, Shed> {
        match self.turn.take() {
            Some(turn) => Ok(turn),
            None => self.next(0).await,
        }
    }

    async fn next(&self, bytes: usize) -> Result<Turn, Shed> {
        let cost = u32::try_from(bytes / BYTES_OF_ONE).unwrap_or(u32::MAX).saturating_add(1);
        self.admission.turn(&self.limit, cost, STREAM_WAIT, true).await
    }

    async fn pause(&self, way: Way) -> Result<(), Shed> {
        let pause = self.limit.debt(way);
        if pause > PAUSE_MAX {
            return Err(self.limit.shed(Reason::Bytes, pause));
        }
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }
}
