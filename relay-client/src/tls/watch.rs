//! The files of a hop's credentials, looked at again and again (R20): one mechanism for every role.
//!
//! What must hold: what does not verify never comes into force, and the last good one stays; a new revocation list
//! is enforced a fraction of a second after it lies there, whatever is wrong with the other files. Deliberately
//! absent: what a role does with the news.

use std::path::Path;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::credentials::{Followed, HopCredentials};
use super::crl;
use super::files::{CredentialError, TlsFiles, certificates};
use super::own::OwnCertificate;
use super::trust::Trust;
use crate::clock::Clock;
use crate::file_stamp::FileStamp;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How often connections are reviewed where no list has changed: certificates and lists also end by themselves.
const REVIEW: Duration = Duration::from_secs(1);
/// Time between the writes of a certificate and of its key, at most: they are two files, and a replacement in
/// progress is no fault.
const REPLACEMENT: Duration = Duration::from_millis(500);
/// How often the files are read even if they seem unchanged.
const READ_AGAIN: Duration = Duration::from_secs(4);

/// What is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFile {
    /// The own certificate with its key.
    Certificate,
    /// The authority.
    Authority,
    /// The revocation lists.
    Crl,
}

impl TlsFile {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Certificate, Self::Authority, Self::Crl];

    /// Its name as a label of metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Authority => "authority",
            Self::Crl => "crl",
        }
    }
}

/// What a look has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsNews {
    /// This is in force in a newer version.
    Replaced(TlsFile),
    /// This lies there and cannot be used. The one before stays in force.
    Fault(TlsFile, CredentialError),
    /// This can be used again, and was in force all the time.
    Mended(TlsFile),
}

/// What was seen of each.
pub(super) struct Looked([Seen; 3]);

struct Seen {
    of: TlsFile,
    stamps: [FileStamp; 2],
    read: Instant,
    /// Since when it could not be read.
    failing: Option<Instant>,
    fault: Option<CredentialError>,
}

impl HopCredentials {
    /// Follows the files until the credentials and all that was made from them are gone; `found` is told what is new.
    pub fn follow(
        &self,
        clock: Clock,
        mut found: impl FnMut(TlsNews) + Send + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        let followed = Arc::downgrade(self.followed());
        async move {
            let mut reviewed = Instant::now();
            loop {
                tokio::time::sleep(LOOK).await;
                let Some(followed) = followed.upgrade() else { return };
                let now_ms = clock.now_ms();
                let due = reviewed.elapsed() >= REVIEW;
                if due {
                    reviewed = Instant::now();
                }
                // A long list takes milliseconds to read and to verify.
                let look = tokio::task::spawn_blocking(move || {
                    let news = followed.look(now_ms);
                    let trust = |file: TlsFile| news.contains(&TlsNews::Replaced(file));
                    let authority = trust(TlsFile::Authority);
                    if due || authority || trust(TlsFile::Crl) {
                        followed.review(authority);
                    }
                    news
                });
                look.await.unwrap_or_default().into_iter().for_each(&mut found);
            }
        }
    }

    /// Looks at the files once; connections that are not fit any more are closed by then.
    pub fn look(&self, now_ms: u64) -> Vec<TlsNews> {
        let news = self.followed().look(now_ms);
        self.followed().review(news.contains(&TlsNews::Replaced(TlsFile::Authority)));
        news
    }
}

impl Followed {
    fn look(&self, now_ms: u64) -> Vec<TlsNews> {
        let mut looked = self.looked();
        let [own, authority, lists] = &mut looked.0;
        let mut news = Vec::new();
        news.extend(own.look(&self.files, || self.look_at_own(now_ms)));
        let authority = authority.look(&self.files, || self.look_at_authority());
        // Lists that were nobody's may be a new authority's.
        if authority == Some(TlsNews::Replaced(TlsFile::Authority)) {
            lists.failing.get_or_insert_with(Instant::now);
        }
        news.extend(authority);
        if let Some(path) = &self.files.crl {
            news.extend(lists.look(&self.files, || self.look_at_lists(path)));
        }
        news
    }

    /// Whether another certificate came into force.
    fn look_at_own(&self, now_ms: u64) -> Result<bool, CredentialError> {
        let own = OwnCertificate::load(&self.files)?;
        if own.is_same(&self.own.load()) {
            return Ok(false);
        }
        if own.facts.identity != self.identity {
            return Err(CredentialError::AnotherIdentity);
        }
        if own.facts.not_after_ms < now_ms {
            return Err(CredentialError::Over);
        }
        self.own.store(Arc::new(own));
        self.replaced.send_replace(());
        Ok(true)
    }

    fn look_at_authority(&self) -> Result<bool, CredentialError> {
        let read = certificates(&self.files.authority).ok_or(CredentialError::Authority)?;
        let trust = self.trust.load();
        if trust.authorities.iter().map(|authority| &authority.certificate).eq(&read) {
            return Ok(false);
        }
        self.trust.store(Arc::new(Trust::new(read, trust.lists.clone())?));
        Ok(true)
    }

    fn look_at_lists(&self, path: &Path) -> Result<bool, CredentialError> {
        let trust = self.trust.load();
        let newer = trust.with(crl::read(path, &trust.authorities)?)?;
        let changed = newer.is_some();
        if let Some(newer) = newer {
            self.trust.store(Arc::new(newer));
        }
        Ok(changed)
    }

    pub(super) fn looked(&self) -> MutexGuard<'_, Looked> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Looked {
    pub(super) fn at(files: &TlsFiles) -> Self {
        Self(TlsFile::ALL.map(|of| Seen {
            of,
            stamps: stamps(files, of),
            read: Instant::now(),
            failing: None,
            fault: None,
        }))
    }

    pub(super) fn faults(&self) -> Vec<(TlsFile, CredentialError)> {
        self.0.iter().filter_map(|seen| seen.fault.map(|fault| (seen.of, fault))).collect()
    }
}

impl Seen {
    fn look(
        &mut self,
        files: &TlsFiles,
        read: impl FnOnce() -> Result<bool, CredentialError>,
    ) -> Option<TlsNews> {
        let stamps = stamps(files, self.of);
        if self.stamps == stamps && self.failing.is_none() && self.read.elapsed() < READ_AGAIN {
            return None;
        }
        self.stamps = stamps;
        self.read = Instant::now();
        match read() {
            Ok(changed) => {
                self.failing = None;
                let mended = self.fault.take().is_some();
                if changed {
                    Some(TlsNews::Replaced(self.of))
                } else {
                    mended.then_some(TlsNews::Mended(self.of))
                }
            }
            Err(fault) => self.failed(fault),
        }
    }

    /// A fault counts only if it is still there a moment later.
    fn failed(&mut self, fault: CredentialError) -> Option<TlsNews> {
        let since = *self.failing.get_or_insert_with(Instant::now);
        if since.elapsed() < REPLACEMENT {
            return None;
        }
        self.failing = None;
        let before = self.fault.replace(fault);
        (before != Some(fault)).then_some(TlsNews::Fault(self.of, fault))
    }
}

fn stamps(files: &TlsFiles, of: TlsFile) -> [FileStamp; 2] {
    let stamp = |path: &Path| FileStamp::of(path);
    match of {
        TlsFile::Certificate => [stamp(&files.certificate), stamp(&files.key)],
        TlsFile::Authority => [stamp(&files.authority); 2],
        TlsFile::Crl => [stamp(files.crl.as_deref().unwrap_or(Path::new(""))); 2],
    }
}
