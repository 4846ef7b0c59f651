//! Clients of servers outside: which of them is the right one is said by an authority's certificates in a file.
//!
//! What must hold: a server shows a certificate of one of these authorities, for its name; nothing but what the hops may
//! negotiate is offered (R20, R21). Deliberately absent: a certificate of the client's own.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::provider;

/// There is no certificate of an authority, or something that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not certificates in PEM")]
pub struct NotAuthorities;

/// A client that believes servers by the authorities in `pem`, at least one.
pub fn client_of(pem: &[u8]) -> Result<ClientConfig, NotAuthorities> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.map_err(|_| NotAuthorities)?).map_err(|_| NotAuthorities)?;
    }
    if roots.is_empty() {
        return Err(NotAuthorities);
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|_| NotAuthorities)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &[u8] = include_bytes!("../stamp/tests/samples/root-ec.pem");

    #[test]
    fn r20_a_client_of_no_authority_is_none() {
        assert!(client_of(ROOT).is_ok());
        let damaged = String::from_utf8(ROOT.to_vec()).unwrap().replacen('M', "N", 1);
        for none in [b"".as_slice(), b"no certificate", damaged.as_bytes()] {
            assert_eq!(client_of(none).map(drop), Err(NotAuthorities));
        }
    }
}
