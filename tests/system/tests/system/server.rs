//! A PostgreSQL server for a group of tests, where one is installed.

use chukei_harness::store::Database;
use libtest_mimic::{Completion, Failed};

/// Starts a server; `None` where none is installed, which is a failure with `CHUKEI_REQUIRE_SERVICES=1`.
pub(crate) fn start() -> Result<Option<Database>, Failed> {
    if Database::is_available() {
        return Ok(Some(Database::start()?));
    }
    let required = std::env::var("CHUKEI_REQUIRE_SERVICES").is_ok_and(|value| value == "1");
    if required { Err("PostgreSQL is needed".into()) } else { Ok(None) }
}

/// Without a server.
pub(crate) fn skipped() -> Completion {
    Completion::ignored_with("PostgreSQL (postgres, initdb, psql) is not installed")
}
