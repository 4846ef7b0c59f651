//! R23, R41: an old backup with the keyring that is in use shows nothing that was erased since, and a log that is there
//! outlives the loss of its rows.

use std::path::Path;
use std::sync::Arc;

use chukei_domain::codes::InfoNameCode;
use chukei_domain::event::Event;
use chukei_relay_client::clock::Clock;
use chukei_store::image::ImageWriter;
use chukei_store::journal::JournalOptions;
use chukei_store::{Batch, DataFolder, RowKey, Space, SqliteOptions};

use crate::access::grant::duty_write;
use crate::audit::By;
use crate::backup::image::{Taking, TakingError, rows_and_log};
use crate::backup::moving::Files;
use crate::backup::outcome::Exit;
use crate::backup::restore::{Restore, restore};
use crate::config::serve::NodeConfig;
use crate::engines::Engines;
use crate::erasure::{Carrier, Course, Wanted, begin};
use crate::expiry::sweep::Turns;
use crate::home::Home;
use crate::hosted::HostedBody;
use crate::hosted::persons::PersonRef;
use crate::hosted::samples::KEEP;
use crate::hosted::samples::Sample;
use crate::hosted::sealed_body::SealedBody;

const BODY: &str = "982016";
const SAMPLE: &str = include_str!("../../node.sample.toml");

/// A course without waiting.
struct Straight;

impl Turns for Straight {
    async fn turn(&self, _: usize) -> bool {
        true
    }

    fn swept(&self, _: usize) {}

    fn given_back(&self, _: u64) {}
}

impl Course for Straight {}

async fn copy(body: &HostedBody, person: &PersonRef) -> RowKey {
    let _writing = body.writing().await;
    let dataset: InfoNameCode = "TM00000000000002".parse().unwrap();
    let slot = body.ensure_dataset(&dataset).await.unwrap();
    let row = body.document_row(person, &dataset).await.unwrap();
    let sealed = body.seal_copy(&row, person.slot(), slot, b"copy").await.unwrap();
    body.apply(Batch::new().put(row.clone(), sealed)).await.unwrap();
    row
}

async fn opens(body: &HostedBody, row: &RowKey) -> bool {
    let stored = body.get_row(row).await.unwrap().expect("the row came back");
    body.open_copy(Space::Document, row, stored.value).await.is_ok_and(|opened| opened.is_some())
}

async fn backup(sample: &Sample, out: &Path) {
    let taking = Taking { body: SealedBody::of(sample.body(BODY)), clock: Clock::system(), since: None };
    let rows = taking.begin().await.unwrap();
    let mut sink = Files(ImageWriter::create(out).unwrap());
    let taken = rows_and_log(&taking, rows, &mut sink).await.map_err(|error| match error {
        TakingError::Sink(error) | TakingError::Image(error) => error.to_string(),
        TakingError::NotReady(what) => what.to_owned(),
    });
    sink.0.finish(&taken.unwrap().0).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r23_an_old_backup_with_the_keyring_in_use_shows_nothing_that_was_erased_since() {
    let sample = Sample::new().await;
    let body = sample.body(BODY);
    let kept = sample.enroll(BODY, 1).await;
    // On another page of keys: an erasure turns the page of the one who is erased.
    body.apply(body.reserve_numbers(256).await.unwrap().batch).await.unwrap();
    let gone = sample.enroll(BODY, 2).await;
    let rows = [copy(&body, &kept.person).await, copy(&body, &gone.person).await];
    let out = sample.dir().join("backup");
    body.audit().enrolled(By::itself("chukei://node/node-a"), [2, 0, 0], 1_000).await.unwrap();
    backup(&sample, &out).await;
    let identity = sample.dir().join("identity.pub");
    std::fs::write(&identity, data_encoding::HEXLOWER.encode(&body.identity().public_spki())).unwrap();

    let grant = duty_write(&sample.scope(BODY), "test");
    begin(&grant, [1; 16], Wanted::Person(gone.person.id), "R8-0042", 1_000).await.unwrap();
    let (scope, clock) = (sample.scope(BODY), Clock::system());
    Carrier { scope: &scope, course: &Straight, clock: &clock, keep: 7 }.carry_on().await.unwrap();
    assert!(opens(&body, &rows[0]).await && body.get_row(&rows[1]).await.unwrap().is_none());
    let last = body.audit().last_number();
    drop((scope, grant, body));

    // The rows are lost; keyring and log are there.
    let dir = sample.closed();
    let data = dir.path().join("node");
    for file in ["982016.sqlite", "982016.sqlite-wal"] {
        let _ = std::fs::remove_file(data.join("bodies").join(file));
    }
    let config = dir.path().join("node.toml");
    std::fs::write(&config, SAMPLE).unwrap();
    let config = NodeConfig::load(&config).unwrap();
    {
        let folder = DataFolder::open(&data).unwrap();
        let (journal, _) = folder.journal(JournalOptions::default()).unwrap();
        let engines = Engines::only(folder.clone(), folder.sqlite(SqliteOptions::default()));
        let home = Home { engines: Arc::new(engines), journal: Arc::new(journal), keep: KEEP };
        let asked = |body: &str| Restore {
            body: body.parse().unwrap(),
            from: &out,
            identity: Some(&identity),
            preload: false,
            show: false,
        };
        let refused = restore(&config, &home, asked("982024")).await.unwrap_err();
        assert_eq!((refused.exit, refused.code.as_str()), (Exit::Usage, "OTHER_BODY"));
        let report = restore(&config, &home, asked(BODY)).await.unwrap();
        assert_eq!(report.json["log"], "kept", "what was told since stays told: {}", report.json);
        let refused = restore(&config, &home, asked(BODY)).await.unwrap_err();
        assert_eq!((refused.exit, refused.code.as_str()), (Exit::Refused, "NOT_EMPTY"));
    }
    let sample = Sample::over(dir).await;
    let body = sample.body(BODY);
    assert!(opens(&body, &rows[0]).await, "who was not erased is there");
    assert!(!opens(&body, &rows[1]).await, "the row came back, and nothing opens it");
    assert_eq!(body.audit().last_number(), last);
    assert_eq!(body.audit().verify().unwrap().bad, None);
    let erased = |event: &Event| matches!(event, Event::Erasure { .. });
    assert!(body.audit().walk(1).any(|record| erased(&record.unwrap().event)));
}
