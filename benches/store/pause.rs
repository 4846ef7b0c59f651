//! For how long writes wait while a body is backed up and while it moves, under a load of writes.
//!
//! A backup's chunks are hashed and let go: where they go to is not the store's business. A move is of the rows alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chukei_benches::Failure;
use chukei_benches::progress::Progress;
use chukei_benches::stats::quantile;
use chukei_benches::table::Table;
use chukei_store::image::{self, Observed, Outgoing, RowsAlone, move_rows};
use chukei_store::{Engine, EngineKind, Partition, StoreError};

use crate::loading::load;
use crate::place::{BODY, Place, open_when_free};
use crate::rows;
use crate::{Args, Bench};

/// Writers of one row each that go on meanwhile.
const WRITERS: u64 = 16;
/// How long a writer that finds no room waits.
const NO_ROOM: Duration = Duration::from_millis(1);

pub(crate) fn table(bench: &Bench, progress: &Progress) -> Result<Table, Failure> {
    let header = [
        "engine",
        "what",
        "rounds",
        "pause: p50, ms",
        "longest, ms",
        "longest wait of a write, ms",
        "writes/s meanwhile",
        "whole, p50, s",
    ];
    let (runtime, places, args) = (&bench.runtime, &bench.places, &bench.args);
    let title = format!("Pauses of a body of {} rows, {WRITERS} writers", args.rows);
    let mut table = Table::new(&title, &header);
    for place in places {
        runtime.block_on(async {
            place.empty().await?;
            load(&*place.open().await?.partition, 0..args.rows, progress).await
        })?;
        table.row(runtime.block_on(backups(place, args))?);
    }
    for (at, here) in places.iter().enumerate() {
        for other in places.iter().skip(at) {
            runtime.block_on(moves(here, other, args))?.into_iter().for_each(|row| table.row(row));
        }
    }
    Ok(table)
}

/// What one round took.
struct Took {
    pause: Duration,
    whole: Duration,
}

async fn backups(place: &Place, args: &Args) -> Result<Vec<String>, Failure> {
    let open = place.open().await?;
    let observed = Observed::over(open.partition.clone(), place.kind).await?;
    let load = Load::begin(&observed, args.rows);
    let mut took = Vec::new();
    for _ in 0..args.rounds {
        let began = Instant::now();
        let mut outgoing = Outgoing::begin(&observed, None, || ()).await?;
        while outgoing.next().await?.is_some() {}
        let pause = outgoing.taken().ok_or("an image that did not end")?.pause;
        took.push(Took { pause, whole: began.elapsed() });
    }
    Ok(row(place.kind, "complete backup".to_owned(), &took, &load.end().await?))
}

/// Moves to the other engine and back, under one load; a row for each way.
async fn moves(here: &Place, other: &Place, args: &Args) -> Result<[Vec<String>; 2], Failure> {
    let words = tempfile::tempdir_in(here.folder.parent().ok_or("a place without a folder")?)?;
    let ((_here, near), (_other, far)) = (here.engine().await?, other.beside("moved").engine().await?);
    // On a server another body stands for another place.
    let far_name = if other.kind == EngineKind::Postgres { "990000" } else { BODY };
    let here = End { engine: &*near, kind: here.kind, name: BODY };
    let other = End { engine: &*far, kind: other.kind, name: far_name };
    let observed = Observed::over(open_when_free(here.engine, BODY).await?, here.kind).await?;
    let mut ways = [Way::new(here, other), Way::new(other, here)];
    for _ in 0..args.rounds {
        for way in &mut ways {
            let load = Load::begin(&observed, args.rows);
            let began = Instant::now();
            let target = way.to.engine.open(way.to.name).await?;
            let word = image::Place::Moved { from: way.from.kind, to: way.to.kind };
            let mut alone = RowsAlone(|| async { word.write(words.path(), BODY) });
            let moved = move_rows(&observed, (target, way.to.kind), &|_| (), &mut alone).await?;
            way.took.push(Took { pause: moved.pause, whole: began.elapsed() });
            way.writes.add(load.end().await?);
            removed(way.from.engine, way.from.name).await?;
        }
    }
    Ok(ways.map(|way| row(way.from.kind, format!("move to {}", way.to.kind), &way.took, &way.writes)))
}

