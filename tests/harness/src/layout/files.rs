//! The configuration files of a layout, and the addresses read back from them.

use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use super::{
    AFFAIRS, APPROVER, AUDITOR, Addresses, BODIES, BROKER, CARE_CLERK, DEVICE, MAINTENANCE, NODE, OPERATOR,
    PLATFORM_DEVICE, PORTAL, STAFF, SYSTEM,
};
use crate::error::HarnessError;

pub(super) const ADDRESSES: &str = "addresses.json";

pub(super) fn write_configurations(dir: &Path, at: &Addresses) -> Result<(), HarnessError> {
    replace(&dir.join("broker.toml"), &broker(at))?;
    replace(&dir.join("node.toml"), &node(at))?;
    replace(&dir.join("portal.toml"), &portal(at))?;
    for body in BODIES {
        let code = body.code;
        for (file, kind, name) in [
            ("staff", "staff", STAFF),
            ("care", "staff", CARE_CLERK),
            ("approver", "staff", APPROVER),
            ("system", "system", SYSTEM),
            ("auditor", "auditor", AUDITOR),
        ] {
            let [tax, care] = AFFAIRS;
            let affair = if name == CARE_CLERK { care } else { tax };
            let text = format!(
                "body = \"{code}\"\naffair = \"{affair}\"\n{}",
                terminal(&format!("{kind}-{code}-{name}"), code, DEVICE, face(code, name).as_deref(), at)
            );
            replace(&dir.join(format!("{file}-{code}.toml")), &text)?;
        }
    }
    for (kind, name) in [("operator", OPERATOR), ("maintenance", MAINTENANCE)] {
        let face = face("platform", name);
        let text = terminal(&format!("{kind}-{name}"), "platform", PLATFORM_DEVICE, face.as_deref(), at);
        replace(&dir.join(format!("{kind}.toml")), &text)?;
    }
    Ok(())
}

/// Written last, because its presence says that the layout is complete.
pub(super) fn write_addresses(dir: &Path, at: &Addresses) -> Result<(), HarnessError> {
    let addresses = serde_json::json!({
        "relay": at.relay,
        "staff": at.staff,
        "broker_metrics": at.broker_metrics,
        "node_metrics": at.node_metrics,
        "portal_metrics": at.portal_metrics,
    });
    replace(&dir.join(ADDRESSES), &format!("{addresses}\n"))
}

/// The addresses of an earlier layout; `None` where there is none.
pub(super) fn read_addresses(dir: &Path) -> Result<Option<Addresses>, HarnessError> {
    let path = dir.join(ADDRESSES);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(HarnessError::file(&path, error)),
    };
    let malformed = || HarnessError::file(&path, std::io::ErrorKind::InvalidData.into());
    let value: serde_json::Value = serde_json::from_str(&text).map_err(|_| malformed())?;
    let address = |name: &str| -> Result<SocketAddr, HarnessError> {
        let text = value.get(name).and_then(serde_json::Value::as_str).ok_or_else(malformed)?;
        text.parse().map_err(|_| malformed())
    };
    Ok(Some(Addresses {
        relay: address("relay")?,
        staff: address("staff")?,
        broker_metrics: address("broker_metrics")?,
        node_metrics: address("node_metrics")?,
        portal_metrics: address("portal_metrics")?,
    }))
}

/// Replaces a file; readers see the old text or the new one.
pub(super) fn replace(path: &Path, text: &str) -> Result<(), HarnessError> {
    let fresh = path.with_extension("new");
    fs::write(&fresh, text).map_err(|source| HarnessError::file(&fresh, source))?;
    fs::rename(&fresh, path).map_err(|source| HarnessError::file(path, source))
}

fn head(name: &str, data_dir: &str) -> String {
    format!("name = \"{name}\"\ndevelopment = true\ndata_dir = \"{data_dir}\"\nclock_file = \"clock\"\n")
}

fn tls(stem: &str) -> String {
    format!(
        "\n[tls]\ncertificate = \"pki/{stem}.pem\"\nkey = \"pki/{stem}.key\"\nauthority = \"pki/ca.pem\"\n\
         crl = \"pki/ca.crl\"\n"
    )
}

