//! From calls to steps: which file a descriptor stands for, and what is done to it.
//!
//! Everything outside the folder of the trial is none of the model's business. Changes count from the beginning of
//! their call, because the disk may have them from there on; opening counts from its end, closing from its beginning,
//! because that is when a descriptor's number may be used again; a new process is there from the beginning of the call
//! that makes it, because it may do something before that returns. A call that failed did nothing. A change that never
//! returned, because its process was ended meanwhile, leaves it unknown what the kernel did, and so does opening a
//! name that another process is removing: such a recording is of no use and is made again.

use std::path::Path;

use crate::argument::{Arguments, buffers, bytes, has_flag};
use crate::call::{Call, Calls, Moment, Outcome};
use crate::error::TrialError;
use crate::image::Image;
use crate::process::{Opened, Processes};
use crate::record::SAID;
use crate::step::{CallNumber, FileChange, Node, Step};
use crate::tree::Tree;

pub(crate) struct Files {
    pub(crate) tree: Tree,
    pub(crate) processes: Processes,
    pub(crate) steps: Vec<Step>,
}

/// The steps that the recorded `text` made on the folder `root`, where the process worked and which was like `before`.
pub(crate) fn steps(text: &str, root: &Path, before: &Image) -> Result<Vec<Step>, TrialError> {
    let mut files =
        Files { tree: Tree::new(root, before), processes: Processes::new(root), steps: Vec::new() };
    let Calls { calls, moments } = Calls::parse(text);
    for moment in moments {
        let (Moment::Begun(at) | Moment::Ended(at)) = moment;
        let Some(call) = calls.get(at) else { continue };
        files.take(moment, call)?;
    }
    Ok(files.steps)
}

impl Files {
    fn take(&mut self, moment: Moment, call: &Call<'_>) -> Result<(), TrialError> {
        let unknown = || TrialError::unknown(&format!("{} {}({})", call.thread, call.name, call.arguments));
        self.processes.go_to(call.thread).ok_or_else(unknown)?;
        let arguments = Arguments::of(&call.arguments);
        let result = match call.outcome {
            Outcome::Returned(result) => result,
            Outcome::Never if self.may_change(call.name, &arguments) => return Err(TrialError::Interrupted),
            // Of what a syncfs failed for, each file's own sync still tells.
            Outcome::Failed if matches!(call.name, "fsync" | "fdatasync") => {
                self.failed_sync(moment, call.name, &arguments);
                return Ok(());
            }
            Outcome::Never | Outcome::Failed => return Ok(()),
        };
        let understood = match moment {
            Moment::Begun(at) => self.begun(at, call, &arguments, result),
            Moment::Ended(_) if self.was_overtaken(call.name, &arguments) => {
                return Err(TrialError::Interrupted);
            }
            Moment::Ended(at) => self.ended(at, call, &arguments, result),
        };
        understood.ok_or_else(unknown)
    }

    /// `None` if the model does not know what the call does.
    fn begun(
        &mut self,
        at: CallNumber,
        call: &Call<'_>,
        arguments: &Arguments<'_>,
        result: u64,
    ) -> Option<()> {
        match call.name {
            "close" => self.processes.close(arguments.number(0)?),
            "close_range" => {
                let closed = arguments.number(0)?..=arguments.number(1)?;
                self.processes.close_all(|descriptor| closed.contains(&descriptor));
            }
            "clone" | "clone3" | "fork" | "vfork" => {
                self.processes.make(result, call.arguments.contains("CLONE_FILES"));
            }
            "write" | "writev" | "pwrite64" | "pwritev" | "pwritev2" => {
                self.write(at, call, arguments, result)?;
            }
            "fsync" | "fdatasync" | "syncfs" => self.sync_begun(at, call.name, arguments),
            "ftruncate" => {
                if let Some(node) = self.node(arguments) {
                    self.change(at, node, FileChange::Resize(arguments.number(1)?));
                }
            }
            "fallocate" => self.reserve(at, arguments)?,
            name => self.change_names(at, name, arguments)?,
        }
        Some(())
    }

