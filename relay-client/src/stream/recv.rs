//! The receiving half.

use bytes::{Bytes, BytesMut};
use chukei_wire::codec::decode;
use chukei_wire::frame::{FRAME_HEAD, FrameType, parse_frame_head};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::{ResetCode, StreamError};

/// Bytes taken from the connection at once, and reserved for a payload before any of it has come.
const READ: usize = 64 * 1024;

/// Reads frames. Dropped before the end, it tells the sender to stop.
#[derive(Debug)]
pub struct RecvHalf {
    stream: quinn::RecvStream,
    deadline: Instant,
    pending: Bytes,
}

impl RecvHalf {
    pub(crate) fn new(stream: quinn::RecvStream, deadline: Instant) -> Self {
        Self { stream, deadline, pending: Bytes::new() }
    }

    /// When every wait of this half ends.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Replaces the deadline.
    pub fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    /// The next frame, or `None` where the sender has ended the stream between two frames.
    pub async fn read_frame(&mut self) -> Result<Option<(FrameType, Bytes)>, StreamError> {
        if self.pending.is_empty() && !self.fill().await? {
            return Ok(None);
        }
        let mut head = [0; FRAME_HEAD];
        head.copy_from_slice(&self.take(FRAME_HEAD).await?);
        let (kind, length) = parse_frame_head(head)?;
        Ok(Some((kind, self.take(length).await?)))
    }

    /// The next frame, which must be of this type.
    pub async fn expect(&mut self, due: FrameType) -> Result<Bytes, StreamError> {
        match self.read_frame().await? {
            Some((kind, payload)) if kind == due => Ok(payload),
            Some((got, _)) => Err(StreamError::Unexpected { due, got }),
            None => Err(StreamError::Ended),
        }
    }

    /// The next message, or `None` at the end of the conversation.
    pub async fn next_message<T: Serialize + DeserializeOwned>(&mut self) -> Result<Option<T>, StreamError> {
        match self.read_frame().await? {
            Some((FrameType::Message, payload)) => Ok(Some(decode(&payload, FrameType::Message.limit())?)),
            Some((got, _)) => Err(StreamError::Unexpected { due: FrameType::Message, got }),
            None => Ok(None),
        }
    }

    /// The next message, where one is due.
    pub async fn read_message<T: Serialize + DeserializeOwned>(&mut self) -> Result<T, StreamError> {
        self.next_message().await?.ok_or(StreamError::Ended)
    }

    /// Bytes as they come, at most `max`, or `None` at the end: for passing them on unread.
    pub async fn read_raw_chunk(&mut self, max: usize) -> Result<Option<Bytes>, StreamError> {
        if self.pending.is_empty() && !self.fill().await? {
            return Ok(None);
        }
        Ok(Some(self.pending.split_to(max.min(self.pending.len()))))
    }

    /// Several chunks at once into `chunks`; how many, or `None` at the end.
    pub(super) async fn read_raw_chunks(
        &mut self,
        chunks: &mut [Bytes],
    ) -> Result<Option<usize>, StreamError> {
        if let (Some(first), false) = (chunks.first_mut(), self.pending.is_empty()) {
            *first = std::mem::take(&mut self.pending);
            return Ok(Some(1));
        }
        tokio::time::timeout_at(self.deadline, self.stream.read_chunks(chunks))
            .await
            .map_err(|_| StreamError::Deadline)?
            .map_err(StreamError::from)
    }

    /// Waits until the sender has ended the stream; anything further from it is refused.
    pub async fn expect_end(&mut self) -> Result<(), StreamError> {
        if self.pending.is_empty() && !self.fill().await? { Ok(()) } else { Err(StreamError::TooLong) }
    }

    /// Tells the sender that no more is wanted.
    pub fn stop(&mut self, code: ResetCode) {
        // Fails only where the stream is over already.
        let _ = self.stream.stop(code.to_varint());
    }

    /// Exactly `length` bytes; without copying where they came together.
    async fn take(&mut self, length: usize) -> Result<Bytes, StreamError> {
        if self.pending.len() >= length {
            return Ok(self.pending.split_to(length));
        }
        let mut gathered = BytesMut::with_capacity(length.min(READ));
        loop {
            let missing = length - gathered.len();
            gathered.extend_from_slice(&self.pending.split_to(missing.min(self.pending.len())));
            if gathered.len() == length {
                return Ok(gathered.freeze());
            }
            if !self.fill().await? {
                return Err(StreamError::Truncated);
            }
        }
    }

    /// Waits for bytes when none are pending; false at the end of the stream.
    async fn fill(&mut self) -> Result<bool, StreamError> {
        let chunk = tokio::time::timeout_at(self.deadline, self.stream.read_chunk(READ, true))
            .await
            .map_err(|_| StreamError::Deadline)??;
        match chunk {
            Some(chunk) => {
                self.pending = chunk.bytes;
                Ok(true)
            }
            None => Ok(false),
        }
    }
}
