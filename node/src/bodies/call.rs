//! One call in progress: messages in, a status and messages out.

use std::time::Duration;

use chukei_relay_client::stream::{RecvHalf, SendHalf, StreamError};
use chukei_wire::frame::{FrameType, Outcome, Status};
use chukei_wire::header::Header;
use chukei_wire::id::HeaderHash;
use chukei_wire::result::ResultName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::admission::{NOT_READY, NotDone, RETRY_AFTER_MS};
use crate::audit::AuditError;
use crate::hosted::rows::RowError;

/// How long a caller may take to send its next message, and the network to take an answer.
pub const MESSAGE_WAIT: Duration = Duration::from_secs(30);

/// Why a call ends without its full answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// A rule refuses.
    #[error("refused: {0}")]
    Refused(ResultName),
    /// It may work later.
    #[error("not now: {0}")]
    NotNow(ResultName),
    /// The stream failed or the caller broke the protocol.
    #[error("stream: {0}")]
    Stream(#[from] StreamError),
    /// Stored data could not be read or written.
    #[error("data: {0}")]
    Row(#[from] RowError),
    /// The log could not be written.
    #[error("log: {0}")]
    Audit(#[from] AuditError),
}

impl From<ResultName> for CallError {
    fn from(result: ResultName) -> Self {
        Self::Refused(result)
    }
}

impl From<chukei_domain::outcome::Refusal> for CallError {
    fn from(refusal: chukei_domain::outcome::Refusal) -> Self {
        Self::Refused(crate::outcome::result_of(refusal))
    }
}

impl From<NotDone> for CallError {
    fn from(_: NotDone) -> Self {
        Self::NotNow(ResultName::Overloaded)
    }
}

impl CallError {
    /// The name under which metrics and the log count it.
    pub fn result(&self) -> ResultName {
        match self {
            Self::Refused(result) | Self::NotNow(result) => *result,
            Self::Stream(_) => ResultName::BadFormat,
            Self::Row(error) => crate::outcome::result_of_row_error(error),
            Self::Audit(_) => ResultName::NotReady,
        }
    }

    /// What the caller is told.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Refused(result) => Outcome::Refused(*result),
            Self::Stream(_) => Outcome::Refused(ResultName::BadFormat),
            other => match other.result() {
                ResultName::IntegrityFailure => Outcome::Refused(ResultName::IntegrityFailure),
                ResultName::KeyDestroyed => Outcome::Refused(ResultName::KeyDestroyed),
                ResultName::Overloaded => Outcome::RetryAfter(ResultName::Overloaded, RETRY_AFTER_MS),
                _ => NOT_READY,
            },
        }
    }
}

/// What a handler did, for its outcome event.
pub struct Done {
    /// The result.
    pub result: ResultName,
    /// Rows, persons or notices it concerned.
    pub count: u64,
}

impl Done {
    /// Done, concerning `count` things.
    pub fn of(count: usize) -> Self {
        Self { result: ResultName::Done, count: count as u64 }
    }
}

/// One call.
pub struct Call {
    /// The end-to-end part.
    pub header: Header,
    hash: HeaderHash,
    send: SendHalf,
    recv: RecvHalf,
    answered: bool,
}

impl Call {
    /// A call whose header has been read.
    pub fn new(header: Header, hash: HeaderHash, send: SendHalf, recv: RecvHalf) -> Self {
        Self { header, hash, send, recv, answered: false }
    }

    /// The next message, or `None` when the caller has said all.
    pub async fn next<T: Serialize + DeserializeOwned>(&mut self) -> Result<Option<T>, CallError> {
        self.recv.set_deadline(Instant::now() + MESSAGE_WAIT);
        Ok(self.recv.next_message().await?)
    }

    /// The one message this call needs.
    pub async fn request<T: Serialize + DeserializeOwned>(&mut self) -> Result<T, CallError> {
        self.next().await?.ok_or(CallError::Refused(ResultName::BadFormat))
    }

    /// Sends a message; the status goes before the first.
    pub async fn reply<T: Serialize>(&mut self, message: &T) -> Result<(), CallError> {
        self.send.set_deadline(Instant::now() + MESSAGE_WAIT);
        self.answer().await?;
        Ok(self.send.write_message(message).await?)
    }

    /// Ends a call that was answered.
    pub async fn finish(&mut self) -> Result<(), CallError> {
        self.answer().await?;
        Ok(self.send.finish().await?)
    }

    /// Ends a call that is not answered: by a status, or, where some of the answer is gone out, by a reset.
    pub async fn refuse(&mut self, outcome: Outcome) {
        if self.answered {
            self.send.reset(chukei_relay_client::stream::ResetCode::Abandoned);
            return;
        }
        self.send.set_deadline(Instant::now() + MESSAGE_WAIT);
        let told = self.status(outcome).await;
        if told.is_ok() {
            let _ = self.send.finish().await;
        }
    }

    async fn answer(&mut self) -> Result<(), CallError> {
        if !self.answered {
            self.status(Outcome::Answered).await?;
        }
        Ok(())
    }

    async fn status(&mut self, outcome: Outcome) -> Result<(), CallError> {
        self.answered = true;
        let status = Status { header: self.hash, outcome };
        let bytes = status.to_bytes().map_err(|_| CallError::Refused(ResultName::BadFormat))?;
        Ok(self.send.put_frame(FrameType::Status, &bytes).await?)
    }
}
