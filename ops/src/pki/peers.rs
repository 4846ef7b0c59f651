//! The peer list: every public record of the folder in one file, signed by the offline root (R24).

use chukei_relay_client::key_file;
use chukei_relay_client::peers::{Hex, PEERS_PURPOSE, PeerListFile};
use chukei_relay_client::signed::signature_path;

use super::record::PeerRecord;
use super::{PeersPaths, Pki, PkiError, Validity, signing};

/// Writes list and signature.
pub(super) fn write(pki: &Pki, validity: Validity) -> Result<PeersPaths, PkiError> {
    let bytes = collect(pki, validity)?.to_json().map_err(|_| PkiError::Key)?;
    let file = signing::write(pki, "peers.json", PEERS_PURPOSE, &bytes)?;
    Ok(PeersPaths { signature: signature_path(&file), root: pki.path("peer-root.pub"), file })
}

fn collect(pki: &Pki, validity: Validity) -> Result<PeerListFile, PkiError> {
    validity.check()?;
    let mut list = PeerListFile {
        version: 1,
        issued_ms: validity.now_ms,
        not_after_ms: validity.ends_ms()?,
        bodies: Vec::new(),
        portals: Vec::new(),
        brokers: Vec::new(),
        registry: Hex(key_file::read(&pki.path("registry.pub"))?.to_vec()),
    };
    for record in PeerRecord::all(pki.dir())? {
        match record {
            PeerRecord::Body(body) => list.bodies.push(body),
            PeerRecord::Portal(portal) => list.portals.push(portal),
            PeerRecord::Broker(broker) => list.brokers.push(broker),
        }
    }
    Ok(list)
}
