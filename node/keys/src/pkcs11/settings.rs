//! Where a token is found.

use std::path::PathBuf;

/// Driver, token and PIN. The PIN itself stands in no configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pkcs11Settings {
    /// The driver: a shared library, for instance `/usr/lib/softhsm/libsofthsm2.so`.
    pub module: PathBuf,
    /// The token's label.
    pub token: String,
    /// A file that holds the user's PIN on one line.
    pub pin_file: PathBuf,
}
