//! From calls to steps: which file a descriptor stands for, and what is done to it.
//!
//! Everything outside the folder of the trial is none of the model's business. Changes count from the beginning of
//! their call, because the disk may have them from there on; opening counts from its end, closing from its beginning,
//! because that is when a descriptor's number may be used again. A call that failed did nothing. A
//! change that never returned, because its process was started anew meanwhile, leaves it unknown what the kernel did:
//! such a recording is of no use and is made again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::argument::{buffers, bytes, has_flag, number, split};
use crate::call::{Call, Calls, Moment, Outcome};
use crate::error::TrialError;
use crate::image::Image;
use crate::record::SAID;
use crate::step::{CallNumber, FileChange, Node, Step};
use crate::tree::Tree;

/// The only files that may be written through memory: SQLite's index of its log, which it makes anew at the first
/// opening after a cut.
const REBUILT: &str = "-shm";

/// What one or more descriptors stand for.
struct Opened {
    node: Node,
    position: u64,
    appends: bool,
    rebuilt: bool,
}

struct Files {
    tree: Tree,
    opened: Vec<Opened>,
    descriptors: HashMap<u64, usize>,
    steps: Vec<Step>,
}

/// The steps that the recorded `text` made on the folder `root`, where the process worked and which was like `before`.
pub(crate) fn steps(text: &str, root: &Path, before: &Image) -> Result<Vec<Step>, TrialError> {
    let mut files = Files {
        tree: Tree::new(root, before),
        opened: Vec::new(),
        descriptors: HashMap::new(),
        steps: Vec::new(),
    };
    let Calls { calls, moments } = Calls::parse(text);
    for moment in moments {
        let (Moment::Begun(at) | Moment::Ended(at)) = moment;
        let Some(call) = calls.get(at) else { continue };
        let arguments = Arguments(split(&call.arguments));
        let result = match call.outcome {
            Outcome::Returned(result) => result,
            Outcome::Never if files.may_change(call.name, &arguments) => return Err(TrialError::Interrupted),
            Outcome::Failed if matches!(call.name, "fsync" | "fdatasync") => {
                files.failed_sync(moment, &arguments);
                continue;
            }
            Outcome::Never | Outcome::Failed => continue,
        };
        let understood = match moment {
            Moment::Begun(_) => files.begun(at, call, &arguments, result),
            Moment::Ended(_) => files.ended(at, call, &arguments, result),
        };
        understood.ok_or_else(|| TrialError::unknown(&format!("{}({})", call.name, call.arguments)))?;
    }
    Ok(files.steps)
}

/// The arguments of one call.
struct Arguments<'a>(Vec<&'a str>);

impl<'a> Arguments<'a> {
    fn text(&self, index: usize) -> Option<&'a str> {
        self.0.get(index).copied()
    }

    fn number(&self, index: usize) -> Option<u64> {
        number(self.text(index)?)
    }

    fn path(&self, index: usize) -> Option<PathBuf> {
        use std::os::unix::ffi::OsStringExt;
        Some(std::ffi::OsString::from_vec(bytes(self.text(index)?)?).into())
    }
}

impl Files {
    /// `None` if the model does not know what the call does.
    fn begun(
        &mut self,
        at: CallNumber,
        call: &Call<'_>,
        arguments: &Arguments<'_>,
        result: u64,
    ) -> Option<()> {
        match call.name {
            "close" => {
                self.descriptors.remove(&arguments.number(0)?);
            }
            "close_range" => {
                let closed = arguments.number(0)?..=arguments.number(1)?;
                self.descriptors.retain(|descriptor, _| !closed.contains(descriptor));
            }
            "write" | "writev" | "pwrite64" | "pwritev" | "pwritev2" => {
                self.write(at, call, arguments, result)?;
            }
            "fsync" | "fdatasync" => {
                if let Some(node) = self.node(arguments) {
                    self.steps.push(Step::SyncBegun { call: at, node });
                }
            }
            "ftruncate" => {
                if let Some(node) = self.node(arguments) {
                    self.change(at, node, FileChange::Resize(arguments.number(1)?));
                }
            }
            "fallocate" => {
                if let Some(node) = self.node(arguments) {
                    match arguments.text(1)? {
                        "0" => {
                            let end = arguments.number(2)?.checked_add(arguments.number(3)?)?;
                            self.change(at, node, FileChange::Grow(end));
                        }
                        "FALLOC_FL_KEEP_SIZE" => {}
                        _ => return None,
                    }
                }
            }
            name => self.names(at, name, arguments)?,
        }
        Some(())
    }