    fn reserve(&mut self, at: CallNumber, arguments: &Arguments<'_>) -> Option<()> {
        let Some(node) = self.node(arguments) else { return Some(()) };
        match arguments.text(1)? {
            "0" => {
                let end = arguments.number(2)?.checked_add(arguments.number(3)?)?;
                self.change(at, node, FileChange::Grow(end));
            }
            "FALLOC_FL_KEEP_SIZE" => {}
            _ => return None,
        }
        Some(())
    }

    fn sync_begun(&mut self, call: CallNumber, name: &str, arguments: &Arguments<'_>) {
        if let Some(node) = self.node(arguments) {
            self.steps.push(Step::SyncBegun { call, node, all: name == "syncfs" });
        }
    }

    fn failed_sync(&mut self, moment: Moment, name: &str, arguments: &Arguments<'_>) {
        match moment {
            Moment::Begun(call) => self.sync_begun(call, name, arguments),
            Moment::Ended(call) => self.steps.push(Step::SyncFailed { call }),
        }
    }

    fn ended(
        &mut self,
        at: CallNumber,
        call: &Call<'_>,
        arguments: &Arguments<'_>,
        result: u64,
    ) -> Option<()> {
        match call.name {
            "open" | "openat" | "creat" => self.open(at, call.name, arguments, result)?,
            "dup" | "dup2" | "dup3" => self.processes.duplicate(arguments.number(0)?, result),
            "fcntl" if arguments.text(1)?.starts_with("F_DUPFD") => {
                self.processes.duplicate(arguments.number(0)?, result);
            }
            "lseek" | "read" | "readv" => {
                if let Some(opened) = self.processes.opened_mut(arguments.number(0)?) {
                    opened.position = if call.name == "lseek" { result } else { opened.position + result };
                }
            }
            // Descriptors are closed, as all are here that are not inherited.
            "execve" => self.processes.close_all(|descriptor| descriptor > 2),
            "chdir" => self.processes.work_in(&arguments.path(0)?),
            "mmap"
                if has_flag(arguments.text(3)?, "MAP_SHARED")
                    && has_flag(arguments.text(2)?, "PROT_WRITE") =>
            {
                let mapped = arguments.number(4).and_then(|descriptor| self.processes.opened(descriptor));
                if let Some(opened) = mapped {
                    // A file that nobody makes anew must not be written past every sync.
                    opened.rebuilt.then_some(())?;
                    self.steps.push(Step::Mapped(opened.node));
                }
            }
            "fsync" | "fdatasync" | "syncfs" => self.steps.push(Step::SyncEnded { call: at }),
            "copy_file_range" | "splice" => {
                self.processes.opened(arguments.number(2)?).is_none().then_some(())?;
            }
            "sendfile" => self.node(arguments).is_none().then_some(())?,
            "sync" | "fchdir" | "openat2" => return None,
            _ => {}
        }
        self.steps.push(Step::Returned(at));
        Some(())
    }

    /// What the descriptor in the first argument stands for, if that is in the folder.
    pub(crate) fn node(&self, arguments: &Arguments<'_>) -> Option<Node> {
        self.processes.opened(arguments.number(0)?).map(|opened| opened.node)
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
        let Some(Opened { node, position, appends, .. }) = self.processes.opened(descriptor) else {
            if descriptor == 2 {
                self.said(&data(arguments.text(1)?)?);
            }
            return Some(());
        };
        let (node, positioned) = (*node, call.name.starts_with('p'));
        let offset = match (positioned, appends) {
            (_, true) => self.tree.length(node),
            (true, false) => arguments.number(3)?,
            (false, false) => *position,
        };
        if !positioned && let Some(opened) = self.processes.opened_mut(descriptor) {
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
            "read" | "readv" | "fsync" | "fdatasync" | "syncfs" | "sync_file_range" | "fcntl" | "lseek"
            | "close" => false,
            _ => true,
        }
    }

    pub(crate) fn change(&mut self, call: CallNumber, node: Node, change: FileChange) {
        self.tree.change(node, &change);
        self.steps.push(Step::File { call, node, change });
    }

    fn said(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        let said = text.lines().filter_map(|line| line.strip_prefix(SAID));
        self.steps.extend(said.map(|line| Step::Said(line.to_owned())));
    }
}
