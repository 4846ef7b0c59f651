//! What can be read of a log without a key, to a receiver of events: syslog (RFC 5424) over TLS (RFC 5425).
//!
//! What must hold: TLS 1.3 with the algorithms that are used everywhere here, to a server whose certificate the named authority has
//! issued; no personal data: numbers, kinds, times and request ids; the copy waits for no receiver. Every event is sent at least
//! once, and its number tells what came twice. RFC 5425 has no acknowledgements but one: a receiver that was told that nothing
//! follows answers that once it has read everything. So connections end after a while, and what was sent over one that did not end
//! so is sent again, after a start too.

mod message;
mod sending;
mod source;
mod stream;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use chukei_wire::body_code::BodyCode;

use crate::failure::Failure;

use sending::Sending;
use stream::Target;

/// How often it is looked whether the receiver is still there.
const TURN: Duration = Duration::from_secs(1);
/// Longest pause before a receiver that is out of reach is tried again.
const BACKOFF: Duration = Duration::from_secs(30);

/// The way to a receiver, at work beside the copying.
pub(super) struct Syslog {
    reached: Sender<u64>,
    sent: Arc<AtomicU64>,
}

/// The same, for one run.
pub(super) struct Once(Sending);

impl Syslog {
    /// Begins to send the entries of the copy in `dir` to `host:port`, whose certificate is of the authority in the file `ca`.
    /// `next` is the first entry that the copy lacks: a receiver that is new gets those from there on.
    pub(super) fn begin(
        (to, ca): (&str, Option<&Path>),
        dir: &Path,
        body: BodyCode,
        next: u64,
    ) -> Result<Self, Failure> {
        let sending = Sending::open(Target::new(to, ca)?, dir, body, next)?;
        let (reached, news) = channel();
        let sent = Arc::new(AtomicU64::new(sending.next()));
        let told = sent.clone();
        let started =
            std::thread::Builder::new().name("syslog".to_owned()).spawn(move || work(sending, &news, &told));
        started.map_err(|error| Failure::other("OS", format!("syslogの送信を始められません: {error}")))?;
        Ok(Self { reached, sent })
    }

    /// The copy is durable up to the entry before `next`.
    pub(super) fn reached(&self, next: u64) {
        // A thread that has ended has said why.
        let _ = self.reached.send(next);
    }

    /// Number of the first entry that was not sent.
    pub(super) fn next(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Once {
    /// As [`Syslog::begin`], and nothing is sent yet.
    pub(super) fn open(
        (to, ca): (&str, Option<&Path>),
        dir: &Path,
        body: BodyCode,
        next: u64,
    ) -> Result<Self, Failure> {
        Ok(Self(Sending::open(Target::new(to, ca)?, dir, body, next)?))
    }

    /// Sends everything before `next`, and has the receiver say that it has read it.
    pub(super) async fn finish(mut self, next: u64) -> Result<(), Failure> {
        let sent = tokio::task::spawn_blocking(move || {
            while self.0.turn(next)? {}
            self.0.prove()
        });
        let sent = sent.await.unwrap_or_else(|_| Err(std::io::Error::other("broken off")));
        sent.map_err(|error| {
            Failure::unavailable(format!(
                "syslogの受信側に送れません: {error}。写しは済んでいます。受信側と --syslog-ca を確認して同じコマンドを再実行してください"
            ))
        })
    }
}

/// Sends until the copying ends.
fn work(mut sending: Sending, news: &Receiver<u64>, told: &AtomicU64) {
    let (mut until, mut pause, mut failing) = (sending.next(), TURN, None);
    let mut wait = TURN;
    loop {
        match news.recv_timeout(wait) {
            Ok(next) => until = until.max(next),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        until = news.try_iter().fold(until, u64::max);
        match sending.turn(until) {
            Ok(more) => {
                if failing.take().is_some() {
                    tracing::info!("events reach their receiver again");
                }
                (pause, wait) = (TURN, if more { Duration::ZERO } else { TURN });
            }
            Err(error) => {
                let error = error.to_string();
                if failing.as_ref() != Some(&error) {
                    tracing::warn!(error, "the receiver of events is out of reach; tried on");
                }
                failing = Some(error);
                std::thread::sleep(pause);
                pause = (pause * 2).min(BACKOFF);
            }
        }
        told.store(sending.next(), Ordering::Relaxed);
    }
}
