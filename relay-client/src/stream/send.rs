//! The sending half.

use std::future::Future;

use bytes::{Bytes, BytesMut};
use chukei_wire::codec::encode;
use chukei_wire::frame::{FRAME_HEAD, FrameType, frame_head};
use serde::Serialize;
use tokio::time::Instant;

use super::{ResetCode, StreamError};

/// Frames collected before they are written even without [`SendHalf::flush`], bytes. A small reply is one
/// write and one wake of the connection's task; a large payload is handed over without being copied.
const COLLECT: usize = 16 * 1024;

/// Writes frames. Dropped before [`SendHalf::finish`], it resets the stream.
#[derive(Debug)]
pub struct SendHalf {
    stream: quinn::SendStream,
    deadline: Instant,
    collected: BytesMut,
    ended: bool,
}

impl SendHalf {
    pub(crate) fn new(stream: quinn::SendStream, deadline: Instant) -> Self {
        Self { stream, deadline, collected: BytesMut::new(), ended: false }
    }

    /// When every wait of this half ends.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Replaces the deadline.
    pub fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    /// Collects a frame; it goes out with the next flush, or at once where much has been collected.
    pub async fn put_frame(&mut self, kind: FrameType, payload: &[u8]) -> Result<(), StreamError> {
        let head = frame_head(kind, payload.len())?;
        self.collected.reserve(FRAME_HEAD + payload.len());
        self.collected.extend_from_slice(&head);
        self.collected.extend_from_slice(payload);
        if self.collected.len() >= COLLECT { self.flush().await } else { Ok(()) }
    }

    /// Like [`Self::put_frame`] for a payload that is owned: a large one is not copied.
    pub async fn put_owned_frame(&mut self, kind: FrameType, payload: Vec<u8>) -> Result<(), StreamError> {
        if payload.len() < COLLECT {
            return self.put_frame(kind, &payload).await;
        }
        self.collected.extend_from_slice(&frame_head(kind, payload.len())?);
        self.write_raw(Bytes::from(payload)).await
    }

    /// Writes a frame, with all that was collected before it.
    pub async fn write_frame(&mut self, kind: FrameType, payload: &[u8]) -> Result<(), StreamError> {
        self.put_frame(kind, payload).await?;
        self.flush().await
    }

    /// Writes one message in its canonical form.
    pub async fn write_message<T: Serialize>(&mut self, message: &T) -> Result<(), StreamError> {
        self.put_owned_frame(FrameType::Message, encode(message)?).await?;
        self.flush().await
    }

    /// Writes what was collected.
    pub async fn flush(&mut self) -> Result<(), StreamError> {
        if self.collected.is_empty() {
            return Ok(());
        }
        let collected = self.collected.split().freeze();
        within(self.deadline, self.stream.write_chunk(collected)).await
    }

    /// Writes bytes as they are, without copying them, behind what was collected.
    pub async fn write_raw(&mut self, bytes: Bytes) -> Result<(), StreamError> {
        let collected = self.collected.split().freeze();
        self.write_chunks(&mut [collected, bytes]).await
    }

    pub(super) async fn write_chunks(&mut self, chunks: &mut [Bytes]) -> Result<(), StreamError> {
        within(self.deadline, self.stream.write_all_chunks(chunks)).await
    }

    /// Writes what was collected and ends the stream.
    pub async fn finish(&mut self) -> Result<(), StreamError> {
        self.flush().await?;
        self.ended = true;
        self.stream.finish().map_err(|_| StreamError::Closed)
    }

    /// Waits, after [`Self::finish`], until the peer's transport has acknowledged every byte. That the peer's
    /// program has read them is another matter.
    pub async fn finished_ack(&mut self) -> Result<(), StreamError> {
        match within(self.deadline, self.stream.stopped()).await? {
            None => Ok(()),
            Some(code) => Err(StreamError::Stopped(code.into_inner())),
        }
    }

    /// Gives up: the peer sees an error, not an end.
    pub fn reset(&mut self, code: ResetCode) {
        self.ended = true;
        // Fails only where the stream is over already.
        let _ = self.stream.reset(code.to_varint());
    }
}

impl Drop for SendHalf {
    fn drop(&mut self) {
        if !self.ended {
            // quinn would finish the stream, and what was cut short would look complete.
            self.reset(ResetCode::Abandoned);
        }
    }
}

async fn within<T, E>(deadline: Instant, work: impl Future<Output = Result<T, E>>) -> Result<T, StreamError>
where
    StreamError: From<E>,
{
    Ok(tokio::time::timeout_at(deadline, work).await.map_err(|_| StreamError::Deadline)??)
}
