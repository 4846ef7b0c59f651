//! How a process's credentials stand, as every role shows it (R20): numbers for its gauges, lines for its log.

use super::credentials::HopCredentials;
use super::watch::{TlsFile, TlsNews};

const SECOND_MS: f64 = 1_000.0;
const DAY_MS: f64 = 86_400.0 * SECOND_MS;

/// What ends, and what cannot be used. Behind its end a number is negative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// Days until the certificate in use expires.
    pub certificate_days: f64,
    /// Of the revocation list in use; `None` where none is configured.
    pub list: Option<ListStanding>,
    /// Whether each of the files on disk cannot be used.
    pub unusable: [(TlsFile, bool); 3],
}

/// Of several lists the oldest and the earliest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ListStanding {
    /// Seconds since it was made.
    pub age_s: f64,
    /// Seconds until it says nothing any more, and nobody gets in.
    pub left_s: f64,
}

impl HopCredentials {
    /// How they stand at `now_ms`, Unix milliseconds.
    pub fn standing(&self, now_ms: u64) -> Standing {
        let until_ms = |ms: u64| ms as f64 - now_ms as f64;
        let faults = self.faults();
        Standing {
            certificate_days: until_ms(self.not_after_ms()) / DAY_MS,
            list: self.list_times().map(|times| ListStanding {
                age_s: -until_ms(times.issued_ms) / SECOND_MS,
                left_s: until_ms(times.ends_ms) / SECOND_MS,
            }),
            unusable: TlsFile::ALL.map(|file| (file, faults.iter().any(|(of, _)| *of == file))),
        }
    }
}

impl TlsNews {
    /// Tells the log.
    pub fn log(self) {
        match self {
            Self::Replaced(file) => tracing::info!(file = file.as_str(), "another version is in force"),
            Self::Mended(file) => tracing::info!(file = file.as_str(), "can be used again"),
            Self::Fault(file, fault) => {
                tracing::error!(file = file.as_str(), %fault, "the file on disk is not usable; the one before stands");
            }
        }
    }
}
