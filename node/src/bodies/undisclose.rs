//! The flag that hides exchange records from the person (不開示該当フラグ, R50): set by one, at once; cleared by two, see `acts`.

use std::sync::Arc;

use chukei_domain::act::ActKind;
use chukei_domain::codes::AddresseeNumber;
use chukei_store::Batch;
use chukei_wire::message::staff::{PersonUndiscloseReply, PersonUndiscloseRequest, RowOutcome};
use chukei_wire::result::ResultName;

use crate::access::asked::Learnt;
use crate::access::grant::{Grant, Write};
use crate::acts;
use crate::app::Node;
use crate::bodies::call::{Call, CallError, Done};
use crate::bodies::persons::known_datasets;
use crate::undisclosed;

/// Sets the flag, calls off what was asked for to clear it, and waits a moment for the brokers.
pub async fn undisclose(node: &Arc<Node>, grant: &Grant<Write>, call: &mut Call) -> Result<Done, CallError> {
    let request: PersonUndiscloseRequest = call.request().await?;
    let refused = CallError::Refused;
    let addressee: AddresseeNumber =
        request.integrated_addressee_number.parse().map_err(|_| refused(ResultName::BadFormat))?;
    let datasets = known_datasets(node, grant.body(), &request.datasets)?;
    let body = grant.body();
    let known = body.person_by_addressee(grant, &addressee).await?.ok_or(refused(ResultName::NotFound))?;
    let id = known.person.id;
    grant.learn(Learnt { datasets: &datasets, opens: &[id], ..Learnt::default() })?;
    acts::call_off_clearing(node, grant, id, ActKind::DiscloseRecords).await?;
    let outcome = {
        let _writing = body.writing().await;
        let mut person =
            body.person_to_change(grant, &addressee).await?.ok_or(refused(ResultName::NotFound))?;
        if person.record.flags.undisclose(&datasets, node.clock.now_ms()) {
            let version = person.record.flags.undisclosed_version;
            let by = grant.scope().by();
            body.audit().undisclosed(by, id, version, &datasets, node.clock.now_ms()).await?;
            let batch = body.put_person(Batch::new(), &person).await?;
            body.apply(undisclosed::to_tell(body, batch, &person.record).await?).await?;
            RowOutcome::Registered
        } else {
            RowOutcome::Unchanged
        }
    };
    let waiting = undisclosed::waiting_for(node, body, &id).await?;
    let result = if waiting.is_empty() { ResultName::Done } else { ResultName::Pending };
    call.reply(&PersonUndiscloseReply { outcome, result, waiting }).await?;
    Ok(Done::of(1))
}
