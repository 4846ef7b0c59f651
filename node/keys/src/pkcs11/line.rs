//! From a token's label and a file with its PIN to a session that is logged in.
//!
//! What must hold: that something is not in the token is believed only of a session that is logged in to a token
//! that is there, because a driver may show an empty token where there is none. The PIN comes from a file, is read
//! when it is needed and wiped afterwards; a PIN that the token refused is not tried again until the file changes, or
//! a few restarts would lock the token.

use std::fs::{self, File};
use std::io::Read;
use std::ops::Deref;
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

/// A session, and what it takes to ask whether its token is still there.
pub(super) struct Line<'a> {
    session: &'a Session,
    driver: &'a Pkcs11,
    slot: Slot,
    label: &'a str,
}

impl Deref for Line<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.session
    }
}

impl Line<'_> {
    /// Whether what the session showed was all there is: it is logged in, and its token is there.
    pub(super) fn confirm(&self) -> Answer<()> {
        let there = is_logged_in(self.session)? && is_labelled(self.driver, self.slot, self.label)?;
        if there { Ok(()) } else { Err(Fault::Token(Box::new(Silence::Lost))) }
    }
}

/// A session of one start of the driver. It is not closed when dropped: see [`super::module`].
pub(super) struct Opened {
    pub(super) session: Session,
    pub(super) start: u64,
    slot: Slot,
}

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

    /// A new session, logged in.
    pub(super) fn open(&self, state: &State) -> Answer<Opened> {
        let driver = state.driver().ok_or(Error::NotSupported)?;
        let slot = self.slot(driver)?;
        let session = driver.open_rw_session_no_drop(slot)?;
        if let Err(fault) = self.log_in(&session) {
            let _ = session.close();
            return Err(fault);
        }
        Ok(Opened { session, start: state.start(), slot })
    }

    /// What a call works with.
    pub(super) fn line<'a>(&'a self, state: &'a State, opened: &'a Opened) -> Answer<Line<'a>> {
        let driver = state.driver().ok_or(Error::NotSupported)?;
        Ok(Line { session: &opened.session, driver, slot: opened.slot, label: &self.label })
    }

    fn slot(&self, driver: &Pkcs11) -> Answer<Slot> {
        let mut found = Vec::new();
        for slot in driver.get_slots_with_initialized_token()? {
            if is_labelled(driver, slot, &self.label)? {
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

fn is_labelled(driver: &Pkcs11, slot: Slot, label: &str) -> Answer<bool> {
    Ok(driver.get_token_info(slot)?.label().trim_end() == label)
}

/// Whether the session sees private objects.
fn is_logged_in(session: &Session) -> Answer<bool> {
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
