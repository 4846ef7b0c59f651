//! Software authenticators, for the command line, tests and first trials: a key in a file, and a PIN.
//!
//! What must hold: a PIN and the key made of it leave memory when they have signed; the file of a PIN is its owner's
//! alone. Deliberately absent: any claim that a file is a token or a finger. It can be copied, and a program
//! that runs as its owner can use it; the kind of a factor is what the register says, and the administrator answers for
//! that.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use chukei_crypto::factor::stretched;
use chukei_crypto::sign::SigningKey;
use chukei_wire::limits::FACTOR_SIGNATURE;
use zeroize::Zeroizing;

use super::{Asked, Authenticator, AuthenticatorError};
use crate::key_file;

/// How many printable ASCII characters a PIN has.
pub const PIN_CHARACTERS: std::ops::RangeInclusive<usize> = 8..=64;

/// A PIN, wiped when dropped.
pub struct Pin(Zeroizing<String>);

/// Not usable as a PIN. Nothing of it is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// Other characters or another length than a PIN has.
    #[error("a PIN is 8 to 64 printable ASCII characters without spaces")]
    Form,
    /// The file cannot be read.
    #[error("the file of the PIN cannot be read")]
    Unreadable,
    /// Others than its owner may read or write the file.
    #[error("the file of the PIN is open to others than its owner (mode 0600 is due)")]
    Open,
}

impl Pin {
    /// Takes a PIN as it was typed, without the end of the line.
    pub fn new(text: Zeroizing<String>) -> Result<Self, PinError> {
        let usable = PIN_CHARACTERS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if usable { Ok(Self(text)) } else { Err(PinError::Form) }
    }

    /// Reads the only line of a file that is its owner's alone.
    pub fn from_file(path: &Path) -> Result<Self, PinError> {
        let mut file = File::open(path).map_err(|_| PinError::Unreadable)?;
        let mode = file.metadata().map_err(|_| PinError::Unreadable)?.mode();
        if mode & 0o077 != 0 {
            return Err(PinError::Open);
        }
        // Room for one byte more than allowed, so that reading never moves the secret to a larger buffer.
        let room = PIN_CHARACTERS.end() + 3;
        let mut text = Zeroizing::new(String::with_capacity(room));
        let limit = u64::try_from(room).map_err(|_| PinError::Form)?;
        file.by_ref().take(limit).read_to_string(&mut text).map_err(|_| PinError::Unreadable)?;
        let line = Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned());
        Self::new(line)
    }

    /// The key made of it.
    pub fn key(&self, salt: &[u8], rounds: u32) -> Result<SigningKey, AuthenticatorError> {
        stretched(self.0.as_bytes(), salt, rounds).map_err(|_| AuthenticatorError::Signing)
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(redacted)")
    }
}

/// A key in a file (PKCS#8 of Ed25519, one line of hexadecimal).
#[derive(Debug)]
pub struct FileKey {
    name: String,
    key: SigningKey,
}

impl FileKey {
    /// The factor of this name whose key lies in `path`.
    pub fn load(name: &str, path: &Path) -> Result<Self, key_file::KeyFileError> {
        let malformed = |_| key_file::KeyFileError::Malformed(path.to_owned());
        let key = SigningKey::from_pkcs8(&key_file::read(path)?).map_err(malformed)?;
        Ok(Self { name: name.to_owned(), key })
    }

    /// The public key, as its owner's entry has it.
    pub fn public(&self) -> [u8; 32] {
        self.key.public()
    }
}

impl Authenticator for FileKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn sign(&self, asked: &Asked) -> Result<[u8; FACTOR_SIGNATURE], AuthenticatorError> {
        if asked.stretch.is_some() {
            return Err(AuthenticatorError::Form);
        }
        Ok(self.key.sign(&asked.message))
    }
}

/// Asks a person for the factor of this name; `None` where nobody answers.
pub type AskPerson = Box<dyn Fn(&str) -> Option<Zeroizing<String>> + Send + Sync>;

/// Where a PIN comes from, each time it is needed.
pub enum Prompt {
    /// From a file that is its owner's alone.
    File(PathBuf),
    /// From a person.
    Person(AskPerson),
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Person(_) => f.write_str("Person"),
        }
    }
}

