//! The persons who ask, and their answers: every item of one dataset, filled up to exactly 1 KiB of content.

use std::fmt::Write as _;

use chukei_benches::Failure;
use chukei_benches::loading::{self, HEADER, value};
use chukei_domain::catalogue::{Catalogue, Dataset, ItemKind};
use chukei_harness::layout::{BODIES, Layout};
use chukei_harness::stack::Stack;
use chukei_mock_portal::client::Client;
use chukei_wire::codec::encode;
use chukei_wire::message::self_info::{AnswerDataset, AnswerItem, SelfInfoAnswer};
use chukei_wire::result::ResultName;
use tokio::runtime::Runtime;

/// The dataset that is asked for.
pub(crate) const DATASET: &str = "TM00000000000002";
/// Bytes of an answer's encoded content. With its length before it, it is still within the smallest bucket.
pub(crate) const ANSWER: usize = 1_020;

/// A person who asks.
pub(crate) struct Asking {
    /// The portal's user id.
    pub(crate) user: String,
    /// 団体内統合宛名番号: the longest text of the person's answer begins with it.
    pub(crate) addressee: String,
}

/// Makes, enrols and fills `count` persons of the first body.
pub(crate) fn load(runtime: &Runtime, stack: &Stack, count: usize) -> Result<Vec<Asking>, Failure> {
    let [body, ..] = BODIES;
    let layout = stack.layout();
    let file = loading::add(layout, body.code, count)?;
    loading::enrol(layout, body.code, &file, count)?;
    let catalogue = Catalogue::builtin()?;
    let dataset = catalogue.dataset(DATASET).ok_or("the catalogue has no such dataset")?;
    let items = dataset.items().count();
    let mut rows = format!("{HEADER}\n");
    for addressee in loading::addressees(&file)? {
        for AnswerItem { info_item_code, value, .. } in filled(dataset, &addressee)? {
            writeln!(
                rows,
                "{addressee}-{info_item_code},{},{addressee},{DATASET},{info_item_code},1,0001,20240401,,0,,{value}",
                body.code
            )?;
        }
    }
    loading::import(layout, body.code, "answers", &rows, count * items)?;
    runtime.block_on(listed(layout, body.code))
}

async fn listed(layout: &Layout, body: &str) -> Result<Vec<Asking>, Failure> {
    let persons = Client::connect(&layout.portal_socket()).await?.persons(body).await?;
    let asking = |entry: chukei_mock_portal::protocol::PersonEntry| Asking {
        user: entry.person,
        addressee: entry.integrated_addressee_number,
    };
    Ok(persons.into_iter().map(asking).collect())
}

/// One value for each item; the longest text makes the whole answer exactly [`ANSWER`] bytes.
fn filled(dataset: &Dataset, addressee: &str) -> Result<Vec<AnswerItem>, Failure> {
    let mut items: Vec<AnswerItem> = dataset
        .items()
        .map(|item| AnswerItem {
            level: item.level,
            info_item_code: item.code.as_str().to_owned(),
            item_name: item.name.clone(),
            record_key: "1".to_owned(),
            value: value(item, "架空"),
            reason_of_null: None,
        })
        .collect();
    let longest =
        dataset.items().filter(|item| item.kind == ItemKind::Text).max_by_key(|item| item.max_length);
    let longest = longest.ok_or("no item of text")?.code.as_str();
    // The length of a text stands before it in one to three bytes, so that it is grown until the whole fits.
    let mut text = addressee.to_owned();
    loop {
        for item in items.iter_mut().filter(|item| item.info_item_code == longest) {
            item.value.clone_from(&text);
        }
        match ANSWER.checked_sub(length(dataset, &items)?) {
            Some(0) => return Ok(items),
            Some(missing) => text.extend(std::iter::repeat_n('x', missing.div_ceil(2))),
            None => return Err("the answer is longer than it should be".into()),
        }
    }
}

fn length(dataset: &Dataset, items: &[AnswerItem]) -> Result<usize, Failure> {
    let dataset = AnswerDataset {
        info_name_code: dataset.code.as_str().to_owned(),
        info_name: dataset.name.clone(),
        items: items.to_vec(),
    };
    Ok(encode(&SelfInfoAnswer { result: ResultName::Done, leaf: None, datasets: vec![dataset] })?.len())
}
