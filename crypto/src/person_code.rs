//! Person codes: one pseudonym per (person, party), made and resolved by the broker alone.
//!
//! AES-256 as a permutation of one block — person number (8 bytes) ‖ 8 zero bytes — under a key of the party. Two
//! parties cannot relate their codes; a random code decrypts to zeros with probability 2^-64 and is refused
//! otherwise, never mapped to somebody. The leading version byte names the key's generation.

use aes::Aes256;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use zeroize::{Zeroize, Zeroizing};

use crate::key::secret;
use crate::mac::MacKey;

/// The version that codes are made in.
pub const VERSION: u8 = 1;
/// Length of a code: version and block.
pub const LENGTH: usize = 17;

secret!(
    /// The broker's secret that the keys of all parties derive from.
    CodeMaster
);

/// The code was not made for this party, or by nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a person code of this party")]
pub struct BadCode;

/// The codes of one party in one version, with the key prepared.
pub struct PartyCodes {
    cipher: Aes256,
    version: u8,
}

impl CodeMaster {
    /// The codes of `party` (such as `body/982016`). A version this release does not know is [`BadCode`].
    pub fn party(&self, party: &str, version: u8) -> Result<PartyCodes, BadCode> {
        if version != VERSION {
            return Err(BadCode);
        }
        let label = b"chukei person code v1";
        let key =
            Zeroizing::new(MacKey::from_slice(self.as_bytes()).tag(&[label, &[version], party.as_bytes()]));
        Ok(PartyCodes { cipher: Aes256::new((&*key).into()), version })
    }

    /// The code of `person` for `party`.
    pub fn encode(&self, party: &str, person: u64, version: u8) -> Result<[u8; LENGTH], BadCode> {
        Ok(self.party(party, version)?.encode(person))
    }

    /// The person behind a code of `party`.
    pub fn decode(&self, party: &str, code: &[u8; LENGTH]) -> Result<u64, BadCode> {
        let [version, ..] = code;
        self.party(party, *version)?.decode(code)
    }
}

impl PartyCodes {
    /// The code of `person`.
    pub fn encode(&self, person: u64) -> [u8; LENGTH] {
        let mut block = (u128::from(person) << 64).to_be_bytes().into();
        self.cipher.encrypt_block(&mut block);
        let mut code = [0; LENGTH];
        let [version, sealed @ ..] = &mut code;
        *version = self.version;
        sealed.copy_from_slice(&block);
        code
    }

    /// The person behind `code`.
    pub fn decode(&self, code: &[u8; LENGTH]) -> Result<u64, BadCode> {
        let [version, sealed @ ..] = *code;
        if version != self.version {
            return Err(BadCode);
        }
        let mut block = sealed.into();
        self.cipher.decrypt_block(&mut block);
        let plain = u128::from_be_bytes(block.into());
        block.zeroize();
        if plain & u128::from(u64::MAX) != 0 {
            return Err(BadCode);
        }
        u64::try_from(plain >> 64).map_err(|_| BadCode)
    }
}

impl std::fmt::Debug for PartyCodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PartyCodes(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn master() -> CodeMaster {
        CodeMaster::from_bytes([1; 32])
    }

    #[test]
    fn r1_two_parties_share_no_code_and_refuse_each_others() {
        let ours = master().encode("body/982016", 42, VERSION).unwrap();
        let theirs = master().encode("body/982024", 42, VERSION).unwrap();
        assert_ne!(ours, theirs);
        assert_eq!(master().decode("body/982016", &ours), Ok(42));
        assert_eq!(master().decode("body/982024", &ours), Err(BadCode));
    }

    #[test]
    fn a_code_of_another_master_is_refused() {
        let code = CodeMaster::from_bytes([2; 32]).encode("body/982016", 42, VERSION).unwrap();
        assert_eq!(master().decode("body/982016", &code), Err(BadCode));
    }

    #[test]
    fn an_unknown_version_is_refused() {
        let mut code = master().encode("body/982016", 42, VERSION).unwrap();
        code[0] = 2;
        assert_eq!(master().decode("body/982016", &code), Err(BadCode));
        assert_eq!(master().party("body/982016", VERSION).unwrap().decode(&code), Err(BadCode));
        assert_eq!(master().encode("body/982016", 42, 2), Err(BadCode));
    }

    #[test]
    fn frozen_form_of_version_1() {
        let code = master().encode("body/982016", 0x0123_4567_89ab_cdef, VERSION).unwrap();
        insta::assert_snapshot!(data_encoding::HEXLOWER.encode(&code));
    }

    proptest! {
        #[test]
        fn a_code_leads_back_to_its_person(person: u64, other: u64) {
            let codes = master().party("portal/mynaportal", VERSION).unwrap();
            prop_assert_eq!(codes.decode(&codes.encode(person)), Ok(person));
            prop_assert_eq!(codes.encode(person) == codes.encode(other), person == other);
        }

        #[test]
        fn r22_a_random_code_is_refused_not_mapped_to_somebody(block: [u8; 16]) {
            let mut code = [VERSION; LENGTH];
            code[1..].copy_from_slice(&block);
            prop_assert_eq!(master().decode("body/982016", &code), Err(BadCode));
        }

        #[test]
        fn r22_an_altered_code_is_refused(person: u64, at in 0..LENGTH, change in 1u8..) {
            let mut code = master().encode("body/982016", person, VERSION).unwrap();
            code[at] ^= change;
            prop_assert_eq!(master().decode("body/982016", &code), Err(BadCode));
        }
    }
}
