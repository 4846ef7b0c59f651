//! Real PostgreSQL servers for tests and benchmarks, from the binaries that are installed.
//!
//! A server lives in a folder of its own under the temporary folder, syncs its files, listens on a Unix socket there
//! and on a loopback port with TLS, and is stopped and removed when the test process ends, however it ends: a small
//! shell waits for the end of a pipe that this process holds. The superuser of the cluster is [`SUPERUSER`]; started
//! by root, the server runs as an unprivileged user. Nothing here knows Chukei's tables.

mod binaries;
mod certificates;
mod cleanup;
mod process;
mod replica;
mod small_disk;
mod template;

pub use binaries::{available, binaries};
pub use process::{Connection, PostgresServer, SUPERUSER};
