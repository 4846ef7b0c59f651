//! Whom this process believes: its authorities, and what their revocation lists say.

use std::fmt;
use std::sync::Arc;

use chukei_crypto::hash::sha256;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, Error, RootCertStore};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::crl::{CrlError, RevocationList};
use super::files::CredentialError;
use super::identity::CertificateFacts;

/// Why a certificate counts no more, or never did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Its time is over.
    #[error("the certificate is over")]
    Over,
    /// It is on its authority's revocation list.
    #[error("the certificate was revoked")]
    Revoked,
    /// Lists are configured, and there is none of its authority.
    #[error("no revocation list of the certificate's authority")]
    NoList,
    /// The list of its authority is over, so that nobody knows.
    #[error("the revocation list of the certificate's authority is over")]
    ListOver,
    /// Its authority is trusted no more.
    #[error("the certificate's authority is not trusted")]
    Untrusted,
}

impl From<Unfit> for Error {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Over => CertificateError::Expired.into(),
            Unfit::Revoked => CertificateError::Revoked.into(),
            Unfit::NoList => CertificateError::UnknownRevocationStatus.into(),
            Unfit::ListOver => CertificateError::ExpiredRevocationList.into(),
            Unfit::Untrusted => CertificateError::UnknownIssuer.into(),
        }
    }
}

/// One authority's certificate.
#[derive(Clone)]
pub(super) struct Authority {
    pub(super) certificate: CertificateDer<'static>,
    /// Its name, DER.
    pub(super) subject: Vec<u8>,
    /// Hash of the certificate: two authorities may have one name.
    pub(super) id: [u8; 32],
}

/// Authorities and lists at one moment.
pub(super) struct Trust {
    pub(super) roots: Arc<RootCertStore>,
    pub(super) authorities: Vec<Authority>,
    pub(super) clients: Arc<dyn ClientCertVerifier>,
    /// `None` where no lists are configured.
    pub(super) lists: Option<Vec<Arc<RevocationList>>>,
}

impl Trust {
    /// Trust in these authorities, and in what is left of `lists` under them.
    pub(super) fn new(
        certificates: Vec<CertificateDer<'static>>,
        lists: Option<Vec<Arc<RevocationList>>>,
    ) -> Result<Self, CredentialError> {
        let mut roots = RootCertStore::empty();
        let mut authorities = Vec::new();
        for certificate in certificates {
            authorities.push(Authority::new(certificate.clone()).ok_or(CredentialError::Authority)?);
            roots.add(certificate).map_err(|_| CredentialError::Authority)?;
        }
        let roots = Arc::new(roots);
        let clients =
            WebPkiClientVerifier::builder_with_provider(roots.clone(), chukei_crypto::tls::provider())
                .clear_root_hint_subjects()
                .build()
                .map_err(|_| CredentialError::Authority)?;
        let known =
            |list: &Arc<RevocationList>| authorities.iter().any(|authority| authority.id == list.authority);
        let lists = lists.map(|lists| lists.into_iter().filter(known).collect());
        Ok(Self { roots, clients, lists, authorities })
    }

    /// The same authorities with these lists in the place of theirs; `None` where nothing is new. A list that is
    /// held and not there any more stays: it is believed to its end.
    pub(super) fn with(&self, read: Vec<RevocationList>) -> Result<Option<Self>, CrlError> {
        let mut lists = self.lists.clone().unwrap_or_default();
        let mut changed = false;
        for list in read {
            match lists.iter_mut().find(|held| held.authority == list.authority) {
                Some(held) if held.is_same(&list) => continue,
                Some(held) if list.supersedes(held) => *held = Arc::new(list),
                Some(_) => return Err(CrlError::Older),
                None => lists.push(Arc::new(list)),
            }
            changed = true;
        }
        Ok(changed.then(|| Self {
            roots: self.roots.clone(),
            authorities: self.authorities.clone(),
            clients: self.clients.clone(),
            lists: Some(lists),
        }))
    }

    /// Whether a certificate of this authority chain, verified before, counts at this time (Unix milliseconds).
    pub(super) fn standing(&self, facts: &CertificateFacts, now_ms: u64) -> Result<(), Unfit> {
        if now_ms > facts.not_after_ms {
            return Err(Unfit::Over);
        }
        let Some(lists) = &self.lists else { return Ok(()) };
        let mut known = false;
        // Of authorities with one name each must have its list: which of them it was, the name does not say.
        for authority in self.authorities.iter().filter(|authority| authority.subject == facts.issuer) {
            let list = lists.iter().find(|list| list.authority == authority.id).ok_or(Unfit::NoList)?;
            if list.names(&facts.serial) {
                return Err(Unfit::Revoked);
            }
            if now_ms >= list.ends_ms {
                return Err(Unfit::ListOver);
            }
            known = true;
        }
        if known { Ok(()) } else { Err(Unfit::NoList) }
    }

    /// Whether the certificate leads to an authority that is trusted now, by these others where it needs them.
    pub(super) fn anchors(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        of_server: bool,
        now: UnixTime,
    ) -> Result<(), Error> {
        if !of_server {
            return self.clients.verify_client_cert(leaf, intermediates, now).map(drop);
        }
        let algorithms = chukei_crypto::tls::provider().signature_verification_algorithms;
        let parsed = ParsedCertificate::try_from(leaf)?;
        verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, intermediates, now, algorithms.all)
    }
}

impl Authority {
    pub(super) fn new(certificate: CertificateDer<'static>) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(&certificate).ok()?;
        let subject = parsed.subject().as_raw().to_vec();
        let id = sha256(&certificate);
        Some(Self { certificate, subject, id })
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").field("authorities", &self.authorities.len()).finish_non_exhaustive()
    }
}
