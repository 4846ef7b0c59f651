//! Keeps a few batches on their way, and starts again where a lost connection left off.

use std::collections::VecDeque;
use std::io::BufRead;

use chukei_wire::header::Kind;
use chukei_wire::message::staff::{BatchReply, RowOutcome};
use tokio::time::Instant;

use super::feed::{Batch, Fate, Feed, FeedError, Next};
use super::tally::Tally;
use crate::failure::Failure;
use crate::link::{Conversation, Fault, NodeLink, PATIENCE, StepUp};
use crate::progress::Progress;

/// Batches sent and not answered.
const IN_FLIGHT: usize = 4;

/// The work on one file.
struct Pipeline<'a, R> {
    feed: Feed<R>,
    tally: &'a mut Tally,
    progress: &'a Progress,
    /// Cut and not settled, oldest first.
    queue: VecDeque<Batch>,
    ended: bool,
    last_progress: Instant,
}

/// Sends all of `feed`. Gives up after [`PATIENCE`] without an answer; what was answered until then stands, and
/// the same file can be sent again.
pub(super) async fn run<R: BufRead>(
    kind: Kind,
    link: &mut NodeLink,
    feed: Feed<R>,
    tally: &mut Tally,
    progress: &Progress,
) -> Result<(), Failure> {
    let queue = VecDeque::with_capacity(IN_FLIGHT);
    let mut work = Pipeline { feed, tally, progress, queue, ended: false, last_progress: Instant::now() };
    let mut stepped_up = StepUp::default();
    loop {
        match work.converse(kind, link).await {
            Ok(()) => return Ok(()),
            Err(Fault::Final(failure)) => link.step_up(&mut stepped_up, failure).await?,
            Err(Fault::Later(pause, failure)) if work.last_progress.elapsed() + pause > PATIENCE => {
                return Err(failure);
            }
            Err(Fault::Later(pause, _)) => tokio::time::sleep(pause).await,
        }
    }
}

impl<R: BufRead> Pipeline<'_, R> {
    async fn converse(&mut self, kind: Kind, link: &mut NodeLink) -> Result<(), Fault> {
        let mut talk = link.open(kind).await?;
        for message in self.queue.iter().filter_map(|batch| batch.message.as_ref()) {
            talk.say_encoded(message).await?;
        }
        while self.fill(&mut talk).await? {
            let reply: BatchReply = talk.hear().await?;
            self.last_progress = Instant::now();
            self.settle(&reply.rows)?;
        }
        talk.finish().await?;
        talk.end().await
    }

    /// Sends batches until enough are on their way; `false` when nothing is left to wait for.
    async fn fill(&mut self, talk: &mut Conversation) -> Result<bool, Fault> {
        loop {
            while self.queue.front().is_some_and(|batch| batch.message.is_none()) {
                self.settle(&[])?;
            }
            if self.ended || self.queue.len() >= IN_FLIGHT {
                return Ok(!self.queue.is_empty());
            }
            match self.feed.next().map_err(feed_failure)? {
                Next::Wait => return Ok(true),
                Next::End => self.ended = true,
                Next::Batch(batch) => {
                    self.queue.push_back(batch);
                    if let Some(message) = self.queue.back().and_then(|batch| batch.message.as_ref()) {
                        talk.say_encoded(message).await?;
                    }
                }
            }
        }
    }

    /// Settles the oldest batch with the answers to those of its rows that were sent.
    fn settle(&mut self, answers: &[RowOutcome]) -> Result<(), Failure> {
        let batch = self.queue.pop_front().ok_or_else(mismatched)?;
        let sent = batch.entries.iter().filter(|entry| !matches!(entry.fate, Fate::Decided(_))).count();
        if sent != answers.len() {
            return Err(mismatched());
        }
        let mut answers = answers.iter().copied();
        for entry in batch.entries {
            let outcome = match entry.fate {
                Fate::Decided(result) => RowOutcome::Rejected(result),
                _ => answers.next().ok_or_else(mismatched)?,
            };
            self.feed.answered(entry.fate, outcome);
            self.tally.add(entry.line, &entry.id, outcome).map_err(|error| super::unwritable(&error))?;
        }
        self.progress.advance_to(batch.consumed);
        Ok(())
    }
}

fn feed_failure(error: FeedError) -> Failure {
    match error {
        FeedError::Io(error) => {
            let message = format!("ファイルを最後まで読み込めません: {error}。もう一度実行してください");
            Failure::other("BAD_FILE", message)
        }
        FeedError::Codec(_) => Failure::other("PROTOCOL", "行を送信できません。ファイルを確認してください"),
    }
}

fn mismatched() -> Failure {
    Failure::other("PROTOCOL", "ノードの応答が行数と一致しません。操作を止めて管理者に連絡してください")
}
