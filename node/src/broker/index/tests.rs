//! The index over real files: whatever interrupts it, it is what the records say; what is damaged is made anew.

use std::ops::ControlFlow;

use chukei_domain::event::{Event, Exchange, Record, RecordsHidden};
use chukei_keys::{FileProvider, KeyProvider};
use chukei_store::journal::JournalOptions;
use chukei_store::{Batch, DataFolder, SqliteOptions};
use chukei_wire::body_code::BodyCode;
use proptest::prelude::*;
use tempfile::TempDir;

use super::grow::Growing;
use super::rows;
use super::*;
use crate::broker::exchange::{CLOSED, HIDDEN, OPENED, OWNER};

mod anew;

const NOW: u64 = 1_795_219_200_000;
const BODIES: [&str; 2] = ["982016", "982024"];
const TAX: &str = "TM00000000000002";

struct Case {
    index: ExchangeIndex,
    growing: Option<Growing>,
    records: SealedLog,
    folder: DataFolder,
    dir: TempDir,
}

fn index(
    records: &SealedLog,
    journal: &Arc<Journal>,
    keyring: &Arc<KeyringFile>,
    folder: &DataFolder,
) -> ExchangeIndex {
    let exchanges = ExchangeLog::of(records.clone());
    let engine = folder.sqlite(SqliteOptions::default());
    ExchangeIndex::new(&exchanges, journal.clone(), keyring.clone(), engine)
}

fn case() -> Case {
    let dir = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(&dir.path().join("data")).unwrap();
    let (journal, _) = folder.journal(JournalOptions::default()).unwrap();
    let provider = FileProvider::new(dir.path(), &dir.path().join("epochs"));
    let owner = "broker-a".parse().unwrap();
    provider.make_root(&owner, 1).unwrap();
    let keyring =
        KeyringFile::create(&dir.path().join("keyring"), Arc::new(provider), &owner, 20_000).unwrap();
    let (journal, keyring) = (Arc::new(journal), Arc::new(keyring));
    let purpose = chukei_crypto::seal::Purpose::Exchange;
    let keep = crate::audit::Keep::days(2_557);
    let records = SealedLog::new(journal.clone(), keyring.clone(), OWNER, purpose, keep);
    let index = index(&records, &journal, &keyring, &folder);
    Case { index, growing: None, records, folder, dir }
}

fn record(at_ms: u64, result: &str, event: Event) -> Record {
    Record {
        seq: 0,
        at_ms,
        actor: "chukei://portal/mynaportal".to_owned(),
        action: "self-info".to_owned(),
        target: None,
        affair: None,
        result: result.to_owned(),
        call: None,
        event,
    }
}

fn begun(request: u8, person: Option<u64>, body: &str) -> Event {
    Event::ExchangeOpened(Exchange {
        request: [request; 16],
        header: [2; 32],
        body: body.parse().unwrap(),
        portal: "mynaportal".to_owned(),
        to_body: true,
        person,
        datasets: vec![TAX.parse().unwrap()],
        legal_basis: "番号法附則6条3項".to_owned(),
        permit_number: 7,
        permit_epoch: Some([9; 16]),
    })
}

fn ended(request: u8) -> Event {
    Event::ExchangeClosed { request: [request; 16], answered: true }
}

fn hidden(person: u64, body: &str, version: u64, all: bool) -> Event {
    Event::RecordsHidden(RecordsHidden {
        body: body.parse().unwrap(),
        person,
        version,
        all,
        datasets: if all { Vec::new() } else { vec![TAX.parse().unwrap()] },
    })
}

impl Case {
    async fn write(&self, at_ms: u64, event: Event) -> u64 {
        let (kind, result) = match &event {
            Event::ExchangeOpened(_) => (OPENED, "PENDING"),
            Event::ExchangeClosed { .. } => (CLOSED, "ANSWERED"),
            _ => (HIDDEN, "DONE"),
        };
        self.records.append(kind, None, record(at_ms, result, event)).await.unwrap()
    }

    async fn grow(&mut self) {
        self.index.look(&mut self.growing, false).await.unwrap();
    }

    /// Everything that a question about this person, or this body, finds: numbers, persons, ends.
    async fn found(
        &self,
        person: Option<u64>,
        body: Option<&str>,
    ) -> Vec<(u64, Option<u64>, Option<String>)> {
        let body: Option<BodyCode> = body.map(|body| body.parse().unwrap());
        let asked = Asked { person, body: body.as_ref(), from_ms: 0, until_ms: u64::MAX };
        let mut found = Vec::new();
        let walked = self.index.walk(asked, None, |indexed, _| {
            let end = indexed.record.ended.map(|end| end.result);
            found.push((indexed.record.number, indexed.person, end));
            ControlFlow::Continue(())
        });
        assert!(matches!(walked.await.unwrap(), Walked::Whole));
        found
    }

