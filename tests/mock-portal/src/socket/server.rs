//! Serving calls: each in a task of its own, replies in the order they are ready.
//!
//! What must hold: a connection has at most [`CALLS_IN_FLIGHT`] calls and [`REPLIES_WAITING`] unsent replies;
//! nothing is written to a caller that does not read for [`SILENCE`].

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use crate::client::SILENCE;
use crate::failure::Failure;
use crate::portal::Portal;
use crate::protocol::{Body, CALL_LINE_MAX, CALLS_IN_FLIGHT, Call, Part, Reply};
use crate::socket::bind::Socket;
use crate::socket::line;

const REPLIES_WAITING: usize = 64;
/// Time calls in flight have when the portal stops.
const DRAIN: Duration = Duration::from_secs(5);
/// Connections at once; further ones wait to be accepted.
const CONNECTIONS_MAX: usize = 256;

/// Where a call's replies go.
#[derive(Clone)]
pub(crate) struct Replies {
    id: u64,
    lines: mpsc::Sender<Zeroizing<Vec<u8>>>,
}

impl Replies {
    /// Sends some of a long result, waiting while the caller is slow.
    pub(crate) async fn part(&self, part: Part) -> Result<(), Failure> {
        self.send(Body::Part(part)).await
    }

    async fn send(&self, reply: Body) -> Result<(), Failure> {
        let line = encode(&Reply { id: self.id, reply })?;
        self.lines.send(line).await.map_err(|_| Failure::internal("the caller is gone"))
    }
}

fn encode<T: Serialize>(value: &T) -> Result<Zeroizing<Vec<u8>>, Failure> {
    line::encode(value).map_err(|_| Failure::internal("a reply cannot be written as a line"))
}

/// Accepts connections until `stop` changes, then reads no further calls and gives those in flight
/// [`DRAIN`] to end.
pub(crate) async fn serve(socket: Socket, portal: Arc<Portal>, stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let mut stopped = stop.clone();
    let mut stopping = std::pin::pin!(stopped.wait_for(|stop| *stop));
    loop {
        tokio::select! {
            _ = &mut stopping => break,
            Some(_) = connections.join_next() => {}
            accepted = socket.listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(stream, Arc::clone(&portal), stop.clone()));
                }
                Err(error) => tracing::warn!(%error, "a command connection was not accepted"),
            }
        }
    }
    drop(socket);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, ended).await.is_err() {
        tracing::warn!("calls in flight were given up");
    }
}

async fn converse(stream: UnixStream, portal: Arc<Portal>, stop: watch::Receiver<bool>) {
    let (read, write) = stream.into_split();
    let (lines, waiting) = mpsc::channel(REPLIES_WAITING);
    let writer = tokio::spawn(write_replies(write, waiting));
    let mut calls = JoinSet::new();
    take_calls(BufReader::new(read), &portal, &lines, &mut calls, stop).await;
    // The caller may have closed only its own direction: what it asked for is still answered.
    while calls.join_next().await.is_some() {}
    drop(lines);
    // It ends once everything is written, or the caller takes nothing for too long.
    let _ = writer.await;
}

/// Starts a task for each call until the caller ends, says something else, or `stop` changes.
async fn take_calls(
    mut read: BufReader<OwnedReadHalf>,
    portal: &Arc<Portal>,
    lines: &mpsc::Sender<Zeroizing<Vec<u8>>>,
    calls: &mut JoinSet<()>,
    mut stop: watch::Receiver<bool>,
) {
    let mut stopping = std::pin::pin!(stop.wait_for(|stop| *stop));
    let slots = Arc::new(Semaphore::new(CALLS_IN_FLIGHT));
    loop {
        // A line half read is given up with the connection.
        let text = tokio::select! {
            _ = &mut stopping => return,
            text = line::read(&mut read, CALL_LINE_MAX) => text,
        };
        while calls.try_join_next().is_some() {}
        let Ok(Some(text)) = text else { return };
        let Ok(Call { id, call }) = serde_json::from_slice(&text) else {
            let failure = Failure::usage("not a call: one JSON object per line is expected");
            let _ = Replies { id: 0, lines: lines.clone() }.send(Body::Failed(failure)).await;
            return;
        };
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        let (portal, replies) = (Arc::clone(portal), Replies { id, lines: lines.clone() });
        calls.spawn(async move {
            let reply = match portal.perform(call, &replies).await {
                Ok(done) => Body::Done(done),
                Err(failure) => Body::Failed(failure),
            };
            let _ = replies.send(reply).await;
            drop(slot);
        });
    }
}

async fn write_replies(mut write: OwnedWriteHalf, mut waiting: mpsc::Receiver<Zeroizing<Vec<u8>>>) {
    while let Some(line) = waiting.recv().await {
        let written = tokio::time::timeout(SILENCE, write.write_all(&line)).await;
        if !matches!(written, Ok(Ok(()))) {
            return;
        }
    }
}
