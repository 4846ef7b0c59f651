//! Appends to the journal: 1,024 in flight, over one body, a hundred, and all.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chukei_benches::Failure;
use chukei_benches::load::{self, Round};
use chukei_benches::stats::Spread;
use chukei_benches::table::Table;
use chukei_store::{DataFolder, Entry, Journal, JournalOptions};
use tokio::runtime::Runtime;

use crate::Args;

const IN_FLIGHT: usize = 1_024;
/// Bytes of a sealed event.
const SEALED: usize = 256;

pub(crate) fn table(runtime: &Runtime, base: &Path, args: &Args) -> Result<Table, Failure> {
    let header = ["bodies", "appends/s", "p50, ms", "p99, ms", "appends for each sync"];
    let mut table = Table::new("Durable appends to the journal, 1,024 in flight", &header);
    std::fs::create_dir_all(base)?;
    for bodies in [1, 100, args.bodies] {
        let folder = DataFolder::open(&base.join(bodies.to_string()))?;
        let syncs = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&syncs);
        let observer = Arc::new(move |_: &_| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let options = JournalOptions { observer: Some(observer), ..JournalOptions::default() };
        let journal = Arc::new(folder.journal(options)?.0);
        let names: Arc<[String]> = (0..bodies).map(|body| format!("{:06}", 10_006 + body * 10)).collect();
        let mut rounds = Vec::new();
        let mut each = Vec::new();
        for _ in 0..args.rounds {
            let before = syncs.load(Ordering::Relaxed);
            let round = runtime.block_on(one(&journal, &names, args))?;
            each.push(round.requests / (syncs.load(Ordering::Relaxed) - before).max(1) as f64);
            rounds.push(round);
        }
        let show = |values: Vec<f64>, digits| {
            Spread::of(values).map_or_else(String::new, |spread| spread.show(digits))
        };
        table.row([
            bodies.to_string(),
            show(rounds.iter().map(|round| round.per_second).collect(), 0),
            show(rounds.iter().map(|round| round.p50_us / 1e3).collect(), 2),
            show(rounds.iter().map(|round| round.p99_us / 1e3).collect(), 2),
            show(each, 0),
        ]);
    }
    Ok(table)
}

async fn one(journal: &Arc<Journal>, names: &Arc<[String]>, args: &Args) -> Result<Round, Failure> {
    let (journal, names) = (Arc::clone(journal), Arc::clone(names));
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
    load::run(IN_FLIGHT, args.round(), Vec::new(), ask).await
}
