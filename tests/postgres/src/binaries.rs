//! Where the server's programs are, and what a test does where they are not.

use std::path::PathBuf;
use std::{env, fs};

/// Debian and its relatives keep each version's programs apart, outside of `PATH`.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Set where a missing service is a failure, not a reason to skip.
const REQUIRE: &str = "CHUKEI_REQUIRE_SERVICES";

/// The folder with `postgres` and `initdb`: from `PATH`, or the newest that is installed beside it.
pub fn binaries() -> Option<PathBuf> {
    let of_path =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    let mut of_debian: Vec<(u32, PathBuf)> = fs::read_dir(DEBIAN)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    of_debian.sort();
    let newest_first = of_debian.into_iter().rev().map(|(_, path)| path);
    of_path
        .into_iter()
        .chain(newest_first)
        .find(|folder| ["postgres", "initdb", "psql"].iter().all(|program| folder.join(program).exists()))
}

/// Whether `test` can have a server; says so on standard error where it is skipped.
///
/// # Panics
///
/// Where the programs are missing although `CHUKEI_REQUIRE_SERVICES=1`.
pub fn available(test: &str) -> bool {
    if binaries().is_some() {
        return true;
    }
    assert!(
        env::var_os(REQUIRE).is_none_or(|value| value != "1"),
        "{test}: PostgreSQL is not installed, and {REQUIRE}=1"
    );
    eprintln!("{test}: skipped, because PostgreSQL (postgres, initdb, psql) is not installed");
    false
}
