//! AES-256-GCM by ring with nothing around it: a key that is scheduled already, a counted nonce.

use chukei_benches::Failure;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// Bytes of the tag.
const TAG: usize = 16;

/// The baseline of everything sealed.
pub(crate) struct Bare {
    key: LessSafeKey,
    associated: Vec<u8>,
    counter: u64,
}

impl Bare {
    /// With as many bytes of associated data as the measured side has.
    pub(crate) fn new(associated: usize) -> Result<Self, Failure> {
        Ok(Self { key: schedule()?, associated: vec![9; associated], counter: 0 })
    }

    /// A key scheduled anew.
    pub(crate) fn scheduled(&self) -> Result<LessSafeKey, Failure> {
        schedule()
    }

    /// Seals a copy of `plain`.
    pub(crate) fn seal(&mut self, plain: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut sealed = Vec::with_capacity(plain.len() + TAG);
        sealed.extend_from_slice(plain);
        sealed.resize(plain.len() + TAG, 0);
        self.seal_within(&mut sealed)?;
        Ok(sealed)
    }

    /// Seals in place what stands before the last bytes, which take the tag.
    pub(crate) fn seal_within(&mut self, room: &mut [u8]) -> Result<(), Failure> {
        self.counter += 1;
        let (plain, tag) = room.split_last_chunk_mut::<TAG>().ok_or("no room")?;
        let made = self
            .key
            .seal_in_place_separate_tag(nonce(self.counter), Aad::from(&self.associated), plain)
            .map_err(|_| "not sealed")?;
        tag.copy_from_slice(made.as_ref());
        Ok(())
    }

    /// Opens a copy of what [`Self::seal`] made last.
    pub(crate) fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut plain = sealed.to_vec();
        let length = self.open_within(self.counter, &mut plain)?;
        plain.truncate(length);
        Ok(plain)
    }

    /// Opens in place what was sealed first; the length of its plaintext.
    pub(crate) fn open_first(&self, sealed: &mut [u8]) -> Result<usize, Failure> {
        self.open_within(1, sealed)
    }

    fn open_within(&self, counter: u64, sealed: &mut [u8]) -> Result<usize, Failure> {
        let opened = self.key.open_in_place(nonce(counter), Aad::from(&self.associated), sealed);
        Ok(opened.map_err(|_| "not opened")?.len())
    }
}

fn schedule() -> Result<LessSafeKey, Failure> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).map_err(|_| "no AES-256-GCM")?))
}

fn nonce(counter: u64) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    let (_, tail) = bytes.split_at_mut(NONCE_LEN - size_of::<u64>());
    tail.copy_from_slice(&counter.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}
