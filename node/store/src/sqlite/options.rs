//! How much of the machine the engine may take.

/// What the SQLite engine may hold for all bodies of one data folder together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqliteOptions {
    /// Bodies whose files are open at a time; the file of the one used least recently is closed for the next (at least
    /// 1). Every other body costs under 2 KiB, no thread and no open file.
    pub open_bodies: usize,
    /// Connections with which one open body is read at a time (at least 1), besides the one that writes.
    pub readers_per_body: usize,
    /// Bytes of pages that one connection keeps at most; a small body's connections keep no more than its pages. What
    /// is not kept here is read from the operating system's cache, about a microsecond a page.
    pub cache_bytes_per_connection: usize,
    /// Threads that write, for all bodies together (at least 1); they end when there is nothing to write.
    pub writer_threads: usize,
}

impl Default for SqliteOptions {
    /// For a node of all 1,788 bodies of which about 100 are active: under 300 MiB in the worst case.
    fn default() -> Self {
        Self {
            open_bodies: 128,
            readers_per_body: 2,
            cache_bytes_per_connection: 512 << 10,
            writer_threads: 16,
        }
    }
}
