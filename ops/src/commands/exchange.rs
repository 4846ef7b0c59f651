//! `exchange`: exchange records (情報提供等の記録) of the body, its own beside the brokers'.

use std::collections::BTreeSet;

use chukei_wire::header::Kind;
use chukei_wire::limits::EXCHANGE_LIST_PAGE;
use chukei_wire::message::staff::{ExchangeListPage, ExchangeListRequest, ListedExchange};
use serde_json::{Value, json};

use crate::cli::ExchangeArgs;
use crate::commands::arguments;
use crate::failure::Failure;
use crate::japan_time;
use crate::link::NodeLink;
use crate::report::Report;

/// `exchange list`: at most `limit` records, oldest first.
pub(crate) async fn list(link: &mut NodeLink, args: ExchangeArgs) -> Result<Report, Failure> {
    let ExchangeArgs { person, from, until, limit } = args;
    let integrated_addressee_number = person.map(arguments::addressee).transpose()?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let question = |after| ExchangeListRequest {
        integrated_addressee_number: integrated_addressee_number.clone(),
        from_ms: from.unwrap_or(0),
        // Beyond every date that a terminal writes.
        until_ms: until.unwrap_or(1 << 53),
        limit: limit.min(EXCHANGE_LIST_PAGE),
        after,
    };
    let (mut listed, mut unheard, mut more) = (Vec::new(), BTreeSet::new(), false);
    link.pages(Kind::ExchangeList, question, |page: ExchangeListPage| {
        listed.extend(page.exchanges);
        unheard.extend(page.unheard);
        more = listed.len() > most || (page.next.is_some() && listed.len() == most);
        page.next.filter(|_| listed.len() < most)
    })
    .await?;
    listed.truncate(most);
    let mut lines: Vec<String> = listed.iter().map(line).collect();
    lines.push(format!("{}件", listed.len()));
    if more {
        lines.push("続きがあります。--limit を増やすか、期間を狭めてください".to_owned());
    }
    if !unheard.is_empty() {
        let names: Vec<&str> = unheard.iter().map(String::as_str).collect();
        lines.push(format!("応答のない中継機関があります: {}。その記録は含まれません", names.join(" ")));
    }
    let shown: Vec<Value> = listed.iter().map(exchange).collect();
    Ok(Report {
        json: json!({ "exchanges": shown, "more": more, "unheard": unheard }),
        text: lines.join("\n"),
    })
}

fn exchange(listed: &ListedExchange) -> Value {
    json!({
        "request_id": listed.request_id,
        "at": listed.at,
        "integrated_addressee_number": listed.integrated_addressee_number,
        "portal": listed.portal,
        "affair": listed.affair,
        "datasets": listed.datasets,
        "legal_basis": listed.legal_basis,
        "asked_ms": listed.asked_ms,
        "result": listed.result.map(|result| result.as_str()),
        "outcome": listed.outcome,
        "ending": listed.ending,
        "undisclosed": listed.undisclosed,
    })
}

fn line(listed: &ListedExchange) -> String {
    let time = japan_time::print(listed.asked_ms);
    let person = listed.integrated_addressee_number.as_deref().unwrap_or("-");
    let result = listed.result.map_or("-", |result| result.as_str());
    let ending = listed.ending.as_deref().unwrap_or("-");
    let hidden = if listed.undisclosed { "不開示" } else { "" };
    let datasets = listed.datasets.join(" ");
    format!("{time}\t{person}\t{datasets}\t{result}\t{ending}\t{}\t{hidden}", listed.at.join(" "))
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_who_has_the_record_and_whether_the_person_sees_it() {
        let mut listed = ListedExchange {
            request_id: "019aa3d2c8007abc8123456789abcdef".to_owned(),
            at: vec!["body".to_owned(), "broker-a".to_owned()],
            integrated_addressee_number: Some("000009820160101".to_owned()),
            portal: "mynaportal".to_owned(),
            affair: None,
            datasets: vec!["TM00000000000002".to_owned()],
            legal_basis: "番号法附則6条3項".to_owned(),
            asked_ms: 1_795_219_200_000,
            result: Some(chukei_wire::result::ResultName::Done),
            outcome: Some("delivered".to_owned()),
            ending: Some("ANSWERED".to_owned()),
            undisclosed: true,
        };
        let begin = "2026-11-21 09:00:00\t000009820160101\tTM00000000000002\tDONE\tANSWERED\tbody broker-a";
        assert_eq!(line(&listed), format!("{begin}\t不開示"));
        listed.undisclosed = false;
        assert_eq!(line(&listed), begin);
        assert_eq!(exchange(&listed)["at"], json!(["body", "broker-a"]));
    }
}
