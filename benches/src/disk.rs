//! What one sync costs on this disk: nothing durable answers faster, so that latencies can be read.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Instant;

use crate::Failure;
use crate::stats::quantile;
use crate::table::Table;

const BLOCK: usize = 4096;
const SYNCS: usize = 500;

/// Writes and syncs blocks of a file that has its space already.
pub fn table(folder: &Path) -> Result<Table, Failure> {
    let path = folder.join("disk");
    let mut file = File::create(&path)?;
    file.write_all(&vec![1; BLOCK * SYNCS])?;
    file.sync_all()?;
    file.seek(SeekFrom::Start(0))?;
    let mut taken = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let began = Instant::now();
        file.write_all(&[2; BLOCK])?;
        file.sync_data()?;
        taken.push(began.elapsed().as_secs_f64() * 1e6);
    }
    fs::remove_file(&path)?;
    taken.sort_by(f64::total_cmp);
    let at = |share| quantile(&taken, share).map_or_else(String::new, |us| format!("{us:.0}"));
    let mut table = Table::new("The disk: one write of 4 KiB and fdatasync", &["p50, µs", "p99, µs"]);
    table.row([at(0.5), at(0.99)]);
    Ok(table)
}
