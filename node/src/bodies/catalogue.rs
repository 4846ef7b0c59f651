//! The catalogue in force (R13).

use std::sync::Arc;

use chukei_wire::message::staff::{CatalogueItem, CatalogueReply};

use crate::access::grant::{Grant, Read};
use crate::app::Node;
use crate::bodies::call::{Call, CallError, Done};

/// Lists every dataset and item.
pub async fn list(node: &Arc<Node>, grant: &Grant<Read>, call: &mut Call) -> Result<Done, CallError> {
    let catalogue = node.catalogue(grant.body());
    let items: Vec<CatalogueItem> = catalogue
        .items()
        .map(|(dataset, item)| CatalogueItem {
            info_name_code: dataset.code.to_string(),
            info_name: dataset.name.clone(),
            info_item_code: item.code.to_string(),
            item_name: item.name.clone(),
            item_type: item.kind.as_str().to_owned(),
            max_length: u32::try_from(item.max_length).unwrap_or(u32::MAX),
        })
        .collect();
    let shown = items.len();
    call.reply(&CatalogueReply { version: catalogue.version().to_owned(), items }).await?;
    Ok(Done::of(shown))
}
