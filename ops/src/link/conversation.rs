//! One conversation with the node: one stream, and how it ends.
//!
//! What must hold: every wait ends; a lost connection is told apart from a refusal; an answer to another request stops
//! everything (R35).

use std::time::Duration;

use chukei_relay_client::session::{OpenRequest, SessionError};
use chukei_relay_client::stream::StreamError;
use chukei_wire::frame::{FrameType, Outcome};
use chukei_wire::result::ResultName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::{Fault, PAUSE, denied};
use crate::failure::Failure;

/// One conversation: one stream.
pub(crate) struct Conversation {
    request: OpenRequest,
    wait: Duration,
    answered: bool,
}

impl Conversation {
    /// On a stream whose header is sent. The node may take `wait` for each answer.
    pub(super) fn new(request: OpenRequest, wait: Duration) -> Self {
        Self { request, wait, answered: false }
    }

    /// Sends one message.
    pub(crate) async fn say<T: Serialize>(&mut self, message: &T) -> Result<(), Fault> {
        self.request.send.set_deadline(Instant::now() + self.wait);
        self.request.send.write_message(message).await.map_err(stream_fault)
    }

    /// Sends one message that is encoded already.
    pub(crate) async fn say_encoded(&mut self, message: &[u8]) -> Result<(), Fault> {
        self.request.send.set_deadline(Instant::now() + self.wait);
        self.request.send.write_frame(FrameType::Message, message).await.map_err(stream_fault)
    }

    /// Says that nothing more will be said.
    pub(crate) async fn finish(&mut self) -> Result<(), Fault> {
        self.request.send.set_deadline(Instant::now() + self.wait);
        self.request.send.finish().await.map_err(stream_fault)
    }

    /// The next answer.
    pub(crate) async fn hear<T: Serialize + DeserializeOwned>(&mut self) -> Result<T, Fault> {
        self.request.recv.set_deadline(Instant::now() + self.wait);
        self.hear_status().await?;
        self.request.recv.read_message().await.map_err(stream_fault)
    }

    /// The next answer; `None` when the node has said all.
    pub(crate) async fn hear_next<A: Serialize + DeserializeOwned>(&mut self) -> Result<Option<A>, Fault> {
        self.request.recv.set_deadline(Instant::now() + self.wait);
        self.hear_status().await?;
        self.request.recv.next_message().await.map_err(stream_fault)
    }

    /// Reads the end of the answer, after [`Conversation::finish`].
    pub(crate) async fn end(mut self) -> Result<(), Fault> {
        self.request.recv.set_deadline(Instant::now() + self.wait);
        self.hear_status().await?;
        self.request.recv.expect_end().await.map_err(stream_fault)
    }

    async fn hear_status(&mut self) -> Result<(), Fault> {
        if self.answered {
            return Ok(());
        }
        match self.request.read_status().await.map_err(fault)? {
            Outcome::Answered => {
                self.answered = true;
                Ok(())
            }
            Outcome::Refused(name) => Err(Failure::of_result(name).into()),
            Outcome::RetryAfter(name, ms) => {
                Err(Fault::Later(Duration::from_millis(u64::from(ms)), Failure::of_result(name)))
            }
            Outcome::ChannelUnknown => Err(broken().into()),
        }
    }
}

/// How a session's error ends an attempt.
pub(super) fn fault(error: SessionError) -> Fault {
    match error {
        SessionError::Stream(error) => stream_fault(error),
        SessionError::WrongEcho => Failure::of_result(ResultName::IntegrityStop).into(),
        SessionError::Header(_) | SessionError::Codec(_) => broken().into(),
    }
}

fn stream_fault(error: StreamError) -> Fault {
    match error {
        StreamError::Frame(_) | StreamError::Unexpected { .. } | StreamError::Codec(_) => broken().into(),
        StreamError::TooLong => broken().into(),
        StreamError::Connection(error) if error.refuses_certificate() => denied().into(),
        _ => {
            let message = "ノードとの接続が切れました。しばらく待ってから同じ操作をやり直してください";
            Fault::Later(PAUSE, Failure::unavailable(message))
        }
    }
}

/// The node does not keep to the protocol.
pub(super) fn broken() -> Failure {
    Failure::other("PROTOCOL", "ノードと正しく通信できません。ノードと端末の版を管理者に確認してください")
}
