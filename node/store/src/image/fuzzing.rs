//! The decoders of what comes with a backup or lies beside a body's rows, for the fuzz targets.

use super::format::{ChunkBuilder, entries, records};
use super::manifest::SignedManifest;
use super::own_rows::Restored;
use super::place::Place;

/// A chunk of rows.
pub fn image_rows(payload: &[u8]) {
    let Ok((section, rows)) = records(payload) else { return };
    let mut builder = ChunkBuilder::default();
    for row in &rows {
        assert!(builder.record(section, row).is_none(), "a fuzzer's input fits into one chunk");
    }
    if let Some(again) = builder.finish() {
        assert_eq!(again.payload, payload);
    }
}

/// A chunk of the journal.
pub fn image_journal(payload: &[u8]) {
    let Ok(entries) = entries(payload) else { return };
    let mut builder = ChunkBuilder::default();
    for entry in &entries {
        assert!(builder.entry(entry).is_none(), "a fuzzer's input fits into one chunk");
    }
    assert_eq!(builder.finish().map(|chunk| chunk.payload).unwrap_or_default(), payload);
}

/// A signed manifest: one that nobody has signed is not believed, whatever it says.
pub fn image_manifest(file: &[u8]) {
    if let Ok(manifest) = SignedManifest::peek(file) {
        assert!(manifest.to_bytes().is_ok());
    }
    assert!(SignedManifest::open(file, &[]).is_err());
}

/// The line that says where a body's rows are.
pub fn image_place(bytes: &[u8]) {
    let Ok(line) = std::str::from_utf8(bytes) else { return };
    if let Some(place) = Place::parse(line) {
        assert_eq!(place.line(), line);
    }
}

/// What a restore left for the log.
pub fn image_restored(bytes: &[u8]) {
    if let Some(restored) = Restored::from_bytes(bytes) {
        assert_eq!(restored.to_bytes(), bytes);
    }
}
