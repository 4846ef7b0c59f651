//! The platform's register in the stack: its operator and its contractor.

use std::path::Path;

use chukei_domain::register::platform::{PlatformFile, PlatformKind, PlatformPerson};
use chukei_domain::register::{Device, Factor, FactorKind, Period, Zone};
use chukei_ops::pki::Pki;
use chukei_relay_client::factor::FileKey;

use super::{MAINTENANCE, OPERATOR, PLATFORM_DEVICE};
use crate::error::HarnessError;

/// From 2020-04-01 to 2099-03-31: long before and after any time that a stack's clock is set to.
const ALWAYS: Period = Period { from_day: 18_353, until_day: 47_206 };
/// 2099-03-31.
const UNTIL_MS: u64 = 47_206 * 86_400_000;

/// Signs the register of whose factors the keys lie in the folder.
pub(super) fn issue(pki: &Pki, now_ms: u64) -> Result<(), HarnessError> {
    let uri = format!("chukei://platform/device/{PLATFORM_DEVICE}");
    let person = |name: &str, kind, contract| -> Result<PlatformPerson, HarnessError> {
        Ok(PlatformPerson {
            name: name.to_owned(),
            kind,
            roles: Vec::new(),
            valid: ALWAYS,
            contract,
            devices: vec![uri.clone()],
            factors: vec![face(pki.dir(), name)?],
        })
    };
    let platform = vec![
        person(OPERATOR, PlatformKind::Operator, None)?,
        person(MAINTENANCE, PlatformKind::Maintenance, Some(ALWAYS))?,
    ];
    let device = vec![Device { name: uri.clone(), zone: Zone::Closed, listed: ALWAYS }];
    let (health, ticket, body) = (Vec::new(), Vec::new(), Vec::new());
    let file = PlatformFile { issued_ms: now_ms, until_ms: UNTIL_MS, platform, device, health, ticket, body };
    let refused = |error| chukei_ops::pki::PkiError::Platform(error);
    pki.write_platform(&file.to_toml().map_err(refused)?)?;
    Ok(())
}

fn face(dir: &Path, name: &str) -> Result<Factor, HarnessError> {
    let path = dir.join(format!("factor-platform-{name}-face.key"));
    let failed = |_| HarnessError::file(&path, std::io::ErrorKind::InvalidData.into());
    let public = FileKey::load("face", &path).map_err(failed)?.public().to_vec();
    Ok(Factor { name: "face".to_owned(), kind: FactorKind::Biometrics, public, stretch: None })
}
