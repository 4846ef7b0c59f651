//! The small files of a provider: a key as one line of hexadecimal, a generation as one line of decimal.
//!
//! What must hold: reading is bounded, and what was read or is to be written leaves memory with its owner. A file of
//! nothing but zero bytes is one whose destruction was cut short.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use chukei_store::durable_file;
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use zeroize::Zeroizing;

use crate::provider::ProviderError;

/// Longest file, bytes: 32 bytes in hexadecimal, with room for line ends.
const TEXT_MAX: usize = 128;

/// The 32-byte key at `path`; `None` where there is no file.
pub(crate) fn read_key(path: &Path) -> Result<Option<Zeroizing<[u8; 32]>>, ProviderError> {
    let Some(text) = read(path)? else { return Ok(None) };
    if !text.is_empty() && text.iter().all(|byte| *byte == 0) {
        return Err(ProviderError::Destroyed);
    }
    let mut key = Zeroizing::new([0; 32]);
    match HEXLOWER_PERMISSIVE.decode_mut(line(&text, 64).ok_or_else(|| malformed(path))?, &mut key[..]) {
        Ok(_) => Ok(Some(key)),
        Err(_) => Err(malformed(path)),
    }
}

/// Writes the key to `path`, durably and readable by its owner alone.
pub(crate) fn write_key(path: &Path, key: &[u8; 32]) -> Result<(), ProviderError> {
    let mut text = Zeroizing::new(String::with_capacity(65));
    HEXLOWER.encode_append(key, &mut text);
    text.push('\n');
    durable_file::replace(path, text.as_bytes()).map_err(|source| refused(path, source))
}

/// The number at `path`; 0 where there is no file.
pub(crate) fn read_number(path: &Path) -> Result<u64, ProviderError> {
    let Some(text) = read(path)? else { return Ok(0) };
    let digits = std::str::from_utf8(text.trim_ascii_end()).map_err(|_| malformed(path))?;
    parse_number(digits).ok_or_else(|| malformed(path))
}

/// Writes the number to `path`, durably.
pub(crate) fn write_number(path: &Path, number: u64) -> Result<(), ProviderError> {
    durable_file::replace(path, format!("{number}\n").as_bytes()).map_err(|source| refused(path, source))
}

/// A decimal number in the only form it is written in.
pub(crate) fn parse_number<N: std::str::FromStr + ToString>(digits: &str) -> Option<N> {
    digits.parse().ok().filter(|number: &N| number.to_string() == digits)
}

/// The system's refusal of something at `path`.
pub(crate) fn refused(path: &Path, source: io::Error) -> ProviderError {
    ProviderError::Io { path: path.to_owned(), source }
}

fn malformed(path: &Path) -> ProviderError {
    tracing::error!(path = %path.display(), "a file of the key provider is malformed");
    ProviderError::Integrity
}

fn line(text: &[u8], length: usize) -> Option<&[u8]> {
    let line = text.trim_ascii();
    (line.len() == length).then_some(line)
}

fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, ProviderError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused(path, error)),
    };
    // Room for one byte more than allowed, so that reading never moves a secret to a larger buffer.
    let mut text = Zeroizing::new(Vec::with_capacity(TEXT_MAX + 1));
    let limit = u64::try_from(TEXT_MAX + 1).map_err(|_| malformed(path))?;
    file.take(limit).read_to_end(&mut text).map_err(|source| refused(path, source))?;
    if text.len() > TEXT_MAX { Err(malformed(path)) } else { Ok(Some(text)) }
}
