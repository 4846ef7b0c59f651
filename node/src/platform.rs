//! The platform's own register, looked at again and again (R24): who operates and maintains this node, and under which
//! tickets that no body gives.
//!
//! What must hold: a file that is not what the offline root signed never comes into force, and neither does one that is
//! older than the one in force; the last good one stays to its end, and after that nobody of the platform is known. A
//! fault is told of once. Without a file nobody of the platform is known, and everything else goes on.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use chukei_domain::register::platform::{
    PLATFORM_FILE_MAX, PLATFORM_PURPOSE, PlatformError, PlatformFile, PlatformRegister,
};
use chukei_relay_client::signed::{SignedError, load};

use crate::app::Node;

/// How often the file is looked at. A fault counts once it is there at two looks on end: file and signature are two
/// files, and a replacement in progress is no fault.
const LOOK: Duration = Duration::from_millis(500);
const DAY_MS: f64 = 86_400_000.0;

/// Why a platform register is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlatformFault {
    /// Missing or unreadable, or its signature, or the root's public key.
    #[error("the platform register, its signature or the root's public key cannot be read")]
    Unreadable,
    /// The signature is not the root's over these bytes.
    #[error("CONFIG_TAMPERED: the platform register does not carry its root's signature")]
    Tampered,
    /// Signed, and contradicting itself or not understood.
    #[error("CONFIG_TAMPERED: {0}")]
    Malformed(#[from] PlatformError),
    /// Made before the one in force.
    #[error("CONFIG_TAMPERED: the platform register is older than the one in force")]
    Older,
}

impl PlatformFault {
    /// Whether somebody changed what only the root may change.
    pub fn is_tampering(&self) -> bool {
        *self != Self::Unreadable
    }
}

impl From<SignedError> for PlatformFault {
    fn from(error: SignedError) -> Self {
        match error {
            SignedError::Unreadable => Self::Unreadable,
            SignedError::Tampered => Self::Tampered,
        }
    }
}

/// Where the file lies, its signature beside it, and the public key of the root that signs it.
#[derive(Clone, Debug)]
pub struct PlatformPlace {
    /// The file.
    pub file: PathBuf,
    /// The root's public key.
    pub root: PathBuf,
}

/// The register in force, and what is wrong with the one on disk.
#[derive(Debug)]
pub struct WatchedPlatform {
    place: Option<PlatformPlace>,
    held: ArcSwap<PlatformRegister>,
    nobody: Arc<PlatformRegister>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// At the last look.
    last: Option<PlatformFault>,
    /// Told of already.
    told: Option<PlatformFault>,
}

/// What a look has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlatformLook {
    /// Nothing new.
    Same,
    /// Another register is in force.
    Read,
    /// The file holds none that could be used, which is news. The one before stays to its end.
    Fault(PlatformFault),
}

impl WatchedPlatform {
    /// Of a node that knows nobody of the platform.
    pub fn none() -> Self {
        Self { place: None, held: ArcSwap::default(), nobody: Arc::default(), seen: Mutex::default() }
    }

    /// Reads the register. One that is over is no error: it knows nobody, until there is a newer one.
    pub fn open(place: PlatformPlace) -> Result<Self, PlatformFault> {
        let held = ArcSwap::from_pointee(place.read()?);
        Ok(Self { place: Some(place), held, ..Self::none() })
    }

    /// The register in force at this time (Unix milliseconds).
    pub fn now(&self, now_ms: u64) -> Arc<PlatformRegister> {
        let held = self.held.load_full();
        if now_ms < held.until_ms() { held } else { self.nobody.clone() }
    }

    /// Looks at the file once.
    pub fn look(&self) -> PlatformLook {
        let Some(place) = &self.place else { return PlatformLook::Same };
        let read = place.read().and_then(|read| {
            let older = read.issued_ms() < self.held.load().issued_ms();
            if older { Err(PlatformFault::Older) } else { Ok(read) }
        });
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(register) => {
                *seen = Seen::default();
                if register == **self.held.load() {
                    return PlatformLook::Same;
                }
                self.held.store(Arc::new(register));
                PlatformLook::Read
            }
            Err(fault) => seen.failed(fault),
        }
    }
}

impl Seen {
    fn failed(&mut self, fault: PlatformFault) -> PlatformLook {
        let again = self.last.as_ref() == Some(&fault);
        self.last = Some(fault.clone());
        if !again || self.told.as_ref() == Some(&fault) {
            return PlatformLook::Same;
        }
        self.told = Some(fault.clone());
        PlatformLook::Fault(fault)
    }
}

impl PlatformPlace {
    fn read(&self) -> Result<PlatformRegister, PlatformFault> {
        let limit = u64::try_from(PLATFORM_FILE_MAX).unwrap_or(u64::MAX);
        let bytes = load(PLATFORM_PURPOSE, &self.file, &self.root, limit)?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(PlatformFile::parse(&text)?.check()?)
    }
}

/// Follows the file for as long as the node serves.
pub async fn follow(node: Arc<Node>) {
    if node.platform.place.is_none() {
        return;
    }
    while node.sleep(LOOK).await {
        let platform = node.platform.clone();
        // A long register takes milliseconds to read and to verify.
        let look = tokio::task::spawn_blocking(move || platform.look()).await;
        report(&node, look.unwrap_or(PlatformLook::Same));
    }
}

fn report(node: &Node, look: PlatformLook) {
    match look {
        PlatformLook::Same => {}
        PlatformLook::Read => tracing::info!("another platform register is in force"),
        PlatformLook::Fault(fault) => {
            tracing::error!(%fault, "the platform register on disk is not usable; the one before stands");
            if fault.is_tampering() {
                node.metrics.alarm("config_tampered", &"platform");
            }
        }
    }
    let until_ms = node.platform.held.load().until_ms();
    let days = (until_ms as f64 - node.clock.now_ms() as f64) / DAY_MS;
    node.metrics.certificate_days_left.with_label_values(&["platform"]).set(days);
}

#[cfg(test)]
mod tests;
