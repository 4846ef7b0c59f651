//! Which certificates were issued and which of them were revoked: what a revocation list is made from.
//!
//! What must hold: a certificate stands in it before it is handed out, and until it has been over for a while; a
//! revocation is in it before it is on a list, and is never taken back.

use chukei_relay_client::peers::Hex;
use chukei_relay_client::tls::CertificateFacts;
use chukei_wire::identity::{Identity, is_name};
use rcgen::SerialNumber;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};

use super::hops::stem;
use super::{Pki, PkiError, files};

const FILE: &str = "certificates.json";
/// Certificates that are not over, in one folder.
const ENTRIES_MAX: usize = 100_000;
/// Longest file, bytes.
const FILE_MAX: usize = ENTRIES_MAX * 256;
/// How long a certificate stays after its end: it stands on a list at least once more (RFC 5280, 3.3).
const KEPT_MS: u64 = 35 * 86_400_000;

/// Every certificate of the folder that is not long over, in the order in which they were issued.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Ledger {
    /// Number of the newest revocation list.
    pub(super) crl_number: u64,
    certificates: Vec<Entry>,
}

/// One certificate.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    serial: Hex,
    identity: Identity,
    not_after_ms: u64,
    revoked_ms: Option<u64>,
}

impl Ledger {
    pub(super) fn read(pki: &Pki) -> Result<Self, PkiError> {
        let path = pki.path(FILE);
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = files::read_long(&path, FILE_MAX)?;
        serde_json::from_str(&text).map_err(|_| PkiError::Malformed(path))
    }

    pub(super) fn write(&self, pki: &Pki) -> Result<(), PkiError> {
        let path = pki.path(FILE);
        let mut text = serde_json::to_string(self).map_err(|_| PkiError::Malformed(path.clone()))?;
        text.push('\n');
        files::replace_public(&path, text.as_bytes())
    }

    /// Writes down a new certificate.
    pub(super) fn add(
        &mut self,
        identity: &Identity,
        serial: &SerialNumber,
        not_after_ms: u64,
        now_ms: u64,
    ) -> Result<(), PkiError> {
        self.certificates.retain(|entry| now_ms < entry.not_after_ms.saturating_add(KEPT_MS));
        if self.certificates.len() >= ENTRIES_MAX {
            return Err(PkiError::TooManyCertificates(ENTRIES_MAX));
        }
        let (serial, identity) = (Hex(serial.to_bytes()), identity.clone());
        self.certificates.push(Entry { serial, identity, not_after_ms, revoked_ms: None });
        Ok(())
    }

    /// Whose certificates `name` means: an identity, or the stem of their files.
    pub(super) fn holder(&mut self, pki: &Pki, name: &str) -> Result<Identity, PkiError> {
        let found = match name.parse::<Identity>() {
            Ok(identity) => Some(identity),
            Err(_) => {
                self.certificates.iter().map(|entry| &entry.identity).find(|of| stem(of) == name).cloned()
            }
        };
        let stem = found.as_ref().map_or_else(|| name.to_owned(), stem);
        // A certificate of before the ledger.
        if is_name(&stem)
            && let Ok(leaf) = CertificateDer::from_pem_file(pki.path(&format!("{stem}.pem")))
            && let Ok(facts) = CertificateFacts::from_der(&leaf)
            && !self.certificates.iter().any(|entry| entry.serial.0 == facts.serial)
            && found.as_ref().is_none_or(|found| *found == facts.identity)
        {
            let CertificateFacts { identity, not_after_ms, serial, .. } = facts;
            let entry =
                Entry { serial: Hex(serial), identity: identity.clone(), not_after_ms, revoked_ms: None };
            self.certificates.push(entry);
            return Ok(identity);
        }
        found
            .filter(|found| self.certificates.iter().any(|entry| entry.identity == *found))
            .ok_or(PkiError::NobodysName)
    }

    /// Revokes the holder's certificates, but for the newest where only `former` ones are meant; how many were not
    /// revoked before.
    pub(super) fn revoke(&mut self, holder: &Identity, former: bool, now_ms: u64) -> usize {
        let mut held: Vec<&mut Entry> =
            self.certificates.iter_mut().filter(|entry| entry.identity == *holder).collect();
        if former {
            held.pop();
        }
        let standing = held.into_iter().filter(|entry| entry.revoked_ms.is_none());
        standing.map(|entry| entry.revoked_ms = Some(now_ms)).count()
    }

    /// Serial number and time of everything revoked, Unix milliseconds.
    pub(super) fn revoked(&self) -> impl Iterator<Item = (SerialNumber, u64)> {
        let of = |entry: &Entry| Some((SerialNumber::from_slice(&entry.serial.0), entry.revoked_ms?));
        self.certificates.iter().filter_map(of)
    }
}