/// The signed list of peers, and where every role keeps its roots and epochs.
const PEERS_AND_KEYS: &str = "\n[peers]\nfile = \"pki/peers.json\"\nroot = \"pki/peer-root.pub\"\n\
    \n[keys]\nprovider = \"file\"\nroots = \"pki/roots\"\nepochs = \"keys\"\n";

/// Stacks run at any hour: none of them is outside office hours, so that the time of day opens no review item.
const REVIEW: &str = "\n[review]\noffice_from = \"00:00\"\noffice_until = \"24:00\"\n\
    office_weekdays = [1, 2, 3, 4, 5, 6, 7]\n";

fn brokers(at: &Addresses) -> String {
    format!("\n[[brokers]]\nname = \"{BROKER}\"\naddress = \"{}\"\n", at.relay)
}

fn broker(at: &Addresses) -> String {
    let head = head(BROKER, "broker");
    let tls = tls(BROKER);
    format!(
        "{head}acquisition_key = \"pki/brokers.acquisition.key\"\npermit_key = \"pki/{BROKER}.permit.key\"\n\
         witness_key = \"pki/{BROKER}.witness.key\"\n\
         \n[[code_masters]]\nversion = 1\nfile = \"pki/code-master-1.key\"\n\n[listen]\nrelay = \"{}\"\nmetrics = \"{}\"\n{tls}{PEERS_AND_KEYS}\
         \n[legal_basis]\nself_info = \"番号法附則第6条第4項第1号\"\nnotice = \"番号法附則第6条第4項第2号\"\n",
        at.relay, at.broker_metrics
    )
}

fn node(at: &Addresses) -> String {
    let mut text = format!(
        "{}platform = \"pki/platform.toml\"\n\n[listen]\nstaff = \"{}\"\nmetrics = \"{}\"\n{}{PEERS_AND_KEYS}{REVIEW}{}",
        head(NODE, "node"),
        at.staff,
        at.node_metrics,
        tls(NODE),
        brokers(at)
    );
    for body in BODIES {
        let (code, name) = (body.code, body.name);
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n[[bodies]]\ncode = \"{code}\"\nname = \"{name}\"\n\
             identity_key = \"pki/body-{code}.identity.key\"\n\
             acquisition_key = \"pki/body-{code}.acquisition.key\"\naffairs = {AFFAIRS:?}\nportal = \"{PORTAL}\"\n\
             founding = \"pki/founding-{code}.toml\"\n"
        );
    }
    text
}

fn portal(at: &Addresses) -> String {
    let stem = format!("portal-{PORTAL}");
    format!(
        "{}socket = \"portal.sock\"\nidentity_key = \"pki/{stem}.identity.key\"\n\
         registry_key = \"pki/registry.key\"\n\
         \n[[binding_masters]]\nversion = 1\nfile = \"pki/{stem}.binding-1.key\"\n\n[listen]\nmetrics = \"{}\"\n{}{PEERS_AND_KEYS}{}",
        head(PORTAL, "portal"),
        at.portal_metrics,
        tls(&stem),
        brokers(at)
    )
}

/// The factor that everybody but a system has beside the certificate.
fn face(of: &str, name: &str) -> Option<String> {
    let key = format!("pki/factor-{of}-{name}-face.key");
    let text = format!("\n[[factor]]\nname = \"face\"\nkind = \"biometrics\"\nkey = \"{key}\"\n");
    (name != SYSTEM).then_some(text)
}

/// The configuration of whoever holds the certificate `holder`: a person at the terminal `device` of `of`, or a system,
/// which sits at none.
fn terminal(holder: &str, of: &str, device: &str, face: Option<&str>, at: &Addresses) -> String {
    let tls = tls(holder);
    let beside = face.map_or_else(String::new, |face| {
        let stem = format!("pki/device-{of}-{device}");
        format!("\n[device]\ncertificate = \"{stem}.pem\"\nkey = \"{stem}.key\"\n{face}")
    });
    format!(
        "development = true\nclock_file = \"clock\"\n{tls}{beside}\
         \n[node]\nname = \"{NODE}\"\naddress = \"{}\"\n",
        at.staff
    )
}