    /// All that can be found, and what is hidden of whom.
    async fn all(&self) -> String {
        let mut all = String::new();
        for body in BODIES {
            all.push_str(&format!("{body} {:?}\n", self.found(None, Some(body)).await));
        }
        for person in 0..3 {
            all.push_str(&format!("{person} {:?}\n", self.found(Some(person), None).await));
            let mut marks: Vec<_> = self.index.marks_of(person).await.unwrap().into_values().collect();
            marks.sort_by_key(|mark| mark.body);
            for mark in marks {
                all.push_str(&format!("{} {} {} {}\n", mark.body, mark.version, mark.all, mark.number));
            }
        }
        all
    }

    /// An index of the same journal with no row yet.
    async fn anew(self) -> (Self, TempDir) {
        let elsewhere = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(&elsewhere.path().join("data")).unwrap();
        let (journal, keyring) = (self.index.journal.clone(), self.index.keyring.clone());
        let index = index(&self.records, &journal, &keyring, &folder);
        let mut anew = Self { index, growing: None, folder, ..self };
        anew.grow().await;
        (anew, elsewhere)
    }
}

fn shown(number: u64, person: u64, end: Option<&str>) -> (u64, Option<u64>, Option<String>) {
    (number, Some(person), end.map(str::to_owned))
}

#[tokio::test]
async fn begin_and_end_of_a_passage_are_one_row_found_by_person_and_by_body() {
    let mut case = case();
    case.write(NOW, begun(1, Some(0), BODIES[0])).await;
    case.write(NOW + 1, begun(2, Some(1), BODIES[0])).await;
    case.write(NOW + 2, begun(3, Some(0), BODIES[1])).await;
    case.write(NOW + 2, begun(4, None, BODIES[1])).await;
    case.grow().await;
    assert_eq!(case.found(Some(1), None).await, [shown(2, 1, None)]);
    case.write(NOW + 3, ended(2)).await;
    case.write(NOW + 4, ended(1)).await;
    case.grow().await;
    assert_eq!(case.found(Some(1), None).await, [shown(2, 1, Some("ANSWERED"))]);
    assert_eq!(
        case.found(None, Some(BODIES[0])).await,
        [shown(1, 0, Some("ANSWERED")), shown(2, 1, Some("ANSWERED"))]
    );
    assert_eq!(case.found(Some(0), Some(BODIES[1])).await, [shown(3, 0, None)]);
    assert_eq!(case.found(None, Some(BODIES[1])).await, [shown(3, 0, None), (4, None, None)]);
    assert_eq!(case.found(Some(2), None).await, []);
}

#[tokio::test]
async fn a_question_waits_until_the_index_is_as_far_as_its_record_and_no_longer_than_it_may() {
    let mut case = case();
    let number = case.write(NOW, begun(1, Some(0), BODIES[0])).await;
    let short = Duration::from_millis(1);
    assert!(matches!(case.index.upto(number, short).await, Err(IndexError::Behind)));
    assert_eq!(case.index.behind(), 1);
    case.grow().await;
    case.index.upto(number, short).await.unwrap();
    assert_eq!(case.index.behind(), 0);
}

#[tokio::test]
async fn of_two_words_on_one_person_and_body_the_newer_counts_in_whatever_order_they_come() {
    let mut case = case();
    for (version, all) in [(2, true), (1, false)] {
        case.write(NOW, hidden(0, BODIES[0], version, all)).await;
        case.grow().await;
    }
    for (version, all) in [(4, false), (3, true)] {
        case.write(NOW, hidden(1, BODIES[0], version, all)).await;
    }
    case.grow().await;
    let body: BodyCode = BODIES[0].parse().unwrap();
    let versions =
        |marks: &std::collections::HashMap<BodyCode, Mark>| (marks[&body].version, marks[&body].all);
    assert_eq!(versions(&case.index.marks_of(0).await.unwrap()), (2, true));
    assert_eq!(versions(&case.index.marks_of(1).await.unwrap()), (4, false));
    assert_eq!(case.index.marks_at(&body, &[0, 1, 2]).await.unwrap().len(), 2);
    let old = case.index.marks_before(2).await.unwrap();
    assert_eq!(old.iter().map(|mark| mark.person).collect::<Vec<_>>(), [0]);
}

#[tokio::test]
async fn records_go_from_the_index_when_they_go_from_the_journal_and_hidden_stays_hidden() {
    let mut case = case();
    for request in 1..=4 {
        case.write(NOW + u64::from(request), begun(request, Some(0), BODIES[0])).await;
    }
    case.write(NOW + 5, hidden(0, BODIES[0], 1, true)).await;
    case.grow().await;
    case.index.forget(3, 0).await.unwrap();
    assert_eq!(case.found(Some(0), None).await, [shown(3, 0, None), shown(4, 0, None)]);
    assert_eq!(case.found(None, Some(BODIES[0])).await.len(), 2);
    assert_eq!(case.index.marks_of(0).await.unwrap().len(), 1);
}

