//! The time that an entry says stands outside of its seal: neither an export nor a search leaves a record out for it.

use chukei_domain::event::Record;

use super::*;
use crate::acts::ProvenRecords;
use crate::audit::{BadRecord, Page, Question};
use crate::checkpoints::samples::vouch;

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;
/// Records of each of the days before, of, and behind the one that is asked for.
const EACH: u64 = 300;

/// Three days of records, a few minutes after each other, whose files are derived.
async fn days() -> TempDir {
    let sample = Sample::with(tempfile::tempdir().unwrap(), options()).await;
    let body = sample.body(BODY);
    for number in 0..3 * EACH {
        let at_ms = NOW + number * (DAY / EACH);
        if number % 5 > 0 {
            body.audit().outcome(ACTOR, RequestId([7; 16]), None, Outcome::Delivered, at_ms);
        } else {
            body.audit().erased(ACTOR, "notices", 1, at_ms).await.unwrap();
        }
    }
    write_at(&sample, BODY, 3 * EACH + 8, NOW + 3 * DAY).await;
    grow(&sample).await;
    sample.journal.derive().unwrap();
    sample.closed()
}

/// Says of the entries of these numbers that they were made at another time.
fn say(dir: &TempDir, numbers: impl Iterator<Item = u64>, at_ms: u64) {
    let mut numbers: Vec<u64> = numbers.collect();
    for path in derived(dir) {
        let mut file = Edited::open(&path);
        numbers.retain(|number| {
            let found = file.find(BODY, *number);
            found.into_iter().for_each(|(block, at)| file.blocks[block][at].set_time(at_ms));
            found.is_none()
        });
        file.save();
    }
    assert!(numbers.is_empty(), "{numbers:?}");
}

/// Records of the second day that an export of it has.
async fn exported(sample: &Sample) -> Result<u64, ()> {
    let body = sample.body(BODY);
    let last = body.audit().last_number();
    let records = ProvenRecords::of(&body, NOW + DAY, NOW + 2 * DAY, last).await.map_err(drop)?;
    let handing_out = tokio::task::spawn_blocking(move || {
        let (mut records, mut count) = (Box::new(records), 0);
        while let Some(piece) = records.piece().map_err(|BadRecord| ())? {
            count += piece.count;
            records = piece.rest;
        }
        Ok(count)
    });
    handing_out.await.unwrap()
}

/// Records of the second day that a search finds, from either end.
fn searched(sample: &Sample, newest_first: bool) -> Result<Vec<Record>, BadRecord> {
    let (body, mut found, mut after) = (sample.body(BODY), Vec::new(), None);
    let question =
        Question { from_ms: Some(NOW + DAY), until_ms: Some(NOW + 2 * DAY), ..Question::default() };
    loop {
        let page = body.audit().search(&question, Page { after, newest_first, limit: 64 })?;
        found.extend(page.records);
        after = page.next;
        if after.is_none() {
            return Ok(found);
        }
    }
}

#[tokio::test]
async fn r7_no_record_is_left_out_for_the_time_that_its_entry_says() {
    let whole = days().await;
    let sample = Sample::with(copy(&whole), options()).await;
    vouch(&sample.body(BODY)).await;
    assert_eq!(exported(&sample).await, Ok(EACH));
    for newest_first in [false, true] {
        assert_eq!(searched(&sample, newest_first).unwrap().len() as u64, EACH);
    }
    drop(sample);
    // One in the middle, the first, the last, some at either end, all of the day; to a week before or behind.
    let (first, last) = (EACH + 1, 2 * EACH);
    let deeds: [(&str, std::ops::RangeInclusive<u64>); 6] = [
        ("one in the middle", first + 150..=first + 150),
        ("the first", first..=first),
        ("the last", last..=last),
        ("those at its begin", first..=first + 20),
        ("those at its end", last - 20..=last),
        ("all of the day", first..=last),
    ];
    for (deed, numbers) in deeds {
        for at_ms in [NOW - WEEK, NOW + WEEK] {
            let dir = copy(&whole);
            say(&dir, numbers.clone(), at_ms);
            let sample = Sample::with(dir, options()).await;
            vouch(&sample.body(BODY)).await;
            assert_eq!(exported(&sample).await, Err(()), "{deed}, {at_ms}");
            for newest_first in [false, true] {
                assert!(searched(&sample, newest_first).is_err(), "{deed}, {at_ms}, {newest_first}");
            }
        }
    }
}
