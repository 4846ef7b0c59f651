//! Requests for own information, many at once, for as long as a test needs them. Not one may fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use chukei_mock_portal::client::Client;
use tokio::task::JoinHandle;

use crate::copy_file::TAX;
use crate::person::Person;
use crate::stage::{Stage, until};

/// Requests under way at once.
const AT_ONCE: usize = 32;

/// What is under way.
pub(crate) struct Load {
    over: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    askers: Vec<JoinHandle<Result<(), String>>>,
}

impl Load {
    /// Begins, for persons of `body` with copies; returns once requests are answered.
    pub(crate) fn begin(stage: &Stage, body: &'static str, persons: &[Person]) -> Self {
        let (over, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let client = stage.client();
        let asker = |number: usize| {
            let (over, answered, client) = (Arc::clone(&over), Arc::clone(&answered), client.clone());
            let person = persons[number % persons.len()].clone();
            stage.runtime.spawn(async move {
                while !over.load(Ordering::SeqCst) {
                    ask(&client, body, &person).await?;
                    answered.fetch_add(1, Ordering::SeqCst);
                }
                Ok(())
            })
        };
        let askers = (0..AT_ONCE).map(asker).collect();
        let load = Self { over, answered, askers };
        load.goes_on();
        load
    }

    /// Waits for some more answers.
    pub(crate) fn goes_on(&self) {
        let enough = self.answered() + 10 * AT_ONCE;
        until("answers", || {
            let failed = self.askers.iter().any(JoinHandle::is_finished);
            (failed || self.answered() >= enough).then_some(())
        });
    }

    pub(crate) fn answered(&self) -> usize {
        self.answered.load(Ordering::SeqCst)
    }

    /// Ends; how many requests were answered. Panics if one has failed.
    #[track_caller]
    pub(crate) fn end(self, stage: &Stage) -> usize {
        self.over.store(true, Ordering::SeqCst);
        for asker in self.askers {
            stage.runtime.block_on(asker).unwrap().unwrap_or_else(|failed| panic!("{failed}"));
        }
        self.answered.load(Ordering::SeqCst)
    }
}

async fn ask(client: &Client, body: &str, person: &Person) -> Result<(), String> {
    let answer = client.self_info(&person.user, body, &[TAX]).await.map_err(|failure| failure.to_string())?;
    let values: Vec<&str> =
        answer.datasets.iter().flat_map(|dataset| &dataset.items).map(|item| item.value.as_str()).collect();
    let own = answer.result == "DONE" && values == [person.addressee.as_str()];
    if own { Ok(()) } else { Err(format!("{}: {values:?}", answer.result)) }
}
