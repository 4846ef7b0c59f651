//! Pages from either end are what a look at every record finds.

use chukei_domain::event::Outcome;
use chukei_wire::id::RequestId;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::hosted::samples::Sample;

const BODY: &str = "982016";
const ACTORS: [&str; 3] =
    ["chukei://body/982016/staff/u-1", "chukei://body/982016/staff/u-11", "chukei://node/node-a"];
const NOW: u64 = 1_795_219_200_000;

/// Writes records of three actors about four persons, a second after each other but for some that come late.
async fn written(count: u64) -> Sample {
    let sample = Sample::new().await;
    let body = sample.body(BODY);
    for number in 1..=count {
        let (actor, person) = (ACTORS[number as usize % 3], (number % 4) as u8);
        let target = (person > 0).then_some(Target::Person([person; 16]));
        let at_ms = NOW + number * 1_000 - if number % 7 == 0 { 30_000 } else { 0 };
        if number % 500 == 0 || number == count {
            body.audit().erased(actor, "notices", 1, at_ms).await.unwrap();
        } else {
            body.audit().outcome(actor, RequestId([person; 16]), target, Outcome::Delivered, at_ms);
        }
    }
    sample
}

fn numbers(log: &AuditLog, question: &Question, newest_first: bool, limit: usize) -> Vec<u64> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = log.search(question, Page { after, newest_first, limit }).unwrap();
        assert!(page.records.len() <= limit);
        found.extend(page.records.iter().map(|record| record.seq));
        assert!(page.next.is_none() || page.next != after, "it goes on");
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

#[tokio::test]
async fn r7_pages_from_either_end_find_what_every_record_looked_at_finds() {
    let sample = written(20_000).await;
    let log = sample.body(BODY).audit().clone();
    let all: Vec<Record> = log.walk(1).map(Result::unwrap).collect();
    let mut rng = StdRng::seed_from_u64(7);
    let mut random = |below: u64| rng.random_range(0..below);
    for _ in 0..10 {
        let from = (random(2) == 0).then(|| NOW + random(21_000) * 1_000);
        let question = Question {
            actor: [None, Some("u-1"), Some("u-11"), Some("chukei://node/node-a"), Some("node-a")]
                [random(5) as usize]
                .map(str::to_owned),
            action: (random(4) == 0).then(|| "self_info".to_owned()),
            person: (random(2) == 0).then(|| [1 + random(4) as u8; 16]),
            from_ms: from,
            until_ms: (random(2) == 0).then(|| from.unwrap_or(NOW) + random(8_000) * 1_000),
            result: (random(4) == 0).then(|| "DONE".to_owned()),
            request: (random(4) == 0).then(|| [random(4) as u8; 16]),
        };
        let late = |record: &&Record| question.from_ms.is_none_or(|from| record.at_ms >= from);
        let early = |record: &&Record| question.until_ms.is_none_or(|until| record.at_ms < until);
        let wanted = all.iter().filter(late).filter(early).filter(|record| question.fits(record));
        let mut wanted: Vec<u64> = wanted.map(|record| record.seq).collect();
        let limit = 1 + random(300) as usize;
        assert_eq!(numbers(&log, &question, false, limit), wanted, "{question:?}");
        wanted.reverse();
        assert_eq!(numbers(&log, &question, true, limit), wanted, "{question:?}");
    }
}

#[test]
fn an_actor_is_asked_for_by_the_whole_name_behind_a_slash() {
    assert!(is_of(ACTORS[0], "u-1") && is_of(ACTORS[0], "staff/u-1") && is_of(ACTORS[0], ACTORS[0]));
    assert!(!is_of(ACTORS[1], "u-1") && !is_of(ACTORS[1], "1") && !is_of(ACTORS[1], ""));
}
