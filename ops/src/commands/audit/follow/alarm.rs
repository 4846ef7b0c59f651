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
        self.write(copy, page.map(|page| lag(copy, page)))
    }

    /// The log is another one than the copy, by what the node answered.
    pub(super) fn contradicted(&mut self, copy: &Copy, page: &AuditFollowPage) -> Result<(), Failure> {
        self.contradicted = true;
        self.write(copy, Some(lag(copy, page)))
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
             chukei_follow_contradicted{{body=\"{body}\"}} {}\n\
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

/// Entries that the log has and the copy does not.
fn lag(copy: &Copy, page: &AuditFollowPage) -> u64 {
    (page.last + 1).saturating_sub(copy.next())
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

#[cfg(test)]
mod tests {
    use serde_bytes::ByteBuf;

    use super::*;

    /// Names, labels and values, without comments.
    fn series(path: &PathBuf) -> Vec<String> {
        let text = fs::read_to_string(path).unwrap();
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    }

    #[test]
    fn r43_a_contradiction_names_its_body_beside_everything_else_that_is_known_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let copy = Copy::open(&dir.path().join("copy"), "982016".parse().unwrap()).unwrap();
        let path = dir.path().join("follow.prom");
        let mut watch = Watch::new(180, Some(path.clone()));
        watch.sent(1);
        let (leaves, checkpoint) = (ByteBuf::new(), None);
        let page = AuditFollowPage { first: 1, last: 7, entries: Vec::new(), leaves, checkpoint };
        watch.look(&copy, Some(&page)).unwrap();
        let before = series(&path);
        assert!(before.contains(&"chukei_follow_contradicted{body=\"982016\"} 0".to_owned()), "{before:?}");
        assert!(before.contains(&"chukei_follow_lag_entries{body=\"982016\"} 7".to_owned()), "{before:?}");
        watch.contradicted(&copy, &page).unwrap();
        let after = series(&path);
        assert!(after.contains(&"chukei_follow_contradicted{body=\"982016\"} 1".to_owned()), "{after:?}");
        let names = |series: &[String]| -> Vec<String> {
            series.iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
        };
        assert_eq!((names(&before), before.len()), (names(&after), 6));
    }
}
