//! Durable events of bodies, 1,024 in flight: sealed under the body's keys, committed to in its tree, synced; in turns with
//! entries of the same size that are neither sealed nor in a tree, and with the load alone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use chukei_benches::load::{self, Round};
use chukei_benches::progress::Progress;
use chukei_benches::table::Table;
use chukei_benches::{Failure, stats};
use chukei_store::{Entry, Slack};

use crate::Bench;
use crate::body::{Logs, NOW_MS};

const IN_FLIGHT: usize = 1_024;
/// Bytes of an event of a call, sealed.
const SEALED: usize = 320;
/// How often trees grow, as a node lets them.
const TURN: Duration = Duration::from_millis(100);

pub(crate) fn table(bench: &Bench, progress: &Progress) -> Result<Table, Failure> {
    let header = [
        "bodies",
        "events/s",
        "p50, ms",
        "p99, ms",
        "processor time for one, µs",
        "bare entries/s",
        "processor time for one, µs",
        "of which the load, µs",
    ];
    let mut table = Table::new("Durable events, 1,024 in flight", &header);
    progress.steps((bench.args.bodies.len() * (bench.args.rounds + 1)) as u64);
    for &bodies in &bench.args.bodies {
        progress.at(format!("{bodies} bodies"));
        let logs = Logs::new(&bench.folder, bodies)?;
        let growing = Growing::start(&logs)?;
        let answers = answering()?;
        let mut of = [const { Vec::new() }; 3];
        // The first round of each counts for nothing: it makes the files of the logs.
        for round in 0..=bench.args.rounds {
            let turn = [
                bench.runtime.block_on(load::until_rest(events(&logs, bench.round())))?,
                bench.runtime.block_on(load::until_rest(entries(&logs, bench.round())))?,
                bench.runtime.block_on(load::until_rest(nothing(answers.clone(), bench.round())))?,
            ];
            if round > 0 {
                of.iter_mut().zip(turn).for_each(|(rounds, round)| rounds.push(round));
            }
            progress.done(1);
        }
        growing.stop()?;
        let [ours, bare, load] = of;
        let cpu = |rounds: &[Round]| {
            stats::show(rounds.iter().filter_map(|round| round.cpu_us.as_ref()?.first().copied()), 2)
        };
        table.row([
            bodies.to_string(),
            stats::show(ours.iter().map(|round| round.per_second), 0),
            stats::show(ours.iter().map(|round| round.p50_us / 1e3), 2),
            stats::show(ours.iter().map(|round| round.p99_us / 1e3), 2),
            cpu(&ours),
            stats::show(bare.iter().map(|round| round.per_second), 0),
            cpu(&bare),
            cpu(&load),
        ]);
    }
    Ok(table)
}

/// Events of calls, body after body.
async fn events(logs: &Logs, time: Duration) -> Result<Round, Failure> {
    let of = Arc::clone(&logs.logs);
    let ask = move |number: u64| {
        let appending = pick(&of, number).map(|one| one.called(IN_FLIGHT as i64));
        async move {
            appending.ok_or("no such body")?.await?;
            Ok(())
        }
    };
    load::run(IN_FLIGHT, time, vec![std::process::id()], ask).await
}

/// Entries of as many bytes that say nothing.
async fn entries(logs: &Logs, time: Duration) -> Result<Round, Failure> {
    let journal = Arc::clone(&logs.journal);
    let names: Arc<[String]> = (0..logs.logs.len()).map(|number| format!("bare-{number}")).collect();
    let ask = move |number: u64| {
        let appending = pick(&names, number)
            .map(|name| journal.append_within(Slack::among(IN_FLIGHT as i64), entry(name)));
        async move {
            appending.ok_or("no such body")?.await?;
            Ok(())
        }
    };
    load::run(IN_FLIGHT, time, vec![std::process::id()], ask).await
}

fn entry(name: &str) -> Entry {
    let sealed = vec![7; SEALED];
    Entry { partition: name.to_owned(), kind: 0, at_ms: NOW_MS, replay: None, sealed }
}

/// What is asked for, and who waits to be answered.
type Waiting = (Entry, tokio::sync::oneshot::Sender<()>);

/// A thread that answers all that wait, a thousand times a second, until nobody can ask any more.
fn answering() -> Result<mpsc::Sender<Waiting>, Failure> {
    let (ask, asked) = mpsc::channel::<Waiting>();
    let answer = move || {
        while let Ok(first) = asked.recv() {
            std::thread::park_timeout(Duration::from_millis(1));
            // Whoever asked may have gone.
            std::iter::once(first).chain(asked.try_iter()).for_each(|(_, waiting)| {
                let _ = waiting.send(());
            });
        }
    };
    std::thread::Builder::new().name("answers".into()).spawn(answer)?;
    Ok(ask)
}

/// What the same load costs where nothing is written: entries are made, and answered by another thread, many at a time.
async fn nothing(answers: mpsc::Sender<Waiting>, time: Duration) -> Result<Round, Failure> {
    let ask = move |_| {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let asked = answers.send((entry("982016"), answer));
        async move {
            asked?;
            Ok(answered.await?)
        }
    };
    load::run(IN_FLIGHT, time, vec![std::process::id()], ask).await
}

fn pick<T>(of: &[T], number: u64) -> Option<&T> {
    of.get(usize::try_from(number).ok()? % of.len().max(1))
}

/// Lets trees grow beside what is measured: their cost is in the figures.
struct Growing {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Result<(), String>>,
}

impl Growing {
    fn start(logs: &Logs) -> Result<Self, Failure> {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopping, logs) = (Arc::clone(&stop), Arc::clone(&logs.logs));
        let grow = move || {
            while !stopping.load(Ordering::Relaxed) {
                std::thread::park_timeout(TURN);
                for one in logs.iter() {
                    one.log.grow_to_the_last().map_err(|error| error.to_string())?;
                }
            }
            Ok(())
        };
        Ok(Self { stop, thread: std::thread::Builder::new().name("trees".into()).spawn(grow)? })
    }

    fn stop(self) -> Result<(), Failure> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        Ok(self.thread.join().map_err(|_| "the trees' thread broke off")??)
    }
}
