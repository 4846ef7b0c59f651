//! Giving space back, in steps small enough that nobody notices them.

use rusqlite::Connection;

use crate::partition::Compacted;

/// Free pages given back to the disk at a time.
const STEP_PAGES: i64 = 256;

/// Moves pages from the file's end into free ones and cuts the file off behind them.
pub(super) fn step(connection: &Connection) -> rusqlite::Result<Compacted> {
    let free = free_pages(connection)?;
    if free == 0 {
        return Ok(Compacted::default());
    }
    let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    {
        // Each step of this statement gives back one page.
        let mut statement = connection.prepare_cached("PRAGMA incremental_vacuum(256)")?;
        let mut steps = statement.query([])?;
        while steps.next()?.is_some() {}
    }
    let left = free_pages(connection)?;
    // The file is cut off when the log is written into it.
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
    let bytes = u64::try_from((free - left).max(0).saturating_mul(page)).unwrap_or(0);
    Ok(Compacted { bytes, more: left > 0 && free - left == STEP_PAGES })
}

fn free_pages(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA freelist_count")?.query_row([], |row| row.get(0))
}
