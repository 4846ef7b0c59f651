//! The portal's rows over a real store.

use chukei_keys::FileProvider;
use chukei_wire::body_code::BodyCode;
use chukei_wire::header::PersonCode;
use chukei_wire::id::{DeliveryId, NoticeId};
use chukei_wire::message::notice::Choice;

use super::notice::{ContentRow, MarkRow, StateRow, Stored};
use super::person::{PersonId, PersonRow};
use super::reached::{Contradiction, KnownLog, KnownRoot, Reached};
use super::*;
use crate::metrics::Metrics;

const TODAY: u32 = 20_000;
const P1: PersonId = PersonId(1);

fn body() -> BodyCode {
    "982016".parse().unwrap()
}

async fn open(folder: &Path) -> Vault {
    let seconds = Metrics::new().unwrap().store_seconds;
    let keys = folder.join("provider");
    std::fs::create_dir_all(&keys).unwrap();
    let (provider, owner) = (FileProvider::new(&keys, &keys), "mynaportal".parse().unwrap());
    provider.make_root(&owner, 1).unwrap();
    Vault::open_folder(&folder.join("data"), Arc::new(provider), &owner, TODAY, 7, seconds).await.unwrap()
}

fn content(notice: u8, delivery: u8, expiry_day: u32) -> ContentRow {
    ContentRow {
        body: body(),
        notice: NoticeId([notice; 16]),
        delivery: DeliveryId([delivery; 16]),
        title: "お知らせ".into(),
        text: "本文".into(),
        choices: vec![Choice { id: "a".into(), label: "窓口".into() }],
        publish_at_ms: 1,
        expiry_day,
    }
}

async fn store(vault: &Vault, person: PersonId, content: &ContentRow) -> Stored {
    let _admitted = vault.admit_day(content.expiry_day, TODAY).await.unwrap().unwrap();
    vault.store_notice(person, content).await.unwrap()
}

fn person(id: u64, counter: u64) -> PersonRow {
    let mut code = [1; 17];
    code[1..9].copy_from_slice(&id.to_be_bytes());
    PersonRow { person: PersonId(id), body: body(), counter, code: PersonCode(code), number_id: [6; 16] }
}

#[tokio::test]
async fn counters_are_given_out_once_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let vault = open(folder.path()).await;
    let (first, second) = tokio::join!(vault.allot(body(), 10), vault.allot(body(), 10));
    let mut starts = [first.unwrap().unwrap(), second.unwrap().unwrap()];
    starts.sort_unstable();
    assert_eq!(starts, [101, 111]);
    drop(vault);
    assert_eq!(open(folder.path()).await.allot(body(), 1).await.unwrap(), Some(121));
    assert_eq!(open(folder.path()).await.allot("982024".parse().unwrap(), 1).await.unwrap(), Some(101));
}

#[tokio::test]
async fn each_day_has_its_epoch_and_a_clock_that_jumps_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let vault = open(folder.path()).await;
    let epochs = || vault.keyring.provider().epochs(vault.keyring.owner()).unwrap();
    for day in [TODAY, TODAY + 1, TODAY + 40, TODAY + 2, TODAY + 3] {
        vault.turn_keys(day).await.unwrap();
        vault.check().await.unwrap();
    }
    assert_eq!(epochs(), [TODAY + 40], "what is kept is counted from the day");
    vault.turn_keys(TODAY + 41).await.unwrap();
    assert_eq!(epochs(), [TODAY + 40, TODAY + 41]);
    // A newer root that somebody supplies is taken with the next turn, and the older one goes.
    vault.keyring.provider().make_root(vault.keyring.owner(), 2).unwrap();
    vault.turn_keys(TODAY + 41).await.unwrap();
    assert_eq!(vault.keyring.provider().roots(vault.keyring.owner()).unwrap(), [2]);
}

