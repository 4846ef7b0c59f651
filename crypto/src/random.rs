//! Randomness from the operating system, through ring. Its absence is an error, never a panic.
//!
//! Deliberately absent: bytes drawn ahead, which would save a system call for each salt. A virtual machine that is set back to
//! a snapshot would use them twice; the system's own generator learns of that.
//!
//! [`Stream`] serves libraries whose generators may not fail: it is keyed once, fallibly, and cannot run dry.

use std::convert::Infallible;

use hpke::rand_core::{TryCryptoRng, TryRng};
use ring::rand::{SecureRandom, SystemRandom};

use crate::mac::MacKey;

/// The operating system gave no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system's random number generator failed")]
pub struct RandomError;

/// Fills `out` from the operating system's generator.
pub fn fill(out: &mut [u8]) -> Result<(), RandomError> {
    SystemRandom::new().fill(out).map_err(|_| RandomError)
}

/// `N` bytes from the operating system's generator.
pub fn bytes<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut out = [0; N];
    fill(&mut out)?;
    Ok(out)
}

/// A generator keyed from the operating system: HMAC-SHA-256 in counter mode (SP 800-108). Short-lived: one per
/// operation, so that nothing is gained by learning its state afterwards.
pub(crate) struct Stream {
    key: MacKey,
    counter: u64,
}

impl Stream {
    pub(crate) fn from_system() -> Result<Self, RandomError> {
        bytes().map(Self::from_seed)
    }

    /// The same seed gives the same bytes: outside tests the seed is fresh.
    pub(crate) fn from_seed(seed: [u8; 32]) -> Self {
        Self { key: MacKey::new(seed), counter: 0 }
    }

    fn block(&mut self) -> [u8; 32] {
        self.counter = self.counter.wrapping_add(1);
        self.key.tag(&[b"chukei random stream v1", &self.counter.to_be_bytes()])
    }
}

impl TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut word = [0; 4];
        self.try_fill_bytes(&mut word)?;
        Ok(u32::from_le_bytes(word))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut word = [0; 8];
        self.try_fill_bytes(&mut word)?;
        Ok(u64::from_le_bytes(word))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(32) {
            chunk.iter_mut().zip(self.block()).for_each(|(to, from)| *to = from);
        }
        Ok(())
    }
}

impl TryCryptoRng for Stream {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        assert_ne!(bytes::<32>().unwrap(), bytes::<32>().unwrap());
    }

    #[test]
    fn a_stream_never_repeats_a_block_and_follows_its_seed() {
        let mut first = [0; 96];
        let mut again = [0; 96];
        Stream::from_seed([1; 32]).try_fill_bytes(&mut first).unwrap();
        Stream::from_seed([1; 32]).try_fill_bytes(&mut again).unwrap();
        assert_eq!(first, again);
        assert_ne!(first[..32], first[32..64]);
        assert_ne!(first[32..64], first[64..]);
    }
}
