//! One stream of a broker whose copies lie here: it gives more of them, or has them brought back.
//!
//! What must hold: only a broker that this one's configuration names has copies here, and it gets its own alone; copies of others
//! are not what fills this broker's disk.

use std::sync::Arc;

use chukei_relay_client::session::{AcceptedRequest, SessionError};
use chukei_store::journal::JournalError;
use chukei_wire::frame::Outcome;
use chukei_wire::message::copies::{CopiesAsked, CopyBatch, CopyOf};
use chukei_wire::result::ResultName;

use super::hold::{Holder, NotHeld};
use crate::broker::Broker;
use crate::broker::ending::{Ending, NOT_READY, end};
use crate::broker::peer::Peer;
use crate::log_disk::Level;

/// Serves one stream of `peer`.
pub(in crate::broker) async fn serve(
    broker: &Arc<Broker>,
    peer: &Peer,
    request: &mut AcceptedRequest,
) -> Result<Ending, SessionError> {
    let owner = peer.connection.identity().name().to_owned();
    if !broker.others.contains(&owner) {
        return end(request, Outcome::Refused(ResultName::NotPermitted)).await;
    }
    let asked: CopiesAsked = request.recv.read_message().await?;
    match asked {
        CopiesAsked::Keep => keep(broker, &owner, request).await,
        CopiesAsked::Bring { of, from } => bring(&broker.copies, &owner, of, from, request).await,
    }
}

async fn keep(broker: &Broker, owner: &str, request: &mut AcceptedRequest) -> Result<Ending, SessionError> {
    let holder = &broker.copies;
    let held = match holder.held(owner).await {
        Ok(held) => held,
        Err(error) => return refused(owner, &error, request).await,
    };
    request.put_status(Outcome::Answered).await?;
    request.send.write_message(&held).await?;
    while let Some(batch) = request.recv.next_message::<CopyBatch>().await? {
        // What is left of this disk is for its own records; what is held stays, and can be brought back.
        if broker.log_disk.level() >= Level::Queries {
            tracing::warn!(owner, "copies are not taken: the log's disk fills");
            break;
        }
        match holder.take(owner, batch).await {
            Ok(kept) => request.send.write_message(&kept).await?,
            // The stream ends without an answer: nothing of it is held as far as its owner knows.
            Err(error) => {
                tracing::warn!(owner, %error, "copies are not taken");
                break;
            }
        }
    }
    request.send.finish().await?;
    Ok(Ending::Answered)
}

async fn bring(
    holder: &Arc<Holder>,
    owner: &str,
    of: CopyOf,
    mut from: u64,
    request: &mut AcceptedRequest,
) -> Result<Ending, SessionError> {
    tracing::warn!(owner, of = of.as_str(), from, "copies are brought back");
    let mut answered = false;
    loop {
        let (reader, name) = (holder.clone(), owner.to_owned());
        let read = tokio::task::spawn_blocking(move || reader.bring(&name, of, from)).await;
        let batch = match read.unwrap_or(Err(JournalError::Failed)) {
            Ok(batch) => batch,
            Err(error) if answered => return Err(broken(owner, &error)),
            Err(error) => return refused(owner, &error.into(), request).await,
        };
        if !answered {
            request.put_status(Outcome::Answered).await?;
            answered = true;
        }
        let last = batch.entries.last().map(|entry| entry.number);
        // One without entries says that there are no more.
        request.send.write_message(&batch).await?;
        match last {
            Some(last) => from = last + 1,
            None => break,
        }
    }
    request.send.finish().await?;
    Ok(Ending::Answered)
}

fn broken(owner: &str, error: &JournalError) -> SessionError {
    tracing::error!(owner, code = error.code(), "copies cannot be read");
    chukei_relay_client::stream::StreamError::Ended.into()
}

async fn refused(
    owner: &str,
    error: &NotHeld,
    request: &mut AcceptedRequest,
) -> Result<Ending, SessionError> {
    tracing::error!(owner, %error, "copies cannot be read");
    end(request, NOT_READY).await
}