#[tokio::test]
async fn a_person_is_found_by_id_and_code_and_listed_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let vault = open(folder.path()).await;
    let persons = [person(7, 103), person(9, 101), person(8, 102)];
    vault.add_persons(&persons).await.unwrap();
    assert_eq!(vault.person(PersonId(9)).await.unwrap(), Some(persons[1].clone()));
    assert_eq!(vault.person_by_codes([persons[2].code]).await.unwrap(), Some(persons[2].clone()));
    assert_eq!(vault.person_by_codes([PersonCode([9; 17])]).await.unwrap(), None);
    let (listed, more) = vault.list_persons(body(), None).await.unwrap();
    assert!(!more);
    assert_eq!(listed.iter().map(|row| row.counter).collect::<Vec<_>>(), [101, 102, 103]);
    let rows = vault.listed_persons(&listed).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.counter).collect::<Vec<_>>(), [101, 102, 103]);
    let (behind, _) = vault.list_persons(body(), Some(102)).await.unwrap();
    assert_eq!(behind.first().map(|row| row.person), Some(PersonId(7)));
    let (others, _) = vault.list_persons("982024".parse().unwrap(), None).await.unwrap();
    assert_eq!(others, []);
}

fn newer(person: &PersonRow) -> PersonCode {
    let mut code = person.code;
    code.0[0] += 1;
    code
}

#[tokio::test]
async fn persons_are_found_by_both_codes_until_the_older_version_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let vault = open(folder.path()).await;
    let persons = [person(7, 101), person(8, 102), person(9, 103)];
    vault.add_persons(&persons).await.unwrap();
    let version = persons[0].code.0[0];
    let first = vault.code_page(version, None, 2).await.unwrap();
    assert_eq!(first.behind.len(), 2);
    let renewed: Vec<_> = first.behind.iter().map(|person| (person.clone(), newer(person))).collect();
    assert!(vault.renew_codes(&renewed).await.unwrap());
    assert!(!vault.renew_codes(&renewed).await.unwrap(), "they are not as they were read");
    let rest = vault.code_page(version, None, 10).await.unwrap();
    assert_eq!(rest.behind.len(), 1, "taken up where it was left");
    let twice = [(rest.behind[0].clone(), renewed[0].1)];
    assert!(!vault.renew_codes(&twice).await.unwrap(), "R30: a code is one person's");
    let last = [(rest.behind[0].clone(), newer(&rest.behind[0]))];
    assert!(vault.renew_codes(&last).await.unwrap());
    for person in &persons {
        for code in [person.code, newer(person)] {
            let found = vault.person_by_codes([code]).await.unwrap().unwrap();
            assert_eq!((found.person, found.code), (person.person, newer(person)));
        }
    }
    vault.drop_codes(&vault.code_page(version, None, 10).await.unwrap()).await.unwrap();
    assert!(vault.code_page(version, None, 10).await.unwrap().is_empty());
    for person in &persons {
        assert_eq!(vault.person_by_codes([person.code]).await.unwrap(), None);
        assert!(vault.person_by_codes([person.code, newer(person)]).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_delivery_is_stored_once_and_its_ids_belong_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let vault = open(folder.path()).await;
    let first = content(1, 1, TODAY);
    assert_eq!(store(&vault, P1, &first).await, Stored::New);
    assert_eq!(store(&vault, P1, &first).await, Stored::Before);
    assert_eq!(store(&vault, PersonId(2), &first).await, Stored::Taken);
    assert_eq!(store(&vault, P1, &content(1, 2, TODAY)).await, Stored::Taken);
    let mut foreign = content(1, 3, TODAY);
    foreign.body = "982024".parse().unwrap();
    assert_eq!(store(&vault, PersonId(3), &foreign).await, Stored::Taken);
    assert_eq!(store(&vault, PersonId(2), &content(1, 2, TODAY)).await, Stored::New);
    assert_eq!(vault.states(body(), first.notice, None, 10).await.unwrap().0.len(), 2);
    assert_eq!(vault.states(body(), first.notice, Some(first.delivery), 10).await.unwrap().0.len(), 1);
}

#[tokio::test]
async fn a_state_changes_only_from_the_version_that_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let vault = open(folder.path()).await;
    let content = content(1, 1, TODAY);
    store(&vault, P1, &content).await;
    let (mut state, version) = vault.state(&content).await.unwrap().unwrap();
    state.answers = vec!["a".into()];
    assert!(vault.replace_state(&content, &state, version).await.unwrap());
    state.answers = vec!["b".into()];
    assert!(!vault.replace_state(&content, &state, version).await.unwrap());
    assert_eq!(vault.state(&content).await.unwrap().unwrap().0.answers, ["a"]);
}

