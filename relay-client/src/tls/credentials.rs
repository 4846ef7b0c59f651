//! A process's own certificate and key, the authority it trusts and its revocation lists, as they are now.
//!
//! What must hold: what is in force was read whole and verified; who it is never changes while the process lives;
//! every connection made under it is in the register, so that none outlives the trust it was made in.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::ArcSwap;
use chukei_wire::identity::Identity;
use rustls::pki_types::CertificateDer;
use tokio::sync::watch;

use super::crl;
use super::files::{CredentialError, TlsFiles, certificates};
use super::identity::CertificateFacts;
use super::own::OwnCertificate;
use super::trust::{Trust, Unfit};
use super::watch::{Looked, TlsFile};
use crate::clock::Clock;

/// What a process shows to its peers and whom it believes. Follows its files where [`HopCredentials::follow`] runs.
pub struct HopCredentials {
    followed: Arc<Followed>,
}

/// When revocation lists were made, and when they end: of several the oldest and the earliest. Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListTimes {
    /// Time of issue.
    pub issued_ms: u64,
    /// From then on they say nothing any more, and nobody gets in.
    pub ends_ms: u64,
}

/// A connection that is reviewed again and again.
pub(crate) trait Reviewed: Send + Sync {
    /// Closes the connection where its peer is not fit any more; `chain` also looks whether the authority is trusted.
    fn review(&self, chain: bool);
    /// Whether there is nothing left to review.
    fn is_over(&self) -> bool;
}

/// What is in force, shared with every configuration and connection made from it.
pub(crate) struct Followed {
    pub(super) files: TlsFiles,
    pub(super) identity: Identity,
    pub(super) own: ArcSwap<OwnCertificate>,
    pub(super) trust: ArcSwap<Trust>,
    pub(super) looked: Mutex<Looked>,
    pub(super) replaced: watch::Sender<()>,
    register: Mutex<Vec<Weak<dyn Reviewed>>>,
}

impl HopCredentials {
    /// Reads certificate chain, private key and authority from PEM files (RFC 7468), without revocation lists.
    pub fn load(certificate: &Path, key: &Path, authority: &Path) -> Result<Arc<Self>, CredentialError> {
        let [certificate, key, authority] = [certificate, key, authority].map(Path::to_owned);
        Self::open(TlsFiles { certificate, key, authority, crl: None })
    }

    /// Reads all that `files` names. A list that is over is no error here: it lets nobody in, until there is a
    /// newer one.
    pub fn open(files: TlsFiles) -> Result<Arc<Self>, CredentialError> {
        // Before they are read: what changes meanwhile is seen as a change.
        let looked = Looked::at(&files);
        let own = OwnCertificate::load(&files)?;
        let authority = certificates(&files.authority).ok_or(CredentialError::Authority)?;
        let mut trust = Trust::new(authority, files.crl.as_ref().map(|_| Vec::new()))?;
        if let Some(path) = &files.crl {
            let read = crl::read(path, &trust.authorities)?;
            if let Some(with) = trust.with(read)? {
                trust = with;
            }
        }
        let followed = Followed {
            identity: own.facts.identity.clone(),
            own: ArcSwap::from_pointee(own),
            trust: ArcSwap::from_pointee(trust),
            looked: Mutex::new(looked),
            replaced: watch::channel(()).0,
            register: Mutex::default(),
            files,
        };
        Ok(Arc::new(Self { followed: Arc::new(followed) }))
    }

    /// Who this process is.
    pub fn identity(&self) -> &Identity {
        &self.followed.identity
    }

    /// Last moment of the certificate's validity, Unix milliseconds.
    pub fn not_after_ms(&self) -> u64 {
        self.followed.own.load().facts.not_after_ms
    }

    /// When the revocation lists were made and when they end; `None` where none are configured.
    pub fn list_times(&self) -> Option<ListTimes> {
        let trust = self.followed.trust.load();
        let lists = trust.lists.as_ref()?;
        let issued_ms = lists.iter().map(|list| list.issued_ms).min()?;
        let ends_ms = lists.iter().map(|list| list.ends_ms).min()?;
        Some(ListTimes { issued_ms, ends_ms })
    }

    /// Whether peers would take this process's certificate now, as far as it can tell itself.
    pub fn fitness(&self, now_ms: u64) -> Result<(), Unfit> {
        let own = self.followed.own.load();
        self.followed.trust.load().standing(&own.facts, now_ms)
    }

    /// What is wrong with the files on disk. What was in force before stays so.
    pub fn faults(&self) -> Vec<(TlsFile, CredentialError)> {
        self.followed.looked().faults()
    }

    pub(crate) fn followed(&self) -> &Arc<Followed> {
        &self.followed
    }
}

impl Followed {
    /// The certificate shown in new handshakes.
    pub(crate) fn own(&self) -> Arc<OwnCertificate> {
        self.own.load_full()
    }

    /// Changes when another certificate is shown.
    pub(crate) fn replaced(&self) -> watch::Receiver<()> {
        self.replaced.subscribe()
    }

    /// Whether a peer's certificate, whose chain was verified, counts at this time (Unix milliseconds).
    pub(crate) fn standing(&self, facts: &CertificateFacts, now_ms: u64) -> Result<(), Unfit> {
        self.trust.load().standing(facts, now_ms)
    }

    /// Whether the chain of a peer leads to an authority that is trusted now.
    pub(crate) fn anchors(&self, chain: &[CertificateDer<'_>], of_server: bool, clock: &Clock) -> bool {
        let trust = self.trust.load();
        chain
            .split_first()
            .is_some_and(|(leaf, others)| trust.anchors(leaf, others, of_server, clock.unix_time()).is_ok())
    }

    /// Takes a connection into the register.
    pub(crate) fn register(&self, connection: Weak<dyn Reviewed>) {
        let mut register = self.register.lock().unwrap_or_else(PoisonError::into_inner);
        if register.len() == register.capacity() {
            register.retain(|other| other.upgrade().is_some_and(|other| !other.is_over()));
        }
        register.push(connection);
    }

    /// Reviews every connection in the register.
    pub(super) fn review(&self, chains: bool) {
        let register = {
            let mut register = self.register.lock().unwrap_or_else(PoisonError::into_inner);
            register.retain(|other| other.upgrade().is_some_and(|other| !other.is_over()));
            register.clone()
        };
        // Closing may run code of the connection's owner: not under the lock.
        for connection in register.iter().filter_map(Weak::upgrade) {
            connection.review(chains);
        }
    }
}

impl fmt::Debug for HopCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HopCredentials").field("own", &*self.followed.own.load()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Followed").field("identity", &self.identity).finish_non_exhaustive()
    }
}