/// Something the person knows. It is asked for each time: a step-up that answers from memory would show nothing.
#[derive(Debug)]
pub struct PinKey {
    name: String,
    prompt: Prompt,
}

impl PinKey {
    /// The factor of this name.
    pub fn new(name: &str, prompt: Prompt) -> Self {
        Self { name: name.to_owned(), prompt }
    }

    fn pin(&self) -> Option<Pin> {
        match &self.prompt {
            Prompt::File(path) => Pin::from_file(path).ok(),
            Prompt::Person(ask) => Pin::new(ask(&self.name)?).ok(),
        }
    }
}

impl Authenticator for PinKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn sign(&self, asked: &Asked) -> Result<[u8; FACTOR_SIGNATURE], AuthenticatorError> {
        let stretch = asked.stretch.as_ref().ok_or(AuthenticatorError::Form)?;
        let pin = self.pin().ok_or(AuthenticatorError::NoAnswer)?;
        Ok(pin.key(&stretch.salt, stretch.rounds)?.sign(&asked.message))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use chukei_crypto::factor::verify;
    use chukei_wire::message::factor::FactorStretch;

    use super::*;

    fn typed(text: &str) -> Result<Pin, PinError> {
        Pin::new(Zeroizing::new(text.to_owned()))
    }

    fn asked(rounds: Option<u32>) -> Asked {
        let stretch = rounds.map(|rounds| FactorStretch { salt: vec![7; 16], rounds });
        Asked { message: b"message".to_vec(), stretch }
    }

    #[test]
    fn a_pin_has_its_form_and_prints_nothing() {
        assert_eq!(format!("{:?}", typed("tanuki-42").unwrap()), "Pin(redacted)");
        for wrong in ["", "1234567", "has space", "ｔａｎｕｋｉ４２", &"9".repeat(65), "tab\there12"]
        {
            assert!(matches!(typed(wrong), Err(PinError::Form)), "{wrong}");
        }
    }

    #[test]
    fn a_pin_is_read_from_a_file_of_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pin");
        let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        assert!(matches!(Pin::from_file(&path), Err(PinError::Unreadable)));
        std::fs::write(&path, "tanuki-42\r\n").unwrap();
        mode(0o640);
        assert!(matches!(Pin::from_file(&path), Err(PinError::Open)));
        mode(0o600);
        assert_eq!(*Pin::from_file(&path).unwrap().0, "tanuki-42");
        for long in ["tanuki-42\ntanuki-42\n", &"9".repeat(70)] {
            std::fs::write(&path, long).unwrap();
            assert!(matches!(Pin::from_file(&path), Err(PinError::Form)));
        }
    }

    #[test]
    fn each_authenticator_signs_in_its_own_form_alone() {
        let key = typed("tanuki-42").unwrap().key(&[7; 16], 2).unwrap();
        let known =
            PinKey::new("pin", Prompt::Person(Box::new(|_| Some(Zeroizing::new("tanuki-42".into())))));
        let signature = known.sign(&asked(Some(2))).unwrap();
        assert!(verify(&key.public(), b"message", &signature).is_ok());
        assert!(verify(&key.public(), b"message", &known.sign(&asked(Some(3))).unwrap()).is_err());
        assert_eq!(known.sign(&asked(None)), Err(AuthenticatorError::Form));
        let nobody = PinKey::new("pin", Prompt::Person(Box::new(|_| None)));
        assert_eq!(nobody.sign(&asked(Some(2))), Err(AuthenticatorError::NoAnswer));

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        std::fs::write(&path, &*key_file::text(&SigningKey::generate().unwrap())).unwrap();
        let held = FileKey::load("badge", &path).unwrap();
        let signature = held.sign(&asked(None)).unwrap();
        assert!(verify(&held.public(), b"message", &signature).is_ok());
        assert_eq!(held.sign(&asked(Some(2))), Err(AuthenticatorError::Form));
        std::fs::write(&path, "00\n").unwrap();
        assert!(FileKey::load("badge", &path).is_err());
    }
}
