//! What passages leave in the records.

use super::*;
use chukei_keys::{FileProvider, KeyProvider};
use chukei_store::journal::JournalOptions;
use chukei_wire::header::Direction;

use crate::broker::samples::header;

const NOW: u64 = 1_795_219_200_000;

struct Case {
    _dir: tempfile::TempDir,
    log: ExchangeLog,
}

fn case() -> Case {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), JournalOptions::default()).unwrap();
    let provider = FileProvider::new(dir.path(), &dir.path().join("epochs"));
    let owner = "broker-a".parse().unwrap();
    provider.make_root(&owner, 1).unwrap();
    let path = dir.path().join("keyring");
    let keyring = KeyringFile::create(&path, Arc::new(provider), &owner, 20_000).unwrap();
    let gate = Arc::default();
    Case { log: ExchangeLog::new(Arc::new(journal), Arc::new(keyring), gate, Keep::days(2_557)), _dir: dir }
}

impl Case {
    fn begin(&self, header: &Header) -> Result<(OpenExchange, Durable), ExchangeError> {
        let passage = Passage {
            body: "982016".parse().unwrap(),
            portal: "mynaportal".into(),
            to_body: true,
            personal: true,
        };
        let opening = Opening {
            actor: &"chukei://portal/mynaportal".parse().unwrap(),
            header,
            hash: HeaderHash([4; 32]),
            passage: &passage,
            person: Some(42),
            permit_number: 7,
            permit_epoch: Some([9; 16]),
            legal_basis: "番号法附則6条3項",
        };
        self.log.open(Slack::NONE, &opening, NOW)
    }

    /// Every durable record, opened, once as many are there.
    async fn records(&self, count: u64) -> Vec<Record> {
        // Everything queued before this is durable with it.
        let last = self.log.records.append(0, None, self.marker()).await.unwrap();
        assert_eq!(last, count + 1);
        let read = |entry: Result<_, JournalError>| self.log.records.open(entry.unwrap()).unwrap();
        self.log.records.entries(1).map(read).take(usize::try_from(count).unwrap()).collect()
    }

    fn marker(&self) -> Record {
        let event = Event::ExchangeClosed { request: [0; 16], answered: false };
        let text = String::new;
        Record {
            seq: 0,
            at_ms: 0,
            actor: text(),
            action: text(),
            target: None,
            affair: None,
            result: text(),
            call: None,
            event,
        }
    }
}

#[tokio::test]
async fn a_passage_leaves_its_beginning_and_its_end_sealed() {
    let case = case();
    let header = header(Kind::SelfInfo, Direction::ToBody);
    let (exchange, durable) = case.begin(&header).unwrap();
    durable.confirmed().await.unwrap();
    exchange.close(Ending::Answered, NOW + 5);
    let records = case.records(2).await;
    let Event::ExchangeOpened(opened) = &records[0].event else { panic!("{:?}", records[0]) };
    assert_eq!((opened.person, opened.permit_number, opened.to_body), (Some(42), 7, true));
    assert_eq!(opened.datasets[0].as_str(), header.datasets[0]);
    assert_eq!((records[0].seq, records[0].actor.as_str()), (1, "chukei://portal/mynaportal"));
    let closed = Event::ExchangeClosed { request: header.request_id.0, answered: true };
    assert_eq!((&records[1].event, records[1].result.as_str()), (&closed, "ANSWERED"));
    assert_eq!(records[1].at_ms, NOW + 5);
}

#[tokio::test]
async fn nothing_passes_while_the_keyring_is_shut_and_changes_of_it_are_recorded() {
    let case = case();
    let fault = crate::key_gate::Fault::new(crate::key_gate::Cause::Provider, "no answer");
    case.log.gate.set(Some(fault));
    for kind in [Kind::SelfInfo, Kind::ChannelSetup] {
        let refused = case.begin(&header(kind, Direction::ToBody)).err().map(|error| error.outcome());
        assert_eq!(refused, Some(NOT_READY));
    }
    case.log.gate.set(None);
    let turned = Event::KeyDestroyed { class: chukei_domain::event::KeyClass::Epoch, number: 20_000 };
    case.log.keys_changed("broker-a", turned.clone(), NOW);
    let records = case.records(1).await;
    assert_eq!((&records[0].event, records[0].actor.as_str()), (&turned, "chukei://broker/broker-a"));
}

#[tokio::test]
async fn a_passage_that_breaks_off_is_recorded_as_aborted() {
    let case = case();
    drop(case.begin(&header(Kind::SelfInfo, Direction::ToBody)).unwrap());
    let records = case.records(2).await;
    assert_eq!(records[1].result, "ABORTED");
    assert!(matches!(records[1].event, Event::ExchangeClosed { answered: false, .. }));
}

#[tokio::test]
async fn a_set_up_concerns_nobody_and_a_malformed_code_is_refused() {
    let case = case();
    let (exchange, durable) = case.begin(&header(Kind::ChannelSetup, Direction::ToBody)).unwrap();
    durable.confirmed().await.unwrap();
    exchange.close(Ending::Answered, NOW);
    let mut odd = header(Kind::SelfInfo, Direction::ToBody);
    odd.datasets = vec!["XX00000000000002".into()];
    let refused = case.begin(&odd).err().map(|error| error.outcome());
    assert_eq!(refused, Some(Outcome::Refused(ResultName::BadFormat)));
    assert_eq!(case.records(0).await.len(), 0);
}
