//! Backups that are there: each checked against its signed manifest, and the chain that one builds on.
//!
//! What must hold: no key is needed but the body's public identity; a chain is of one body and one line of versions,
//! without a gap in rows or journal, and ends in a complete backup.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::error::ImageError;
use super::files::{ImageFile, Payloads, failed, read_manifest};
use super::format::{self, Content, Record, Section};
use super::manifest::{Base, Manifest, SignedManifest, SpaceCounts};
use crate::journal::JournalEntry;
use crate::row::RowKey;

/// Backups of one chain at most.
const MAX_CHAIN: usize = 4_096;

/// One backup in its folder, whose manifest was signed by its body.
#[derive(Clone, Debug)]
pub struct BackupSet {
    folder: PathBuf,
    id: [u8; 32],
    manifest: Manifest,
}

/// What a check has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Backups of the chain.
    pub backups: u64,
    /// Records of rows.
    pub records: u64,
    /// Entries of the journal.
    pub entries: u64,
    /// Bytes of payloads.
    pub bytes: u64,
}

impl BackupSet {
    /// Opens the backup in `folder`; its manifest is signed by one of `identities`. Files are not read yet.
    pub fn open(folder: &Path, identities: &[Vec<u8>]) -> Result<Self, ImageError> {
        let file = read_manifest(folder)?;
        let manifest = SignedManifest::open(&file, identities)?;
        Ok(Self { folder: folder.to_owned(), id: SignedManifest::id(&file), manifest })
    }

    /// What the backup in `folder` says of itself and how another names it as its base, not believed: for who is about to
    /// check it, or builds on it and is checked with it.
    pub fn peek(folder: &Path) -> Result<(Manifest, Base), ImageError> {
        Self::peek_at(&read_manifest(folder)?)
    }

