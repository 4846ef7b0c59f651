//! A certificate authority in a temporary folder.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use chukei_relay_client::clock::Clock;
use chukei_relay_client::tls::{CertificateFacts, CredentialError, HopCredentials, TlsFiles};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, RevokedCertParams, SanType, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
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
        let name = uris.first().map_or("nobody".to_owned(), |uri| stem(uri));
        let paths = (self.path(&format!("{name}.pem")), self.path(&format!("{name}.key")));
        fs::write(&paths.0, certificate.pem()).unwrap();
        fs::write(&paths.1, key.serialize_pem()).unwrap();
        paths
    }

    /// Credentials of one identity that follow the authority's revocation list, see [`Authority::revoke`].
    pub(crate) fn followed(&self, uri: &str) -> Arc<HopCredentials> {
        let (certificate, key) = self.write(&[uri]);
        let (authority, crl) = (self.path("ca.pem"), Some(self.path("ca.crl")));
        HopCredentials::open(TlsFiles { certificate, key, authority, crl }).unwrap()
    }

    /// Signs the revocation list of this number, with the certificates that these were written with last, until the
    /// beginning of `end`.
    pub(crate) fn revoke(&self, number: u64, uris: &[&str], end: i32) {
        let revoked = |uri: &&str| {
            let leaf = CertificateDer::from_pem_file(self.path(&format!("{}.pem", stem(uri)))).unwrap();
            RevokedCertParams {
                serial_number: SerialNumber::from_slice(&CertificateFacts::from_der(&leaf).unwrap().serial),
                revocation_time: rcgen::date_time_ymd(2026, 1, 1),
                reason_code: None,
                invalidity_date: None,
            }
        };
        let list = CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2025, 12, 1),
            next_update: rcgen::date_time_ymd(end, 1, 1),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: uris.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let fresh = self.path("ca.crl.new");
        fs::write(&fresh, list.signed_by(&self.issuer).unwrap().pem().unwrap()).unwrap();
        fs::rename(fresh, self.path("ca.crl")).unwrap();
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

/// The file stem of a certificate for `uri`.
fn stem(uri: &str) -> String {
    uri.replace([':', '/'], "-")
}