#[tokio::test]
async fn after_their_last_day_notices_are_gone_and_only_their_marks_stay() {
    let folder = tempfile::tempdir().unwrap();
    let vault = open(folder.path()).await;
    vault.end_days_before(TODAY).await.unwrap();
    let (over, kept) = (content(1, 1, TODAY), content(2, 2, TODAY + 1));
    store(&vault, P1, &over).await;
    store(&vault, P1, &kept).await;
    assert_eq!(vault.end_days_before(TODAY + 1).await.unwrap(), 2);
    assert_eq!(vault.notices(P1).await.unwrap(), [kept]);
    assert_eq!(vault.state(&over).await.unwrap(), None);
    assert_eq!(vault.notice_mark(over.notice).await.unwrap().unwrap().expiry_day, TODAY);
    drop(vault);
    // A clock that went back does not bring the day back, also after a restart.
    let vault = open(folder.path()).await;
    assert!(vault.admit_day(TODAY, TODAY).await.unwrap().is_none());
    assert_eq!(vault.notices(P1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_copied_before_expiry_does_not_open_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let vault = open(folder.path()).await;
    vault.end_days_before(TODAY).await.unwrap();
    let content = content(1, 1, TODAY);
    store(&vault, P1, &content).await;
    let rows = vault.scan(&RowKey::new(Space::PortalNotice), None, 10).await.unwrap().rows;
    vault.end_days_before(TODAY + 1).await.unwrap();
    let [(key, row)] = rows.as_slice() else { panic!("one row") };
    assert!(matches!(vault.open::<ContentRow>(key, row), Err(VaultError::KeyDestroyed)));
}

#[tokio::test]
async fn r1_a_row_moved_to_another_key_fails_its_seal() {
    let folder = tempfile::tempdir().unwrap();
    let vault = open(folder.path()).await;
    store(&vault, P1, &content(1, 1, TODAY)).await;
    let rows = vault.scan(&RowKey::new(Space::PortalNotice), None, 10).await.unwrap().rows;
    let [(key, row)] = rows.as_slice() else { panic!("one row") };
    assert!(vault.open::<ContentRow>(key, row).is_ok());
    let elsewhere = RowKey::new(Space::PortalNotice).name(&[0; 32]);
    assert!(matches!(vault.open::<ContentRow>(&elsewhere, row), Err(VaultError::Integrity)));
}

#[test]
fn rows_keep_their_byte_form() {
    let hex = |bytes: Vec<u8>| data_encoding::HEXLOWER.encode(&bytes);
    let person = hex(codec::encode(&person(2, 101)).unwrap());
    let content = hex(codec::encode(&content(1, 2, 3)).unwrap());
    let state = StateRow { person: P1, read_at_ms: Some(7), answers: vec!["a".into()] };
    let state = hex(codec::encode(&state).unwrap());
    let mark = hex(codec::encode(&MarkRow { body: body(), expiry_day: 3 }).unwrap());
    assert_eq!(
        person,
        "a56162663938323031366163510100000000000000020101010101010101616e186561700261755006060606060606060606060606060606"
    );
    assert_eq!(
        content,
        "a8616266393832303136616381a26269646161656c6162656c66e7aa93e58fa36165036169500101010101010101010101010101010161700161746ce3818ae79fa5e38289e3819b617866e69cace6968761795002020202020202020202020202020202"
    );
    assert_eq!(state, "a36163816161616f07617001");
    assert_eq!(mark, "a2616266393832303136616503");
}

fn reached(size: u64, lost: Vec<chukei_wire::id::RequestId>) -> Reached {
    let log = KnownLog { epoch: 1, size, root: [8; 32], note: "a note\n".to_owned() };
    Reached { log, count: 2, number: 2, leaf: [9; 32], lost }
}

#[tokio::test]
async fn disclosures_are_kept_over_stops_until_they_are_verified() {
    use super::disclosures::Disclosed;
    let folder = tempfile::tempdir().unwrap();
    let vault = open(folder.path()).await;
    let of = |person: u64, request: u8| Disclosed {
        person: PersonId(person),
        body: body(),
        request: chukei_wire::id::RequestId([request; 16]),
        leaf: u64::from(request) * 10,
    };
    for disclosed in [of(7, 1), of(8, 2), of(7, 3)] {
        vault.note_disclosure(disclosed, 1).0.await.unwrap();
    }
    let leaves =
        |vault: &Vault, person| vault.disclosures(PersonId(person), body()).into_values().collect::<Vec<_>>();
    assert_eq!((leaves(&vault, 7), leaves(&vault, 8)), (vec![10, 30], vec![20]));
    assert_eq!(vault.reached(PersonId(7), body()).await.unwrap(), None);
    let reached = reached(40, vec![of(7, 9).request]);
    vault.settle(PersonId(7), body(), reached.clone(), &[of(7, 1).request], 2).await.unwrap();
    assert_eq!(leaves(&vault, 7), [30]);
    drop(vault);
    for _ in 0..2 {
        let vault = open(folder.path()).await;
        assert_eq!((leaves(&vault, 7), leaves(&vault, 8)), (vec![30], vec![20]));
        assert_eq!(vault.disclosing_bodies(PersonId(7)), [body()]);
        assert_eq!(vault.reached(PersonId(7), body()).await.unwrap(), Some(reached.clone()));
        assert_eq!(vault.reached(PersonId(8), body()).await.unwrap(), None);
    }
}

#[tokio::test]
async fn r43_of_a_log_that_contradicts_itself_the_first_two_notes_stay() {
    let folder = tempfile::tempdir().unwrap();
    let vault = open(folder.path()).await;
    let of = |shown: &str| Contradiction { known: "one\n".to_owned(), shown: shown.to_owned(), at_ms: 7 };
    assert_eq!(vault.contradiction(body(), 1).await.unwrap(), None);
    for shown in ["another\n", "a third\n"] {
        vault.keep_contradiction(body(), 1, &of(shown)).await.unwrap();
    }
    drop(vault);
    let vault = open(folder.path()).await;
    assert_eq!(vault.contradiction(body(), 1).await.unwrap(), Some(of("another\n")));
    assert_eq!(vault.contradiction(body(), 2).await.unwrap(), None, "of another epoch nothing is said");
}

#[tokio::test]
async fn what_is_remembered_of_a_person_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let vault = open(folder.path()).await;
    let lost: Vec<_> = (0..5_000_u32)
        .map(|number| {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&number.to_be_bytes());
            chukei_wire::id::RequestId(id)
        })
        .collect();
    vault.settle(P1, body(), reached(1, lost.clone()), &[], 1).await.unwrap();
    assert_eq!(vault.reached(P1, body()).await.unwrap().unwrap().lost, lost[904..]);
    let root = |number: u64| {
        let mut epoch = [0; 16];
        epoch[..8].copy_from_slice(&number.to_be_bytes());
        KnownRoot { epoch, broker: "broker-a".to_owned(), covered: number, root: [1; 32] }
    };
    assert_eq!(vault.permit_roots(P1, body()).await.unwrap(), []);
    vault.keep_permit_roots(P1, body(), (0..1_100).map(root).collect()).await.unwrap();
    assert_eq!(vault.permit_roots(P1, body()).await.unwrap(), (0..1_024).map(root).collect::<Vec<_>>());
}
