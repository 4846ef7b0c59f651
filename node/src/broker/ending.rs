//! How a request ended, as the asker, the metrics and the records see it: outer outcomes only.

use std::time::Duration;

use chukei_relay_client::session::{AcceptedRequest, SessionError};
use chukei_relay_client::stream::{RecvHalf, StreamError};
use chukei_wire::frame::Outcome;
use chukei_wire::result::ResultName;
use tokio::time::Instant;

pub(super) use crate::admission::NOT_READY;

/// How long a refused asker may go on sending before its stream is stopped.
const LINGER: Duration = Duration::from_secs(2);
/// How much it may send in that time, bytes.
const LINGER_BYTES: usize = 1024 * 1024;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Something followed.
    Answered,
    /// Refused for good.
    Refused(ResultName),
    /// To be tried again.
    Later(ResultName),
    /// A new channel is needed.
    ChannelUnknown,
    /// One of the sides went away, or the deadline passed.
    Aborted,
}

impl Ending {
    /// What an outer outcome comes to.
    pub(super) fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Answered => Self::Answered,
            Outcome::Refused(name) => Self::Refused(*name),
            Outcome::RetryAfter(name, _) => Self::Later(*name),
            Outcome::ChannelUnknown => Self::ChannelUnknown,
        }
    }

    /// The stable name, from a closed set.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "ANSWERED",
            Self::Refused(name) | Self::Later(name) => name.as_str(),
            Self::ChannelUnknown => "CHANNEL_UNKNOWN",
            Self::Aborted => "ABORTED",
        }
    }
}

/// Ends a request with a status alone. What the asker still sends is read and dropped for a while: a stop in the
/// middle of its writing could reach it before the status does.
pub(super) async fn end(request: &mut AcceptedRequest, outcome: Outcome) -> Result<Ending, SessionError> {
    let ending = Ending::of(&outcome);
    request.end_with(outcome).await?;
    linger(&mut request.recv).await;
    Ok(ending)
}

/// Reads and drops until the sender ends, fails, or has had its time.
pub(super) async fn linger(recv: &mut RecvHalf) {
    recv.set_deadline(recv.deadline().min(Instant::now() + LINGER));
    let mut left = LINGER_BYTES;
    while let Ok(Some(chunk)) = recv.read_raw_chunk(left).await {
        left = left.saturating_sub(chunk.len());
        if left == 0 {
            break;
        }
    }
}

/// Whether the peer broke the protocol, rather than went away or was slow.
pub(super) fn is_misuse(error: &SessionError) -> bool {
    match error {
        SessionError::Stream(error) => matches!(
            error,
            StreamError::Frame(_)
                | StreamError::Truncated
                | StreamError::Ended
                | StreamError::Unexpected { .. }
                | StreamError::Codec(_)
                | StreamError::TooLong
        ),
        SessionError::Header(_) | SessionError::Codec(_) | SessionError::WrongEcho => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chukei_relay_client::connection::ConnectionError;
    use chukei_wire::codec::CodecError;
    use chukei_wire::frame::FrameError;

    #[test]
    fn slowness_and_absence_are_no_misuse_and_malformed_input_is() {
        for error in [
            StreamError::Deadline,
            StreamError::Reset(0),
            StreamError::Stopped(0),
            StreamError::Connection(ConnectionError::TimedOut),
        ] {
            assert!(!is_misuse(&error.into()));
        }
        for error in [
            StreamError::Frame(FrameError::UnknownType(9)),
            StreamError::Truncated,
            StreamError::Codec(CodecError::NotCanonical),
        ] {
            assert!(is_misuse(&error.into()));
        }
    }
}