    /// As [`BackupSet::peek`], of the bytes of a signed manifest.
    pub fn peek_at(file: &[u8]) -> Result<(Manifest, Base), ImageError> {
        let manifest = SignedManifest::peek(file)?;
        let base = base_of(SignedManifest::id(file), &manifest);
        Ok((manifest, base))
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// SHA-256 of its signed manifest.
    pub fn id(&self) -> [u8; 32] {
        self.id
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// How a backup names this one as its base.
    pub fn as_base(&self) -> Base {
        base_of(self.id, &self.manifest)
    }

    /// The chain that ends with this one, the complete backup first. Bases lie in folders beside it, whatever their
    /// names.
    pub fn chain(self, identities: &[Vec<u8>]) -> Result<Vec<Self>, ImageError> {
        let beside = self.folder.canonicalize().map_err(|error| failed(&self.folder, error))?;
        let beside = Manifests::beside(beside.parent().unwrap_or(&beside))?;
        let mut chain = vec![self];
        while let Some(base) = chain.last().and_then(|last| last.manifest.base) {
            if chain.len() == MAX_CHAIN {
                return Err(ImageError::BrokenChain);
            }
            let folder = beside.0.get(&base.id).ok_or(ImageError::BrokenChain)?;
            let found = Self::open(folder, identities)?;
            let later = chain.last().map(|later| &later.manifest);
            if !later.is_some_and(|later| follows(later, base, &found)) {
                return Err(ImageError::BrokenChain);
            }
            chain.push(found);
        }
        chain.reverse();
        Ok(chain)
    }

    /// Records of rows, chunk by chunk, in order; hashes are checked as they are read.
    pub fn rows(
        &self,
    ) -> Result<impl Iterator<Item = Result<(Section, Vec<Record>), ImageError>>, ImageError> {
        let payloads = Payloads::open(&self.folder, ImageFile::Rows, &self.manifest.rows)?;
        Ok(payloads.map(|payload| format::records(&payload?)))
    }

    /// Entries of the journal, chunk by chunk, in order.
    pub fn entries(&self) -> Result<impl Iterator<Item = Result<Vec<JournalEntry>, ImageError>>, ImageError> {
        let payloads = Payloads::open(&self.folder, ImageFile::Journal, &self.manifest.journal)?;
        Ok(payloads.map(|payload| format::entries(&payload?)))
    }

    /// Reads everything: hashes, order, counts, numbers. `read` is told bytes as they are done with.
    pub fn check(&self, read: &mut dyn FnMut(u64)) -> Result<Checked, ImageError> {
        let records = self.check_rows(read)?;
        let entries = self.check_journal(read)?;
        Ok(Checked { backups: 1, records, entries, bytes: self.manifest.payload_bytes() })
    }

    fn check_rows(&self, read: &mut dyn FnMut(u64)) -> Result<u64, ImageError> {
        let mut walk =
            RowsWalk { manifest: &self.manifest, section: None, last: None, spaces: SpaceCounts::default() };
        for chunk in self.rows()? {
            let (section, records) = chunk?;
            read(records.iter().map(|record| record.length() as u64).sum());
            walk.take(section, records)?;
        }
        if walk.spaces.into_counts() == self.manifest.spaces {
            Ok(self.manifest.records())
        } else {
            Err(ImageError::Altered("the counts of rows"))
        }
    }

    fn check_journal(&self, read: &mut dyn FnMut(u64)) -> Result<u64, ImageError> {
        let span = self.manifest.journal_span;
        let mut next = span.first;
        for chunk in self.entries()? {
            let entries = chunk?;
            for entry in &entries {
                if entry.seq != next {
                    return Err(ImageError::Altered("the numbers of the journal"));
                }
                next += 1;
            }
            read(entries.iter().map(|entry| entry.sealed.len() as u64).sum());
        }
        if next == span.last + 1 {
            Ok(next - span.first)
        } else {
            Err(ImageError::Altered("the numbers of the journal"))
        }
    }
}

fn base_of(id: [u8; 32], manifest: &Manifest) -> Base {
    Base { id, newest: manifest.newest, last_number: manifest.journal_span.last }
}

/// Checks every backup of a chain.
pub fn check_chain(chain: &[BackupSet], read: &mut dyn FnMut(u64)) -> Result<Checked, ImageError> {
    let mut all = Checked::default();
    for backup in chain {
        let one = backup.check(read)?;
        all.backups += 1;
        all.records += one.records;
        all.entries += one.entries;
        all.bytes += one.bytes;
    }
    Ok(all)
}

/// Whether `later` builds on `found`.
fn follows(later: &Manifest, base: Base, found: &BackupSet) -> bool {
    let (earlier, journal) = (&found.manifest, later.journal_span);
    found.as_base() == base
        && later.body == earlier.body
        && later.lineage == earlier.lineage
        && later.newest > earlier.newest
        && journal.first == base.last_number + 1
}

/// Folders by the hash of the manifest in them.
struct Manifests(BTreeMap<[u8; 32], PathBuf>);

impl Manifests {
    fn beside(folder: &Path) -> Result<Self, ImageError> {
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(folder).map_err(|error| failed(folder, error))? {
            let path = entry.map_err(|error| failed(folder, error))?.path();
            if let Ok(file) = read_manifest(&path) {
                found.insert(SignedManifest::id(&file), path);
            }
        }
        Ok(Self(found))
    }
}

struct RowsWalk<'a> {
    manifest: &'a Manifest,
    section: Option<Section>,
    last: Option<RowKey>,
    spaces: SpaceCounts,
}

impl RowsWalk<'_> {
    fn take(&mut self, section: Section, records: Vec<Record>) -> Result<(), ImageError> {
        if self.section != Some(section) {
            let number = |section| match section {
                Section::Complete(number) | Section::Differences(number) => number,
            };
            let begins = self.section.is_none() && section == Section::Complete(0);
            if !begins && self.section.is_none_or(|before| number(before) >= number(section)) {
                return Err(ImageError::Altered("the order of sections"));
            }
            (self.section, self.last) = (Some(section), None);
        }
        records.into_iter().try_for_each(|record| self.record(section, record))
    }

    fn record(&mut self, section: Section, record: Record) -> Result<(), ImageError> {
        if self.last.as_ref().is_some_and(|last| *last >= record.key) {
            return Err(ImageError::Altered("the order of rows"));
        }
        let base = self.manifest.base.map_or(0, |base| base.newest);
        self.spaces.add(&record);
        let version = record.version;
        let right = match record.content {
            Content::Value(_) => version > base && version <= self.manifest.newest,
            Content::Kept => version > 0 && version <= base,
            Content::Deleted => version == 0 && matches!(section, Section::Differences(_)),
        };
        self.last = Some(record.key);
        if right { Ok(()) } else { Err(ImageError::Altered("the versions of rows")) }
    }
}
