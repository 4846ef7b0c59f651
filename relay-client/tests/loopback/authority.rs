//! A certificate authority in a temporary folder.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use chukei_relay_client::clock::Clock;
use chukei_relay_client::tls::{CredentialError, HopCredentials};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType};
use tempfile::TempDir;

pub(crate) struct Authority {
    dir: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let root = params.self_signed(&key).unwrap();
        fs::write(dir.path().join("ca.pem"), root.pem()).unwrap();
        Self { dir, issuer: Issuer::new(params, key) }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Credentials of one identity, valid in 2026 alone.
    pub(crate) fn issue(&self, uri: &str) -> Arc<HopCredentials> {
        self.try_issue(&[uri]).unwrap()
    }

    pub(crate) fn try_issue(&self, uris: &[&str]) -> Result<Arc<HopCredentials>, CredentialError> {
        let (certificate, key) = self.write(uris);
        HopCredentials::load(&certificate, &key, &self.path("ca.pem"))
    }

    /// Writes a certificate for these URIs and its key; their paths.
    pub(crate) fn write(&self, uris: &[&str]) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2027, 1, 1);
        params.subject_alt_names = uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())).collect();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let name = uris.first().map_or("nobody".to_owned(), |uri| uri.replace([':', '/'], "-"));
        let paths = (self.path(&format!("{name}.pem")), self.path(&format!("{name}.key")));
        fs::write(&paths.0, certificate.pem()).unwrap();
        fs::write(&paths.1, key.serialize_pem()).unwrap();
        paths
    }

    /// A clock that stands in the certificates' year.
    pub(crate) fn clock(&self) -> Clock {
        self.clock_at("2026-06-01T00:00:00Z")
    }

    pub(crate) fn clock_at(&self, instant: &str) -> Clock {
        let path = self.path(&format!("clock-{}", instant.replace(':', "")));
        fs::write(&path, instant).unwrap();
        Clock::file(path)
    }
}
