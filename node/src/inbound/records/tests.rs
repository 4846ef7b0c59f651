//! Which places are open, over real logs whose checkpoints the test vouches for.

use chukei_crypto::tlog::{Opening, Proof, SignedCheckpoint, verify_consistency, verify_inclusion};
use chukei_domain::event::{PersonPart, Previous, Shown};
use chukei_wire::codec::encode;
use chukei_wire::message::records::{KnownHead, RecordPlace, RecordsReply, RecordsRequest};
use chukei_wire::result::ResultName;

use super::page::{PageError, page};
use crate::audit::samples::{authorised, ended};
use crate::checkpoints::samples::{grow, vouch};
use crate::hosted::HostedBody;
use crate::hosted::persons::PersonRecord;
use crate::hosted::samples::Sample;

const BODY: &str = "982016";

async fn asked(sample: &Sample, person: &PersonRecord, from: u64) -> RecordsReply {
    let request = RecordsRequest { binding_tags: Vec::new(), from, known: None };
    page(&sample.body(BODY), person, &request).await.unwrap()
}

/// Verifies what is open of a page, and says its numbers.
fn verified(reply: &RecordsReply) -> Vec<u64> {
    let checkpoint = SignedCheckpoint::parse(&reply.log.as_ref().unwrap().checkpoint).unwrap();
    let head = *checkpoint.unverified().head();
    let mut previous: Option<(u64, Previous)> = None;
    let mut open = Vec::new();
    for RecordPlace { number, open: shown } in &reply.places {
        let Some(shown) = shown else { continue };
        let opening = Opening::from_bytes(&shown.opening).unwrap();
        let (proof, leaf) = (Proof::from_bytes(&shown.proof).unwrap(), opening.leaf().hash());
        verify_inclusion(&proof, shown.index, &leaf, &head).unwrap();
        let part = PersonPart::from_bytes(opening.content()).unwrap();
        assert_eq!(part.place.number, *number);
        if let Some((before, previous)) = previous.filter(|(before, _)| before + 1 == *number) {
            assert_eq!(part.place.previous, Some(previous), "{before}");
        }
        previous = Some((*number, Previous { index: shown.index, leaf }));
        open.push(*number);
    }
    open
}

#[tokio::test]
async fn r50_what_is_not_witnessed_and_what_has_not_ended_is_closed_in_the_same_bytes() {
    let sample = Sample::new().await;
    let person = sample.enroll(BODY, 1).await;
    let (body, id) = (sample.body(BODY), person.person.id);
    grow(&body).await;
    let none = asked(&sample, &person, 1).await;
    assert_eq!((none.log, none.count, none.places), (None, 0, Vec::new()));
    authorised(body.audit(), id, 1).await;
    grow(&body).await;
    let unwitnessed = asked(&sample, &person, 1).await;
    assert_eq!((unwitnessed.log.as_ref(), unwitnessed.count), (None, 1));
    vouch(&body).await;
    let unended = asked(&sample, &person, 1).await;
    assert_eq!(encode(&unended.places).unwrap(), encode(&unwitnessed.places).unwrap());
    // The end is there, and not under the checkpoint.
    ended(body.audit(), id, 1).await;
    grow(&body).await;
    let half = asked(&sample, &person, 1).await;
    assert_eq!((half.count, verified(&half)), (2, Vec::new()));
    assert_eq!(half.places[0], unended.places[0]);
    vouch(&body).await;
    assert_eq!(verified(&asked(&sample, &person, 1).await), [1, 2]);
    // Another person has none of it, and behind the last place there is nothing.
    let other = sample.enroll(BODY, 2).await;
    assert_eq!(asked(&sample, &other, 1).await.count, 0);
    let behind = asked(&sample, &person, 3).await;
    assert_eq!((behind.count, behind.places), (2, Vec::new()));
}

#[tokio::test]
async fn r50_a_hidden_record_is_the_same_bytes_as_one_that_is_not_visible_yet() {
    let sample = Sample::new().await;
    let mut person = sample.enroll(BODY, 1).await;
    let (body, id) = (sample.body(BODY), person.person.id);
    authorised(body.audit(), id, 1).await;
    ended(body.audit(), id, 1).await;
    vouch(&body).await;
    authorised(body.audit(), id, 2).await;
    ended(body.audit(), id, 2).await;
    grow(&body).await;
    // The second pair is not under the checkpoint; then it is, and hidden.
    let unseen = asked(&sample, &person, 3).await;
    assert_eq!(verified(&asked(&sample, &person, 1).await), [1, 2]);
    vouch(&body).await;
    assert_eq!(verified(&asked(&sample, &person, 1).await), [1, 2, 3, 4]);
    for datasets in [&["TM00000000000002"][..], &[]] {
        let mut hidden = person.clone();
        let datasets: Vec<_> = datasets.iter().map(|code| code.parse().unwrap()).collect();
        hidden.flags.undisclose(&datasets, 1);
        let page = asked(&sample, &hidden, 3).await;
        assert_eq!(encode(&page.places).unwrap(), encode(&unseen.places).unwrap());
        assert_eq!((page.count, page.result), (unseen.count, unseen.result));
        assert_eq!(
            verified(&asked(&sample, &hidden, 1).await),
            Vec::<u64>::new(),
            "an end hides with its request"
        );
    }
    person.flags.undisclose(&["TM00000000000004".parse().unwrap()], 1);
    assert_eq!(verified(&asked(&sample, &person, 1).await), [1, 2, 3, 4], "another dataset");
}

