//! Files that a check is given, each of bounded length.

use std::io::ErrorKind;
use std::path::Path;

use chukei_relay_client::bounded_file;

/// The bytes of such a file, `most` at most; why they are not read, for people.
pub(super) fn read(path: &Path, most: usize) -> Result<Vec<u8>, String> {
    bounded_file::read(path, most).map_err(|error| match error.kind() {
        ErrorKind::FileTooLarge => "大きすぎます".to_owned(),
        _ => error.to_string(),
    })
}