    fn failed_sync(&mut self, moment: Moment, arguments: &Arguments<'_>) {
        match (moment, self.node(arguments)) {
            (Moment::Begun(call), Some(node)) => self.steps.push(Step::SyncBegun { call, node }),
            (Moment::Ended(call), _) => self.steps.push(Step::SyncFailed { call }),
            (Moment::Begun(_), None) => {}
        }
    }

    /// Changes of names: calls that take paths.
    fn names(&mut self, at: CallNumber, name: &str, arguments: &Arguments<'_>) -> Option<()> {
        let path = |index| arguments.path(index);
        let from_here = |index| is_here(arguments.text(index)?);
        let step = match name {
            "mkdir" => self.tree.make_folder(at, &path(0)?)?,
            "mkdirat" => from_here(0).and_then(|()| self.tree.make_folder(at, &path(1)?))?,
            "unlink" | "rmdir" => self.tree.remove(at, &path(0)?)?,
            "unlinkat" => match self.node(arguments) {
                Some(folder) => self.tree.remove_from(at, folder, &path(1)?)?,
                // Of a folder elsewhere.
                None if path(1)?.is_relative() && from_here(0).is_none() => Vec::new(),
                None => self.tree.remove(at, &path(1)?)?,
            },
            "rename" => self.tree.rename(at, &path(0)?, &path(1)?)?,
            "renameat" | "renameat2" => {
                from_here(0)?;
                from_here(2)?;
                self.tree.rename(at, &path(1)?, &path(3)?)?
            }
            "link" => self.tree.link(at, &path(0)?, &path(1)?)?,
            "linkat" => {
                from_here(0)?;
                from_here(2)?;
                self.tree.link(at, &path(1)?, &path(3)?)?
            }
            "symlink" => self.tree.is_elsewhere(&path(1)?).map(|()| Vec::new())?,
            "symlinkat" => self.tree.is_elsewhere(&path(2)?).map(|()| Vec::new())?,
            "truncate" => self.tree.is_elsewhere(&path(0)?).map(|()| Vec::new())?,
            _ => Vec::new(),
        };
        self.steps.extend(step);
        Some(())
    }

    fn ended(
        &mut self,
        at: CallNumber,
        call: &Call<'_>,
        arguments: &Arguments<'_>,
        result: u64,
    ) -> Option<()> {
        match call.name {
            "open" => self.open(at, &arguments.path(0)?, arguments.text(1)?, result)?,
            "openat" => self.open_at(at, arguments, result)?,
            "creat" => self.open(at, &arguments.path(0)?, "O_WRONLY|O_CREAT|O_TRUNC", result)?,
            "dup" | "dup2" | "dup3" => self.duplicate(arguments.number(0)?, result),
            "fcntl" if arguments.text(1)?.starts_with("F_DUPFD") => {
                self.duplicate(arguments.number(0)?, result)
            }
            "lseek" | "read" | "readv" => {
                if let Some(opened) = self.opened_mut(arguments.number(0)?) {
                    opened.position = if call.name == "lseek" { result } else { opened.position + result };
                }
            }
            // Descriptors are closed, as all are here that are not inherited.
            "execve" => self.descriptors.retain(|descriptor, _| *descriptor <= 2),
            "chdir" => self.tree.work_in(&arguments.path(0)?),
            "mmap"
                if has_flag(arguments.text(3)?, "MAP_SHARED")
                    && has_flag(arguments.text(2)?, "PROT_WRITE") =>
            {
                if let Some(opened) = arguments.number(4).and_then(|descriptor| self.opened(descriptor)) {
                    // A file that nobody makes anew must not be written past every sync.
                    opened.rebuilt.then_some(())?;
                    self.steps.push(Step::Mapped(opened.node));
                }
            }
            "fsync" | "fdatasync" => self.steps.push(Step::SyncEnded { call: at }),
            "copy_file_range" | "splice" => self.opened(arguments.number(2)?).is_none().then_some(())?,
            "sendfile" => self.opened(arguments.number(0)?).is_none().then_some(())?,
            "sync" | "syncfs" | "fchdir" | "openat2" => return None,
            _ => {}
        }
        self.steps.push(Step::Returned(at));
        Some(())
    }

