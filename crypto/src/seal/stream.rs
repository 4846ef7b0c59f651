//! Values of any length as streams: chunks under one key, of which only the last opens as the last.
//!
//! Form: the header with suite 2, then chunks of 64 KiB of ciphertext with a tag of 16 bytes each. Only the last may
//! be shorter, and it is empty only where the whole stream is: one plaintext has one form. Header and place are
//! associated data of every chunk, its number and whether it is the last are in its nonce (see the module `chunks`):
//! what was cut, reordered, repeated, prolonged or put together from two streams does not open. Nothing is buffered
//! here: callers hold one chunk at a time, in memory of theirs. Which chunk of stored bytes is the last follows from
//! their length, and is proven by its opening. Deliberately absent: reading, writing, seeking.

use super::associated::Associated;
use super::header::Header;
use super::{
    CHUNK_PLAIN, HEADER, KeyIds, KeySource, Opened, Place, STREAM_CHUNKS_MAX, STREAM_SUITE, SealError, TAG,
};
use crate::chunks::{ChunkError, Chunks};
use crate::cipher::Cipher;
use crate::random;

/// What `plain` bytes take as a stream; `None` over the limit of 4 GiB.
pub fn stream_length(plain: u64) -> Option<u64> {
    let chunks = plain.div_ceil(CHUNK_PLAIN as u64).max(1);
    (chunks <= STREAM_CHUNKS_MAX).then_some(HEADER as u64 + plain + chunks * TAG as u64)
}

/// Seals one stream, chunk by chunk in order.
pub struct StreamSealer(Stream);

impl StreamSealer {
    /// A stream at `place`, under the keys `ids` names and a fresh salt.
    pub fn new(keys: &(impl KeySource + ?Sized), ids: KeyIds, place: Place<'_>) -> Result<Self, SealError> {
        Self::salted(keys, ids, place, random::bytes()?)
    }

    /// The salt must be fresh: everything rests on it.
    pub(crate) fn salted(
        keys: &(impl KeySource + ?Sized),
        ids: KeyIds,
        place: Place<'_>,
        salt: [u8; 16],
    ) -> Result<Self, SealError> {
        let (header, cipher) = Header::newest(keys, STREAM_SUITE, ids, salt)?;
        Ok(Self(Stream::new(cipher, &header, place)?))
    }

    /// What the stream begins with.
    pub fn header(&self) -> [u8; HEADER] {
        self.0.associated.header()
    }

    /// Seals a chunk that more follow upon, in place: [`CHUNK_PLAIN`] bytes of plaintext and [`TAG`] bytes of room.
    pub fn seal_chunk(&mut self, chunk: &mut [u8]) -> Result<(), SealError> {
        self.0.seal(chunk, false)
    }

    /// Seals the last chunk in place: at most [`CHUNK_PLAIN`] bytes of plaintext, none only where it is the only
    /// chunk, and [`TAG`] bytes of room.
    pub fn seal_last(mut self, chunk: &mut [u8]) -> Result<(), SealError> {
        self.0.seal(chunk, true)
    }
}

/// Opens one stream, chunk by chunk in order. After a failure nothing opens any more.
pub struct StreamOpener(Stream);

impl StreamOpener {
    /// The stream at `place` that begins with `header`.
    pub fn new(
        keys: &(impl KeySource + ?Sized),
        place: Place<'_>,
        header: &[u8; HEADER],
    ) -> Result<Self, SealError> {
        let header = Header::parse(header, STREAM_SUITE)?;
        let cipher = header.cipher(keys)?;
        Ok(Self(Stream::new(cipher, &header, place)?))
    }

    /// Opens a chunk that more follow upon, in place.
    pub fn open_chunk<'a>(&mut self, chunk: &'a mut [u8]) -> Result<Provisional<'a>, SealError> {
        self.0.open(chunk, false).map(Provisional)
    }

    /// Opens the last chunk in place, and with it proves the whole.
    pub fn open_last(mut self, chunk: &mut [u8]) -> Result<(Opened<&mut [u8]>, Whole), SealError> {
        let plain = self.0.open(chunk, true)?;
        Ok((Opened(plain), Whole { length: self.0.length }))
    }
}

/// A part of a stream whose end has not been seen. It is what was sealed at its place in this stream; that the
/// stream is whole is proven by [`StreamOpener::open_last`] alone. Whatever is done with it before that must be
/// undone if no [`Whole`] comes.
pub struct Provisional<'a>(&'a mut [u8]);

impl Provisional<'_> {
    /// The plaintext, still to be proven whole.
    pub fn get(&self) -> &[u8] {
        self.0
    }
}

/// Proof that every chunk of a stream has opened, from the first to the last. There is no other way to one.
#[derive(Debug, PartialEq, Eq)]
pub struct Whole {
    length: u64,
}

impl Whole {
    /// Bytes of plaintext in the whole stream.
    pub fn length(&self) -> u64 {
        self.length
    }
}

struct Stream {
    chunks: Chunks,
    associated: Associated,
    /// Plaintext so far.
    length: u64,
}

impl Stream {
    fn new(cipher: Cipher, header: &Header, place: Place<'_>) -> Result<Self, SealError> {
        Ok(Self { chunks: Chunks::new(cipher), associated: Associated::of(header, place)?, length: 0 })
    }

    fn seal(&mut self, chunk: &mut [u8], last: bool) -> Result<(), SealError> {
        self.count(chunk.len(), last).ok_or(SealError::WrongRoom)?;
        self.chunks.seal(self.associated.as_slice(), chunk, last).map_err(refused)
    }

    fn open<'a>(&mut self, chunk: &'a mut [u8], last: bool) -> Result<&'a mut [u8], SealError> {
        self.count(chunk.len(), last).ok_or(SealError::IntegrityFailure)?;
        self.chunks.open(self.associated.as_slice(), chunk, last).map_err(refused)
    }

    /// Takes note of a chunk of this length, if it has one that it may have.
    fn count(&mut self, length: usize, last: bool) -> Option<()> {
        let plain = length.checked_sub(TAG)?;
        let least = match (last, self.length) {
            (false, _) => CHUNK_PLAIN,
            (true, 0) => 0,
            (true, _) => 1,
        };
        self.length += u64::try_from(plain).ok().filter(|_| (least..=CHUNK_PLAIN).contains(&plain))?;
        Some(())
    }
}

fn refused(error: ChunkError) -> SealError {
    match error {
        ChunkError::Length => SealError::WrongRoom,
        ChunkError::TooMany => SealError::TooLong,
        ChunkError::IntegrityFailure | ChunkError::Ended => SealError::IntegrityFailure,
    }
}

impl std::fmt::Debug for StreamSealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StreamSealer(redacted)")
    }
}

impl std::fmt::Debug for StreamOpener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StreamOpener(redacted)")
    }
}

impl std::fmt::Debug for Provisional<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Provisional(redacted)")
    }
}

#[cfg(test)]
mod tests;
