//! Own information (自己情報): the sealed request and its sealed answer.

use serde::{Deserialize, Serialize};

use crate::message::binding::BindingTag;
use crate::result::ResultName;

unprinted!(AnswerItem);

/// Sealed request. The datasets stand in the header, which the seal covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelfInfoRequest {
    /// Proofs that the request is about this person, newest version first, at most `BINDING_TAGS_MAX` (R22).
    #[serde(rename = "b")]
    pub binding_tags: Vec<BindingTag>,
}

/// Bytes that [`SelfInfoAnswer::leaf`] adds to an encoded answer, at most.
pub const LEAF_BYTES: usize = 11;

/// Sealed answer. With any result but `DONE`, `datasets` is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfInfoAnswer {
    /// `DONE`, `NO_DATA`, `UNAVAILABLE_ASK_BODY`, or a refusal.
    #[serde(rename = "r")]
    pub result: ResultName,
    /// Where the record of it stands in the body's log: the index of its leaf, from 0. Absent from refusals, and not
    /// encoded then.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub leaf: Option<u64>,
    /// Requested datasets that hold something, in the order of the header.
    #[serde(rename = "d")]
    pub datasets: Vec<AnswerDataset>,
}

/// One dataset as the portal shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerDataset {
    /// Dataset code.
    #[serde(rename = "c")]
    pub info_name_code: String,
    /// Dataset name.
    #[serde(rename = "n")]
    pub info_name: String,
    /// Items, by record key, then item code, then record id.
    #[serde(rename = "i")]
    pub items: Vec<AnswerItem>,
}

/// One item.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerItem {
    /// Depth in the layout, from 1.
    #[serde(rename = "l")]
    pub level: u8,
    /// Item code.
    #[serde(rename = "c")]
    pub info_item_code: String,
    /// Item name.
    #[serde(rename = "n")]
    pub item_name: String,
    /// Record key (データセットレコードキー).
    #[serde(rename = "k")]
    pub record_key: String,
    /// The value, exactly as registered; empty where there is a reason.
    #[serde(rename = "v")]
    pub value: String,
    /// Reason of null (未設定事由).
    #[serde(rename = "r")]
    pub reason_of_null: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::encode;

    #[test]
    fn r50_where_the_record_stands_takes_no_more_bytes_than_it_is_counted_for() {
        let length = |leaf| {
            let answer = SelfInfoAnswer { result: ResultName::NoData, leaf, datasets: Vec::new() };
            encode(&answer).unwrap().len()
        };
        assert_eq!(length(Some(u64::MAX)), length(None) + LEAF_BYTES);
        assert!(length(Some(0)) > length(None));
    }
}
