//! Rows against a real store: the order of the rules, repeats, and that a second time changes nothing.

use chukei_domain::catalogue::Catalogue;
use chukei_domain::codes::InfoNameCode;
use chukei_domain::copy_row::CopyRow;
use chukei_wire::message::staff::RowOutcome;
use chukei_wire::result::ResultName;

use super::ParsedRow;
use super::judge::{Judged, judge};
use crate::access::grant::{Grant, Write, duty_write};
use crate::hosted::samples::Sample;

const NOW: u64 = 1_795_219_200_000;
const UNCHANGED: RowOutcome = RowOutcome::Unchanged;
const REGISTERED: RowOutcome = RowOutcome::Registered;

fn rejected(result: ResultName) -> RowOutcome {
    RowOutcome::Rejected(result)
}

struct Case {
    sample: Sample,
    grant: Grant<Write>,
    catalogue: Catalogue,
    text_item: String,
}

impl Case {
    async fn new() -> Self {
        let sample = Sample::new().await;
        sample.enroll("982016", 1).await;
        sample.enroll("982016", 2).await;
        let grant = duty_write(&sample.scope("982016"), "copy_import");
        let catalogue = Catalogue::builtin().unwrap();
        let dataset = catalogue.dataset("TM00000000000002").unwrap();
        let text_item = dataset.items().find(|item| item.kind.as_str() == "text").unwrap().code.to_string();
        Self { grant, text_item, catalogue, sample }
    }

    fn row(&self, id: &str, last: u8, key: &str, value: &str) -> ParsedRow {
        self.row_with(id, last, key, value, "")
    }

    fn row_with(&self, id: &str, last: u8, key: &str, value: &str, reason: &str) -> ParsedRow {
        let addressee = format!("0000098201601{last:02}");
        let fields = [
            id,
            "982016",
            &addressee,
            "TM00000000000002",
            &self.text_item,
            key,
            "0001",
            "20240401",
            "",
            "",
            reason,
            value,
        ]
        .map(str::to_owned);
        let code = self.grant.body().local_code();
        ParsedRow { row: CopyRow::parse(&fields, &code, &self.catalogue), repeated: false }
    }

    async fn import(&self, rows: Vec<ParsedRow>) -> Vec<RowOutcome> {
        let Judged { outcomes, batches } = judge(&self.grant, rows, NOW).await.unwrap();
        for batch in batches {
            self.grant.body().apply(batch).await.unwrap();
        }
        outcomes
    }

    async fn values(&self, last: u8) -> Vec<(String, String)> {
        let body = self.grant.body();
        let addressee = format!("0000098201601{last:02}").parse().unwrap();
        let person = body.person_by_addressee(&self.grant, &addressee).await.unwrap().unwrap();
        let dataset: InfoNameCode = "TM00000000000002".parse().unwrap();
        let document = body.documents(&self.grant, &person.person, &[dataset]).await.unwrap().pop().flatten();
        let items = document.map(|stored| stored.document.items().to_vec()).unwrap_or_default();
        items.into_iter().map(|item| (item.record_id.to_string(), item.value)).collect()
    }
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(id, value)| ((*id).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn the_same_rows_again_change_nothing() {
    let case = Case::new().await;
    let rows = || vec![case.row("R1", 1, "1", "①髙﨑～"), case.row("R2", 2, "1", "b")];
    assert_eq!(case.import(rows()).await, [REGISTERED, REGISTERED]);
    let judged = judge(&case.grant, rows(), NOW + 1).await.unwrap();
    assert_eq!(judged.outcomes, [UNCHANGED, UNCHANGED]);
    assert!(judged.batches.is_empty(), "nothing is written for rows that change nothing");
    assert_eq!(case.values(1).await, pairs(&[("R1", "①髙﨑～")]));
}

#[tokio::test]
async fn other_content_under_the_same_id_and_place_is_an_update() {
    let case = Case::new().await;
    case.import(vec![case.row("R1", 1, "1", "old")]).await;
    assert_eq!(case.import(vec![case.row("R1", 1, "1", "new")]).await, [REGISTERED]);
    assert_eq!(case.values(1).await, pairs(&[("R1", "new")]));
}

#[tokio::test]
async fn an_id_that_stands_elsewhere_is_a_duplicate_and_two_ids_may_share_a_place() {
    let case = Case::new().await;
    case.import(vec![case.row("R1", 1, "1", "a")]).await;
    let rows = vec![
        case.row("R1", 2, "1", "a"), // another person
        case.row("R1", 1, "2", "a"), // another record key
        case.row("R2", 1, "1", "b"), // another id at the same place
    ];
    let duplicate = rejected(ResultName::DuplicateRecordId);
    assert_eq!(case.import(rows).await, [duplicate, duplicate, REGISTERED]);
    assert_eq!(case.values(1).await, pairs(&[("R1", "a"), ("R2", "b")]));
    assert_eq!(case.values(2).await, pairs(&[]));
}

#[tokio::test]
async fn a_repeat_counts_after_an_accepted_row_only() {
    let case = Case::new().await;
    let rows = vec![
        case.row("R1", 9, "1", "a"), // nobody: not accepted
        case.row("R1", 1, "1", "a"),
        case.row("R1", 1, "1", "b"), // repeats an accepted row
        case.row("R1", 9, "1", "c"), // nobody comes before duplicate
    ];
    let nobody = rejected(ResultName::NotFound);
    let duplicate = rejected(ResultName::DuplicateRecordId);
    assert_eq!(case.import(rows).await, [nobody, REGISTERED, duplicate, nobody]);
    assert_eq!(case.values(1).await, pairs(&[("R1", "a")]));
    let marked = ParsedRow { repeated: true, ..case.row("R1", 1, "1", "a") };
    assert_eq!(case.import(vec![marked]).await, [duplicate]);
}

#[tokio::test]
async fn an_empty_value_needs_its_reason_once_the_person_is_known() {
    let case = Case::new().await;
    let rows =
        vec![case.row("R1", 9, "1", ""), case.row("R2", 1, "1", ""), case.row_with("R3", 1, "1", "", "01")];
    let required = rejected(ResultName::ReasonOfNullRequired);
    assert_eq!(case.import(rows).await, [rejected(ResultName::NotFound), required, REGISTERED]);
}

#[tokio::test]
async fn r1_rows_of_one_body_leave_another_untouched() {
    let case = Case::new().await;
    case.sample.enroll("982024", 1).await;
    case.import(vec![case.row("R1", 1, "1", "a")]).await;
    let other = duty_write(&case.sample.scope("982024"), "test");
    let addressee = "000009820160101".parse().unwrap();
    let person = other.body().person_by_addressee(&other, &addressee).await.unwrap().unwrap();
    let dataset: InfoNameCode = "TM00000000000002".parse().unwrap();
    let documents = other.body().documents(&other, &person.person, &[dataset]).await.unwrap();
    assert!(documents.iter().all(Option::is_none));
}
