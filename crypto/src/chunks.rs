//! Many chunks under one key: the bodies of a channel, and streams at rest.
//!
//! Nonce = number of the chunk from 0 (u64) ‖ flag (u32): 0 more follow, 1 the last, 2 the receipt. Within one
//! key no nonce repeats: the number grows with each chunk and none is sealed after the last, nor after
//! [`CHUNKS_MAX`]. A chunk opens at its own place alone, and only the last opens as the last: what was cut,
//! reordered, repeated or prolonged does not open, and after a failure nothing does. That no key repeats is the
//! duty of those who derive it.

use crate::cipher::{Cipher, NONCE, TAG};

/// Largest plaintext of one chunk, bytes.
pub(crate) const CHUNK_PLAIN: usize = 64 * 1024;
/// Chunks under one key: 4 GiB, far below the 2^32 uses of one key that SP 800-38D allows, and 2^28 blocks, by which
/// AES-256-GCM is told from randomness with a chance below 2^-70.
pub(crate) const CHUNKS_MAX: u64 = 65_536;

const MORE: u32 = 0;
const LAST: u32 = 1;
const RECEIPT: u32 = 2;

/// Why a chunk was not sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChunkError {
    /// Not what was sealed for this place.
    IntegrityFailure,
    /// Longer than a chunk, or shorter than a tag.
    Length,
    /// After the last chunk, or after a failure.
    Ended,
    /// After [`CHUNKS_MAX`] chunks.
    TooMany,
}

/// The key of one pass over chunks in order.
pub(crate) struct Chunks {
    cipher: Cipher,
    number: u64,
    ended: bool,
}

impl Chunks {
    pub(crate) fn new(cipher: Cipher) -> Self {
        Self { cipher, number: 0, ended: false }
    }

    /// Seals the next chunk in place: plaintext, and room for the tag behind it.
    pub(crate) fn seal(&mut self, associated: &[u8], chunk: &mut [u8], last: bool) -> Result<(), ChunkError> {
        let nonce = self.next(chunk.len(), last)?;
        self.cipher.seal(nonce, associated, chunk).map_err(|_| ChunkError::Length)
    }

    /// Opens the next chunk in place and gives its plaintext.
    pub(crate) fn open<'a>(
        &mut self,
        associated: &[u8],
        chunk: &'a mut [u8],
        last: bool,
    ) -> Result<&'a mut [u8], ChunkError> {
        let nonce = self.next(chunk.len(), last)?;
        match self.cipher.open(nonce, associated, chunk, 0) {
            Ok(plain) => Ok(plain),
            Err(_) => {
                self.ended = true;
                Err(ChunkError::IntegrityFailure)
            }
        }
    }

    /// The tag of nothing, under a nonce that no chunk has: only who has the key can tell it.
    pub(crate) fn receipt(&self, associated: &[u8]) -> Result<[u8; TAG], ChunkError> {
        let mut tag = [0; TAG];
        self.cipher.seal(nonce(0, RECEIPT), associated, &mut tag).map_err(|_| ChunkError::Length)?;
        Ok(tag)
    }

    #[cfg(test)]
    pub(crate) fn pass_over(&mut self, chunks: u64) {
        self.number += chunks;
    }

    fn next(&mut self, length: usize, last: bool) -> Result<[u8; NONCE], ChunkError> {
        if self.ended {
            return Err(ChunkError::Ended);
        }
        if !(TAG..=CHUNK_PLAIN + TAG).contains(&length) {
            return Err(ChunkError::Length);
        }
        if self.number >= CHUNKS_MAX {
            return Err(ChunkError::TooMany);
        }
        let nonce = nonce(self.number, if last { LAST } else { MORE });
        self.number += 1;
        self.ended = last;
        Ok(nonce)
    }
}

fn nonce(number: u64, flag: u32) -> [u8; NONCE] {
    let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
    let [i, j, k, l] = flag.to_be_bytes();
    [a, b, c, d, e, f, g, h, i, j, k, l]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::Extracted;

    fn key() -> Chunks {
        Chunks::new(Extracted::uniform(&[1; 32]).cipher(&[b"test"]).unwrap())
    }

    #[test]
    fn a_key_refuses_what_comes_after_its_limit_of_chunks() {
        let mut key = key();
        key.pass_over(CHUNKS_MAX - 1);
        assert_eq!(key.seal(b"", &mut [0; TAG], false), Ok(()));
        assert_eq!(key.seal(b"", &mut [0; TAG], false), Err(ChunkError::TooMany));
        assert_eq!(key.open(b"", &mut [0; TAG], true).unwrap_err(), ChunkError::TooMany);
    }

    #[test]
    fn lengths_outside_a_chunks_are_refused_and_use_up_no_number() {
        let mut key = key();
        for length in [0, TAG - 1, CHUNK_PLAIN + TAG + 1] {
            assert_eq!(key.seal(b"", &mut vec![0; length], false), Err(ChunkError::Length));
            assert_eq!(key.open(b"", &mut vec![0; length], false).unwrap_err(), ChunkError::Length);
        }
        assert_eq!(key.number, 0);
    }

    #[test]
    fn no_nonce_of_a_key_repeats() {
        let key = |number, flag| nonce(number, flag);
        let all = [0, 1, u64::from(u32::MAX), 1 << 32, CHUNKS_MAX];
        let nonces: std::collections::BTreeSet<_> =
            all.iter().flat_map(|number| [MORE, LAST, RECEIPT].map(|flag| key(*number, flag))).collect();
        assert_eq!(nonces.len(), 15);
    }

    #[test]
    fn a_receipt_is_no_chunk() {
        let mut receipt = key().receipt(b"data").unwrap();
        for last in [false, true] {
            let opened = key().open(b"data", &mut receipt, last).map(|plain| plain.len());
            assert_eq!(opened, Err(ChunkError::IntegrityFailure));
        }
    }
}
