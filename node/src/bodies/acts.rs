//! Acts that two persons decide, as calls: asked for, approved, called off, listed, and what they bring out.

use std::sync::Arc;

use chukei_wire::limits::ACT_PIECE_MAX;
use chukei_wire::message::act::{ActListRequest, ActNamed, ActPiece, ActRequest};
use chukei_wire::result::ResultName;

use crate::access::grant::{Export, Grant, Read, Write};
use crate::acts::{self, Brought, Piece, ProvenPiece, ProvenRecords, Records};
use crate::app::Node;
use crate::bodies::call::{Call, CallError, Done};

/// One person asks for an act.
pub async fn request(node: &Arc<Node>, grant: &Grant<Write>, call: &mut Call) -> Result<Done, CallError> {
    let asked: ActRequest = call.request().await?;
    let row = acts::request(node, grant, &call.header, asked).await?;
    call.reply(&acts::shown(node, grant, row).await?).await?;
    Ok(Done::of(1))
}

/// A second person decides it as well.
pub async fn approve(node: &Arc<Node>, grant: &Grant<Write>, call: &mut Call) -> Result<Done, CallError> {
    let named: ActNamed = call.request().await?;
    let row = acts::approve(node, grant, named.act).await?;
    call.reply(&acts::shown(node, grant, row).await?).await?;
    Ok(Done::of(1))
}

/// It is called off.
pub async fn cancel(node: &Arc<Node>, grant: &Grant<Write>, call: &mut Call) -> Result<Done, CallError> {
    let named: ActNamed = call.request().await?;
    let row = acts::cancel(node, grant, named.act).await?;
    call.reply(&acts::shown(node, grant, row).await?).await?;
    Ok(Done::of(1))
}

/// One page of acts per request message, until the caller has said all.
pub async fn list(node: &Arc<Node>, grant: &Grant<Read>, call: &mut Call) -> Result<Done, CallError> {
    let mut shown = 0;
    while let Some(request) = call.next::<ActListRequest>().await? {
        let page = acts::list(node, grant, &request).await?;
        shown += page.acts.len();
        call.reply(&page).await?;
    }
    Ok(Done::of(shown))
}

/// What an act has brought out, in pieces.
pub async fn result(node: &Arc<Node>, grant: &Grant<Export>, call: &mut Call) -> Result<Done, CallError> {
    let named: ActNamed = call.request().await?;
    match acts::fetch(node, grant, named.act, named.proven).await? {
        Brought::Whole(bytes) => {
            for piece in bytes.chunks(ACT_PIECE_MAX) {
                call.piece(&ActPiece { bytes: piece.to_vec() }).await?;
            }
            Ok(Done::of(1))
        }
        Brought::Records(records) => send(call, records).await,
        Brought::Proven(records) => prove(call, records).await,
    }
}

async fn prove(call: &mut Call, mut records: Box<ProvenRecords>) -> Result<Done, CallError> {
    let mut sent = 0;
    loop {
        let piece = tokio::task::spawn_blocking(move || records.piece()).await;
        let piece = piece.map_err(|_| CallError::NotNow(ResultName::NotReady))?;
        let piece = piece.map_err(|_| CallError::Refused(ResultName::IntegrityFailure))?;
        let Some(ProvenPiece { rest, bytes, count }) = piece else { break };
        call.piece(&ActPiece { bytes }).await?;
        (records, sent) = (rest, sent + count);
    }
    Ok(Done { result: ResultName::Done, count: sent })
}

async fn send(call: &mut Call, mut records: Box<Records>) -> Result<Done, CallError> {
    let mut sent = 0;
    loop {
        let piece = tokio::task::spawn_blocking(move || records.piece()).await;
        let piece = piece.map_err(|_| CallError::NotNow(ResultName::NotReady))?;
        let piece = piece.map_err(|_| CallError::Refused(ResultName::IntegrityFailure))?;
        let Some(Piece { rest, bytes, count }) = piece else { break };
        call.piece(&ActPiece { bytes }).await?;
        (records, sent) = (rest, sent + count);
    }
    Ok(Done { result: ResultName::Done, count: sent })
}
