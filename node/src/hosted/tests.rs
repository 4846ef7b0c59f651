//! What a body stores opens where it was stored and nowhere else, and not after its keys are gone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use chukei_crypto::seal::{Purpose, SealError};
use chukei_domain::document::Document;
use chukei_store::{Batch, RowKey, Space, StoreError, WriteFault};
use chukei_wire::body_code::BodyCode;

use super::persons::PersonRecord;
use super::rows::{RowError, SealedFor};
use super::samples::Sample;
use super::{Bodies, HostedBody};
use crate::access::grant::duty_write;
use crate::key_gate::{Cause, Fault};

fn integrity<T>(result: Result<T, RowError>) -> bool {
    matches!(result, Err(RowError::Seal(SealError::IntegrityFailure)))
}

#[tokio::test]
async fn a_person_is_found_by_both_aliases_and_at_no_other_body() {
    let sample = Sample::new().await;
    let person = sample.enroll("982016", 1).await;
    let grant = duty_write(&sample.scope("982016"), "test");
    let addressee = person.addressee.parse().unwrap();
    let found = grant.body().person_with_documents(&grant, [person.code], &[]).await.unwrap().unwrap();
    assert_eq!(found.record.person, person.person);
    let found = grant.body().person_by_addressee(&grant, &addressee).await.unwrap().unwrap();
    assert_eq!(found.person, person.person);
    let other = duty_write(&sample.scope("982024"), "test");
    assert!(other.body().person_with_documents(&other, [person.code], &[]).await.unwrap().is_none());
    assert!(other.body().person_by_addressee(&other, &addressee).await.unwrap().is_none());
}

#[tokio::test]
async fn r1_a_row_moved_to_another_body_fails_integrity() {
    let sample = Sample::new().await;
    let person = sample.enroll("982016", 1).await;
    sample.enroll("982024", 1).await;
    let (from, to) = (sample.body("982016"), sample.body("982024"));
    let row = from.person_row(&person.person.id);
    let stolen = from.get_row(&row).await.unwrap().unwrap().value;
    let target = to.person_row(&person.person.id);
    to.apply(Batch::new().put(target.clone(), stolen)).await.unwrap();
    let stored = to.get_row(&target).await.unwrap();
    assert!(integrity(to.open_row::<PersonRecord>(Space::Person, &target, &stored).await));
}

#[tokio::test]
async fn r30_a_row_moved_to_another_person_fails_integrity() {
    let sample = Sample::new().await;
    let (one, other) = (sample.enroll("982016", 1).await, sample.enroll("982016", 2).await);
    let body = sample.body("982016");
    let dataset = "TM00000000000002".parse().unwrap();
    let row = body.document_row(&one.person, &dataset).await.unwrap();
    let document = Document::new(one.person.id, body.local_code(), dataset).to_bytes().unwrap();
    let (person, slot) = (one.person.slot(), body.ensure_dataset(&dataset).await.unwrap());
    let sealed = body.seal_copy(&row, person, slot, &document).await.unwrap();
    let moved = body.document_row(&other.person, &dataset).await.unwrap();
    let opened = body.open_copy(Space::Document, &row, sealed.clone()).await.unwrap().unwrap();
    assert_eq!(*opened, document);
    assert!(integrity(body.open_copy(Space::Document, &moved, sealed).await));
}

#[tokio::test]
async fn an_alias_that_leads_to_somebody_else_is_damage_and_no_answer() {
    let sample = Sample::new().await;
    let (one, other) = (sample.enroll("982016", 1).await, sample.enroll("982016", 2).await);
    let grant = duty_write(&sample.scope("982016"), "test");
    let body = grant.body();
    let row = body.code_row(&one.code);
    let crossed = super::persons::PersonRef { id: other.person.id, number: one.person.number };
    let seal = HostedBody::person_seal(&crossed);
    let batch = body.put(Batch::new(), Space::PersonByCode, row, seal, &crossed).await.unwrap();
    body.apply(batch).await.unwrap();
    let led = body.person_with_documents(&grant, [one.code], &[]).await;
    assert!(matches!(led, Err(RowError::Malformed)));
}

#[tokio::test]
async fn what_was_sealed_until_a_day_is_gone_after_it_and_what_stands_stays() {
    let sample = Sample::new().await;
    let body = sample.body("982016");
    body.keyring().ensure_day_key(Purpose::Notices, 20_000).unwrap();
    let row = RowKey::new(Space::Notice).bytes(b"row");
    let until = |day| SealedFor::until(Purpose::Notices, day, None);
    let seal = async |day| body.seal(Space::Notice, &row, until(day), &1_u8).await;
    let (passing, standing) = (seal(20_000).await.unwrap(), seal(0).await.unwrap());
    body.keyring().destroy_days_before(20_001).unwrap();
    let gone = body.open_value::<u8>(Space::Notice, &row, &passing).await;
    assert!(matches!(gone, Err(RowError::Seal(SealError::KeyDestroyed))));
    assert_eq!(body.open_value::<u8>(Space::Notice, &row, &standing).await.unwrap(), 1);
    assert!(seal(20_000).await.is_err(), "a day that is over is not begun again");
}

