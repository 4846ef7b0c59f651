//! One request in the hands of a hostile broker, and what can be done with it.

use std::sync::Arc;

use chukei_relay_client::session::{AcceptedRequest, OpenRequest, forward_request};
use chukei_wire::frame::{FrameType, Status};
use chukei_wire::header::{Direction, Header, Hop};
use chukei_wire::limits::PERMIT_LIFE_MS;
use chukei_wire::permit::{Permit, PermitClaims};

use super::{Frame, Peer, Shared};

/// A request whose sealed body was read and that nobody was asked yet.
pub(crate) struct Passage {
    pub(crate) shared: Arc<Shared>,
    pub(crate) request: AcceptedRequest,
    /// The registry's number of the person, which a broker knows.
    pub(crate) person: Option<u64>,
    /// The sealed body, frame by frame.
    pub(crate) sealed: Vec<Frame>,
    /// Whether the proof that the answer was opened is changed on its way.
    pub(crate) changes_receipt: bool,
}

/// What the receiver is told.
pub(crate) struct Asking {
    pub(crate) receiver: Arc<Peer>,
    pub(crate) header: Vec<u8>,
    pub(crate) permit: Permit,
    pub(crate) sealed: Vec<Frame>,
}

/// What the receiver answered, frame by frame: STATUS first. Empty where it reset the stream or is gone.
pub(crate) struct Answer {
    pub(crate) frames: Vec<Frame>,
    open: Option<OpenRequest>,
}

/// A set-up as it was carried: the header, the asker's flights, the receiver's.
#[derive(Clone, Default)]
pub(crate) struct Flights {
    pub(crate) header: Vec<u8>,
    pub(crate) asked: Vec<Vec<u8>>,
    pub(crate) answered: Vec<Vec<u8>>,
}

impl Shared {
    /// The receiver of a request.
    pub(super) fn receiver(&self, header: &Header) -> Option<Arc<Peer>> {
        match header.direction {
            Direction::ToBody => self.bodies.lock().unwrap().get(&header.body?).cloned(),
            Direction::ToPortal => self.portals.lock().unwrap().get(header.portal.as_ref()?).cloned(),
            Direction::Hop => None,
        }
    }

    /// The person behind the asker's code.
    pub(super) fn person(&self, header: &Header, hop: &Hop) -> Option<u64> {
        let asker = party(header, header.direction == Direction::ToPortal);
        self.registrar.person(&asker, hop.sender_code?)
    }

    /// A permit that this receiver will believe.
    pub(crate) fn permit(&self, receiver: &Peer, header: &[u8], person: Option<u64>) -> Permit {
        self.permit_of(receiver, header, person, self.clock.now_ms())
    }

    /// The same, issued at another time (Unix milliseconds).
    pub(crate) fn permit_of(
        &self,
        receiver: &Peer,
        header: &[u8],
        person: Option<u64>,
        at_ms: u64,
    ) -> Permit {
        let named = Header::from_bytes(header).unwrap();
        let party = party(&named, named.direction == Direction::ToBody);
        receiver.permits.authenticated(PermitClaims {
            header: Header::hash(header),
            person: person.map(|person| self.registrar.code(&party, person)),
            previous: None,
            legal_basis: "none".into(),
            broker: self.name.clone(),
            issued_ms: at_ms,
            expires_ms: at_ms + PERMIT_LIFE_MS,
            epoch: [0; 16],
            number: 0,
        })
    }
}

fn party(header: &Header, body: bool) -> String {
    if body {
        format!("body/{}", header.body.unwrap())
    } else {
        format!("portal/{}", header.portal.as_deref().unwrap())
    }
}

impl Passage {
    /// What an honest broker would tell the receiver.
    pub(crate) fn asking(&self) -> Asking {
        let receiver = self.shared.receiver(&self.request.header).expect("the receiver is connected");
        let header = self.request.header_bytes.to_vec();
        let permit = self.shared.permit(&receiver, &header, self.person);
        Asking { receiver, header, permit, sealed: self.sealed.clone() }
    }

    /// Tells the receiver `asking`, and reads all of its answer.
    pub(crate) async fn ask(&self, asking: Asking) -> Answer {
        let Asking { receiver, header, permit, sealed } = asking;
        let hop = Hop { sender_code: None, permit: Some(permit), leave: None };
        let deadline = self.request.deadline();
        // One that stopped this broker has closed the connection, and requests on their way meet that.
        let asked = forward_request(&receiver.connection, &header, &hop, deadline).await;
        let Ok(mut open) = asked else { return Answer { frames: Vec::new(), open: None } };
        for (kind, payload) in &sealed {
            open.send.put_frame(*kind, payload).await.unwrap();
        }
        // A receiver that has heard enough may stop the stream; its answer tells.
        let _ = open.send.flush().await;
        let mut frames = Vec::new();
        while let Ok(Some((kind, payload))) = open.recv.read_frame().await {
            frames.push((kind, payload.to_vec()));
        }
        Answer { frames, open: Some(open) }
    }

    /// Asks as an honest broker would.
    pub(crate) async fn ask_honestly(&self) -> Answer {
        self.ask(self.asking()).await
    }

    /// Gives the asker these frames, then passes on what the asker has to say to them.
    pub(crate) async fn give(mut self, frames: &[Frame], answer: Answer) {
        for (kind, payload) in frames {
            let _ = self.request.send.put_frame(*kind, payload).await;
        }
        let Some(mut open) = answer.open.filter(|_| !frames.is_empty()) else { return };
        let _ = self.request.send.finish().await;
        while let Ok(Some((kind, payload))) = self.request.recv.read_frame().await {
            let mut payload = payload.to_vec();
            payload[0] ^= u8::from(self.changes_receipt);
            let _ = open.send.write_frame(kind, &payload).await;
        }
        let _ = open.send.finish().await;
    }

    /// Gives the asker the answer as it came.
    pub(crate) async fn give_honestly(self, answer: Answer) {
        let frames = answer.frames.clone();
        self.give(&frames, answer).await;
    }

    /// `frames` with a STATUS that echoes this request, whatever it echoed before.
    pub(crate) fn echoed(&self, frames: &[Frame]) -> Vec<Frame> {
        let mut frames = frames.to_vec();
        if let Some((FrameType::Status, payload)) = frames.first_mut() {
            let status = Status::from_bytes(payload).unwrap();
            *payload = Status { header: self.request.header_hash, ..status }.to_bytes().unwrap();
        }
        frames
    }
}
