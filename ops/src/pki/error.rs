//! Why nothing was issued.

use std::path::PathBuf;

use chukei_domain::register::RegisterError;
use chukei_domain::register::platform::PlatformError;
use chukei_keys::ProviderError;
use chukei_relay_client::key_file::KeyFileError;

use super::DAYS_MAX;

/// Why nothing was issued. The texts name files, never what is in them.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// The folder already holds an authority, or a key would have been overwritten.
    #[error("{0} exists and is not overwritten")]
    Exists(PathBuf),
    /// A name outside 1–64 of `a-z 0-9 . _ -`, or one that the folder uses for itself.
    #[error("not a usable name: 1 to 64 of a-z 0-9 . _ -, and none of the folder's own file names")]
    Name,
    /// A validity of no days or of too many.
    #[error("validity must be 1 to {DAYS_MAX} days")]
    Validity,
    /// A version that no code or binding secret can have.
    #[error("a version of person codes is 1 to 255, of binding secrets 1 to 127")]
    Version,
    /// A file of the folder is not what it should be.
    #[error("{0} is malformed")]
    Malformed(PathBuf),
    /// More public records than a list may have.
    #[error("more than {0} peers")]
    TooManyRecords(usize),
    /// More certificates than one folder has that are not over.
    #[error("more than {0} certificates")]
    TooManyCertificates(usize),
    /// No certificate was issued here under this name.
    #[error("nobody holds a certificate from here under this name")]
    NobodysName,
    /// The holder's former identity is still listed.
    #[error("a rotation of this identity is under way: retire the former one first")]
    Rotating,
    /// The holder has one identity only.
    #[error("no former identity is listed")]
    NothingToRetire,
    /// A founding document that no node would take.
    #[error("founding document: {0}")]
    Founding(#[from] RegisterError),
    /// A platform register that no node would take.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// The certificate could not be made.
    #[error("certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A key could not be made or read.
    #[error("key operation failed")]
    Key,
    /// A key file was refused.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// A root could not be made.
    #[error("root: {0}")]
    Root(#[from] ProviderError),
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}
