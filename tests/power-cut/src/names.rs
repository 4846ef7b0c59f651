//! Calls that take paths: opening, and every change of names.

use std::path::{Path, PathBuf};

use crate::argument::{Arguments, has_flag};
use crate::files::Files;
use crate::process::Opened;
use crate::step::{CallNumber, FileChange, Node};

/// The only files that may be written through memory: SQLite's index of its log, which it makes anew at the first
/// opening after a cut.
const REBUILT: &str = "-shm";

/// From where a path is read.
enum Place {
    /// From a folder that is open and lies in the trial's.
    In(Node, PathBuf),
    /// From an open folder that does not.
    Elsewhere,
    /// From where the process works; absolute here.
    At(PathBuf),
}

impl Files {
    /// `None` if the model does not know what the call does, as everywhere here.
    pub(crate) fn change_names(
        &mut self,
        at: CallNumber,
        name: &str,
        arguments: &Arguments<'_>,
    ) -> Option<()> {
        let first = || self.paths(arguments)?.into_iter().next();
        let both = || <[PathBuf; 2]>::try_from(self.paths(arguments)?).ok();
        let steps = match name {
            "mkdir" | "mkdirat" => {
                let path = first()?;
                self.tree.make_folder(at, &path)?
            }
            "unlink" | "rmdir" => {
                let path = first()?;
                self.tree.remove(at, &path)?
            }
            "unlinkat" => match self.place(arguments)? {
                Place::In(folder, name) => self.tree.remove_from(at, folder, &name)?,
                Place::Elsewhere => Vec::new(),
                Place::At(path) => self.tree.remove(at, &path)?,
            },
            "rename" | "renameat" | "renameat2" => {
                (arguments.text(4) != Some("RENAME_EXCHANGE")).then_some(())?;
                let [from, to] = both()?;
                self.tree.rename(at, &from, &to)?
            }
            "link" | "linkat" => {
                let [from, to] = both()?;
                self.tree.link(at, &from, &to)?
            }
            "symlink" | "symlinkat" => {
                let [_, link] = both()?;
                self.tree.is_elsewhere(&link).map(|()| Vec::new())?
            }
            "truncate" => self.tree.is_elsewhere(&first()?).map(|()| Vec::new())?,
            _ => Vec::new(),
        };
        self.steps.extend(steps);
        Some(())
    }

    /// All paths of a call. Other folders than the one where the process works are not asked for here.
    fn paths(&self, arguments: &Arguments<'_>) -> Option<Vec<PathBuf>> {
        let paths = arguments.paths()?.into_iter();
        paths
            .map(|(folder, path)| folder.is_none_or(is_here).then(|| self.processes.absolute(&path)))
            .collect()
    }

    /// Of a call whose first two arguments are a folder and a path.
    fn place(&self, arguments: &Arguments<'_>) -> Option<Place> {
        let path = arguments.path(1)?;
        Some(match self.node(arguments) {
            Some(folder) if path.is_relative() => Place::In(folder, path),
            None if path.is_relative() && !is_here(arguments.text(0)?) => Place::Elsewhere,
            _ => Place::At(self.processes.absolute(&path)),
        })
    }

    /// From where a call opens a file, and with which flags.
    fn opens<'a>(&self, name: &str, arguments: &Arguments<'a>) -> Option<(Place, &'a str)> {
        if name == "openat" {
            return Some((self.place(arguments)?, arguments.text(2)?));
        }
        let path = self.processes.absolute(&arguments.path(0)?);
        let flags = if name == "creat" { "O_WRONLY|O_CREAT|O_TRUNC" } else { arguments.text(1)? };
        Some((Place::At(path), flags))
    }

    /// Whether a call has opened what, by the calls that have begun, is not there any more.
    pub(crate) fn was_overtaken(&self, name: &str, arguments: &Arguments<'_>) -> bool {
        matches!(name, "open" | "openat")
            && match self.opens(name, arguments) {
                Some((Place::At(path), flags)) => !has_flag(flags, "O_CREAT") && !self.tree.has(&path),
                _ => false,
            }
    }

    pub(crate) fn open(
        &mut self,
        at: CallNumber,
        name: &str,
        arguments: &Arguments<'_>,
        descriptor: u64,
    ) -> Option<()> {
        // Its number was closed before, or it would not be given again.
        self.processes.close(descriptor);
        match self.opens(name, arguments)? {
            (Place::In(folder, name), flags) => {
                // Only to look into it: nothing is made this way here.
                (!has_flag(flags, "O_CREAT")).then_some(())?;
                let node = self.tree.child(folder, &name)??;
                let opened = Opened { node, position: 0, appends: false, rebuilt: false };
                self.processes.open(descriptor, opened);
            }
            (Place::Elsewhere, _) => {}
            (Place::At(path), flags) => self.open_path(at, &path, flags, descriptor)?,
        }
        Some(())
    }

    fn open_path(&mut self, at: CallNumber, path: &Path, flags: &str, descriptor: u64) -> Option<()> {
        let Some((node, steps)) = self.tree.open(at, path, has_flag(flags, "O_CREAT")) else {
            return Some(());
        };
        self.steps.extend(steps);
        // Each write through such a descriptor would be a sync of its own.
        if ["O_SYNC", "O_DSYNC", "O_TMPFILE"].iter().any(|flag| has_flag(flags, flag)) {
            return None;
        }
        if has_flag(flags, "O_TRUNC") && self.tree.length(node) > 0 {
            self.change(at, node, FileChange::Resize(0));
        }
        let rebuilt = path.to_str().is_some_and(|path| path.ends_with(REBUILT));
        let appends = has_flag(flags, "O_APPEND");
        self.processes.open(descriptor, Opened { node, position: 0, appends, rebuilt });
        Some(())
    }
}

fn is_here(folder: &str) -> bool {
    folder == "AT_FDCWD"
}
