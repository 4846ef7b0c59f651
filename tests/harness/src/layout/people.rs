//! Certificates, factors and founding documents of everybody in the stack.

use std::fs::{self, Permissions};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use chukei_crypto::sign::SigningKey;
use chukei_ops::pki::{Pki, Validity};
use chukei_relay_client::clock::Clock;
use chukei_relay_client::key_file;
use chukei_wire::body_code::BodyCode;
use chukei_wire::identity::Identity;

use super::founding::{self, Faces};
use super::platform;
use super::{
    APPROVER, AUDITOR, BODIES, BROKER, Body, CARE_CLERK, DEVICE, MAINTENANCE, NODE, OPERATOR,
    PLATFORM_DEVICE, PORTAL, STAFF, SYSTEM,
};
use crate::error::HarnessError;

/// Certificates of a body's people, systems and terminals, and of the platform's.
pub(super) fn issue_keys(dir: &Path) -> Result<(), HarnessError> {
    let now_ms = Clock::system().now_ms();
    let hop = Validity::hop(now_ms);
    let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let pki = Pki::init(dir, now_ms)?;
    pki.issue_broker(BROKER, &loopback, hop)?;
    pki.issue_node(NODE, &loopback, hop)?;
    pki.issue_portal(PORTAL, &loopback, hop)?;
    let holders = [
        Identity::Operator(OPERATOR.to_owned()),
        Identity::Maintenance(MAINTENANCE.to_owned()),
        Identity::Device(None, PLATFORM_DEVICE.to_owned()),
    ];
    holders.iter().try_for_each(|holder| pki.issue(holder, hop).map(drop))?;
    let of_platform = [face(dir, OPERATOR)?, face(dir, MAINTENANCE)?];
    platform::issue(&pki, now_ms)?;
    for body in BODIES {
        issue_body(&pki, body, hop, &of_platform)?;
    }
    // As long as the certificates: the stack's clock is moved by weeks.
    pki.write_crl(hop)?;
    pki.write_peers(Validity::peers(now_ms))?;
    Ok(())
}

fn issue_body(
    pki: &Pki,
    body: Body,
    hop: Validity,
    of_platform: &[(String, String)],
) -> Result<(), HarnessError> {
    let code: BodyCode = body.code.parse().map_err(|_| HarnessError::Body(body.code.into()))?;
    pki.issue_body(code, body.name)?;
    let mut faces = Faces::from_iter(of_platform.iter().cloned());
    for name in [STAFF, CARE_CLERK, APPROVER] {
        pki.issue_staff(code, name, hop)?;
        faces.extend([face_of(pki.dir(), body.code, name)?]);
    }
    let others = [
        Identity::System(code, SYSTEM.to_owned()),
        Identity::Auditor(code, AUDITOR.to_owned()),
        Identity::Device(Some(code), DEVICE.to_owned()),
    ];
    others.iter().try_for_each(|holder| pki.issue(holder, hop).map(drop))?;
    faces.extend([face_of(pki.dir(), body.code, AUDITOR)?]);
    pki.write_founding(code, &founding::text(body.code, &faces, hop.now_ms), hop.now_ms)?;
    Ok(())
}

fn face_of(dir: &Path, body: &str, name: &str) -> Result<(String, String), HarnessError> {
    make_face(dir, &format!("factor-{body}-{name}-face.key"), name)
}

fn face(dir: &Path, name: &str) -> Result<(String, String), HarnessError> {
    make_face(dir, &format!("factor-platform-{name}-face.key"), name)
}

/// Makes the key of the factor `face`: of whom, and its public half in hexadecimal.
fn make_face(dir: &Path, file: &str, name: &str) -> Result<(String, String), HarnessError> {
    let path = dir.join(file);
    let failed = || HarnessError::file(&path, std::io::ErrorKind::Other.into());
    let key = SigningKey::generate().map_err(|_| failed())?;
    let public = SigningKey::from_pkcs8(&key).map_err(|_| failed())?.public();
    let written = fs::write(&path, key_file::text(&key).as_bytes());
    let written = written.and_then(|()| fs::set_permissions(&path, Permissions::from_mode(0o600)));
    written.map_err(|source| HarnessError::file(&path, source))?;
    Ok((name.to_owned(), key_file::text(&public).trim_end().to_owned()))
}
