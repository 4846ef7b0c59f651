//! Over a real journal whose disk, at the test's word, is slow or gone.

use std::fs;
use std::sync::mpsc::{Receiver, Sender, channel};

use chukei_domain::event::Event;
use chukei_store::journal::{JournalOptions, Slack};
use chukei_wire::result::ResultName;

use super::*;
use crate::audit::log::Draft;
use crate::audit::samples::request;
use crate::hosted::samples::Sample;

const BODY: &str = "982016";
const PORTAL: &str = "chukei://portal/mynaportal via broker-a";
const NODE: &str = "chukei://node/node-a";
const NOW: u64 = 1_795_482_000_000;
const PERSON: Option<Target> = Some(Target::Person([9; 16]));

/// A journal whose thread stops after its next block until it is let go on.
struct Held {
    sample: Sample,
    hold: Arc<Mutex<Option<Receiver<()>>>>,
}

impl Held {
    async fn with(options: JournalOptions) -> Self {
        let hold: Arc<Mutex<Option<Receiver<()>>>> = Arc::default();
        let held = hold.clone();
        let observer = Arc::new(move |_: &_| {
            let waits = held.lock().unwrap().take();
            if let Some(waits) = waits {
                let _ = waits.recv();
            }
        });
        let options = JournalOptions { observer: Some(observer), ..options };
        Self { sample: Sample::with(tempfile::tempdir().unwrap(), options).await, hold }
    }

    fn log(&self) -> AuditLog {
        self.sample.body(BODY).audit().clone()
    }

    /// Writes one block, behind which the thread stands until what is returned is dropped.
    fn stand(&self) -> Sender<()> {
        let (log, (go_on, waits)) = (self.log(), channel());
        *self.hold.lock().unwrap() = Some(waits);
        let last = log.last_number();
        log.note(Draft::done(NODE, "expiry", Event::Erased { purpose: "notices".into(), day: 1 }), NOW);
        while log.last_number() == last {
            std::thread::yield_now();
        }
        go_on
    }

    /// Lets the thread go on to a disk that is gone, until the journal has failed.
    fn fail(&self, go_on: Sender<()>) {
        let [there, away] = ["journal", "gone"].map(|name| self.sample.dir().join("node").join(name));
        fs::rename(&there, &away).unwrap();
        drop(go_on);
        while !self.sample.journal.failed() {
            std::thread::yield_now();
        }
        fs::rename(&away, &there).unwrap();
    }

    /// Waits until entries are taken again.
    async fn written(&self) {
        while self.log().erased(NODE, "notices", 1, NOW).await.is_err() {
            tokio::task::yield_now().await;
        }
    }

    /// Has outcomes queued again until none is left; how often one was refused.
    async fn settled(&self) -> usize {
        let mut refused = 0;
        loop {
            let settled = self.log().settle(NOW + 5);
            refused += usize::from(settled.refused.is_some());
            if settled.left == 0 {
                return refused;
            }
            self.written().await;
        }
    }

    /// Outcomes in the log.
    fn outcomes(&self) -> Vec<(u8, Outcome, Option<Target>)> {
        let told = |event: &Event| match event {
            Event::Outcome { request, outcome } => Some((request[0], *outcome)),
            _ => None,
        };
        let records = self.log().walk(1).map(Result::unwrap);
        records.filter_map(|record| told(&record.event).map(|(id, end)| (id, end, record.target))).collect()
    }
}

fn authorise(log: &AuditLog, id: u8) -> Appending {
    let event = Event::Authorised(request([id; 16]));
    let draft = Draft::new(PORTAL, "self_info", ResultName::Done, event);
    log.queue(draft.about(PERSON), NOW)
}

fn ending(id: u8, outcome: Outcome) -> Ending {
    Ending { actor: PORTAL.to_owned(), request: RequestId([id; 16]), target: PERSON, outcome }
}

/// Segments of one block each: for every block there has to be a disk.
fn block_by_block() -> JournalOptions {
    JournalOptions { segment_bytes: 1, ..JournalOptions::default() }
}