/// Where a move begins or ends.
#[derive(Clone, Copy)]
struct End<'a> {
    engine: &'a dyn Engine,
    kind: EngineKind,
    name: &'static str,
}

/// Moves from one end to the other.
struct Way<'a> {
    from: End<'a>,
    to: End<'a>,
    took: Vec<Took>,
    writes: Writes,
}

impl<'a> Way<'a> {
    fn new(from: End<'a>, to: End<'a>) -> Self {
        Self { from, to, took: Vec::new(), writes: Writes::default() }
    }
}

/// Removes what a move left, once the last reader has let go of it.
async fn removed(engine: &dyn Engine, name: &str) -> Result<(), Failure> {
    loop {
        match engine.remove(name).await {
            Err(StoreError::Owned) => tokio::time::sleep(NO_ROOM).await,
            removed => return Ok(removed.map(drop)?),
        }
    }
}

/// What writers met.
#[derive(Default)]
struct Writes {
    count: usize,
    longest_ms: f64,
    seconds: f64,
}

impl Writes {
    fn add(&mut self, more: Self) {
        self.count += more.count;
        self.longest_ms = self.longest_ms.max(more.longest_ms);
        self.seconds += more.seconds;
    }
}

/// Writers that go on until they are told.
struct Load {
    over: Arc<AtomicBool>,
    began: Instant,
    writers: Vec<tokio::task::JoinHandle<Result<Writes, StoreError>>>,
}

impl Load {
    fn begin(observed: &Arc<Observed>, rows: u64) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let write = |seed| tokio::spawn(write_on(observed.clone(), rows, seed, over.clone()));
        let writers = (0..WRITERS).map(write).collect();
        Self { over, began: Instant::now(), writers }
    }

    async fn end(self) -> Result<Writes, Failure> {
        self.over.store(true, Ordering::Relaxed);
        let mut all = Writes::default();
        for writer in self.writers {
            all.add(writer.await??);
        }
        all.seconds = self.began.elapsed().as_secs_f64();
        Ok(all)
    }
}

async fn write_on(
    observed: Arc<Observed>,
    rows: u64,
    seed: u64,
    over: Arc<AtomicBool>,
) -> Result<Writes, StoreError> {
    let mut next = rows::random(rows, seed + 11);
    let mut writes = Writes::default();
    while !over.load(Ordering::Relaxed) {
        let asked = Instant::now();
        match observed.apply(rows::put(next())).await {
            Ok(()) => writes.count += 1,
            Err(StoreError::Busy) => tokio::time::sleep(NO_ROOM).await,
            Err(error) => return Err(error),
        }
        writes.longest_ms = writes.longest_ms.max(asked.elapsed().as_secs_f64() * 1e3);
    }
    Ok(writes)
}

fn row(kind: EngineKind, what: String, took: &[Took], writes: &Writes) -> Vec<String> {
    let sorted = |of: fn(&Took) -> Duration| {
        let mut all: Vec<f64> = took.iter().map(|took| of(took).as_secs_f64()).collect();
        all.sort_by(f64::total_cmp);
        all
    };
    let (pauses, whole) = (sorted(|took| took.pause), sorted(|took| took.whole));
    let at = |all: &[f64], share| quantile(all, share).unwrap_or_default();
    vec![
        kind.to_string(),
        what,
        took.len().to_string(),
        format!("{:.1}", at(&pauses, 0.5) * 1e3),
        format!("{:.1}", at(&pauses, 1.0) * 1e3),
        format!("{:.1}", writes.longest_ms),
        format!("{:.0}", writes.count as f64 / writes.seconds),
        format!("{:.1}", at(&whole, 0.5)),
    ]
}
