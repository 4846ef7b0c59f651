//! Appends to the journal: 1,024 in flight, over one body, a hundred, and all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chukei_benches::load::{self, Round};
use chukei_benches::progress::Progress;
use chukei_benches::table::Table;
use chukei_benches::{Failure, stats};
use chukei_store::journal::LogPlace;
use chukei_store::{DataFolder, Entry, Journal, JournalOptions, Partition, PostgresEngine};

use crate::Bench;
use crate::place::{Place, body, open_when_free};

const IN_FLIGHT: usize = 1_024;
/// Bytes of a sealed event.
const SEALED: usize = 256;

/// A journal with the bodies whose entries it takes.
struct Kept {
    journal: Arc<Journal>,
    names: Arc<[String]>,
    /// Owned: on a server nobody else journals for a body.
    _open: Vec<Arc<dyn Partition>>,
    _engine: Option<Arc<PostgresEngine>>,
    _folder: DataFolder,
}

pub(crate) fn table(bench: &Bench, progress: &Progress) -> Result<Table, Failure> {
    let header = [
        "kept in",
        "bodies",
        "appends/s",
        "p50, ms",
        "p99, ms",
        "processor time for one, µs",
        "appends for each sync",
    ];
    let mut table = Table::new("Durable appends to the journal, 1,024 in flight", &header);
    let server = bench.places.iter().find(|place| !place.has_files());
    let with_files = bench.places.iter().any(Place::has_files).then_some(None);
    let kinds: Vec<Option<&Place>> = with_files.into_iter().chain(server.map(Some)).collect();
    progress.steps((kinds.len() * 3 * bench.args.rounds) as u64);
    for server in kinds {
        for bodies in [1, 100, bench.args.bodies] {
            let name = server.map_or("a file", |place| place.kind.as_str());
            progress.at(format!("{name}, {bodies} bodies"));
            let syncs = Arc::new(AtomicU64::new(0));
            let kept = bench.runtime.block_on(open(bench, server, bodies, &syncs))?;
            let (mut rounds, mut each) = (Vec::new(), Vec::new());
            for _ in 0..bench.args.rounds {
                let before = syncs.load(Ordering::Relaxed);
                let round = bench.runtime.block_on(one(&kept, bench))?;
                each.push(round.requests / (syncs.load(Ordering::Relaxed) - before).max(1) as f64);
                rounds.push(round);
                progress.done(1);
            }
            table.row([
                name.to_owned(),
                bodies.to_string(),
                stats::show(rounds.iter().map(|round| round.per_second), 0),
                stats::show(rounds.iter().map(|round| round.p50_us / 1e3), 2),
                stats::show(rounds.iter().map(|round| round.p99_us / 1e3), 2),
                stats::show(rounds.iter().filter_map(|round| round.cpu_us.as_ref()?.first().copied()), 2),
                stats::show(each, 0),
            ]);
        }
    }
    Ok(table)
}

/// A new journal, in files or on a server.
async fn open(
    bench: &Bench,
    server: Option<&Place>,
    bodies: usize,
    syncs: &Arc<AtomicU64>,
) -> Result<Kept, Failure> {
    let folder = tempfile::tempdir_in(&bench.folder)?.keep();
    let _folder = DataFolder::open(&folder)?;
    let counted = Arc::clone(syncs);
    let observer = Arc::new(move |_: &_| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let options = JournalOptions { observer: Some(observer), ..JournalOptions::default() };
    let (journal, _) = _folder.journal(options)?;
    let names: Arc<[String]> = (0..bodies).map(body).collect();
    let (mut _open, mut _engine) = (Vec::new(), None);
    if let Some(place) = server {
        let engine = place.on_server().await?;
        journal.on_server(&engine, &[])?;
        for name in names.iter() {
            _open.push(open_when_free(&*engine, name).await?);
            journal.adopt(name, LogPlace::Server).await?;
        }
        _engine = Some(engine);
    }
    Ok(Kept { journal: Arc::new(journal), names, _open, _engine, _folder })
}

async fn one(kept: &Kept, bench: &Bench) -> Result<Round, Failure> {
    let (journal, names) = (Arc::clone(&kept.journal), Arc::clone(&kept.names));
    let ask = move |number: u64| {
        let name = usize::try_from(number).ok().and_then(|number| names.get(number % names.len()));
        let entry = name.map(|name| Entry {
            partition: name.clone(),
            kind: 0,
            at_ms: number,
            replay: None,
            sealed: vec![7; SEALED],
        });
        let appending = entry.map(|entry| journal.append(entry));
        async move {
            appending.ok_or("no such body")?.await?;
            Ok(())
        }
    };
    load::run(IN_FLIGHT, bench.round(), vec![std::process::id()], ask).await
}
