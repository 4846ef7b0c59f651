//! How long a log has said nothing, as a metric for a collector of text files and as a line where logs go.
//!
//! What must hold: a log that grows or states a checkpoint is heard, and nothing else is; what is told once is told again only
//! after it was over.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use chukei_wire::message::audit::AuditFollowPage;

use super::copy::Copy;
use crate::failure::Failure;
use crate::folder;

/// Watches for silence.
pub(super) struct Watch {
    bound: Duration,
    heard: Instant,
    last: u64,
    checkpoint: Vec<u8>,
    told: bool,
    contradicted: bool,
    metrics: Option<PathBuf>,
    /// Number of the first entry that was not sent to a receiver of events, where there is one.
    sent: Option<u64>,
}

impl Watch {
    /// A log is silent after so many seconds.
    pub(super) fn new(seconds: u64, metrics: Option<PathBuf>) -> Self {
        Self {
            bound: Duration::from_secs(seconds),
            heard: Instant::now(),
            last: 0,
            checkpoint: Vec::new(),
            told: false,
            contradicted: false,
            metrics,
            sent: None,
        }
    }

    /// Everything before number `next` was sent to a receiver of events.
    pub(super) fn sent(&mut self, next: u64) {
        self.sent = Some(next);
    }

    /// For how long nothing was heard.
    pub(super) fn silent(&self) -> Duration {
        self.heard.elapsed()
    }

    /// Whether that is an alarm.
    pub(super) fn is_silent(&self) -> bool {
        self.silent() >= self.bound
    }

    /// Looks at what the node answered; at nothing where it did not.
    pub(super) fn look(&mut self, copy: &Copy, page: Option<&AuditFollowPage>) -> Result<(), Failure> {
        if let Some(page) = page {
            let stated = page.checkpoint.as_ref().map(|head| head.checkpoint.as_slice());
            let news = page.last > self.last || stated.is_some_and(|stated| stated != self.checkpoint);
            if news {
                (self.heard, self.last) = (Instant::now(), self.last.max(page.last));
                self.checkpoint = stated.unwrap_or(&self.checkpoint).to_vec();
            }
        }
        if self.is_silent() != self.told {
            self.told = !self.told;
            match self.told {
                true => {
                    tracing::error!(body = %copy.body(), seconds = self.bound.as_secs(), "the log is silent (R43)")
                }
                false => tracing::info!(body = %copy.body(), "the log is heard again"),
            }
        }
        self.write(copy, page.map(|page| (page.last + 1).saturating_sub(copy.next())))
    }

    /// The log is another one than the copy.
    pub(super) fn contradicted(&mut self) -> Result<(), Failure> {
        self.contradicted = true;
        let Some(path) = &self.metrics else { return Ok(()) };
        let text = "chukei_follow_contradicted 1\n";
        put(path, text)
    }

    fn write(&self, copy: &Copy, lag: Option<u64>) -> Result<(), Failure> {
        let Some(path) = &self.metrics else { return Ok(()) };
        let body = copy.body();
        let mut text = format!(
            "# HELP chukei_follow_silent_seconds Seconds for which a followed log said nothing.\n\
             # TYPE chukei_follow_silent_seconds gauge\n\
             chukei_follow_silent_seconds{{body=\"{body}\"}} {}\n\
             # HELP chukei_follow_silent Whether that is longer than it may be.\n\
             # TYPE chukei_follow_silent gauge\n\
             chukei_follow_silent{{body=\"{body}\"}} {}\n\
             # HELP chukei_follow_contradicted Whether the log is another one than its copy.\n\
             # TYPE chukei_follow_contradicted gauge\n\
             chukei_follow_contradicted {}\n\
             # HELP chukei_follow_entries Entries in the copy.\n\
             # TYPE chukei_follow_entries gauge\n\
             chukei_follow_entries{{body=\"{body}\"}} {}\n",
            self.silent().as_secs(),
            u8::from(self.is_silent()),
            u8::from(self.contradicted),
            copy.next() - 1,
        );
        if let Some(sent) = self.sent {
            let behind = copy.next().saturating_sub(sent);
            text.push_str(&format!(
                "# HELP chukei_follow_syslog_lag_entries Entries in the copy that were not sent to the receiver of events.\n\
                 # TYPE chukei_follow_syslog_lag_entries gauge\n\
                 chukei_follow_syslog_lag_entries{{body=\"{body}\"}} {behind}\n"
            ));
        }
        if let Some(lag) = lag {
            text.push_str(&format!(
                "# HELP chukei_follow_lag_entries Entries that the log has and the copy does not.\n\
                 # TYPE chukei_follow_lag_entries gauge\n\
                 chukei_follow_lag_entries{{body=\"{body}\"}} {lag}\n"
            ));
        }
        put(path, &text)
    }
}

/// Exchanges the file as a whole: a collector reads it at any time.
fn put(path: &PathBuf, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        let message = format!("{}: {error}。--metrics の場所と権限を確認してください", path.display());
        Failure::usage("FILE_IO", message)
    };
    let file =
        tempfile::NamedTempFile::with_prefix_in(".chukei-follow-", folder::of(path)).map_err(failed)?;
    fs::write(file.path(), text).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
