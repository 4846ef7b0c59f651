//! What the body holds of one person, for the body's own staff.

use std::sync::Arc;

use chukei_domain::codes::{AddresseeNumber, InfoNameCode};
use chukei_domain::document::StoredItem;
use chukei_wire::message::staff::{CopyRecord, CopyShowReply, CopyShowRequest};
use chukei_wire::result::ResultName;

use crate::access::asked::Learnt;
use crate::access::grant::{Grant, Read};
use crate::app::Node;
use crate::bodies::call::{Call, CallError, Done};

/// Shows the records of one (person, dataset), published or not.
pub async fn show(_node: &Arc<Node>, grant: &Grant<Read>, call: &mut Call) -> Result<Done, CallError> {
    let request: CopyShowRequest = call.request().await?;
    let bad = |_| CallError::Refused(ResultName::BadFormat);
    let addressee: AddresseeNumber =
        request.integrated_addressee_number.parse().map_err(|_| CallError::Refused(ResultName::BadFormat))?;
    let dataset: InfoNameCode = request.info_name_code.parse().map_err(bad)?;
    let body = grant.body();
    let person =
        body.person_by_addressee(grant, &addressee).await?.ok_or(CallError::Refused(ResultName::NotFound))?;
    grant.learn(Learnt { datasets: &[dataset], opens: &[person.person.id], ..Learnt::default() })?;
    let document = body
        .documents(grant, &person.person, &[dataset])
        .await?
        .pop()
        .flatten()
        .ok_or(CallError::Refused(ResultName::NotFound))?
        .document;
    let records: Vec<CopyRecord> = document.items().iter().map(record).collect();
    let shown = records.len();
    call.reply(&CopyShowReply { generation: document.generation(), records }).await?;
    Ok(Done::of(shown))
}

fn record(item: &StoredItem) -> CopyRecord {
    CopyRecord {
        record_id: item.record_id.to_string(),
        info_item_code: item.item_code.to_string(),
        record_key: item.record_key.to_string(),
        layout_version: item.layout_version.to_string(),
        publication_date: item.publication_date.compact(),
        publication_end_date: item.publication_end_date.map(|day| day.compact()).unwrap_or_default(),
        deleted: item.deleted,
        reason_of_null: item.reason_of_null.clone().unwrap_or_default(),
        value: item.value.clone(),
    }
}