#[tokio::test]
async fn key_slots_go_on_over_page_ends_and_no_two_persons_share_one() {
    let sample = Sample::new().await;
    let body = sample.body("982016");
    let first = body.reserve_numbers(250).await.unwrap();
    body.apply(first.batch).await.unwrap();
    let second = body.reserve_numbers(20).await.unwrap();
    assert_eq!((first.from, second.from), (0, 250));
    // A second reservation beside the first, not yet written, cannot be written too.
    let rival = body.reserve_numbers(1).await.unwrap();
    body.apply(second.batch).await.unwrap();
    assert!(matches!(
        body.apply(rival.batch).await,
        Err(RowError::Store(chukei_store::StoreError::Conflict))
    ));
}

#[tokio::test]
async fn a_full_disk_stops_writes_at_once_leaves_reads_and_ends_by_itself() {
    let sample = Sample::new().await;
    let person = sample.enroll("982016", 1).await;
    let body = sample.body("982016");
    let code = "982016".parse().unwrap();
    let grant = duty_write(&sample.scope("982016"), "test");
    let write = async || {
        let mut changed = body.load_person(&grant, &person.person).await.unwrap().unwrap();
        changed.record.flags.block(&[]);
        body.apply(body.put_person(Batch::new(), &changed).await.unwrap()).await
    };
    *sample.fault.lock().unwrap() = Some(WriteFault::DiskFull);
    assert!(sample.bodies.faults().is_empty(), "nobody has met it yet");
    assert!(matches!(write().await, Err(RowError::Store(StoreError::DiskFull))));
    assert_eq!(sample.bodies.faults()[&code].cause, Cause::DiskFull);
    body.met_fault().await;
    assert!(matches!(write().await, Err(RowError::Shut(_))), "the next is not even tried");
    let found = body.person_with_documents(&grant, [person.code], &[]).await.unwrap().unwrap();
    assert_eq!(found.record.flags, person.flags);
    assert!(sample.bodies.get(code).is_ok(), "its reads are served");
    let look = async |mend| body.clone().look(mend, Arc::default()).await.map(|fault| fault.cause);
    assert_eq!(look(true).await, Some(Cause::DiskFull));
    *sample.fault.lock().unwrap() = None;
    assert_eq!(look(true).await, None);
    body.gate().set(None);
    write().await.unwrap();
}

#[tokio::test]
async fn a_body_that_another_node_has_taken_over_is_read_and_written_no_more() {
    let sample = Sample::new().await;
    let person = sample.enroll("982016", 1).await;
    let body = sample.body("982016");
    let code = "982016".parse().unwrap();
    let grant = duty_write(&sample.scope("982016"), "test");
    let changed = body.load_person(&grant, &person.person).await.unwrap().unwrap();
    let batch = body.put_person(Batch::new(), &changed).await.unwrap();
    *sample.fault.lock().unwrap() = Some(WriteFault::Fenced);
    assert!(matches!(body.apply(batch).await, Err(RowError::Store(StoreError::Fenced))));
    assert!(body.is_fenced());
    assert!(matches!(body.person(&grant, &person.person.id).await, Err(RowError::Shut(_))));
    assert_eq!(sample.bodies.get(code).err(), Some(super::NotServed::NotReady));
    sample.bodies.leave(code, Fault::new(Cause::OwnedElsewhere, "another node serves it"));
    assert!(sample.bodies.opened(code).is_none(), "its place is empty");
    assert_eq!(sample.bodies.faults()[&code].cause, Cause::OwnedElsewhere);
    assert_eq!(sample.bodies.iter().count(), 1);
}

/// What is shown stays until the next change: a body that is counted as faulty and is not would stay an alarm.
#[test]
fn faults_that_change_together_are_shown_as_they_are_in_the_end() {
    let codes = ["982016", "982024"].map(|code| code.parse::<BodyCode>().unwrap());
    let (bodies, shown) = (Bodies::closed(codes), Mutex::new(Vec::new()));
    let (tell, told) = mpsc::channel();
    let show = |faults: &BTreeMap<BodyCode, Arc<Fault>>| {
        *shown.lock().unwrap() = faults.values().map(|fault| fault.cause).collect();
    };
    std::thread::scope(|scope| {
        bodies.show_faults(|seen| {
            scope.spawn(|| {
                bodies.note(codes[1], Fault::new(Cause::Damaged, "of the test"));
                bodies.show_faults(show);
                tell.send(()).unwrap();
            });
            // Whoever came later would overtake now, if it could.
            let overtaken = told.recv_timeout(Duration::from_millis(300));
            show(seen);
            assert!(overtaken.is_err());
        });
    });
    assert_eq!(*shown.lock().unwrap(), [Cause::Opening, Cause::Damaged]);
}
