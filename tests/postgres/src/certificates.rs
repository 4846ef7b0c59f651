//! An authority for one server, and the server's certificate for its loopback address.

use std::io;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// Writes `server.crt` and `server.key` into `folder`; gives the authority's certificate, PEM.
pub(crate) fn write(folder: &Path) -> io::Result<String> {
    let mut params = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let authority = CertifiedIssuer::self_signed(params, key).map_err(io::Error::other)?;
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let leaf = CertificateParams::new(names)
        .and_then(|params| params.signed_by(&key, &authority))
        .map_err(io::Error::other)?;
    std::fs::write(folder.join("server.crt"), leaf.pem())?;
    std::fs::write(folder.join("server.key"), key.serialize_pem())?;
    Ok(authority.pem())
}
