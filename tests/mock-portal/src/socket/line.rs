//! Bounded lines: JSON objects end with a newline, and a line over its limit ends the connection.
//!
//! Buffers are wiped: replies hold personal values.

use std::io::{Error, ErrorKind};

use serde::Serialize;
use tokio::io::{AsyncBufRead, AsyncBufReadExt};
use zeroize::Zeroizing;

/// `value` as a line.
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
    // A first pass counts, so that the buffer never grows: growing would leave copies behind.
    let mut count = Counter(1);
    serde_json::to_writer(&mut count, value)?;
    let mut line = Zeroizing::new(Vec::with_capacity(count.0));
    serde_json::to_writer(&mut *line, value)?;
    line.push(b'\n');
    Ok(line)
}

struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The next line without its newline; `None` at the end; an error for a line over `limit` or cut short.
pub(crate) async fn read(
    from: &mut (impl AsyncBufRead + Unpin),
    limit: usize,
) -> std::io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut line = Zeroizing::new(Vec::new());
    loop {
        let available = from.fill_buf().await?;
        if available.is_empty() {
            return if line.is_empty() { Ok(None) } else { Err(ErrorKind::UnexpectedEof.into()) };
        }
        let (part, taken, ended) = match available.iter().position(|&byte| byte == b'\n') {
            Some(end) => (available.get(..end).unwrap_or_default(), end + 1, true),
            None => (available, available.len(), false),
        };
        if line.len() + part.len() > limit {
            return Err(Error::new(ErrorKind::InvalidData, "line over its limit"));
        }
        line.extend_from_slice(part);
        from.consume(taken);
        if ended {
            return Ok(Some(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_bounded_and_whole() {
        let mut from: &[u8] = b"one\n\ntwo\nthr";
        assert_eq!(read(&mut from, 3).await.unwrap().unwrap().as_slice(), b"one");
        assert_eq!(read(&mut from, 3).await.unwrap().unwrap().as_slice(), b"");
        assert_eq!(read(&mut from, 3).await.unwrap().unwrap().as_slice(), b"two");
        assert_eq!(read(&mut from, 3).await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
        let mut long: &[u8] = b"four\n";
        assert_eq!(read(&mut long, 3).await.unwrap_err().kind(), ErrorKind::InvalidData);
        let mut empty: &[u8] = b"";
        assert!(read(&mut empty, 3).await.unwrap().is_none());
    }

    #[test]
    fn an_encoded_line_fills_its_buffer_exactly() {
        let line = encode(&serde_json::json!({"value": "髙\n"})).unwrap();
        assert_eq!(line.capacity(), line.len());
        assert_eq!(line.iter().filter(|&&byte| byte == b'\n').count(), 1);
    }
}
