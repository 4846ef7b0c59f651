//! Taking a partition out of the journal's files, as if it had never been there.
//!
//! Its entries lie in segments among those of others. So the segment that grows is ended, everything that is full is
//! derived, and the partition's own log goes: the checkpoint first, then the files.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::Shared;
use super::entry::Head;
use super::error::JournalError;
use super::log_file;
use super::slack::Slack;
use super::writer::Job;
use crate::commit_queue::PushError;
use crate::durable_file::sync_dir;
use crate::hold::hold;

impl Shared {
    /// Removes every entry of a partition that nobody appends to, and its numbers. Blocking file I/O.
    pub(super) fn retire(self: &Arc<Self>, partition: &str) -> Result<(), JournalError> {
        if hold(&self.index).knows(partition) {
            self.end_segment()?;
            while self.derive()? > 0 {}
            let mut logs = hold(&self.logs);
            self.settle(&logs)?;
            let mut next = logs.clone();
            next.logs.remove(partition);
            let mut given = self.given.alone();
            self.store(&mut logs, next)?;
            hold(&self.index).forget(partition);
            given.forget(partition);
        }
        self.remove_log(partition)
    }

    /// Removes the files of a log that the checkpoint does not name.
    fn remove_log(&self, partition: &str) -> Result<(), JournalError> {
        let folder = log_file::folder(&self.dir, partition);
        if !folder.try_exists()? {
            return Ok(());
        }
        for first in log_file::list(&folder)? {
            self.medium.remove(&log_file::path(&folder, first))?;
        }
        std::fs::remove_dir(&folder)?;
        Ok(sync_dir(&log_file::root(&self.dir))?)
    }

    /// The segment that grows takes no more blocks.
    fn end_segment(&self) -> Result<(), JournalError> {
        let (done, answer) = oneshot::channel();
        let head = Head { partition: String::new(), kind: 0, at_ms: 0, replay: None, slack: Slack::NONE };
        let end = Job { head, number: 0, sealed: Vec::new(), done };
        self.queue.push(end, 0).map_err(|error| match error {
            PushError::Full => JournalError::Full,
            PushError::Closed => JournalError::Failed,
        })?;
        answer.blocking_recv().unwrap_or(Err(JournalError::Failed)).map(drop)
    }
}
