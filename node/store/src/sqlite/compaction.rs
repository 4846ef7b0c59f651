//! Giving space back, in steps small enough that nobody notices them.
//!
//! Rows lie in the order of their numbers, which are given in the order of writing, so that numbers without rows are
//! space without rows. Where rows were removed here and there, what is left of them is written anew at the end; pages
//! that hold nothing any more are then filled from the end of the file, and the file is cut off.

use rusqlite::{Connection, OptionalExtension};

use crate::partition::Compacted;

/// Free pages given back to the disk in one step.
const STEP_PAGES: i64 = 256;
/// Rows moved in one step, and bytes of their values after which it ends.
const STEP_ROWS: usize = 256;
const STEP_BYTES: i64 = 1 << 20;
/// Numbers that are looked at together, and how many such ranges in one step.
const RANGE: i64 = 1024;
const STEP_RANGES: usize = 8;
/// Removed rows below which it is not worth looking.
const FEW: i64 = 256;

/// A walk over all rows, while there is one.
#[derive(Default)]
pub(super) struct Compaction {
    walk: Option<Walk>,
}

struct Walk {
    /// The next number to be looked at.
    at: i64,
    /// The last one that there was when the walk began.
    end: i64,
    /// Numbers without rows that were left as they are.
    left: i64,
}

/// What a step did.
pub(super) struct Step {
    pub(super) compacted: Compacted,
    /// Pages that it wrote, about.
    pub(super) pages: u64,
}

impl Compaction {
    /// Counts rows that were removed.
    pub(super) fn removed(&mut self, connection: &Connection, rows: usize) -> rusqlite::Result<()> {
        if rows == 0 {
            return Ok(());
        }
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        let mut statement =
            connection.prepare_cached("UPDATE meta SET value = value + ?1 WHERE name = 'removed'")?;
        statement.execute([rows]).map(|_| ())
    }

    /// One step, inside a transaction.
    pub(super) fn step(&mut self, connection: &Connection) -> rusqlite::Result<Step> {
        if self.walk.is_none() {
            self.walk = begin(connection)?;
        }
        if let Some(walk) = &mut self.walk {
            let moved = walk.step(connection)?;
            if walk.at > walk.end {
                set_removed(connection, walk.left)?;
                self.walk = None;
            }
            let pages = u64::try_from(moved).unwrap_or(u64::MAX).saturating_mul(2);
            return Ok(Step { compacted: Compacted { bytes: 0, more: true }, pages });
        }
        give_back(connection)
    }
}

/// A walk, where enough was removed to be worth it: an eighth of the rows.
fn begin(connection: &Connection) -> rusqlite::Result<Option<Walk>> {
    let removed = removed(connection)?;
    if removed < FEW {
        return Ok(None);
    }
    let Some((first, last)) = numbers(connection)? else {
        set_removed(connection, 0)?;
        return Ok(None);
    };
    Ok((removed >= (last - first) / 8).then_some(Walk { at: first, end: last, left: 0 }))
}

/// Bytes that a walk would set free, about.
pub(super) fn reclaimable(connection: &Connection, used_bytes: u64) -> rusqlite::Result<u64> {
    let removed = removed(connection)?;
    let Some((first, last)) = numbers(connection)?.filter(|_| removed >= FEW) else { return Ok(0) };
    let (removed, all) = (removed.unsigned_abs(), (last - first + 1).unsigned_abs());
    // Numbers at the beginning may be gone altogether, and their pages with them.
    Ok(if removed < all / 8 || removed > all { 0 } else { used_bytes / all * removed })
}

fn removed(connection: &Connection) -> rusqlite::Result<i64> {
    let mut statement = connection.prepare_cached("SELECT value FROM meta WHERE name = 'removed'")?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?.unwrap_or(0))
}

fn set_removed(connection: &Connection, rows: i64) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("UPDATE meta SET value = ?1 WHERE name = 'removed'")?;
    statement.execute([rows]).map(|_| ())
}

/// The first and the last number that has a row.
fn numbers(connection: &Connection) -> rusqlite::Result<Option<(i64, i64)>> {
    // Two questions: together they would walk the table.
    let mut ends =
        connection.prepare_cached("SELECT (SELECT min(id) FROM rows), (SELECT max(id) FROM rows)")?;
    ends.query_row([], |row| Ok(row.get::<_, Option<i64>>(0)?.zip(row.get(1)?)))
}

impl Walk {
    /// Looks at the next ranges until it has found one to move, and gives how many rows it moved.
    fn step(&mut self, connection: &Connection) -> rusqlite::Result<usize> {
        for _ in 0..STEP_RANGES {
            let mut next = connection.prepare_cached("SELECT min(id) FROM rows WHERE id >= ?1")?;
            let first: Option<i64> = next.query_row([self.at], |row| row.get(0))?;
            let Some(first) = first.filter(|first| *first <= self.end) else {
                self.at = self.end + 1;
                return Ok(0);
            };
            let last = first.saturating_add(RANGE - 1).min(self.end);
            let mut count =
                connection.prepare_cached("SELECT count(*) FROM rows WHERE id BETWEEN ?1 AND ?2")?;
            let rows: i64 = count.query_row((first, last), |row| row.get(0))?;
            let numbers = last - first + 1;
            if rows * 5 < numbers * 4 {
                return self.move_rows(connection, first, last);
            }
            self.left += numbers - rows;
            self.at = last + 1;
        }
        Ok(0)
    }

    /// Writes rows from the beginning of this range anew at the end.
    fn move_rows(&mut self, connection: &Connection, first: i64, last: i64) -> rusqlite::Result<usize> {
        let mut found = connection
            .prepare_cached("SELECT id, length(value) FROM rows WHERE id BETWEEN ?1 AND ?2 ORDER BY id")?;
        let mut rows = found.query((first, last))?;
        let (mut moving, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            moving.push(row.get::<_, i64>(0)?);
            bytes += row.get::<_, i64>(1)?;
            if moving.len() == STEP_ROWS || bytes >= STEP_BYTES {
                break;
            }
        }
        drop(rows);
        let mut place =
            connection.prepare_cached("UPDATE rows SET id = (SELECT max(id) + 1 FROM rows) WHERE id = ?1")?;
        for id in &moving {
            place.execute([id])?;
            self.at = id + 1;
        }
        Ok(moving.len())
    }
}

/// Moves pages from the file's end into free ones and cuts the file off behind them.
fn give_back(connection: &Connection) -> rusqlite::Result<Step> {
    let free = free_pages(connection)?;
    if free == 0 {
        return Ok(Step { compacted: Compacted::default(), pages: 0 });
    }
    let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    {
        // Each step of this statement gives back one page.
        let mut statement = connection.prepare_cached("PRAGMA incremental_vacuum(256)")?;
        let mut steps = statement.query([])?;
        while steps.next()?.is_some() {}
    }
    let given = free - free_pages(connection)?;
    let bytes = u64::try_from(given.saturating_mul(page)).unwrap_or(0);
    let compacted = Compacted { bytes, more: given == STEP_PAGES && free > STEP_PAGES };
    Ok(Step { compacted, pages: u64::try_from(given).unwrap_or(0) })
}

fn free_pages(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA freelist_count")?.query_row([], |row| row.get(0))
}
