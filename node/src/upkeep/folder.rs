//! The node's folder of backups: each backup in a folder named `<body>-<Unix ms>`.
//!
//! What must hold: a caller's name is one component and begins with the body that the caller is there for, so that
//! another body's backups are like backups that do not exist (R1).

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use chukei_wire::body_code::BodyCode;
use chukei_wire::name::BackupName;

use crate::backup::outcome::{Exit, Failure};

/// Backups that the folder may hold before another one is taken.
const BACKUPS_MAX: usize = 4_096;

/// The folder.
pub(super) struct BackupFolder(PathBuf);

impl BackupFolder {
    /// The folder at this path, which is made when the first backup is taken.
    pub(super) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where a new backup of `body` goes.
    pub(super) fn fresh(&self, body: BodyCode, now_ms: u64) -> Result<PathBuf, Failure> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0);
        made.map_err(|error| unusable(&error))?;
        if self.names()?.len() >= BACKUPS_MAX {
            let text = format!("the folder holds {BACKUPS_MAX} backups: have old ones removed on the host");
            return Err(Failure::new(Exit::Refused, "TOO_MANY_BACKUPS", text));
        }
        Ok(self.0.join(format!("{body}-{now_ms}")))
    }

    /// Where the backup of this name is, if it is one of `body`'s.
    pub(super) fn existing(&self, body: BodyCode, name: &BackupName) -> Result<PathBuf, Failure> {
        let path = self.0.join(name.as_str());
        if is_of(name.as_str(), body) && path.is_dir() { Ok(path) } else { Err(no_such()) }
    }

    /// Names of the backups of `body`, or of all, in order.
    pub(super) fn list(&self, body: Option<BodyCode>) -> Result<Vec<String>, Failure> {
        let mut names = self.names()?;
        names.retain(|name| body.is_none_or(|body| is_of(name, body)));
        names.sort_unstable();
        Ok(names)
    }

    fn names(&self) -> Result<Vec<String>, Failure> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unusable(&error)),
        };
        let named = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok(named.filter(|name| name.parse::<BackupName>().is_ok()).take(2 * BACKUPS_MAX).collect())
    }
}

/// The name of a backup's folder, as callers use it.
pub(super) fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Nothing else than for a backup that is not there.
pub(super) fn no_such() -> Failure {
    Failure::new(Exit::Refused, "NOT_FOUND", "the node has no such backup of this body: see upkeep status")
}

fn is_of(name: &str, body: BodyCode) -> bool {
    name.strip_prefix(body.as_str()).is_some_and(|rest| rest.starts_with('-'))
}

fn unusable(error: &std::io::Error) -> Failure {
    let text = format!("the node's folder of backups: {}: have it looked at on the host", error.kind());
    Failure::new(Exit::Unavailable, "BACKUP_FOLDER", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r01_another_bodys_backup_is_like_one_that_is_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let folder = BackupFolder::at(dir.path().join("backups"));
        let [own, other]: [BodyCode; 2] = ["982016", "982024"].map(|code| code.parse().unwrap());
        assert_eq!(folder.list(None).unwrap(), Vec::<String>::new(), "a folder that is not there yet");
        let fresh = folder.fresh(own, 7).unwrap();
        fs::create_dir(&fresh).unwrap();
        fs::create_dir(folder.fresh(other, 8).unwrap()).unwrap();
        fs::create_dir(folder.fresh(own, 9).unwrap().with_extension("partial")).unwrap();
        let name = |text: &str| -> BackupName { text.parse().unwrap() };
        assert_eq!(folder.existing(own, &name("982016-7")).unwrap(), fresh);
        for refused in ["982024-8", "982016-8", "982016", "9820167-7"] {
            assert_eq!(folder.existing(own, &name(refused)), Err(no_such()), "{refused}");
        }
        for path in ["../982016-7", "982016-7/..", "/982016-7", ".", "..", "982016-7\0"] {
            assert!(path.parse::<BackupName>().is_err(), "{path:?}");
        }
        assert_eq!(folder.list(Some(other)).unwrap(), ["982024-8"]);
        assert_eq!(folder.list(None).unwrap().len(), 3);
    }
}
