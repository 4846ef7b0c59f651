//! The versions of person codes in a broker's configuration, and what makes a set of them usable.

use std::path::PathBuf;

use chukei_domain::day::Day;
use chukei_wire::limits::CODE_VERSIONS_MAX;
use serde::{Deserialize, Deserializer, de};

use crate::config::ConfigError;

/// One version of the secret behind person codes, the same for all brokers of a system.
#[derive(Clone, Debug, Deserialize)]
pub struct CodeMasterFile {
    /// Version, from 1: the first byte of every code made in it.
    pub version: u8,
    /// Key file of 32 bytes.
    pub file: PathBuf,
    /// The first civil day (Japan) on which codes are made in it; absent: at once. Before, it is accepted only, so
    /// that every broker can be given a version before any of them uses it.
    #[serde(default, deserialize_with = "day")]
    pub issue_from: Option<Day>,
    /// The last civil day (Japan) on which its codes are accepted; absent: as long as it stands here.
    #[serde(default, deserialize_with = "day")]
    pub accept_until: Option<Day>,
}

fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Day>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Day::parse_dashed(&text).map(Some).map_err(|_| de::Error::custom("not a date as in \"2027-03-31\""))
}

/// One to three versions, once each; the newest has no end, and every other is accepted until the next is made.
pub(super) fn check(masters: &[CodeMasterFile]) -> Result<(), ConfigError> {
    let rule = |text: &'static str| Err(ConfigError::rule("code_masters", text));
    if masters.is_empty() || masters.len() > CODE_VERSIONS_MAX {
        return rule("from 1 to 3 versions");
    }
    let mut ordered: Vec<_> = masters.iter().collect();
    ordered.sort_by_key(|master| master.version);
    if ordered.first().is_some_and(|oldest| oldest.version == 0) {
        return rule("versions count from 1");
    }
    if !ordered.is_sorted_by(|a, b| a.version < b.version) {
        return rule("every version once");
    }
    if ordered.last().is_some_and(|newest| newest.accept_until.is_some()) {
        return rule("the newest version has no accept_until");
    }
    let overlap = ordered.is_sorted_by(|older, newer| {
        older.accept_until.zip(newer.issue_from).is_none_or(|(last, first)| first <= last)
    });
    if !overlap {
        return rule("a version is accepted at least until the next one is made (issue_from)");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master(version: u8, issue_from: &str, accept_until: &str) -> CodeMasterFile {
        let day = |text: &str| Day::parse_dashed(text).ok();
        CodeMasterFile {
            version,
            file: PathBuf::from("key"),
            issue_from: day(issue_from),
            accept_until: day(accept_until),
        }
    }

    fn refused(masters: &[CodeMasterFile]) -> Option<String> {
        check(masters).err().map(|error| error.to_string())
    }

    #[test]
    fn a_rotation_is_a_newer_version_whose_day_comes_before_the_older_ones_is_over() {
        let one = [master(1, "", "")];
        let prepared = [master(1, "", ""), master(2, "2027-04-01", "")];
        let ending = [master(2, "2027-04-01", ""), master(1, "", "2027-04-01")];
        let three = [master(1, "", "2027-04-30"), master(2, "2027-04-01", ""), master(9, "2028-04-01", "")];
        for masters in [&one[..], &prepared, &ending, &three] {
            assert_eq!(refused(masters), None);
        }
    }

    #[test]
    fn what_would_leave_persons_without_a_code_is_refused() {
        let four: Vec<_> = (1..=4).map(|version| master(version, "", "")).collect();
        let cases = [
            (vec![], "from 1 to 3"),
            (four, "from 1 to 3"),
            (vec![master(0, "", "")], "count from 1"),
            (vec![master(1, "", ""), master(1, "", "")], "once"),
            (vec![master(1, "", "2027-03-31")], "newest"),
            (vec![master(1, "", "2027-03-31"), master(2, "2027-04-01", "")], "at least until"),
        ];
        for (masters, told) in cases {
            let error = refused(&masters).unwrap();
            assert!(error.starts_with("code_masters") && error.contains(told), "{error}");
        }
    }
}
