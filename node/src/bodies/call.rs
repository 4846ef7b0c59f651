//! One call in progress: messages in, a status and messages out.

use std::sync::Arc;
use std::time::Duration;

use chukei_relay_client::stream::{RecvHalf, SendHalf, StreamError};
use chukei_wire::codec::{decode, encode};
use chukei_wire::frame::{FrameType, Outcome, Status};
use chukei_wire::header::Header;
use chukei_wire::id::HeaderHash;
use chukei_wire::identity::Identity;
use chukei_wire::result::ResultName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::access::asked::Asked;
use crate::admission::table::scans;
use crate::admission::{NOT_READY, NotDone, Pass, RETRY_AFTER_MS, Shed, Turn};
use crate::app::Node;
use crate::audit::AuditError;
use crate::hosted::rows::RowError;
use crate::log_disk::NotAdmitted;
use crate::register::ChangeError;

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
    /// A limit of the body was met.
    #[error(transparent)]
    Shed(#[from] Shed),
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
        match result {
            // No rule says so.
            ResultName::NotReady => Self::NotNow(result),
            result => Self::Refused(result),
        }
    }
}

impl From<chukei_domain::outcome::Refusal> for CallError {
    fn from(refusal: chukei_domain::outcome::Refusal) -> Self {
        Self::Refused(crate::outcome::result_of(refusal))
    }
}

impl From<ChangeError> for CallError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Row(error) => error.into(),
            ChangeError::Audit(error) => error.into(),
            ChangeError::InDoubt | ChangeError::Outdated(_) => Self::NotNow(error.result()),
            ChangeError::Refused(_) => Self::Refused(error.result()),
        }
    }
}

impl From<NotDone> for CallError {
    fn from(not_done: NotDone) -> Self {
        match not_done {
            NotDone::Shed(shed) => Self::Shed(shed),
            NotDone::DeadlinePassed => Self::NotNow(ResultName::Overloaded),
        }
    }
}

impl From<NotAdmitted> for CallError {
    fn from(not_admitted: NotAdmitted) -> Self {
        match not_admitted {
            NotAdmitted::Degraded(shed) => Self::Shed(shed),
            NotAdmitted::Full => Self::NotNow(ResultName::NotReady),
        }
    }
}

impl CallError {
    /// The name under which metrics and the log count it.
    pub fn result(&self) -> ResultName {
        match self {
            Self::Refused(result) | Self::NotNow(result) => *result,
            Self::Shed(_) => ResultName::Overloaded,
            Self::Stream(_) => ResultName::BadFormat,
            Self::Row(error) => crate::outcome::result_of_row_error(error),
            Self::Audit(_) => ResultName::NotReady,
        }
    }

    /// What the caller is told.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Refused(result) => Outcome::Refused(*result),
            Self::Shed(shed) => shed.outcome(),
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

/// Nothing is done for a call that was not let in.
const NOT_ENTERED: CallError = CallError::NotNow(ResultName::NotReady);

/// One call.
pub struct Call {
    /// The end-to-end part.
    pub header: Header,
    hash: HeaderHash,
    send: SendHalf,
    recv: RecvHalf,
    answered: bool,
    pass: Option<Pass>,
    asked: Option<Arc<Asked>>,
}

impl Call {
    /// A call whose header has been read.
    pub fn new(header: Header, hash: HeaderHash, send: SendHalf, recv: RecvHalf) -> Self {
        Self { header, hash, send, recv, answered: false, pass: None, asked: None }
    }

    /// Lets the call in under the limits of its caller's body, before anything else is asked of it (R40).
    pub async fn enter(&mut self, node: &Node, caller: &Identity) -> Result<(), Shed> {
        let limit = node.body_limits.of_caller(caller);
        self.pass = Some(Pass::enter(&node.admission, limit, scans(self.header.kind)).await?);
        Ok(())
    }

    /// Has the call decided again on this before each of its messages.
    pub fn decided(&mut self, asked: Option<Arc<Asked>>) {
        self.asked = asked;
    }

    /// The next message, or `None` when the caller has said all. What follows is done in a turn of the caller's body. Time
    /// has passed since the decision before, as long as the caller liked: it is decided again (R6).
    pub async fn next<T: Serialize + DeserializeOwned>(&mut self) -> Result<Option<T>, CallError> {
        self.recv.set_deadline(Instant::now() + MESSAGE_WAIT);
        let pass = self.pass.as_mut().ok_or(NOT_ENTERED)?;
        pass.rest();
        let payload = match self.recv.read_frame().await? {
            Some((FrameType::Message, payload)) => payload,
            Some((got, _)) => {
                return Err(StreamError::Unexpected { due: FrameType::Message, got }.into());
            }
            None => return Ok(None),
        };
        pass.received(payload.len()).await?;
        self.again()?;
        Ok(Some(decode(&payload, FrameType::Message.limit()).map_err(StreamError::from)?))
    }

    /// The turn that the call holds, or one for work that is to come: for what outlives the wait for it.
    pub async fn take_turn(&mut self) -> Result<Turn, CallError> {
        Ok(self.pass.as_mut().ok_or(NOT_ENTERED)?.take_turn().await?)
    }

    /// The one message this call needs.
    pub async fn request<T: Serialize + DeserializeOwned>(&mut self) -> Result<T, CallError> {
        self.next().await?.ok_or(CallError::Refused(ResultName::BadFormat))
    }

    /// Sends a message; the status goes before the first.
    pub async fn reply<T: Serialize>(&mut self, message: &T) -> Result<(), CallError> {
        let message = encode(message).map_err(StreamError::from)?;
        self.pass.as_mut().ok_or(NOT_ENTERED)?.sending(message.len()).await?;
        self.send.set_deadline(Instant::now() + MESSAGE_WAIT);
        self.answer().await?;
        self.send.put_owned_frame(FrameType::Message, message).await?;
        Ok(self.send.flush().await?)
    }

    /// Sends a piece of a long answer to one message, where it would be permitted now (R6).
    pub async fn piece<T: Serialize>(&mut self, piece: &T) -> Result<(), CallError> {
        self.again()?;
        self.reply(piece).await
    }

    /// Ends a call that was answered.
    pub async fn finish(&mut self) -> Result<(), CallError> {
        self.rest();
        self.answer().await?;
        Ok(self.send.finish().await?)
    }

    /// Ends a call that is not answered: by a status, or, where some of the answer is gone out, by a reset.
    pub async fn refuse(&mut self, outcome: Outcome) {
        self.rest();
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

    /// Waits until the caller's transport has all that was said, for at most `time`.
    pub async fn settle(&mut self, time: Duration) {
        self.send.set_deadline(Instant::now() + time);
        // Only for the sake of the caller, who may be gone.
        let _ = self.send.finished_ack().await;
    }

    fn again(&self) -> Result<(), CallError> {
        Ok(self.asked.as_ref().map_or(Ok(()), |asked| asked.again())?)
    }

    /// No turn is held while a caller takes its time to read.
    fn rest(&mut self) {
        if let Some(pass) = &mut self.pass {
            pass.rest();
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
