//! Revoking certificates, and the list that says so.
//!
//! The list is over after some days, and from then on nobody gets in anywhere it is configured: it is signed anew
//! well before, whether anything was revoked or not.

use std::path::PathBuf;

use chukei_wire::identity::Identity;

use super::certificate::{self, Issued};
use super::ledger::Ledger;
use super::{Pki, PkiError, Validity, files};

/// What a revocation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Whose certificates.
    pub identity: Identity,
    /// How many of them were not revoked before.
    pub certificates: usize,
    /// The new list.
    pub crl: PathBuf,
}

impl Pki {
    /// Revokes every certificate of `name`, an identity or the stem of its files; with `former`, all but the newest.
    /// A new list says so.
    pub fn revoke(&self, name: &str, former: bool, v: Validity) -> Result<Revoked, PkiError> {
        v.check()?;
        let mut ledger = Ledger::read(self)?;
        let identity = ledger.holder(self, name)?;
        let certificates = ledger.revoke(&identity, former, v.now_ms);
        let crl = self.sign_crl(&self.authority()?, ledger, v)?;
        Ok(Revoked { identity, certificates, crl })
    }

    /// Signs the revocation list anew, valid as long as `v` says.
    pub fn write_crl(&self, v: Validity) -> Result<PathBuf, PkiError> {
        self.sign_crl(&self.authority()?, Ledger::read(self)?, v)
    }

    pub(super) fn sign_crl(
        &self,
        authority: &Issued,
        mut ledger: Ledger,
        v: Validity,
    ) -> Result<PathBuf, PkiError> {
        v.check()?;
        ledger.crl_number += 1;
        // First: a revocation is written down before a list says it, and a number is used once, also after a crash.
        ledger.write(self)?;
        let list = certificate::revocation_list(authority, ledger.crl_number, ledger.revoked(), &v)?;
        let path = self.path("ca.crl");
        files::replace_public(&path, list.as_bytes())?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests;