#[tokio::test]
async fn r40_an_outcome_for_which_there_was_no_room_is_queued_again_until_it_is_durable() {
    let held = Held::with(JournalOptions { queue_entries: 4, ..JournalOptions::default() }).await;
    let log = held.log();
    authorise(&log, 1).await.unwrap();
    let place = log.open_request().unwrap();
    let go_on = held.stand();
    let mut waiting = Vec::new();
    while log
        .queue_within(
            Slack::NONE,
            Draft::done(NODE, "expiry", Event::Erased { purpose: "notices".into(), day: 1 }),
            NOW,
        )
        .0
        .is_some()
    {
        waiting.push(());
    }
    assert_eq!(waiting.len(), 4);
    log.end(place, ending(1, Outcome::Delivered), None, NOW + 1);
    drop(go_on);
    assert!(held.settled().await > 0, "it was refused");
    assert_eq!(held.outcomes(), [(1, Outcome::Delivered, PERSON)]);
    assert_eq!(log.close_open_requests(NODE, NOW).unwrap(), 0);
}

#[tokio::test]
async fn r40_an_outcome_that_a_failed_write_took_along_is_queued_again_once_the_journal_goes_on() {
    let held = Held::with(block_by_block()).await;
    let log = held.log();
    authorise(&log, 1).await.unwrap();
    let place = log.open_request().unwrap();
    let go_on = held.stand();
    log.end(place, ending(1, Outcome::Aborted), None, NOW + 1);
    held.fail(go_on);
    assert!(held.settled().await > 0, "it was refused");
    assert_eq!(held.outcomes(), [(1, Outcome::Aborted, PERSON)]);
}

#[tokio::test]
async fn of_a_request_that_never_was_authorised_durably_no_outcome_is_told() {
    let held = Held::with(block_by_block()).await;
    let log = held.log();
    let places = [log.open_request().unwrap(), log.open_request().unwrap()];
    let go_on = held.stand();
    // Given up by their senders while the disk writes.
    for (place, id) in places.into_iter().zip([1, 2]) {
        let authorised = authorise(&log, id);
        log.end(place, ending(id, Outcome::Aborted), Some(authorised), NOW);
    }
    assert_eq!(log.settle(NOW).left, 2, "it is not known yet");
    held.fail(go_on);
    held.settled().await;
    assert_eq!(held.outcomes(), []);
    // And of one that was, once that is known.
    held.written().await;
    let (place, authorised) = (log.open_request().unwrap(), authorise(&log, 3));
    log.end(place, ending(3, Outcome::Aborted), Some(authorised), NOW);
    held.settled().await;
    assert_eq!(held.outcomes(), [(3, Outcome::Aborted, PERSON)]);
}

#[tokio::test]
async fn as_many_requests_are_open_as_there_is_room_for() {
    let held = Held::with(JournalOptions::default()).await;
    let log = held.log();
    let mut places: Vec<_> = (0..OPEN_MAX).map(|_| log.open_request().unwrap()).collect();
    assert!(matches!(log.open_request(), Err(AuditError::Journal(JournalError::Full))));
    // A place is taken until the outcome is durable.
    let go_on = held.stand();
    log.end(places.pop().unwrap(), ending(1, Outcome::Aborted), None, NOW);
    assert_eq!(log.settle(NOW).left, 1);
    assert!(log.open_request().is_err());
    drop(go_on);
    held.settled().await;
    assert!(log.open_request().is_ok());
}

#[tokio::test]
async fn r40_all_outcomes_that_are_durable_give_their_places_back_at_one_look() {
    let sample = Sample::new().await;
    let log = sample.body(BODY).audit().clone();
    for id in 0..1_000 {
        let place = log.open_request().unwrap();
        log.end(place, ending((id % 251) as u8, Outcome::Delivered), None, NOW);
    }
    log.erased(NODE, "notices", 1, NOW).await.unwrap();
    assert_eq!(log.settle(NOW).left, 0);
}
