//! Own information out: requests at the portal, every answer compared with the generated truth.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chukei_harness::layout::Layout;
use chukei_harness::rows::{ExpectedItem, Truth};
use chukei_mock_portal::client::Client;
use chukei_mock_portal::failure::Class;
use chukei_mock_portal::protocol::SelfInfo;
use indicatif::ProgressBar;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::error::DemoError;
use crate::persons::Person;

/// Requests under way at once.
const AT_ONCE: usize = 16;
const PATIENCE: Duration = Duration::from_secs(60);
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// One request and what must come back.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) user: String,
    pub(crate) body: String,
    pub(crate) dataset: String,
    pub(crate) expected: Vec<ExpectedItem>,
}

impl Question {
    pub(crate) fn new(body: &str, person: &Person, index: usize, dataset: &str, truth: &Truth) -> Self {
        let expected = truth.shown(index, dataset);
        Self { user: person.user.clone(), body: body.to_owned(), dataset: dataset.to_owned(), expected }
    }
}

/// How a set of questions went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Score {
    pub(crate) answered: u64,
    pub(crate) mismatches: u64,
}

/// Asks everything, then logs everybody out.
pub(crate) fn ask(layout: &Layout, questions: Vec<Question>, bar: &ProgressBar) -> Result<Score, DemoError> {
    Handle::current().block_on(async {
        let client = Client::connect(&layout.portal_socket()).await?;
        let slots = Arc::new(Semaphore::new(AT_ONCE));
        let mut tasks = JoinSet::new();
        for question in questions {
            let (client, slots, bar) = (client.clone(), slots.clone(), bar.clone());
            tasks.spawn(async move {
                // Never closed, so a permit is always given.
                let _slot = slots.acquire().await;
                let right = one(&client, &question).await;
                bar.inc(1);
                right
            });
        }
        let mut score = Score::default();
        while let Some(done) = tasks.join_next().await {
            let right = done.map_err(|error| DemoError::io("a request", std::io::Error::other(error)))??;
            score.answered += 1;
            score.mismatches += u64::from(!right);
        }
        Ok(score)
    })
}

async fn one(client: &Client, question: &Question) -> Result<bool, DemoError> {
    let answer = answered(client, question).await?;
    client.logout(&question.user).await?;
    let right = is_right(&answer, question);
    if !right {
        eprintln!("request {} of {}: {} is not the truth", answer.request_id, question.body, answer.result);
    }
    Ok(right)
}

/// Asks again while the portal says that it cannot serve now, as a person would.
async fn answered(client: &Client, question: &Question) -> Result<SelfInfo, DemoError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match client.self_info(&question.user, &question.body, &[&question.dataset]).await {
            Ok(answer) => return Ok(answer),
            Err(failure) if failure.class == Class::Unavailable && Instant::now() < deadline => {
                tokio::time::sleep(ASK_AGAIN).await;
            }
            Err(failure) => return Err(failure.into()),
        }
    }
}

fn is_right(answer: &SelfInfo, question: &Question) -> bool {
    let result = if question.expected.is_empty() { "NO_DATA" } else { "DONE" };
    let strange = answer.datasets.iter().any(|dataset| dataset.info_name_code != question.dataset);
    let found = ExpectedItem::all_of(answer);
    answer.result == result && answer.body == question.body && !strange && found == question.expected
}
