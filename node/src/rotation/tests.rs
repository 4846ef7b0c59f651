//! Keys rotate under work that holds what it read, and what is destroyed opens nowhere any more.

use std::sync::Arc;

use chukei_crypto::keyring::Page;
use chukei_crypto::seal::{Purpose, SealError};
use chukei_store::{Batch, RowKey, Space};

use super::rewrite::{Newest, count_outdated, step};
use crate::hosted::HostedBody;
use crate::hosted::pages::page_row;
use crate::hosted::persons::PersonRecord;
use crate::hosted::rows::{RowError, SealedFor};
use crate::hosted::samples::Sample;
use crate::key_gate::{Cause, Fault};

const BODY: &str = "982016";

fn destroyed<T>(result: Result<T, RowError>) -> bool {
    matches!(result, Err(RowError::Seal(SealError::KeyDestroyed)))
}

/// Every row of the body sealed again.
async fn rewrite(body: &HostedBody) -> u64 {
    let mut rewritten = 0;
    for space in Space::ALL {
        let done = step(body, *space, None).await.unwrap();
        assert_eq!((done.stuck, done.next), (0, None));
        rewritten += done.rewritten;
    }
    rewritten
}

async fn read(body: &HostedBody, person: &PersonRecord) -> Result<Option<PersonRecord>, RowError> {
    let row = body.person_row(&person.person.id);
    let stored = body.get_row(&row).await?;
    body.open_row(Space::Person, &row, &stored).await
}

async fn readable(body: &HostedBody, persons: &[PersonRecord]) -> bool {
    for person in persons {
        if read(body, person).await.unwrap().is_none() {
            return false;
        }
    }
    true
}

#[tokio::test]
async fn what_was_stored_before_a_rotation_opens_after_it_and_after_its_rewrite() {
    let sample = Sample::new().await;
    let (body, persons) = (sample.body(BODY), [sample.enroll(BODY, 1).await, sample.enroll(BODY, 2).await]);
    let newest = |body: &HostedBody| body.keys().day_numbers(Purpose::Names, 0);
    for round in 1..4 {
        body.keyring().rotate_root().unwrap();
        body.keyring().turn_epoch(20_000 + round, 7).unwrap();
        body.keyring().rotate_standing().unwrap();
        assert!(readable(&body, &persons).await);
        // Two persons with three rows each, the counter and the page.
        assert_eq!(count_outdated(&body).await.unwrap(), 8);
        let before = Newest::of(&body.keys());
        assert_eq!(rewrite(&body).await, 8);
        assert_eq!((count_outdated(&body).await.unwrap(), rewrite(&body).await), (0, 0), "once is enough");
        let retired = body.keyring().update(|keys| Ok(before.retire_older(keys))).unwrap();
        assert_eq!(retired.iter().filter(|(purpose, _)| *purpose == "pages").count(), 1);
        assert!(retired.iter().any(|(purpose, number)| *purpose == "names" && *number < newest(&body)[0]));
        assert_eq!(newest(&body).len(), 1);
        assert!(body.keys().day_numbers(Purpose::Audit, 0).len() > 1, "the log keeps its numbers");
        assert!(readable(&body, &persons).await);
    }
}

#[tokio::test]
async fn a_batch_that_was_sealed_before_a_rotation_arrives_under_the_newest_numbers() {
    let sample = Sample::new().await;
    let person = sample.enroll(BODY, 1).await;
    let body = sample.body(BODY);
    let (row, seal) = (body.person_row(&person.person.id), HostedBody::person_seal(&person.person));
    let late = body.put(Batch::new(), Space::Person, row, seal, &person).await.unwrap();
    let page = page_row(person.person.slot().page);
    let late_page = Page::create(9).unwrap();
    body.keyring().ensure_page(9).unwrap();
    let late = late.put(page_row(9), late_page.to_sealed(&body.keys()).unwrap());
    body.keyring().rotate_standing().unwrap();
    let before = Newest::of(&body.keys());
    rewrite(&body).await;
    // Now the batch comes that was on its way all the time; nothing of it needs the numbers that go.
    body.apply(late).await.unwrap();
    assert_eq!(count_outdated(&body).await.unwrap(), 0);
    body.keyring().update(|keys| Ok(before.retire_older(keys))).unwrap();
    assert_eq!(read(&body, &person).await.unwrap().unwrap().addressee, person.addressee);
    let stored = body.get_row(&page_row(9)).await.unwrap().unwrap();
    assert!(Page::from_sealed(&stored.value, 9, &body.keys()).is_ok());
    assert!(body.get_row(&page).await.unwrap().is_some());
}

#[tokio::test]
async fn a_rewrite_never_undoes_what_changed_meanwhile() {
    let sample = Sample::new().await;
    let mut person = sample.enroll(BODY, 1).await;
    let body = sample.body(BODY);
    body.keyring().rotate_standing().unwrap();
    let row = body.person_row(&person.person.id);
    let stored = body.get_row(&row).await.unwrap().unwrap();
    let renewed = body.renewed(&row, &stored.value).await.unwrap().unwrap();
    // Between the reading of the row and the writing of its new seal, the person is blocked (R50).
    person.flags.block(&[]);
    let seal = HostedBody::person_seal(&person.person);
    let batch = body.put(Batch::new(), Space::Person, row.clone(), seal, &person).await.unwrap();
    body.apply(batch).await.unwrap();
    let stale = Batch::new().require_version(row.clone(), stored.version).put(row, renewed);
    assert!(matches!(body.apply(stale).await, Err(RowError::Store(chukei_store::StoreError::Conflict))));
    assert_eq!(read(&body, &person).await.unwrap().unwrap().flags, person.flags);
}

