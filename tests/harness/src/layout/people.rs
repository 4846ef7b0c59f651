//! Certificates, factors and founding documents of everybody in the stack.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use chukei_ops::pki::{Pki, Validity};
use chukei_relay_client::clock::Clock;
use chukei_relay_client::factor::FileKey;
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
    for name in [OPERATOR, MAINTENANCE] {
        face(&pki, None, name)?;
    }
    platform::issue(&pki, now_ms)?;
    for body in BODIES {
        issue_body(&pki, body, hop)?;
    }
    // As long as the certificates: the stack's clock is moved by weeks.
    pki.write_crl(hop)?;
    pki.write_peers(Validity::peers(now_ms))?;
    Ok(())
}

fn issue_body(pki: &Pki, body: Body, hop: Validity) -> Result<(), HarnessError> {
    let code: BodyCode = body.code.parse().map_err(|_| HarnessError::Body(body.code.into()))?;
    pki.issue_body(code, body.name)?;
    let mut faces = Faces::new();
    for name in [STAFF, CARE_CLERK, APPROVER] {
        pki.issue_staff(code, name, hop)?;
        faces.extend([face(pki, Some(code), name)?]);
    }
    let others = [
        Identity::System(code, SYSTEM.to_owned()),
        Identity::Auditor(code, AUDITOR.to_owned()),
        Identity::Device(Some(code), DEVICE.to_owned()),
    ];
    others.iter().try_for_each(|holder| pki.issue(holder, hop).map(drop))?;
    faces.extend([face(pki, Some(code), AUDITOR)?]);
    pki.write_founding(code, &founding::text(body.code, &faces, hop.now_ms), hop.now_ms)?;
    Ok(())
}

/// Makes the key of the factor `face`: of whom, and its public half in hexadecimal.
fn face(pki: &Pki, body: Option<BodyCode>, name: &str) -> Result<(String, String), HarnessError> {
    let path = pki.issue_factor(body, name, "face")?;
    let failed = |_| HarnessError::file(&path, std::io::ErrorKind::InvalidData.into());
    let public = FileKey::load("face", &path).map_err(failed)?.public();
    Ok((name.to_owned(), key_file::text(&public).trim_end().to_owned()))
}
