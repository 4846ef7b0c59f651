//! From a token's label and a file with its PIN to a session that is logged in.
//!
//! What must hold: the PIN comes from a file, is read when it is needed and wiped afterwards; a PIN that the token
//! refused is not tried again until the file changes, or a few restarts would lock the token.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use chukei_crypto::hash::sha256;
use cryptoki::context::Pkcs11;
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use super::module::State;
use super::settings::Pkcs11Settings;
use super::token::{Answer, Fault, Silence};
use crate::provider::ProviderError;

/// Longest PIN, bytes.
const PIN_MAX: u64 = 256;

/// How to get at a token.
#[derive(Debug)]
pub(super) struct Login {
    label: String,
    pin_file: PathBuf,
    /// The PIN that was refused. Also: one log-in at a time.
    refused: Mutex<Option<Tried>>,
}

/// A PIN as it was tried: its hash, and when its file was written, so that touching the file tries it again.
#[derive(Debug, PartialEq, Eq)]
struct Tried {
    hash: [u8; 32],
    written: Option<SystemTime>,
}

impl Login {
    pub(super) fn new(settings: &Pkcs11Settings) -> Self {
        let Pkcs11Settings { token, pin_file, .. } = settings;
        Self { label: token.clone(), pin_file: pin_file.clone(), refused: Mutex::default() }
    }

    /// A new session, logged in. It is not closed when dropped: see [`super::module`].
    pub(super) fn new_session(&self, state: &State) -> Answer<Session> {
        let library = state.library().ok_or(Error::NotSupported)?;
        let session = library.open_rw_session_no_drop(self.slot(library)?)?;
        if let Err(fault) = self.log_in(&session) {
            let _ = session.close();
            return Err(fault);
        }
        Ok(session)
    }

    fn slot(&self, library: &Pkcs11) -> Answer<Slot> {
        let mut found = Vec::new();
        for slot in library.get_slots_with_initialized_token()? {
            if library.get_token_info(slot)?.label().trim_end() == self.label {
                found.push(slot);
            }
        }
        match found.as_slice() {
            [slot] => Ok(*slot),
            _ => Err(Fault::Token(Box::new(Silence::NoToken(self.label.clone())))),
        }
    }

    fn log_in(&self, session: &Session) -> Answer<()> {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        // The log-in is the process's: another session may have done it.
        if is_logged_in(session)? {
            return Ok(());
        }
        let (pin, tried) = read_pin(&self.pin_file).map_err(Fault::Answer)?;
        if refused.as_ref() == Some(&tried) {
            return Err(Fault::Answer(Silence::PinRefused.into()));
        }
        match session.login(UserType::User, Some(&pin)) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            Err(Error::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _)) => {
                *refused = Some(tried);
                Err(Fault::Answer(Silence::PinRefused.into()))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether the session sees private objects.
pub(super) fn is_logged_in(session: &Session) -> Answer<bool> {
    let state = session.get_session_info()?.session_state();
    Ok(matches!(state, SessionState::RwUser | SessionState::RoUser))
}

fn read_pin(path: &Path) -> Result<(AuthPin, Tried), ProviderError> {
    let failed = |source| ProviderError::Io { path: path.to_owned(), source };
    let written = fs::metadata(path).and_then(|found| found.modified()).ok();
    let mut text = Zeroizing::new(String::with_capacity(PIN_MAX as usize + 1));
    File::open(path).and_then(|file| file.take(PIN_MAX).read_to_string(&mut text)).map_err(failed)?;
    let pin = text.trim_end_matches(['\r', '\n']);
    let tried = Tried { hash: sha256(pin.as_bytes()), written };
    Ok((AuthPin::from(pin), tried))
}
