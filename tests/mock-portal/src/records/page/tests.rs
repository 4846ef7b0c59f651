//! Pages that are not what was asked for.

use chukei_crypto::mac::MacKey;
use chukei_crypto::sign::SigningKey;
use chukei_crypto::tlog::{Checkpoint, LogSigner};
use chukei_wire::message::records::RecordPlace;
use chukei_wire::result::ResultName;

use super::*;

fn body() -> BodyCode {
    "982016".parse().unwrap()
}

fn closed(numbers: impl IntoIterator<Item = u64>) -> Vec<RecordPlace> {
    numbers.into_iter().map(|number| RecordPlace { number, open: None }).collect()
}

fn reply(count: u64, places: Vec<RecordPlace>) -> RecordsReply {
    RecordsReply { result: ResultName::Done, log: None, count, places }
}

fn read(from: u64, reply: RecordsReply) -> Result<u64, (Option<u64>, Wrong)> {
    let page = Page::read(body(), from, reply);
    page.map(|page| page.places).map_err(|fault| (fault.number, fault.wrong))
}

/// What the log of this origin states of no leaf.
fn stated(origin: &str) -> StatedLog {
    let signer = LogSigner::new(origin, SigningKey::of_log(&MacKey::new([7; 32])).unwrap()).unwrap();
    let note = signer.sign(Checkpoint::new(origin, TreeHead::EMPTY, Vec::new()).unwrap()).unwrap();
    let checkpoint = note.to_string().into_bytes();
    StatedLog { key: [0; 32], certificate: [0; 64], checkpoint, grown: Vec::new() }
}

#[test]
fn a_page_has_every_place_from_the_first_that_was_asked_for() {
    assert_eq!(read(1, reply(0, Vec::new())), Ok(0));
    assert_eq!(read(1, reply(3, closed(1..=3))), Ok(3));
    assert_eq!(read(1, reply(300, closed(1..=256))), Ok(256));
    assert_eq!(read(257, reply(300, closed(257..=300))), Ok(44));
    assert_eq!(read(301, reply(300, Vec::new())), Ok(0));
}

#[test]
fn a_page_that_leaves_out_doubles_or_moves_a_place_is_refused() {
    let page = Err((None, Wrong::Page));
    for places in
        [closed(1..=2), closed(1..=4), closed([1, 3, 2]), closed([1, 1, 2]), closed(2..=4), Vec::new()]
    {
        assert_eq!(read(1, reply(3, places)), page);
    }
    assert_eq!(read(2, reply(3, closed(1..=3))), page);
    assert_eq!(read(1, reply(u64::MAX, closed(1..=256))), page);
}

#[test]
fn what_is_open_stands_under_a_checkpoint_of_this_body() {
    let shown = OpenPlace { index: 0, opening: vec![1, 1, 2], proof: Vec::new() };
    let one = |log, open| RecordsReply { log, ..reply(1, vec![RecordPlace { number: 1, open }]) };
    assert_eq!(read(1, one(None, Some(shown.clone()))), Err((Some(1), Wrong::Opening)));
    let own = stated("chukei.invalid/log/982016/1");
    assert_eq!(read(1, one(Some(own.clone()), None)), Ok(1));
    assert_eq!(read(1, one(Some(own.clone()), Some(shown.clone()))), Err((Some(1), Wrong::Opening)));
    let long = OpenPlace { proof: vec![0; PROOF_MAX * 32 + 1], ..shown.clone() };
    assert_eq!(read(1, one(Some(own.clone()), Some(long))), Err((Some(1), Wrong::Page)));
    let other = stated("chukei.invalid/log/982024/1");
    assert_eq!(read(1, one(Some(other), None)), Err((None, Wrong::OtherBody)));
    for grown in [vec![0; 33], vec![0; (PROOF_MAX + 1) * 32]] {
        let log = StatedLog { grown, ..own.clone() };
        assert_eq!(read(1, one(Some(log), None)), Err((None, Wrong::Page)));
    }
    for checkpoint in [b"no note".to_vec(), vec![b'x'; RECORDS_CHECKPOINT_MAX + 1]] {
        let wrong = if checkpoint.len() > RECORDS_CHECKPOINT_MAX { Wrong::Page } else { Wrong::Checkpoint };
        assert_eq!(read(1, one(Some(StatedLog { checkpoint, ..own.clone() }), None)), Err((None, wrong)));
    }
}