#[tokio::test]
async fn r2_names_of_rows_tell_neither_person_nor_body_and_values_are_sealed() {
    let mut case = case();
    case.write(NOW, begun(1, Some(0x4142_4344_4546_4748), BODIES[0])).await;
    case.grow().await;
    let files = std::fs::read_dir(case.folder.bodies_path()).unwrap();
    let mut bytes = Vec::new();
    for file in files {
        bytes.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    for canary in [&b"ABCDEFGH"[..], BODIES[0].as_bytes(), b"mynaportal", TAX.as_bytes()] {
        let found = bytes.windows(canary.len()).any(|window| window == canary);
        assert!(!found, "{}", String::from_utf8_lossy(canary));
    }
    drop(case.dir);
}

#[tokio::test]
async fn a_row_that_was_moved_is_found_to_be_damage_and_the_index_is_made_anew() {
    let mut case = case();
    case.write(NOW, begun(1, Some(0), BODIES[0])).await;
    case.write(NOW, begun(2, Some(1), BODIES[0])).await;
    case.grow().await;
    let partition = case.index.held().unwrap();
    let stored = partition.get_many(&[rows::passage(2)]).await.unwrap().remove(0).unwrap();
    partition.apply(Batch::new().put(rows::passage(1), stored.value)).await.unwrap();
    drop(partition);
    let asked = Asked { person: Some(0), body: None, from_ms: 0, until_ms: u64::MAX };
    let walked = case.index.walk(asked, None, |_, _| ControlFlow::Continue(())).await;
    assert!(matches!(walked, Err(IndexError::Row(_))));
    case.grow().await;
    assert_eq!(case.found(Some(0), None).await, [shown(1, 0, None)]);
}

#[tokio::test]
async fn a_cursor_goes_on_where_the_page_ended_for_the_same_asker_and_question_alone() {
    let mut case = case();
    for request in 1..=3 {
        case.write(NOW + u64::from(request), begun(request, Some(0), BODIES[0])).await;
    }
    case.write(NOW, begun(4, Some(1), BODIES[0])).await;
    case.grow().await;
    let asked = Asked { person: Some(0), body: None, from_ms: 0, until_ms: u64::MAX };
    let first = case.index.walk(asked, None, |_, _| ControlFlow::Break(())).await.unwrap();
    let Walked::Until(cursor) = first else { panic!("not broken off") };
    let sealed = case.index.sealed_cursor(&cursor, "portal/a").unwrap();
    assert!(sealed.len() <= chukei_wire::limits::EXCHANGE_CURSOR_MAX);
    let again = case.index.opened_cursor(&sealed, "portal/a", asked).unwrap();
    let mut rest = Vec::new();
    let walked = case.index.walk(asked, Some(again), |indexed, _| {
        rest.push(indexed.record.number);
        ControlFlow::Continue(())
    });
    walked.await.unwrap();
    assert_eq!(rest, [2, 3]);
    assert!(case.index.opened_cursor(&sealed, "portal/b", asked).is_err());
    let other = Asked { person: Some(1), ..asked };
    assert!(case.index.opened_cursor(&sealed, "portal/a", other).is_err());
}

/// What happens to a broker and its index.
#[derive(Clone, Debug)]
enum Step {
    Begun(u8, Option<u64>, usize),
    Ended(u8),
    Hidden(u64, usize, u64, bool),
    Grown,
    Restarted,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0u8..6, proptest::option::of(0u64..3), 0usize..2).prop_map(|(r, p, b)| Step::Begun(r, p, b)),
        4 => (0u8..6).prop_map(Step::Ended),
        2 => (0u64..3, 0usize..2, 1u64..5, any::<bool>()).prop_map(|(p, b, v, a)| Step::Hidden(p, b, v, a)),
        2 => Just(Step::Grown),
        1 => Just(Step::Restarted),
    ];
    proptest::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn an_index_that_grew_over_any_stops_is_the_one_that_is_made_anew(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut case = case();
            for (at, step) in steps.into_iter().enumerate() {
                let at_ms = NOW + at as u64;
                match step {
                    Step::Begun(request, person, body) => {
                        case.write(at_ms, begun(request, person, BODIES[body])).await;
                    }
                    Step::Ended(request) => {
                        case.write(at_ms, ended(request)).await;
                    }
                    Step::Hidden(person, body, version, all) => {
                        case.write(at_ms, hidden(person, BODIES[body], version, all)).await;
                    }
                    Step::Grown => case.grow().await,
                    Step::Restarted => {
                        case.growing = None;
                        case.index.hold(None);
                        case.grow().await;
                    }
                }
            }
            case.grow().await;
            let grown = case.all().await;
            let (anew, _elsewhere) = case.anew().await;
            assert_eq!(grown, anew.all().await);
        });
    }
}