#[tokio::test]
async fn every_place_is_on_its_page_whatever_is_stored_and_whoever_stopped() {
    let mut sample = Sample::new().await;
    let (person, other) = (sample.enroll(BODY, 1).await, sample.enroll(BODY, 2).await);
    for turn in 0..150_u8 {
        let body = sample.body(BODY);
        authorised(body.audit(), person.person.id, turn).await;
        authorised(body.audit(), other.person.id, turn).await;
        ended(body.audit(), person.person.id, turn).await;
        if turn == 70 {
            grow(&body).await;
        }
        if turn == 100 {
            grow(&body).await;
            drop(body);
            sample = sample.reopened().await;
        }
    }
    for reopened in [false, true] {
        if reopened {
            sample = sample.reopened().await;
        }
        vouch(&sample.body(BODY)).await;
        let (first, second) = (asked(&sample, &person, 1).await, asked(&sample, &person, 257).await);
        assert_eq!((first.count, second.count), (300, 300));
        assert_eq!(verified(&first), (1..=256).collect::<Vec<_>>());
        assert_eq!(verified(&second), (257..=300).collect::<Vec<_>>());
        // A page that begins with an end, and one that ends with a request.
        let odd = asked(&sample, &person, 2).await;
        assert_eq!(verified(&odd), (2..=257).collect::<Vec<_>>());
        assert_eq!(verified(&asked(&sample, &other, 1).await), Vec::<u64>::new(), "none of these has ended");
    }
}

#[tokio::test]
async fn r43_no_checkpoint_is_given_that_is_smaller_than_what_is_known() {
    let sample = Sample::new().await;
    let person = sample.enroll(BODY, 1).await;
    let body = sample.body(BODY);
    authorised(body.audit(), person.person.id, 1).await;
    ended(body.audit(), person.person.id, 1).await;
    vouch(&body).await;
    let (head, epoch) = body.audit().tree().head();
    let page = async |epoch, size| known_page(&body, &person, KnownHead { epoch, size }).await;
    assert_eq!(page(epoch, head.size).await.unwrap().result, ResultName::Done);
    let refused = page(epoch, head.size + 1).await.unwrap_err().refused(&person);
    assert_eq!(refused.result, ResultName::NotReady);
    // Of a log that was restored meanwhile, the sizes are not compared, and nothing is proven.
    let other = page(epoch + 1, head.size + 1).await.unwrap();
    assert_eq!((other.result, other.log.unwrap().grown), (ResultName::Done, Vec::new()));
}

async fn known_page(
    body: &HostedBody,
    person: &PersonRecord,
    known: KnownHead,
) -> Result<RecordsReply, PageError> {
    let request = RecordsRequest { binding_tags: Vec::new(), from: 1, known: Some(known) };
    page(body, person, &request).await
}

#[tokio::test]
async fn r43_a_checkpoint_comes_with_the_proof_that_it_continues_the_known_one() {
    let sample = Sample::new().await;
    let person = sample.enroll(BODY, 1).await;
    let body = sample.body(BODY);
    let mut known = Vec::new();
    for turn in 0..5 {
        authorised(body.audit(), person.person.id, turn).await;
        ended(body.audit(), person.person.id, turn).await;
        vouch(&body).await;
        known.push(body.audit().tree().head());
    }
    let (newest, _) = body.audit().tree().head();
    for (head, epoch) in known {
        let page = known_page(&body, &person, KnownHead { epoch, size: head.size }).await.unwrap();
        let log = page.log.unwrap();
        let shown = *SignedCheckpoint::parse(&log.checkpoint).unwrap().unverified().head();
        assert_eq!(shown, newest);
        verify_consistency(&Proof::from_bytes(&log.grown).unwrap(), &head, &shown).unwrap();
        assert_eq!(log.grown.is_empty(), head == newest);
    }
    assert_eq!(asked(&sample, &person, 1).await.log.unwrap().grown, Vec::<u8>::new(), "nothing is known");
}

/// A request is told of as such, and its end by its request.
#[tokio::test]
async fn an_opened_place_shows_the_record_of_its_leaf() {
    let sample = Sample::new().await;
    let person = sample.enroll(BODY, 1).await;
    let body = sample.body(BODY);
    authorised(body.audit(), person.person.id, 5).await;
    let index = body.audit().last_number() - 1;
    ended(body.audit(), person.person.id, 5).await;
    vouch(&body).await;
    let page = asked(&sample, &person, 1).await;
    let open = page.places[0].open.as_ref().unwrap();
    let opening = Opening::from_bytes(&open.opening).unwrap();
    let part = PersonPart::from_bytes(opening.content()).unwrap();
    assert!(matches!(part.shown, Shown::Asked(asked) if asked.request == [5; 16]));
    assert_eq!(open.index, index);
}