    fn opened(&self, descriptor: u64) -> Option<&Opened> {
        self.opened.get(*self.descriptors.get(&descriptor)?)
    }

    fn opened_mut(&mut self, descriptor: u64) -> Option<&mut Opened> {
        self.opened.get_mut(*self.descriptors.get(&descriptor)?)
    }

    /// What the descriptor in the first argument stands for, if that is in the folder.
    fn node(&self, arguments: &Arguments<'_>) -> Option<Node> {
        self.opened(arguments.number(0)?).map(|opened| opened.node)
    }

    fn duplicate(&mut self, from: u64, to: u64) {
        match self.descriptors.get(&from).copied() {
            Some(opened) => self.descriptors.insert(to, opened),
            None => self.descriptors.remove(&to),
        };
    }

    fn open_at(&mut self, at: CallNumber, arguments: &Arguments<'_>, descriptor: u64) -> Option<()> {
        let (path, flags) = (arguments.path(1)?, arguments.text(2)?);
        match self.node(arguments) {
            Some(folder) if path.is_relative() => {
                // Only to look into it: nothing is made this way here.
                (!has_flag(flags, "O_CREAT")).then_some(())?;
                let node = self.tree.child(folder, &path)??;
                self.descriptors.insert(descriptor, self.opened.len());
                self.opened.push(Opened { node, position: 0, appends: false, rebuilt: false });
            }
            None if path.is_relative() && is_here(arguments.text(0)?).is_none() => {
                self.descriptors.remove(&descriptor);
            }
            _ => self.open(at, &path, flags, descriptor)?,
        }
        Some(())
    }

    fn open(&mut self, at: CallNumber, path: &Path, flags: &str, descriptor: u64) -> Option<()> {
        self.descriptors.remove(&descriptor);
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
        self.descriptors.insert(descriptor, self.opened.len());
        self.opened.push(Opened { node, position: 0, appends: has_flag(flags, "O_APPEND"), rebuilt });
        Some(())
    }

    fn write(
        &mut self,
        at: CallNumber,
        call: &Call<'_>,
        arguments: &Arguments<'_>,
        written: u64,
    ) -> Option<()> {
        let data = |text: &str| if call.name.contains('v') { buffers(text) } else { bytes(text) };
        let descriptor = arguments.number(0)?;
        let Some(opened) = self.opened(descriptor) else {
            if descriptor == 2 {
                self.said(&data(arguments.text(1)?)?);
            }
            return Some(());
        };
        let (node, positioned) = (opened.node, call.name.starts_with('p'));
        let offset = match (positioned, opened.appends) {
            (_, true) => self.tree.length(node),
            (true, false) => arguments.number(3)?,
            (false, false) => opened.position,
        };
        if !positioned && let Some(opened) = self.opened_mut(descriptor) {
            opened.position = offset + written;
        }
        let bytes = data(arguments.text(1)?)?.get(..usize::try_from(written).ok()?)?.into();
        self.change(at, node, FileChange::Write { offset, bytes });
        Some(())
    }

    /// Whether a call of this name may change something in the folder.
    fn may_change(&self, name: &str, arguments: &Arguments<'_>) -> bool {
        match name {
            "write" | "writev" | "pwrite64" | "pwritev" | "pwritev2" | "ftruncate" | "fallocate" => {
                self.node(arguments).is_some()
            }
            "read" | "readv" | "fsync" | "fdatasync" | "sync_file_range" | "fcntl" | "lseek" | "close" => {
                false
            }
            _ => true,
        }
    }

    fn change(&mut self, call: CallNumber, node: Node, change: FileChange) {
        self.tree.change(node, &change);
        self.steps.push(Step::File { call, node, change });
    }

    fn said(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        let said = text.lines().filter_map(|line| line.strip_prefix(SAID));
        self.steps.extend(said.map(|line| Step::Said(line.to_owned())));
    }
}

/// Paths are read from where the process works; other places are not asked for by what is recorded here.
fn is_here(folder: &str) -> Option<()> {
    (folder == "AT_FDCWD").then_some(())
}
