//! A body's word on what of a person's records is hidden from the person (R50).
//!
//! What must hold: the body is one that the connection serves, the person is named by the body's own code; the word is durable
//! before it is acknowledged. Which of two words counts is the index's to say, by their versions.

use std::sync::Arc;

use chukei_domain::event::RecordsHidden;
use chukei_relay_client::session::{AcceptedRequest, SessionError};
use chukei_wire::frame::Outcome;
use chukei_wire::limits::UNDISCLOSED_DATASETS_MAX;
use chukei_wire::message::exchange::UndisclosedMark;
use chukei_wire::result::ResultName;
use tokio::time::Instant;

use crate::broker::Broker;
use crate::broker::codes::Party;
use crate::broker::ending::{Ending, end};
use crate::broker::peer::Peer;
use crate::broker::records::OF_A_BODY;

/// Takes a body's word on what of a person's records is hidden.
pub(super) async fn hide(
    broker: &Arc<Broker>,
    peer: &Peer,
    party: Party,
    request: &mut AcceptedRequest,
) -> Result<Ending, SessionError> {
    let mark: UndisclosedMark = request.recv.read_message().await?;
    let outcome = match hidden(broker, &party, request, mark) {
        Err(outcome) => outcome,
        Ok(hidden) => {
            let actor = peer.connection.identity().to_string();
            match broker.exchanges.hidden(actor, hidden, broker.clock.now_ms()).await {
                Ok(()) => Outcome::Answered,
                Err(error) => {
                    tracing::error!(request_id = %request.header.request_id, %error, "not recorded");
                    error.outcome()
                }
            }
        }
    };
    end(request, outcome).await
}

fn hidden(
    broker: &Broker,
    party: &Party,
    request: &AcceptedRequest,
    mark: UndisclosedMark,
) -> Result<RecordsHidden, Outcome> {
    let refused = Outcome::Refused;
    let Party::Body(body) = party else { return Err(refused(ResultName::NotPermitted)) };
    if !party.is_listed(&broker.peers.load()) {
        return Err(refused(ResultName::NotFound));
    }
    let (Some(code), None) = (request.hop.sender_code, &request.hop.permit) else {
        return Err(refused(ResultName::BadFormat));
    };
    let ordered = mark.datasets.is_sorted_by(|a, b| a < b);
    if mark.version == 0 || mark.datasets.len() > UNDISCLOSED_DATASETS_MAX || !ordered {
        return Err(refused(ResultName::BadFormat));
    }
    broker.questions.admit(party, OF_A_BODY, Instant::now())?;
    let person = broker.codes.person(party, &code, broker.clock.now_ms());
    let datasets = mark.datasets.iter().map(|dataset| dataset.parse()).collect::<Result<Vec<_>, _>>();
    Ok(RecordsHidden {
        body: body.as_str().parse().map_err(|_| refused(ResultName::BadFormat))?,
        person: person.map_err(|_| refused(ResultName::NotFound))?,
        version: mark.version,
        all: mark.all,
        datasets: datasets.map_err(|_| refused(ResultName::BadFormat))?,
    })
}
