//! The engine for several nodes: tables of a PostgreSQL server (15 or newer), in which any node can take over any
//! body.
//!
//! Every key begins with the body's name; row-level security is forced on every table, and the role that the node
//! logs in as is checked at the start to be neither superuser nor owner nor exempt from it. A transaction names its
//! bodies with `set_config(…, true)`, which ends with it. A body has one owner: a lease with an epoch, which each
//! transaction locks and each new owner raises. Writers of one body share transactions; a commit whose outcome was
//! lost with the connection is looked up, never guessed.
//!
//! What of PostgreSQL is kept out, so that the same statements run on its relatives, and why: README.md of this crate.
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
