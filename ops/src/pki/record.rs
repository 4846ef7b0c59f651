//! Public records: what each holder of long-lived keys hands in for the peer list. No secret is in them.

use std::fs;
use std::path::{Path, PathBuf};

use chukei_relay_client::peers::{BodyPeer, BrokerPeer, Identities, PortalPeer};
use serde::{Deserialize, Serialize};

use super::PkiError;
use super::files::{io, read_text, replace_public};

/// The ending of a record's file name.
const ENDING: &str = ".peer.json";
/// Records of one folder: every body of the country and room for portals and brokers.
const RECORDS_MAX: usize = 4_096;

/// The public half of what was issued.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum PeerRecord {
    /// A body.
    Body(BodyPeer),
    /// A portal instance.
    Portal(PortalPeer),
    /// A broker.
    Broker(BrokerPeer),
}

/// Where the record of what has this file stem lies.
pub(super) fn record_path(dir: &Path, stem: &str) -> PathBuf {
    dir.join(format!("{stem}{ENDING}"))
}

impl PeerRecord {
    /// Writes the record.
    pub(super) fn write(&self, dir: &Path, stem: &str) -> Result<(), PkiError> {
        let path = record_path(dir, stem);
        let mut text = serde_json::to_string(self).map_err(|_| PkiError::Malformed(path.clone()))?;
        text.push('\n');
        replace_public(&path, text.as_bytes())
    }

    /// The record of what has this file stem.
    pub(super) fn read(dir: &Path, stem: &str) -> Result<Self, PkiError> {
        read(record_path(dir, stem))
    }

    /// The identities in it; a broker has none.
    pub(super) fn identities(&self) -> Result<&Identities, PkiError> {
        match self {
            Self::Body(body) => Ok(&body.identities),
            Self::Portal(portal) => Ok(&portal.identities),
            Self::Broker(_) => Err(PkiError::Name),
        }
    }

    /// The same record with other identities.
    pub(super) fn with_identities(self, identities: Identities) -> Result<Self, PkiError> {
        match self {
            Self::Body(body) => Ok(Self::Body(BodyPeer { identities, ..body })),
            Self::Portal(portal) => Ok(Self::Portal(PortalPeer { identities, ..portal })),
            Self::Broker(_) => Err(PkiError::Name),
        }
    }

    /// Every record of the folder in the order of file names, so that the same records give the same list.
    pub(super) fn all(dir: &Path) -> Result<Vec<Self>, PkiError> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(dir).map_err(|source| io(dir, source))? {
            let path = entry.map_err(|source| io(dir, source))?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(ENDING)) {
                paths.push(path);
            }
            if paths.len() > RECORDS_MAX {
                return Err(PkiError::TooManyRecords(RECORDS_MAX));
            }
        }
        paths.sort();
        paths.into_iter().map(read).collect()
    }
}

fn read(path: PathBuf) -> Result<PeerRecord, PkiError> {
    serde_json::from_str(&read_text(&path)?).map_err(|_| PkiError::Malformed(path))
}
