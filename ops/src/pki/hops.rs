//! Hop certificates: who gets one, under which file name, and that each is written down before it is handed out.

use std::net::IpAddr;

use chukei_wire::body_code::BodyCode;
use chukei_wire::identity::Identity;

use super::certificate::{self, Issued};
use super::ledger::Ledger;
use super::{HopPaths, Pki, PkiError, Validity, files};

impl Pki {
    /// Issues or renews the certificate of one member of a body's staff: one person, one id (R3).
    pub fn issue_staff(&self, body: BodyCode, name: &str, v: Validity) -> Result<HopPaths, PkiError> {
        self.issue(&Identity::Staff(body, name.to_owned()), v)
    }

    /// Issues or renews the certificate of one business system of a body.
    pub fn issue_system(&self, body: BodyCode, name: &str, v: Validity) -> Result<HopPaths, PkiError> {
        self.issue(&Identity::System(body, name.to_owned()), v)
    }

    /// Issues or renews the certificate of a person, a business system or a device. Nodes, brokers and portals have
    /// more than that: see [`Pki::issue_node`] and the others.
    pub fn issue(&self, identity: &Identity, v: Validity) -> Result<HopPaths, PkiError> {
        match identity {
            Identity::Node(_) | Identity::Broker(_) | Identity::Portal(_) => Err(PkiError::Name),
            _ => self.issue_hop(&stem(identity), identity, &[], v),
        }
    }

    pub(super) fn issue_hop(
        &self,
        stem: &str,
        identity: &Identity,
        addresses: &[IpAddr],
        v: Validity,
    ) -> Result<HopPaths, PkiError> {
        if identity.to_string().parse::<Identity>().as_ref() != Ok(identity) {
            return Err(PkiError::Name);
        }
        v.check()?;
        let authority = self.authority()?;
        let serial = certificate::serial()?;
        let issued = certificate::leaf(&authority, identity, addresses, &serial, &v)?;
        // First: what was handed out can be revoked.
        let mut ledger = Ledger::read(self)?;
        ledger.add(identity, &serial, v.ends_ms()?, v.now_ms)?;
        ledger.write(self)?;
        let paths = HopPaths {
            certificate: self.path(&format!("{stem}.pem")),
            key: self.path(&format!("{stem}.key")),
            authority: self.path("ca.pem"),
            crl: self.path("ca.crl"),
        };
        files::replace_secret(&paths.key, issued.key.as_bytes())?;
        files::replace_public(&paths.certificate, issued.certificate.as_bytes())?;
        Ok(paths)
    }

    pub(super) fn authority(&self) -> Result<Issued, PkiError> {
        Ok(Issued {
            certificate: files::read_text(&self.path("ca.pem"))?.to_string(),
            key: files::read_text(&self.path("ca.key"))?,
        })
    }
}

/// The file stem of an identity's certificate and key.
pub(super) fn stem(identity: &Identity) -> String {
    let (kind, name) = (identity.kind(), identity.name());
    match identity {
        Identity::Node(_) | Identity::Broker(_) => name.to_owned(),
        Identity::Device(None, _) => format!("device-platform-{name}"),
        _ => match identity.body() {
            Some(body) => format!("{kind}-{body}-{name}"),
            None => format!("{kind}-{name}"),
        },
    }
}

/// Nodes and brokers use their bare name as file stem, which must not be one of the folder's own.
pub(super) fn own_stem(name: &str) -> Result<&str, PkiError> {
    let own = ["ca", "peers", "peer-root", "registry", "brokers", "lock", "roots", "certificates"];
    let prefixes = [
        "body-",
        "portal-",
        "staff-",
        "system-",
        "auditor-",
        "device-",
        "operator-",
        "maintenance-",
        "code-master-",
        "factor-",
        "founding-",
    ];
    let taken = own.contains(&name) || prefixes.iter().any(|prefix| name.starts_with(prefix));
    if taken { Err(PkiError::Name) } else { Ok(name) }
}
