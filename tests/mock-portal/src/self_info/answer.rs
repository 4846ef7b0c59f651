//! The exit check of an opened answer, and its way onto the screen.
//!
//! What must hold (R30): what says anything about the person was sealed under the person's binding; the datasets
//! are among those that were asked for.

use chukei_relay_client::channel::OpenedBody;
use chukei_wire::body_code::BodyCode;
use chukei_wire::id::RequestId;
use chukei_wire::message::self_info::{AnswerDataset, AnswerItem, SelfInfoAnswer};
use chukei_wire::result::ResultName;

use crate::failure::Failure;
use crate::protocol::{SelfInfo, ShownDataset, ShownItem};

/// An answer that was checked.
pub(super) struct Checked {
    /// As it is shown.
    pub(super) shown: SelfInfo,
    /// The leaf of its record in the body's log.
    pub(super) leaf: Option<u64>,
    /// What proves that it was opened.
    pub(super) receipt: [u8; 16],
}

/// Checks an opened answer; the error is what it is instead of one.
pub(super) fn check(
    opened: &OpenedBody,
    requested: &[String],
    body: BodyCode,
    id: RequestId,
) -> Result<Checked, ResultName> {
    let answer: SelfInfoAnswer = opened.untraced_message().map_err(|_| ResultName::IntegrityFailure)?;
    let result = judge(&answer, opened.bound(), requested);
    let leaf = answer.leaf;
    let shown = show(answer, body, id);
    // Dropped, and so wiped, where the judgement is against it.
    result.map(|()| Checked { shown, leaf, receipt: opened.receipt() })
}

fn judge(answer: &SelfInfoAnswer, bound: bool, requested: &[String]) -> Result<(), ResultName> {
    if answer.result == ResultName::SubjectMismatch {
        return Err(ResultName::SubjectMismatch);
    }
    let of_person = matches!(
        answer.result,
        ResultName::Done | ResultName::NoData | ResultName::UnavailableAskBody | ResultName::Pending
    );
    let holds_data = !answer.datasets.is_empty();
    let among = answer.datasets.iter().all(|dataset| requested.contains(&dataset.info_name_code));
    let once = answer.datasets.is_sorted_by(|a, b| a.info_name_code < b.info_name_code);
    let told = answer.leaf.is_some() == of_person;
    let fits = told && of_person == bound && holds_data == (answer.result == ResultName::Done);
    if fits && among && once { Ok(()) } else { Err(ResultName::IntegrityFailure) }
}

fn show(answer: SelfInfoAnswer, body: BodyCode, id: RequestId) -> SelfInfo {
    SelfInfo {
        result: answer.result.as_str().to_owned(),
        request_id: id.to_string(),
        body: body.to_string(),
        datasets: answer.datasets.into_iter().map(show_dataset).collect(),
    }
}

fn show_dataset(dataset: AnswerDataset) -> ShownDataset {
    ShownDataset {
        info_name_code: dataset.info_name_code,
        info_name: dataset.info_name,
        items: dataset.items.into_iter().map(show_item).collect(),
    }
}

fn show_item(item: AnswerItem) -> ShownItem {
    ShownItem {
        level: item.level,
        info_item_code: item.info_item_code,
        item_name: item.item_name,
        record_key: item.record_key,
        value: item.value,
        reason_of_null: item.reason_of_null,
    }
}

/// What a checked answer is to the caller: a neutral result, or a refusal of its name.
pub(super) fn outcome(shown: SelfInfo) -> Result<SelfInfo, Failure> {
    let name = ResultName::ALL.iter().find(|name| name.as_str() == shown.result);
    match name {
        Some(
            ResultName::Done | ResultName::NoData | ResultName::UnavailableAskBody | ResultName::Pending,
        ) => Ok(shown),
        Some(&refusal) => Err(Failure::refused(refusal)),
        None => Err(Failure::internal("an answer of an unknown name")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAX: &str = "TM00000000000002";

    fn answer(result: ResultName, codes: &[&str]) -> SelfInfoAnswer {
        let dataset = |code: &&str| AnswerDataset {
            info_name_code: (*code).to_owned(),
            info_name: "地方税関係".to_owned(),
            items: Vec::new(),
        };
        let refused = [ResultName::NotFound, ResultName::SubjectMismatch].contains(&result);
        SelfInfoAnswer {
            result,
            leaf: (!refused).then_some(7),
            datasets: codes.iter().map(dataset).collect(),
        }
    }

    fn judged(result: ResultName, codes: &[&str], bound: bool) -> Result<(), ResultName> {
        judge(&answer(result, codes), bound, &[TAX.to_owned(), "TM00000000000004".to_owned()])
    }

    #[test]
    fn r30_only_requested_datasets_are_shown_each_once() {
        assert_eq!(judged(ResultName::Done, &[TAX], true), Ok(()));
        assert_eq!(judged(ResultName::Done, &[TAX, "TM00000000000004"], true), Ok(()));
        for codes in [&["TM00000000000009"][..], &[TAX, TAX], &["TM00000000000004", TAX], &[]] {
            assert_eq!(judged(ResultName::Done, codes, true), Err(ResultName::IntegrityFailure), "{codes:?}");
        }
    }

    #[test]
    fn r22_what_tells_of_a_person_must_be_bound_to_the_person() {
        for name in [ResultName::Done, ResultName::NoData, ResultName::UnavailableAskBody] {
            let codes: &[&str] = if name == ResultName::Done { &[TAX] } else { &[] };
            assert_eq!(judged(name, codes, true), Ok(()));
            assert_eq!(judged(name, codes, false), Err(ResultName::IntegrityFailure));
        }
        assert_eq!(judged(ResultName::NotFound, &[], false), Ok(()));
        assert_eq!(judged(ResultName::NotFound, &[TAX], false), Err(ResultName::IntegrityFailure));
        assert_eq!(judged(ResultName::UnavailableAskBody, &[TAX], true), Err(ResultName::IntegrityFailure));
    }

    #[test]
    fn r22_a_mismatch_keeps_its_name() {
        assert_eq!(judged(ResultName::SubjectMismatch, &[], false), Err(ResultName::SubjectMismatch));
    }
}
