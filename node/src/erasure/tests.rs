//! R23: erasures of a person, a dataset and a body on real stores and keyrings, stopped at every step.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use chukei_crypto::seal::{Purpose, SealError};
use chukei_crypto::sign::verify_p256;
use chukei_domain::codes::AddresseeNumber;
use chukei_domain::erasure::{ErasureRecord, InBackups};
use chukei_domain::event::Event;
use chukei_store::{Batch, RowKey, Space};

use super::*;
use crate::access::grant::duty_write;
use crate::hosted::NotServed;
use crate::hosted::persons::PersonRef;
use crate::hosted::samples::Sample;

const BODY: &str = "982016";
/// The day on which the sample's keyrings were made.
const TODAY: u32 = 20_000;
const KEEP: u32 = 7;
const TAX: &str = "TM00000000000002";
const CARE: &str = "TM00000000000004";
/// The first of the stage's persons.
const ONE: [u8; 16] = [1; 16];

/// A course without waiting that stops behind a step.
struct Stops {
    left: AtomicUsize,
}

impl Stops {
    fn after(steps: usize) -> Self {
        Self { left: steps.into() }
    }

    fn never() -> Self {
        Self::after(usize::MAX)
    }
}

impl Turns for Stops {
    async fn turn(&self, _: usize) -> bool {
        true
    }

    fn swept(&self, _: usize) {}

    fn given_back(&self, _: u64) {}
}

impl Course for Stops {
    fn reached(&self, _: &'static str) -> Result<(), ErasureError> {
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map(drop).map_err(|_| ErasureError::Stopping)
    }
}

async fn carry_on(sample: &Sample, course: &Stops) -> Result<(), ErasureError> {
    let scope = BodyScope::of_duty(sample.bodies.opened(BODY.parse().unwrap()).unwrap(), "node-a");
    let clock = Clock::system();
    Carrier { scope: &scope, course, clock: &clock, keep: KEEP }.carry_on().await
}

/// Carries what is begun on without a stop.
pub(crate) async fn to_the_end(sample: &Sample) {
    carry_on(sample, &Stops::never()).await.unwrap();
}

async fn wanted(sample: &Sample, wanted: Wanted) -> [u8; 16] {
    let id = chukei_crypto::random::bytes().unwrap();
    begin(&duty_write(&sample.scope(BODY), "test"), id, wanted, "R8-zei/42", 1_000).await.unwrap()
}

/// A copy and its record entry, as an import writes them; the copy's row.
async fn copy(body: &HostedBody, person: &PersonRef, dataset: &str) -> RowKey {
    let _writing = body.writing().await;
    let dataset: InfoNameCode = dataset.parse().unwrap();
    let slot = body.ensure_dataset(&dataset).await.unwrap();
    let row = body.document_row(person, &dataset).await.unwrap();
    let entry = body.row(Space::RecordId, &[&person.id, dataset.as_str().as_bytes()]);
    let mut batch = Batch::new();
    for row in [row.clone(), entry] {
        let sealed = body.seal_copy(&row, person.slot(), slot, b"copy").await.unwrap();
        batch = batch.put(row, sealed);
    }
    body.apply(batch).await.unwrap();
    row
}

/// Whether the copy is there and opens.
async fn opens(body: &HostedBody, row: &RowKey) -> bool {
    let Some(stored) = body.get_row(row).await.unwrap() else { return false };
    match body.open_copy(Space::Document, row, stored.value).await {
        Ok(opened) => opened.is_some(),
        Err(RowError::Seal(SealError::KeyDestroyed)) => false,
        Err(error) => panic!("{error}"),
    }
}

async fn counts<const N: usize>(body: &HostedBody, spaces: [Space; N]) -> [u64; N] {
    let mut counts = [0; N];
    for (count, space) in counts.iter_mut().zip(spaces) {
        *count = body.partition().count(&RowKey::new(space)).await.unwrap();
    }
    counts
}