#[tokio::test]
async fn a_row_that_does_not_open_is_left_alone_and_keeps_its_number() {
    let sample = Sample::new().await;
    let person = sample.enroll(BODY, 1).await;
    let body = sample.body(BODY);
    let row = body.person_row(&person.person.id);
    let mut spoilt = body.get_row(&row).await.unwrap().unwrap().value;
    *spoilt.last_mut().unwrap() ^= 1;
    body.apply(Batch::new().put(row.clone(), spoilt.clone())).await.unwrap();
    body.keyring().rotate_standing().unwrap();
    let done = step(&body, Space::Person, None).await.unwrap();
    assert_eq!((done.rewritten, done.stuck), (0, 1));
    assert_eq!(body.get_row(&row).await.unwrap().unwrap().value, spoilt);
}

/// The three ends of a key, while work holds what it read before: the keyring and the pages that it used stay in no
/// cache, so that the very next opening fails (well within the second that is promised).
#[tokio::test]
async fn work_that_began_before_a_destruction_opens_nothing_after_it() {
    let sample = Sample::new().await;
    let person = sample.enroll(BODY, 1).await;
    let body = sample.body(BODY);
    let slot = person.person.slot();
    let row = RowKey::new(Space::Notice).bytes(b"row");
    body.keyring().ensure_day_key(Purpose::Notices, 20_010).unwrap();
    let seal = async |sealed_for| body.seal(Space::Notice, &row, sealed_for, &1_u8).await.unwrap();
    let of_day = seal(SealedFor::until(Purpose::Notices, 20_010, None)).await;
    let of_person = seal(SealedFor::standing(Purpose::Copies, Some(slot))).await;
    let of_number = seal(SealedFor::standing(Purpose::Names, None)).await;
    let open = async |sealed: &[u8]| body.open_value::<u8>(Space::Notice, &row, sealed).await;
    for sealed in [&of_day, &of_person, &of_number] {
        assert_eq!(open(sealed).await.unwrap(), 1);
    }

    // A day ends.
    body.keyring().destroy_days_before(20_011).unwrap();
    assert!(destroyed(open(&of_day).await));
    for sealed in [&of_person, &of_number] {
        assert_eq!(open(sealed).await.unwrap(), 1, "others are not touched");
    }

    // A person's key is renewed: their page, opened a moment ago, is not used again.
    let stored = body.get_row(&page_row(slot.page)).await.unwrap().unwrap();
    let mut page = Page::from_sealed(&stored.value, slot.page, &body.keys()).unwrap();
    page.renew_slot(slot.slot).unwrap();
    body.keyring().update(|keys| keys.renew_page_key(slot.page)).unwrap();
    let renewed = page.to_sealed(&body.keys()).unwrap();
    body.apply(Batch::new().put(page_row(slot.page), renewed)).await.unwrap();
    body.keyring().update(|keys| Ok(keys.retire_page(slot.page))).unwrap();
    assert!(destroyed(open(&of_person).await));
    assert!(destroyed(read(&body, &person).await));
    assert_eq!(open(&of_number).await.unwrap(), 1);

    // A standing number is retired.
    let before = body.keys();
    body.keyring().rotate_standing().unwrap();
    assert_eq!(open(&of_number).await.unwrap(), 1);
    let number = *before.day_numbers(Purpose::Names, 0).last().unwrap();
    assert!(body.keyring().retire(Purpose::Names, number).unwrap());
    assert!(destroyed(open(&of_number).await));
}

#[tokio::test]
async fn a_shut_gate_stops_work_in_progress_and_lets_it_go_on_afterwards() {
    let sample = Sample::new().await;
    let person = sample.enroll(BODY, 1).await;
    let (body, other) = (sample.body(BODY), sample.body("982024"));
    let row = body.person_row(&person.person.id);
    let stored = body.get_row(&row).await.unwrap();
    body.gate().set(Some(Fault::new(Cause::Provider, "no answer")));
    let opened = body.open_row::<PersonRecord>(Space::Person, &row, &stored).await;
    assert!(matches!(opened, Err(RowError::Shut(_))));
    let seal = HostedBody::person_seal(&person.person);
    assert!(matches!(body.seal(Space::Person, &row, seal, &person).await, Err(RowError::Shut(_))));
    assert!(matches!(body.person_naming(&person.person).await, Err(RowError::Shut(_))));
    let code = BODY.parse().unwrap();
    assert_eq!(sample.bodies.get(code).err(), Some(crate::hosted::NotServed::NotReady));
    assert!(Arc::ptr_eq(&sample.bodies.opened(code).unwrap(), &body), "its log can still be written");
    assert_eq!(sample.bodies.faults().keys().map(|code| code.as_str()).collect::<Vec<_>>(), [BODY]);
    assert!(sample.bodies.get("982024".parse().unwrap()).is_ok());
    assert!(other.gate().pass().is_ok());
    assert_eq!(
        sample.bodies.get("983012".parse().unwrap()).err(),
        Some(crate::hosted::NotServed::Unknown),
        "R1: not hosted here is not the same as not ready"
    );
    body.gate().set(None);
    assert!(body.open_row::<PersonRecord>(Space::Person, &row, &stored).await.unwrap().is_some());
}
