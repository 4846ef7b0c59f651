//! The engine for several nodes: tables of a PostgreSQL server (15 or newer), in which any node can take over any
//! body.
//!
//! Every key begins with the body's name; row-level security is forced on every table, and the role that the node
//! logs in as is checked at the start to be neither superuser nor owner nor exempt from it. A transaction names its
//! bodies with `set_config(…, true)`, which ends with it. A body has one owner: a lease with an epoch, which each
//! transaction locks and each new owner raises. Writers of one body share transactions; a commit whose outcome was
//! lost with the connection is looked up, never guessed.
//!
//! Kept out, so that the same statements run on Citus, YugabyteDB, CockroachDB and Aurora, and why:
//! advisory locks (unknown to CockroachDB, per coordinator in Citus, lost with a pooled session: the lease is a row);
//! LISTEN and NOTIFY (not replicated, not in CockroachDB: the owner is the only writer and needs no news); triggers,
//! functions and procedures (what decides stands in this crate, where it is tested); sequences (versions are counted
//! by the owner and kept in the mark, so that they tell what was committed); foreign keys (no row refers to another
//! body's); large objects, COPY, cursors and temporary tables (pages are bounded instead); partitions and tablespaces
//! (distribution is the operator's, by the body); `SERIALIZABLE` (the epoch's lock orders the writers of a body, any
//! level from `READ COMMITTED` on will do; where a server insists, failures of serialization are tried again);
//! unlogged tables, two-phase commit, logical decoding and extensions.
//!
//! Deliberately absent: vacuum, which is the server's; a pooler that shares sessions between transactions, with which
//! prepared statements and limits of a session do not work. A server that is told to cancel a commit's wait for its
//! replica (`pg_cancel_backend`) answers as if the replica had it: nobody but an operator can do that.

pub(crate) mod backoff;
mod committer;
mod connect;
pub(crate) mod database;
mod engine;
pub(crate) mod failure;
mod glances;
mod keyring;
pub(crate) mod lease;
mod options;
mod partition;
mod reads;
mod refusal;
mod role;
pub(crate) mod schema;
mod statements;
pub(crate) mod transaction;

pub use engine::PostgresEngine;
pub use keyring::KeyringRow;
pub use options::{MAX_CONNECTIONS, MAX_LEASE, MIN_LEASE, PostgresOptions};
pub use refusal::PostgresRefusal;
pub use schema::SCHEMA_VERSION;
