//! One request on one stream: HEADER, HOP, then what the kind says; the reply begins with STATUS.
//!
//! What must hold: a reply counts only where it echoes the hash of the request it answers (R32); both sides
//! give up at the deadline that stands in the header.

use std::time::Duration;

use bytes::Bytes;
use chukei_wire::codec::CodecError;
use chukei_wire::frame::{FrameType, Outcome, Status};
use chukei_wire::header::{Header, HeaderError, Hop};
use chukei_wire::id::HeaderHash;
use tokio::time::Instant;

use crate::connection::{ConnectionError, PeerConnection};
use crate::stream::{RecvHalf, ResetCode, SendHalf, StreamError};

/// Why a request could not be opened, read or answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The stream failed.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The header was refused.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The hop part or the status was refused.
    #[error("payload: {0}")]
    Codec(#[from] CodecError),
    /// The reply answers another request: the connection is not to be used any more (R32, R35).
    #[error("INTEGRITY_STOP: the reply belongs to another request")]
    WrongEcho,
}

impl From<ConnectionError> for SessionError {
    fn from(error: ConnectionError) -> Self {
        Self::Stream(error.into())
    }
}

/// A request that this side has opened.
#[derive(Debug)]
pub struct OpenRequest {
    /// Hash of the end-to-end part.
    pub header_hash: HeaderHash,
    /// For the sealed body or the messages. The head goes out with the first write or flush.
    pub send: SendHalf,
    /// For the reply; see [`OpenRequest::read_status`].
    pub recv: RecvHalf,
}

/// Opens a request. Nothing is sent before the first write, flush or finish, so that the head and a small body
/// travel together.
pub async fn open_request(
    peer: &PeerConnection,
    header: &Header,
    hop: &Hop,
) -> Result<OpenRequest, SessionError> {
    let deadline = Instant::now() + Duration::from_millis(u64::from(header.deadline_ms));
    forward_request(peer, &header.to_bytes()?, hop, deadline).await
}

/// Opens a request whose end-to-end part was encoded by somebody else, and is passed on byte for byte.
pub async fn forward_request(
    peer: &PeerConnection,
    header: &[u8],
    hop: &Hop,
    deadline: Instant,
) -> Result<OpenRequest, SessionError> {
    let hop = hop.to_bytes()?;
    let (mut send, recv) = peer.open(deadline).await?;
    send.put_frame(FrameType::Header, header).await?;
    send.put_frame(FrameType::Hop, &hop).await?;
    Ok(OpenRequest { header_hash: Header::hash(header), send, recv })
}

impl OpenRequest {
    /// Writes what is still collected, then reads the outer status, which must echo this request (R32).
    pub async fn read_status(&mut self) -> Result<Outcome, SessionError> {
        self.send.flush().await?;
        read_status(&mut self.recv, self.header_hash).await
    }
}

/// Reads the outer status of the request with this hash (R32).
pub async fn read_status(recv: &mut RecvHalf, header_hash: HeaderHash) -> Result<Outcome, SessionError> {
    let status = Status::from_bytes(&recv.expect(FrameType::Status).await?)?;
    if status.header != header_hash {
        recv.stop(ResetCode::IntegrityStop);
        return Err(SessionError::WrongEcho);
    }
    Ok(status.outcome)
}

/// A request that the peer has opened.
#[derive(Debug)]
pub struct AcceptedRequest {
    /// The end-to-end part.
    pub header: Header,
    /// The same, byte for byte as it came.
    pub header_bytes: Bytes,
    /// Hash of those bytes.
    pub header_hash: HeaderHash,
    /// The hop part.
    pub hop: Hop,
    /// For the reply; see [`AcceptedRequest::put_status`].
    pub send: SendHalf,
    /// For the sealed body or the messages.
    pub recv: RecvHalf,
}

/// Reads the head of a request, and binds both halves to the deadline it asks for.
pub async fn accept_request(send: SendHalf, mut recv: RecvHalf) -> Result<AcceptedRequest, SessionError> {
    // A copy of its own: a slice would keep the whole received batch alive for as long as the request lives.
    let header_bytes = Bytes::copy_from_slice(&recv.expect(FrameType::Header).await?);
    let header = Header::from_bytes(&header_bytes)?;
    let hop = Hop::from_bytes(&recv.expect(FrameType::Hop).await?)?;
    let header_hash = Header::hash(&header_bytes);
    let mut request = AcceptedRequest { header, header_bytes, header_hash, hop, send, recv };
    let allowed = Duration::from_millis(u64::from(request.header.deadline_ms));
    request.set_deadline(Instant::now() + allowed);
    Ok(request)
}

impl AcceptedRequest {
    /// When both halves give up.
    pub fn deadline(&self) -> Instant {
        self.send.deadline()
    }

    /// Binds both halves to another deadline, for conversations longer than one answer.
    pub fn set_deadline(&mut self, deadline: Instant) {
        self.send.set_deadline(deadline);
        self.recv.set_deadline(deadline);
    }

    /// Collects the outer status; it goes out with the first write or flush behind it.
    pub async fn put_status(&mut self, outcome: Outcome) -> Result<(), SessionError> {
        put_status(&mut self.send, self.header_hash, outcome).await
    }

    /// Answers with the outer status alone.
    pub async fn end_with(&mut self, outcome: Outcome) -> Result<(), SessionError> {
        self.put_status(outcome).await?;
        Ok(self.send.finish().await?)
    }
}

/// Collects the outer status of the request with this hash.
pub async fn put_status(
    send: &mut SendHalf,
    header_hash: HeaderHash,
    outcome: Outcome,
) -> Result<(), SessionError> {
    let status = Status { header: header_hash, outcome };
    Ok(send.put_frame(FrameType::Status, &status.to_bytes()?).await?)
}
