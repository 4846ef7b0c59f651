//! How much of the machine the engine may take.

/// What the SQLite engine may hold for all bodies of one data folder together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqliteOptions {
    /// Bodies whose files are open at a time; the file of the one used least recently is closed for the next (at least
    /// 1; more are open only while all of them are being read or written). Any other body costs under 2 KiB, no
    /// thread and no open file. An open one has two file descriptors for each of its connections.
    pub open_bodies: usize,
    /// Connections with which one body is read at a time (at least 1), besides the one that writes. They are opened
    /// when they are needed.
    pub readers_per_body: usize,
    /// Bytes of pages that one connection keeps at most. A small body's connections keep no more than its pages; what
    /// is not kept is read from the operating system's cache, about a microsecond a page.
    pub cache_bytes_per_connection: usize,
    /// Bytes of pages that all connections together keep at most, in equal shares, but never less than 64 KiB each.
    pub cache_bytes: usize,
    /// Threads that write, for all bodies together (at least 1); they end when there is nothing to write.
    pub writer_threads: usize,
}

impl Default for SqliteOptions {
    /// For a node of all 1,788 bodies of which about 100 are active: under 300 MiB when every cache is full.
    fn default() -> Self {
        Self {
            open_bodies: 128,
            readers_per_body: 2,
            cache_bytes_per_connection: 8 << 20,
            cache_bytes: 160 << 20,
            writer_threads: 16,
        }
    }
}
