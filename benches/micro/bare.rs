//! AES-256-GCM by ring with nothing around it: a key that is scheduled already, a counted nonce, one copy.

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
        let key = UnboundKey::new(&AES_256_GCM, &[7; 32]).map_err(|_| "no AES-256-GCM")?;
        Ok(Self { key: LessSafeKey::new(key), associated: vec![9; associated], counter: 0 })
    }

    /// Seals a copy of `plain`.
    pub(crate) fn seal(&mut self, plain: &[u8]) -> Result<Vec<u8>, Failure> {
        self.counter += 1;
        let mut sealed = Vec::with_capacity(plain.len() + TAG);
        sealed.extend_from_slice(plain);
        self.key
            .seal_in_place_append_tag(nonce(self.counter), Aad::from(&self.associated), &mut sealed)
            .map_err(|_| "not sealed")?;
        Ok(sealed)
    }

    /// Opens a copy of what [`Self::seal`] made last.
    pub(crate) fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut plain = sealed.to_vec();
        let length = self
            .key
            .open_in_place(nonce(self.counter), Aad::from(&self.associated), &mut plain)
            .map_err(|_| "not opened")?
            .len();
        plain.truncate(length);
        Ok(plain)
    }
}

fn nonce(counter: u64) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    let (_, tail) = bytes.split_at_mut(NONCE_LEN - size_of::<u64>());
    tail.copy_from_slice(&counter.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}
