//! What a backup says of itself, signed by the body: whose rows, of when, in which files, with which hashes.
//!
//! What must hold: one byte form (deterministic CBOR), and nothing of it is believed before its signature has
//! verified. It says which keys are needed and holds none.

use std::collections::BTreeMap;

use chukei_crypto::hash::sha256;
use chukei_crypto::sign::verify_p256;
use serde::{Deserialize, Serialize};

use super::error::ImageError;
use super::format::{Content, Record};

/// What is signed before the manifest's bytes, so that no other signature of the identity fits.
const PURPOSE: &[u8] = b"chukei backup manifest v1\0";
/// The only format.
const FORMAT: u32 = 1;
/// Bytes a signed manifest may have at most: the sums of a terabyte of chunks.
pub(super) const MAX_MANIFEST_BYTES: usize = 64 << 20;

/// One backup of one body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Format, 1.
    pub format: u32,
    /// Local body code.
    pub body: String,
    /// Name of the engine that the rows lay with.
    pub engine: String,
    /// When writes were held for it, Unix milliseconds.
    pub created_ms: u64,
    /// The backup that this one builds on; a complete one has none.
    pub base: Option<Base>,
    /// The line of versions.
    #[serde(with = "serde_bytes")]
    pub lineage: [u8; 16],
    /// The newest version in it.
    pub newest: u64,
    /// The epoch of the node that owned the rows.
    pub owner_epoch: u64,
    /// The rows.
    pub rows: FileSums,
    /// Records of rows by the number of their space, ascending.
    pub spaces: Vec<SpaceCount>,
    /// The entries of the body's journal.
    pub journal: FileSums,
    /// Which entries they are.
    pub journal_span: JournalSpan,
    /// What opens the rows.
    pub keyring: KeyringNeed,
    /// Microseconds for which writes waited.
    pub pause_us: u64,
}

/// The backup that another builds on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Base {
    /// SHA-256 of its signed manifest's file.
    #[serde(with = "serde_bytes")]
    pub id: [u8; 32],
    /// The newest version in it.
    pub newest: u64,
    /// Number of the last entry of its journal.
    pub last_number: u64,
}

/// The chunks of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSums {
    /// In the order of the file.
    pub chunks: Vec<ChunkSum>,
}

/// One chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChunkSum {
    /// Bytes of its payload.
    pub bytes: u32,
    /// SHA-256 of its payload.
    #[serde(with = "serde_bytes")]
    pub sha256: [u8; 32],
}

/// Records of one space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpaceCount {
    /// The space's number.
    pub space: u8,
    /// Records with a value. A row that changed while the image was taken has several.
    pub values: u64,
    /// Records that say that the base has the value.
    pub kept: u64,
    /// Records of deleted rows.
    pub deleted: u64,
}

/// Counts records by their space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpaceCounts(BTreeMap<u8, SpaceCount>);

impl SpaceCounts {
    /// One record more.
    pub fn add(&mut self, record: &Record) {
        let space = record.key.as_bytes().first().copied().unwrap_or_default();
        let count = self.0.entry(space).or_insert(SpaceCount { space, ..SpaceCount::default() });
        match record.content {
            Content::Value(_) => count.values += 1,
            Content::Kept => count.kept += 1,
            Content::Deleted => count.deleted += 1,
        }
    }

    /// The counts, in order of their spaces.
    pub fn into_counts(self) -> Vec<SpaceCount> {
        self.0.into_values().collect()
    }
}

/// Entries of a journal, by their numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalSpan {
    /// Number of the first; one more than `last` where there are none.
    pub first: u64,
    /// Number of the last: where the journal stood.
    pub last: u64,
}

/// The keyring that opens what is in a backup. It is backed up apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyringNeed {
    /// Its generation; a later one opens what has not been erased since.
    pub generation: u64,
    /// The root that it was sealed under.
    pub root: u32,
    /// The epoch that it was sealed under, a civil day in Japan.
    pub epoch: u32,
}

/// A manifest with its signature, as it lies in its file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedManifest {
    #[serde(with = "serde_bytes")]
    manifest: Vec<u8>,
    #[serde(with = "serde_bytes")]
    signature: [u8; 64],
}

impl Manifest {
    /// The only format.
    pub const FORMAT: u32 = FORMAT;

    /// The bytes that are signed.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ImageError> {
        chukei_cbor::to_vec(self).map_err(|_| MALFORMED)
    }

    /// Bytes of all payloads.
    pub fn payload_bytes(&self) -> u64 {
        self.rows.payload_bytes() + self.journal.payload_bytes()
    }

    /// What putting it in over its base changes: rows with a new value, rows that are deleted, and events.
    pub fn changes(&self) -> u64 {
        let rows: u64 = self.spaces.iter().map(|count| count.values + count.deleted).sum();
        rows + self.journal_span.last.saturating_add(1).saturating_sub(self.journal_span.first)
    }

    /// Records of rows.
    pub fn records(&self) -> u64 {
        self.spaces.iter().map(|count| count.values + count.kept + count.deleted).sum()
    }
}

impl FileSums {
    /// Bytes of all payloads of the file.
    pub fn payload_bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| u64::from(chunk.bytes)).sum()
    }
}

const MALFORMED: ImageError = ImageError::Altered("the manifest");

impl SignedManifest {
    /// What an identity is to sign.
    pub fn message(manifest: &[u8]) -> Vec<u8> {
        [PURPOSE, manifest].concat()
    }

    /// A manifest's bytes and the signature over [`SignedManifest::message`].
    pub fn new(manifest: Vec<u8>, signature: [u8; 64]) -> Self {
        Self { manifest, signature }
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ImageError> {
        chukei_cbor::to_vec(self).map_err(|_| MALFORMED)
    }

    /// The name by which later backups know this one: SHA-256 of the file.
    pub fn id(file: &[u8]) -> [u8; 32] {
        sha256(file)
    }

    /// Reads a file and believes it if one of `identities` (SubjectPublicKeyInfo of P-256) has signed it.
    pub fn open(file: &[u8], identities: &[Vec<u8>]) -> Result<Manifest, ImageError> {
        if file.len() > MAX_MANIFEST_BYTES {
            return Err(MALFORMED);
        }
        let signed: Self = chukei_cbor::from_slice(file).map_err(|_| MALFORMED)?;
        let message = Self::message(&signed.manifest);
        let ours = |identity: &Vec<u8>| verify_p256(identity, &message, &signed.signature).is_ok();
        if !identities.iter().any(ours) {
            return Err(ImageError::BadSignature);
        }
        let manifest = Self::read(&signed.manifest)?;
        if signed.to_bytes()? != file || manifest.to_bytes()? != signed.manifest {
            return Err(MALFORMED);
        }
        Ok(manifest)
    }

    /// Reads a file without believing it.
    pub(super) fn peek(file: &[u8]) -> Result<Manifest, ImageError> {
        if file.len() > MAX_MANIFEST_BYTES {
            return Err(MALFORMED);
        }
        let signed: Self = chukei_cbor::from_slice(file).map_err(|_| MALFORMED)?;
        Self::read(&signed.manifest)
    }

    fn read(manifest: &[u8]) -> Result<Manifest, ImageError> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        match chukei_cbor::from_slice::<Format>(manifest) {
            Ok(Format { format: FORMAT }) => chukei_cbor::from_slice(manifest).map_err(|_| MALFORMED),
            Ok(Format { format }) if format > FORMAT => Err(ImageError::NewerFormat),
            _ => Err(MALFORMED),
        }
    }
}
