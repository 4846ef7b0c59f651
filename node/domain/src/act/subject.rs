//! What two persons decide on.

use serde::{Deserialize, Serialize};

use crate::codes::InfoNameCode;
use crate::day::start_of;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// Everything about a person is erased. Which one: the body's random internal id.
    #[serde(rename = "erase-person")]
    ErasePerson(#[serde(with = "serde_bytes")] [u8; 16]),
    /// Every copy of a dataset is erased.
    #[serde(rename = "erase-dataset")]
    EraseDataset(InfoNameCode),
    /// Everything of the body but its log is erased.
    #[serde(rename = "erase-body")]
    EraseBody,
    /// A person's own information is given out again (R50).
    #[serde(rename = "unblock")]
    Unblock {
        /// The person, by the random internal id.
        #[serde(rename = "p", with = "serde_bytes")]
        person: [u8; 16],
        /// These datasets; none for all.
        #[serde(rename = "d")]
        datasets: Vec<InfoNameCode>,
    },
    /// A person's exchange records are shown to them again (R50).
    #[serde(rename = "disclose-records")]
    DiscloseRecords {
        /// The person, by the random internal id.
        #[serde(rename = "p", with = "serde_bytes")]
        person: [u8; 16],
        /// Those of these datasets; none for all.
        #[serde(rename = "d")]
        datasets: Vec<InfoNameCode>,
    },
    /// A policy of the body's is put in the place of the one of this name.
    #[serde(rename = "policy-load")]
    PolicyLoad {
        /// Its name.
        #[serde(rename = "n")]
        name: String,
        /// SHA-256 of its text.
        #[serde(rename = "h", with = "serde_bytes")]
        digest: [u8; 32],
    },
    /// The body's policy of this name goes.
    #[serde(rename = "policy-remove")]
    PolicyRemove(String),
    /// A later catalogue is loaded (R13).
    #[serde(rename = "catalogue-load")]
    CatalogueLoad {
        /// Its version.
        #[serde(rename = "v")]
        version: String,
        /// The day it is valid from, days since 1970-01-01 in Japan: it is loaded then at the earliest.
        #[serde(rename = "d")]
        valid_from: u32,
        /// SHA-256 of its text.
        #[serde(rename = "h", with = "serde_bytes")]
        digest: [u8; 32],
    },
    /// Records of the body's log are given out (監査データの出力).
    #[serde(rename = "audit-export")]
    AuditExport {
        /// Records from then on, Unix milliseconds.
        #[serde(rename = "f")]
        from_ms: u64,
        /// Records before then.
        #[serde(rename = "u")]
        until_ms: u64,
    },
    /// A copy of the sealed keyring is given out (R25).
    #[serde(rename = "keyring-copy")]
    KeyringCopy,
    /// The body's log, which came back from a backup, goes on in its new epoch (R43).
    #[serde(rename = "log-gap")]
    LogGap {
        /// The epoch: when the log was restored, Unix milliseconds.
        #[serde(rename = "e")]
        epoch_ms: u64,
        /// Number of the record that tells of the restore, the first of the epoch.
        #[serde(rename = "n")]
        first: u64,
    },
}

/// A kind of act: a word of a closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ActKind {
    /// [`Subject::ErasePerson`].
    #[serde(rename = "erase-person")]
    ErasePerson,
    /// [`Subject::EraseDataset`].
    #[serde(rename = "erase-dataset")]
    EraseDataset,
    /// [`Subject::EraseBody`].
    #[serde(rename = "erase-body")]
    EraseBody,
    /// [`Subject::Unblock`].
    #[serde(rename = "unblock")]
    Unblock,
    /// [`Subject::DiscloseRecords`].
    #[serde(rename = "disclose-records")]
    DiscloseRecords,
    /// [`Subject::PolicyLoad`].
    #[serde(rename = "policy-load")]
    PolicyLoad,
    /// [`Subject::PolicyRemove`].
    #[serde(rename = "policy-remove")]
    PolicyRemove,
    /// [`Subject::CatalogueLoad`].
    #[serde(rename = "catalogue-load")]
    CatalogueLoad,
    /// [`Subject::AuditExport`].
    #[serde(rename = "audit-export")]
    AuditExport,
    /// [`Subject::KeyringCopy`].
    #[serde(rename = "keyring-copy")]
    KeyringCopy,
    /// [`Subject::LogGap`].
    #[serde(rename = "log-gap")]
    LogGap,
}

impl ActKind {
    /// Every kind.
    pub const ALL: &'static [ActKind] = &[
        Self::ErasePerson,
        Self::EraseDataset,
        Self::EraseBody,
        Self::Unblock,
        Self::DiscloseRecords,
        Self::PolicyLoad,
        Self::PolicyRemove,
        Self::CatalogueLoad,
        Self::AuditExport,
        Self::KeyringCopy,
        Self::LogGap,
    ];

    /// The stable name, e.g. `erase-person`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ErasePerson => "erase-person",
            Self::EraseDataset => "erase-dataset",
            Self::EraseBody => "erase-body",
            Self::Unblock => "unblock",
            Self::DiscloseRecords => "disclose-records",
            Self::PolicyLoad => "policy-load",
            Self::PolicyRemove => "policy-remove",
            Self::CatalogueLoad => "catalogue-load",
            Self::AuditExport => "audit-export",
            Self::KeyringCopy => "keyring-copy",
            Self::LogGap => "log-gap",
        }
    }

    /// Whether something is fetched once it is carried out.
    pub fn brings_out(self) -> bool {
        matches!(self, Self::AuditExport | Self::KeyringCopy)
    }

    /// Whether that is fetched once only: a key leaves custody one time for one decision.
    pub fn is_fetched_once(self) -> bool {
        self == Self::KeyringCopy
    }

    /// Whether it erases something.
    pub fn erases(self) -> bool {
        matches!(self, Self::ErasePerson | Self::EraseDataset | Self::EraseBody)
    }
}

impl Subject {
    /// Of which kind it is.
    pub fn kind(&self) -> ActKind {
        match self {
            Self::ErasePerson(_) => ActKind::ErasePerson,
            Self::EraseDataset(_) => ActKind::EraseDataset,
            Self::EraseBody => ActKind::EraseBody,
            Self::Unblock { .. } => ActKind::Unblock,
            Self::DiscloseRecords { .. } => ActKind::DiscloseRecords,
            Self::PolicyLoad { .. } => ActKind::PolicyLoad,
            Self::PolicyRemove(_) => ActKind::PolicyRemove,
            Self::CatalogueLoad { .. } => ActKind::CatalogueLoad,
            Self::AuditExport { .. } => ActKind::AuditExport,
            Self::KeyringCopy => ActKind::KeyringCopy,
            Self::LogGap { .. } => ActKind::LogGap,
        }
    }

    /// The person it is about, by the random internal id.
    pub fn person(&self) -> Option<[u8; 16]> {
        match self {
            Self::ErasePerson(person)
            | Self::Unblock { person, .. }
            | Self::DiscloseRecords { person, .. } => Some(*person),
            _ => None,
        }
    }

    /// SHA-256 of the text that goes with it.
    pub fn digest(&self) -> Option<[u8; 32]> {
        match self {
            Self::PolicyLoad { digest, .. } | Self::CatalogueLoad { digest, .. } => Some(*digest),
            _ => None,
        }
    }

    /// Before when it is not carried out, however short the waiting period, Unix milliseconds.
    pub(super) fn not_before_ms(&self) -> u64 {
        match self {
            Self::CatalogueLoad { valid_from, .. } => start_of(*valid_from),
            _ => 0,
        }
    }
}
