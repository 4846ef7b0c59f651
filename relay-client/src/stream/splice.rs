//! Passing a stream on without looking at it.

use bytes::Bytes;

use super::{RecvHalf, SendHalf, StreamError};

/// Chunks moved in one step: one lock and one wake on either side for all of them.
const STEP: usize = 16;

/// Moves bytes from `from` to `to` until the sender ends the stream, at most `limit` bytes; how many there
/// were. Payload bytes are handed over, never copied or gathered. Ending `to` is left to the caller.
pub async fn splice(from: &mut RecvHalf, to: &mut SendHalf, limit: u64) -> Result<u64, StreamError> {
    let mut moved: u64 = 0;
    let mut chunks = [const { Bytes::new() }; STEP];
    to.flush().await?;
    while let Some(count) = from.read_raw_chunks(&mut chunks).await? {
        let step = chunks.get_mut(..count).unwrap_or_default();
        let bytes: usize = step.iter().map(Bytes::len).sum();
        moved = moved.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        if moved > limit {
            return Err(StreamError::TooLong);
        }
        to.write_chunks(step).await?;
    }
    Ok(moved)
}