/// What the log says of erasures, in order; each record with a signature that verifies.
fn told(body: &HostedBody) -> (usize, Vec<ErasureRecord>) {
    assert_eq!(body.audit().verify().unwrap().bad, None);
    let (mut begun, mut records) = (0, Vec::new());
    for record in body.audit().walk(1) {
        match record.unwrap().event {
            Event::ErasureBegun { reference, .. } => {
                assert_eq!(reference, "R8-zei/42");
                begun += 1;
            }
            Event::Erasure { record, signature } => {
                let public = body.identity().public_spki();
                verify_p256(&public, &record.to_signed_bytes().unwrap(), &signature).unwrap();
                records.push(record);
            }
            _ => {}
        }
    }
    (begun, records)
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Two persons with copies in two datasets.
async fn stage() -> (Sample, [AddresseeNumber; 2], [RowKey; 4]) {
    let sample = Sample::new().await;
    let (one, two) = (sample.enroll(BODY, 1).await, sample.enroll(BODY, 2).await);
    let body = sample.body(BODY);
    let mut rows = Vec::new();
    for (person, dataset) in [(&one, TAX), (&one, CARE), (&two, TAX), (&two, CARE)] {
        rows.push(copy(&body, &person.person, dataset).await);
    }
    let addressees = [one, two].map(|person| person.addressee.parse().unwrap());
    (sample, addressees, rows.try_into().unwrap())
}

/// The last older epoch ends, and with it the last keyring that had the keys.
async fn until_final_in_backups(sample: &Sample, first: &ErasureRecord) {
    let body = sample.body(BODY);
    assert_eq!(first.backups, InBackups::From(TODAY + KEEP));
    body.keyring().turn_epoch(TODAY + KEEP - 1, KEEP).unwrap();
    carry_on(sample, &Stops::never()).await.unwrap();
    assert_eq!(told(&body).1.len(), 1, "a day too early");
    body.keyring().turn_epoch(TODAY + KEEP, KEEP).unwrap();
    for _ in 0..2 {
        carry_on(sample, &Stops::never()).await.unwrap();
        let records = told(&body).1;
        let [live, backups] = &records[..] else { panic!("{records:?}") };
        assert!(matches!(backups.backups, InBackups::Since(_)));
        assert_eq!(ErasureRecord { backups: live.backups, ..backups.clone() }, *live);
    }
    assert!(Plan::open(&body).await.unwrap().is_empty());
    let kept = certificate(&body, first.id).await.unwrap().unwrap();
    assert_eq!(Some(&kept.record), told(&body).1.last(), "the newest");
    let signed = kept.record.to_signed_bytes().unwrap();
    verify_p256(&body.identity().public_spki(), &signed, &kept.signature).unwrap();
    // What is over is not begun again under its id.
    let (wanted, scope) = (Wanted::Person(ONE), sample.scope(BODY));
    assert_eq!(begin(&duty_write(&scope, "test"), first.id, wanted, "R8-2", 0).await.unwrap(), first.id);
    assert!(Plan::open(&body).await.unwrap().is_empty());
}

#[tokio::test]
async fn r23_a_person_is_erased_whatever_stops_it_and_nobody_else_is() {
    for steps in 0.. {
        let (sample, [one, two], rows) = stage().await;
        let id = wanted(&sample, Wanted::Person(ONE)).await;
        let outcome = carry_on(&sample, &Stops::after(steps)).await;
        let sample = sample.reopened().await;
        carry_on(&sample, &Stops::never()).await.unwrap();

        let (body, scope) = (sample.body(BODY), sample.scope(BODY));
        let grant = duty_write(&scope, "test");
        assert!(body.person_by_addressee(&grant, &one).await.unwrap().is_none());
        assert!(body.person_by_addressee(&grant, &two).await.unwrap().is_some());
        let mut open = Vec::new();
        for row in &rows {
            open.push(opens(&body, row).await);
        }
        assert_eq!(open, [false, false, true, true], "stopped after {steps} steps");
        let spaces =
            [Space::PersonByAddressee, Space::PersonByCode, Space::Person, Space::Document, Space::RecordId];
        assert_eq!(counts(&body, spaces).await, [1, 1, 1, 2, 2]);
        let (begun, records) = told(&body);
        let [record] = &records[..] else { panic!("{records:?}") };
        assert_eq!((begun, record.id, record.scope), (1, id, ErasureScope::Person));
        assert_eq!((record.rows, record.keys.is_empty()), (7, false), "stopped after {steps} steps");
        assert_eq!(body.keys().page_numbers(0).len(), 1);
        if outcome.is_ok() {
            assert!(steps > 10, "nothing was stopped at all");
            return until_final_in_backups(&sample, record).await;
        }
    }
}

#[tokio::test]
async fn r23_a_dataset_is_erased_whatever_stops_it_and_can_be_registered_anew() {
    for steps in 0.. {
        let (sample, _, rows) = stage().await;
        let id = wanted(&sample, Wanted::Dataset(TAX.parse().unwrap())).await;
        let before = sample.body(BODY).get_row(&rows[0]).await.unwrap().unwrap().value;
        let outcome = carry_on(&sample, &Stops::after(steps)).await;
        let sample = sample.reopened().await;
        carry_on(&sample, &Stops::never()).await.unwrap();

        let body = sample.body(BODY);
        let mut open = Vec::new();
        for row in &rows {
            open.push(opens(&body, row).await);
        }
        assert_eq!(open, [false, true, false, true], "stopped after {steps} steps");
        assert_eq!(counts(&body, [Space::Person, Space::Document, Space::RecordId]).await, [2, 2, 2]);
        let (begun, records) = told(&body);
        let [record] = &records[..] else { panic!("{records:?}") };
        assert_eq!((begun, record.id, record.rows), (1, id, 4));
        assert_eq!(record.scope, ErasureScope::Dataset(TAX.parse().unwrap()));
        if outcome.is_ok() {
            assert!(steps > 10, "nothing was stopped at all");
            // What is registered from now on has another key; an old row put back has none.
            let person = PersonRef { id: [1; 16], number: 0 };
            assert!(opens(&body, &copy(&body, &person, TAX).await).await);
            body.apply(Batch::new().put(rows[0].clone(), before)).await.unwrap();
            assert!(!opens(&body, &rows[0]).await);
            return until_final_in_backups(&sample, record).await;
        }
    }
}

#[tokio::test]
async fn r23_a_body_is_erased_at_once_in_every_copy_but_its_log_whatever_stops_it() {
    for steps in 0.. {
        let (sample, _, _) = stage().await;
        sample.enroll("982024", 1).await;
        let id = wanted(&sample, Wanted::Body).await;
        let copy = tempfile::tempdir().unwrap();
        copy_folder(&sample.dir().join("node/keys"), copy.path());
        let outcome = carry_on(&sample, &Stops::after(steps)).await;
        let sample = sample.reopened().await;
        carry_on(&sample, &Stops::never()).await.unwrap();

        let code = BODY.parse().unwrap();
        assert_eq!(sample.bodies.get(code).err(), Some(NotServed::Unknown), "like one that never was (R1)");
        let body = sample.bodies.opened(code).unwrap();
        assert!(body.is_ended());
        let mut left = 0;
        for space in Space::ALL {
            left += counts(&body, [*space]).await[0];
        }
        assert_eq!(left, 0, "stopped after {steps} steps");
        drop(body);
        let sample = sample.reopened().await;
        let body = sample.bodies.opened(code).unwrap();
        assert_eq!(body.epoch(), 1, "what the engine kept of it went with the next opening");
        let (begun, records) = told(&body);
        let [record] = &records[..] else { panic!("{records:?}") };
        assert_eq!((begun, record.id, record.scope), (1, id, ErasureScope::Body));
        assert!(matches!(record.backups, InBackups::Since(_)), "no epoch is left that sealed the keys");
        assert_eq!(sample.bodies.get("982024".parse().unwrap()).err(), None);
        if outcome.is_ok() {
            assert!(steps > 5, "nothing was stopped at all");
            let (dir, owner) = (sample.dir().to_owned(), BODY.parse().unwrap());
            let provider = chukei_keys::FileProvider::new(&dir, &dir.join("epochs"));
            let old = copy.path().join(format!("{BODY}.keyring"));
            let error = chukei_keys::KeyringFile::open(&old, Arc::new(provider), &owner).unwrap_err();
            assert_eq!(error.code(), "KEY_DESTROYED");
            return;
        }
    }
}

/// R23: the rows of before the erasure, under the keyring in use, open nothing of the person.
#[tokio::test]
async fn r23_an_old_copy_of_the_store_under_the_keyring_in_use_opens_nothing_of_the_erased() {
    let (sample, [one, _], rows) = stage().await;
    let (dir, copy) = (sample.closed(), tempfile::tempdir().unwrap());
    let bodies = dir.path().join("node/bodies");
    copy_folder(&bodies, copy.path());
    let sample = Sample::over(dir).await;
    wanted(&sample, Wanted::Person(ONE)).await;
    carry_on(&sample, &Stops::never()).await.unwrap();
    let dir = sample.closed();
    fs::remove_dir_all(&bodies).unwrap();
    copy_folder(copy.path(), &bodies);
    let sample = Sample::over(dir).await;
    let (body, scope) = (sample.body(BODY), sample.scope(BODY));
    assert!(body.person_by_addressee(&duty_write(&scope, "test"), &one).await.unwrap().is_none());
    assert!(body.get_row(&rows[0]).await.unwrap().is_some(), "the row is there again");
    assert!(!opens(&body, &rows[0]).await && !opens(&body, &rows[1]).await);
}

#[tokio::test]
async fn an_erasure_is_begun_once_and_only_of_what_is_there() {
    let (sample, ..) = stage().await;
    let scope = sample.scope(BODY);
    let grant = duty_write(&scope, "test");
    for id in [[1; 16], [2; 16], [1; 16]] {
        let begun = begin(&grant, id, Wanted::Person(ONE), "R8-2", 0).await.unwrap();
        assert_eq!(begun, [1; 16], "the first one's");
    }
    let refused = |outcome: Result<[u8; 16], ErasureError>| outcome.unwrap_err().result();
    let bad = begin(&grant, [3; 16], Wanted::Body, "海鳴市", 0).await;
    assert_eq!(refused(bad), ResultName::BadFormat);
    let nobody = Wanted::Person([9; 16]);
    assert_eq!(refused(begin(&grant, [4; 16], nobody, "R8-2", 0).await), ResultName::NotFound);
    let nothing = Wanted::Dataset("TM00000000000099".parse().unwrap());
    assert_eq!(refused(begin(&grant, [5; 16], nothing, "R8-2", 0).await), ResultName::NotFound);
    let names = sample.body(BODY).keys().day_numbers(Purpose::Names, 0);
    assert_eq!(names.len(), 1, "nothing was renewed for it");
}
