//! How requests are carried: set-ups flight by flight, everything else as a whole.

use std::sync::Arc;

use chukei_relay_client::session::{AcceptedRequest, forward_request};
use chukei_relay_client::stream::{RecvHalf, SendHalf};
use chukei_wire::frame::{FrameType, Outcome};
use chukei_wire::header::{Hop, Kind};
use chukei_wire::result::ResultName;

use super::passage::{Flights, Passage};
use super::{Deed, Frame, Shared};

/// Carries a request, or does `planned` with it.
pub(super) async fn carry(shared: Arc<Shared>, mut request: AcceptedRequest, planned: Option<Deed>) {
    if shared.receiver(&request.header).is_none() {
        let _ = request.end_with(Outcome::RetryAfter(ResultName::NotReady, 100)).await;
        return;
    }
    let person = shared.person(&request.header, &request.hop);
    let sealed = if request.header.kind == Kind::ChannelSetup {
        Vec::new()
    } else {
        match read_sealed(&mut request.recv).await {
            Some(sealed) => sealed,
            None => return,
        }
    };
    let passage = Passage { shared, request, person, sealed, changes_receipt: false };
    match planned {
        Some(deed) => deed(passage).await,
        None if passage.request.header.kind == Kind::ChannelSetup => carry_setup(passage).await,
        None => {
            let answer = passage.ask_honestly().await;
            passage.give_honestly(answer).await;
        }
    }
}

async fn read_sealed(recv: &mut RecvHalf) -> Option<Vec<Frame>> {
    let mut frames = Vec::new();
    loop {
        let (kind, payload) = recv.read_frame().await.ok()??;
        frames.push((kind, payload.to_vec()));
        if kind == FrameType::LastChunk {
            return Some(frames);
        }
    }
}

/// Passes flights on as they come, and keeps a copy.
async fn carry_setup(passage: Passage) {
    let asking = passage.asking();
    let hop = Hop { sender_code: None, permit: Some(asking.permit), leave: None };
    let deadline = passage.request.deadline();
    let opened = forward_request(&asking.receiver.connection, &asking.header, &hop, deadline).await;
    let Ok(mut open) = opened else { return };
    let Passage { shared, mut request, .. } = passage;
    let (asked, answered) =
        tokio::join!(pass(&mut request.recv, &mut open.send), pass(&mut open.recv, &mut request.send),);
    shared.flights.lock().unwrap().push(Flights { header: asking.header, asked, answered });
}

/// The messages that were passed.
async fn pass(from: &mut RecvHalf, to: &mut SendHalf) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while let Ok(Some((kind, payload))) = from.read_frame().await {
        let _ = to.write_frame(kind, &payload).await;
        if kind == FrameType::Message {
            messages.push(payload.to_vec());
        }
    }
    let _ = to.finish().await;
    messages
}
