//! Stamps as files: of each day the checkpoint's note (`2026-11-22.checkpoint`) and the authority's token
//! (`2026-11-22.tst`), as OpenSSL reads them, and `stamps.json` with what shows that the log goes on from each.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chukei_crypto::tlog::NOTE_MAX;
use chukei_domain::day::Day;
use chukei_wire::limits::TIME_STAMP_MAX;
use chukei_wire::message::audit::{AuditStampsPage, FollowedHead, TimeStamped};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::commands::audit::given;
use crate::failure::Failure;
use crate::folder;

const INDEX: &str = "stamps.json";
/// Bytes of the index at most: some kilobytes for each day of a long life.
const INDEX_MAX: usize = 64 << 20;

/// Stamps that are shown to be continued by one checkpoint.
#[derive(Serialize, Deserialize)]
struct Page {
    checkpoint: String,
    log_key: String,
    certificate: String,
    stamps: Vec<Stamp>,
}

#[derive(Serialize, Deserialize)]
struct Stamp {
    /// As files are named.
    date: String,
    log_key: String,
    certificate: String,
    proof: Option<String>,
}

/// A folder that is being made.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// A new one: nothing is written over.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        fs::create_dir(path).map_err(|error| unwritten(path, &error))?;
        Ok(Self(path.to_owned()))
    }

    /// Writes everything, the index last.
    pub(super) fn write(&self, pages: &[AuditStampsPage]) -> Result<(), Failure> {
        let mut index = Vec::new();
        for page in pages {
            let Some(head) = &page.head else { continue };
            let mut stamps = Vec::with_capacity(page.stamps.len());
            for stamp in &page.stamps {
                let date = Day::from_number(stamp.day).to_string();
                self.put(&format!("{date}.checkpoint"), &stamp.head.checkpoint)?;
                self.put(&format!("{date}.tst"), &stamp.token)?;
                stamps.push(Stamp {
                    date,
                    log_key: HEXLOWER.encode(&stamp.head.key),
                    certificate: HEXLOWER.encode(&stamp.head.certificate),
                    proof: stamp.proof.as_ref().map(|proof| HEXLOWER.encode(proof)),
                });
            }
            index.push(Page {
                checkpoint: String::from_utf8_lossy(&head.checkpoint).into_owned(),
                log_key: HEXLOWER.encode(&head.key),
                certificate: HEXLOWER.encode(&head.certificate),
                stamps,
            });
        }
        let text = serde_json::to_vec_pretty(&index)
            .map_err(|error| unwritten(&self.0, &io::Error::other(error)))?;
        self.put(INDEX, &text)?;
        folder::sync_of(&self.0.join(INDEX))
            .and_then(|()| folder::sync_of(&self.0))
            .map_err(|error| unwritten(&self.0, &error))
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.0.join(name);
        let written = File::create_new(&path).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        written.map_err(|error| unwritten(&path, &error))
    }
}

/// The stamps of a folder, of which nothing is verified.
pub(super) fn read(folder: &Path) -> Result<Vec<AuditStampsPage>, Failure> {
    let index = folder.join(INDEX);
    let pages: Vec<Page> = serde_json::from_slice(&bytes(&index, INDEX_MAX)?)
        .map_err(|error| unread(&index, &error.to_string()))?;
    let malformed = || unread(&index, "形式が違います");
    pages.into_iter().map(|page| paged(folder, page, &malformed)).collect()
}

fn paged(folder: &Path, page: Page, malformed: &dyn Fn() -> Failure) -> Result<AuditStampsPage, Failure> {
    let head = |checkpoint: Vec<u8>, key: &str, certificate: &str| {
        let (key, certificate) = (fixed(key)?, fixed(certificate)?);
        Some(FollowedHead { checkpoint: ByteBuf::from(checkpoint), key, certificate })
    };
    let mut stamps = Vec::with_capacity(page.stamps.len());
    for Stamp { date, log_key, certificate, proof } in page.stamps {
        // A name that is a date leads nowhere else.
        let day = Day::parse_dashed(&date).map_err(|_| malformed())?;
        let number = u32::try_from(day.number()).map_err(|_| malformed())?;
        let file = |kind: &str, most| bytes(&folder.join(format!("{day}.{kind}")), most);
        let proof = proof.map(|proof| HEXLOWER.decode(proof.as_bytes()).map(ByteBuf::from));
        stamps.push(TimeStamped {
            day: number,
            head: head(file("checkpoint", NOTE_MAX)?, &log_key, &certificate).ok_or_else(malformed)?,
            token: ByteBuf::from(file("tst", TIME_STAMP_MAX)?),
            proof: proof.transpose().map_err(|_| malformed())?,
        });
    }
    let head = head(page.checkpoint.into_bytes(), &page.log_key, &page.certificate).ok_or_else(malformed)?;
    Ok(AuditStampsPage { stamps, next: None, head: Some(head) })
}

fn fixed<const N: usize>(text: &str) -> Option<[u8; N]> {
    HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}

/// A file of at most so many bytes.
fn bytes(path: &Path, most: usize) -> Result<Vec<u8>, Failure> {
    given::read(path, most).map_err(|cause| unread(path, &cause))
}

fn unread(path: &Path, cause: &str) -> Failure {
    Failure::usage("FILE_IO", format!("{}: {cause}。ファイルを確認してください", path.display()))
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    let message =
        format!("{}: {error}。新しいフォルダー名、権限、空き容量を確認してください", path.display());
    Failure::usage("NOT_WRITTEN", message)
}
