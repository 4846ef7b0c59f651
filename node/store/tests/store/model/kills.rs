//! Random histories that are killed and go on: one process runs many of them at a time, each in a body of its own, and
//! says what was acknowledged; after it was killed every body must have the rows of some moment of its history, no
//! earlier than what was acknowledged and no later than what was asked for.
//!
//! What happens in a history follows from its number alone, so that both processes know it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

use chukei_store::{Engine, EngineKind, Partition, StoreError};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::runtime::Runtime;

use super::{Model, NAMES, Step, batch, expect, found, rows, versions};
use crate::stage::{Place, Stage, open};

const CHILD: &str = "CHUKEI_STORE_MODEL_CHILD";
/// Batches of one history, which then begins again on the rows that are there.
const LENGTH: usize = 500;
/// Batches that wait at a time.
const QUEUED: usize = 6;

/// What the history of this number does.
fn history(seed: u64, body: usize) -> Vec<Vec<Step>> {
    let mut random = StdRng::seed_from_u64(seed ^ body as u64);
    (0..LENGTH).map(|_| (0..random.random_range(0..5)).map(|_| step(&mut random)).collect()).collect()
}

fn step(random: &mut StdRng) -> Step {
    let name = random.random_range(0..NAMES);
    match random.random_range(0..10) {
        0 => Step::RequireAbsent(name),
        1 => Step::RequireVersion(name, random.random_bool(0.7)),
        2 | 3 => Step::Delete(name),
        4 => Step::Put(name, vec![random.random(); random.random_range(4_000..30_000)]),
        _ => Step::Put(name, vec![random.random(); random.random_range(0..600)]),
    }
}

/// In the child: goes on with a history and says what was acknowledged. Never ends by itself.
async fn go_on(partition: Arc<dyn Partition>, body: usize, history: Vec<Vec<Step>>, from: usize) {
    let mut queued = Vec::new();
    for number in from.. {
        let steps = &history[number % LENGTH];
        let knows = steps.iter().any(|step| matches!(step, Step::RequireVersion(..)));
        if knows || queued.len() == QUEUED {
            acknowledge(body, &mut queued).await;
        }
        let versions = if knows { versions(&*partition).await } else { Default::default() };
        queued.push((number, partition.apply(batch(steps, &versions))));
    }
}

type Queued = Vec<(usize, chukei_store::BoxFuture<Result<(), StoreError>>)>;

async fn acknowledge(body: usize, queued: &mut Queued) {
    for (number, outcome) in queued.drain(..) {
        let held = match outcome.await {
            Ok(()) => 1,
            Err(StoreError::Conflict) => 0,
            Err(other) => panic!("{other}"),
        };
        std::io::stdout().write_all(format!("\nack {body} {number} {held}\n").as_bytes()).unwrap();
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

async fn open_all(engine: &Arc<dyn Engine>, bodies: usize) -> Vec<Arc<dyn Partition>> {
    let opening = (0..bodies).map(|body| {
        let engine = Arc::clone(engine);
        tokio::spawn(async move { open(&*engine, &format!("body-{body}")).await })
    });
    let mut partitions = Vec::new();
    for one in opening.collect::<Vec<_>>() {
        partitions.push(one.await.unwrap());
    }
    partitions
}

fn child(arguments: &str) {
    let (numbers, place) = arguments.split_once('@').unwrap();
    let mut numbers = numbers.split(' ');
    let seed = numbers.next().unwrap().parse().unwrap();
    let from: Vec<usize> = numbers.map(|number| number.parse().unwrap()).collect();
    runtime().block_on(async {
        let engine = Place::from_line(place).engine().await;
        let running = open_all(&engine, from.len()).await.into_iter().zip(from).enumerate();
        let running: Vec<_> = running
            .map(|(body, (partition, from))| tokio::spawn(go_on(partition, body, history(seed, body), from)))
            .collect();
        for one in running {
            one.await.unwrap();
        }
    });
}

/// Runs all histories on until so much was acknowledged, kills them, and returns what was acknowledged.
fn run_and_kill(test: &str, arguments: &str, acknowledgements: usize) -> HashMap<usize, Vec<(usize, bool)>> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged: HashMap<usize, Vec<_>> = HashMap::new();
    let mut seen = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let Some(ack) = line.strip_prefix("ack ") else { continue };
        let ack: Vec<usize> = ack.split(' ').map(|part| part.parse().unwrap()).collect();
        acknowledged.entry(ack[0]).or_default().push((ack[1], ack[2] == 1));
        seen += 1;
        if seen == acknowledgements {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(seen >= acknowledgements, "the histories ended by themselves");
    acknowledged
}

/// One history, as far as it is known to have come.
struct Known {
    history: Vec<Vec<Step>>,
    model: Model,
    /// The batch that comes next.
    next: usize,
}

impl Known {
    fn advance(&mut self) -> bool {
        let before = self.model.clone();
        let held = expect(&mut self.model, &before, &self.history[self.next % LENGTH], self.next);
        self.next += 1;
        held
    }

    /// Takes in what was acknowledged, then what else `found` shows to have happened.
    fn take(&mut self, acknowledged: &[(usize, bool)], found: &std::collections::BTreeMap<u8, Vec<u8>>) {
        for (number, held) in acknowledged {
            assert_eq!(*number, self.next, "acknowledged out of order");
            assert_eq!(self.advance(), *held, "batch {number}");
        }
        let last = self.next + QUEUED;
        while rows(&self.model) != *found {
            assert!(self.next < last, "the rows are of no moment after batch {}", last - QUEUED);
            self.advance();
        }
    }
}

/// So many bodies, each with a history of its own, which is killed so often.
fn kills(kind: EngineKind, test: &str, bodies: usize, kills: usize) {
    if let Ok(arguments) = std::env::var(CHILD) {
        return child(&arguments);
    }
    let seed = rand::random::<u32>().into();
    let runtime = runtime();
    let Some(stage) = runtime.block_on(Stage::new(kind)) else { return };
    let mut known: Vec<_> = (0..bodies)
        .map(|body| Known { history: history(seed, body), model: Model::new(), next: 0 })
        .collect();
    for _ in 0..kills {
        let from: Vec<_> = known.iter().map(|one| one.next.to_string()).collect();
        let arguments = format!("{seed} {}@{}", from.join(" "), stage.place.to_line());
        let acknowledged = run_and_kill(test, &arguments, rand::rng().random_range(1..600));
        runtime.block_on(async {
            let engine = stage.engine().await;
            let partitions = open_all(&engine, bodies).await;
            for (body, (one, partition)) in known.iter_mut().zip(partitions).enumerate() {
                let acknowledged = acknowledged.get(&body).map_or(&[][..], Vec::as_slice);
                one.take(acknowledged, &found(&*partition).await);
            }
        });
    }
}

#[test]
fn sqlite_model_goes_on_after_being_killed() {
    kills(EngineKind::Sqlite, "model::kills::sqlite_model_goes_on_after_being_killed", 40, 50);
}

#[test]
fn sled_model_goes_on_after_being_killed() {
    kills(EngineKind::Sled, "model::kills::sled_model_goes_on_after_being_killed", 40, 25);
}

#[test]
fn postgres_model_goes_on_after_being_killed() {
    kills(EngineKind::Postgres, "model::kills::postgres_model_goes_on_after_being_killed", 200, 5);
}
