//! The recorder's text as calls that begin and end.
//!
//! A call that other threads' calls overlap stands on two lines, `… <unfinished ...>` and `<... name resumed> …`; its
//! result is known from its beginning on, because the whole text is read first. A call that never ended has none. Of
//! the processes that are recorded only those with one thread start other programs at the same time.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::process::ThreadId;

/// One call of a recorded process.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Call<'a> {
    pub(crate) thread: ThreadId,
    pub(crate) name: &'a str,
    pub(crate) arguments: Cow<'a, str>,
    pub(crate) outcome: Outcome,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Returned(u64),
    Failed,
    /// Its thread was killed in it.
    Never,
}

/// A moment of the recording; the numbers are places in the list of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Begun(usize),
    Ended(usize),
}

/// Calls, and the order in which they began and ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Calls<'a> {
    pub(crate) calls: Vec<Call<'a>>,
    pub(crate) moments: Vec<Moment>,
}

impl<'a> Calls<'a> {
    pub(crate) fn parse(text: &'a str) -> Self {
        let mut calls = Self::default();
        // Of each thread, the call that has not ended.
        let mut unfinished = HashMap::new();
        for line in text.lines() {
            let Some((thread, line)) = line.split_once(' ') else { continue };
            let Ok(thread) = thread.parse() else { continue };
            calls.line(thread, line.trim_start(), &mut unfinished);
        }
        calls
    }

    fn line(&mut self, thread: ThreadId, line: &'a str, unfinished: &mut HashMap<ThreadId, usize>) {
        if let Some(rest) = line.strip_prefix("<... ") {
            let Some((name, rest)) = rest.split_once(" resumed>") else { return };
            let begun = match unfinished.remove(&thread) {
                // It ends on the first thread of its process, which may have been in a call that never ends.
                begun if name == "execve" && !begun.is_some_and(|at| self.is(at, name)) => {
                    let elsewhere = unfinished.iter().find(|(_, at)| self.is(**at, name));
                    elsewhere.map(|(thread, _)| *thread).and_then(|thread| unfinished.remove(&thread))
                }
                begun => begun,
            };
            let (Some(at), Some((arguments, outcome))) = (begun, end(rest)) else { return };
            if let Some(call) = self.calls.get_mut(at) {
                call.arguments.to_mut().push_str(arguments);
                call.outcome = outcome;
            }
            self.moments.push(Moment::Ended(at));
            return;
        }
        let Some((name, rest)) = line.split_once('(') else { return };
        // Lines such as `+++ exited` or `--- SIGCHLD`.
        if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
            return;
        }
        let at = self.calls.len();
        self.moments.push(Moment::Begun(at));
        if let Some(arguments) = rest.strip_suffix("<unfinished ...>") {
            unfinished.insert(thread, at);
            self.calls.push(Call {
                thread,
                name,
                arguments: arguments.trim_end().into(),
                outcome: Outcome::Never,
            });
        } else if let Some((arguments, outcome)) = end(rest) {
            self.calls.push(Call { thread, name, arguments: arguments.into(), outcome });
            self.moments.push(Moment::Ended(at));
        } else {
            // Cut off by the end of the process.
            self.calls.push(Call { thread, name, arguments: rest.into(), outcome: Outcome::Never });
        }
    }

    fn is(&self, at: usize, name: &str) -> bool {
        self.calls.get(at).is_some_and(|call| call.name == name)
    }
}

/// The arguments and the result at the end of a line: `…) = 3`, `…) = -1 ENOENT (…)`, `…) = ?`.
fn end(rest: &str) -> Option<(&str, Outcome)> {
    let (arguments, result) = rest.rsplit_once(" = ")?;
    let arguments = arguments.trim_end().strip_suffix(')')?;
    let outcome = match result.split(' ').next() {
        Some("?") => Outcome::Never,
        Some(result) => crate::argument::number(result).map_or(Outcome::Failed, Outcome::Returned),
        None => Outcome::Never,
    };
    Some((arguments, outcome))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call<'a>(thread: ThreadId, name: &'a str, arguments: &'a str, outcome: Outcome) -> Call<'a> {
        Call { thread, name, arguments: arguments.into(), outcome }
    }

    #[test]
    fn calls_of_threads_overlap() {
        let text = "\
7  fsync(3 <unfinished ...>
8  write(4, \"\\x61\", 1)      = 1
8  openat(AT_FDCWD, \"\\x61\", O_RDONLY) = -1 ENOENT (No such file or directory)
7  <... fsync resumed>)     = 0
7  mmap(NULL, 8, PROT_READ, MAP_SHARED, 5, 0 <unfinished ...>
8  +++ exited with 0 +++
7  <... mmap resumed>)      = 0x7f00
9  --- SIGCHLD {si_signo=SIGCHLD} ---
9  pwrite64(4, \"\\x61\", 1, 0 <unfinished ...>
";
        use Outcome::{Failed, Never, Returned};
        let found = Calls::parse(text);
        assert_eq!(
            found.calls,
            [
                call(7, "fsync", "3", Returned(0)),
                call(8, "write", "4, \"\\x61\", 1", Returned(1)),
                call(8, "openat", "AT_FDCWD, \"\\x61\", O_RDONLY", Failed),
                call(7, "mmap", "NULL, 8, PROT_READ, MAP_SHARED, 5, 0", Returned(0x7f00)),
                call(9, "pwrite64", "4, \"\\x61\", 1, 0", Never),
            ]
        );
        use Moment::{Begun, Ended};
        let order =
            [Begun(0), Begun(1), Ended(1), Begun(2), Ended(2), Ended(0), Begun(3), Ended(3), Begun(4)];
        assert_eq!(found.moments, order);
    }

    #[test]
    fn a_process_that_starts_anew_ends_its_threads_in_their_calls() {
        let text = "\
7  read(0 <unfinished ...>
8  pwrite64(4, \"\\x61\", 1, 0 <unfinished ...>
9  execve(\"\\x61\", [], 0x7f /* 9 vars */ <unfinished ...>
8  +++ superseded by execve in pid 9 +++
7  <... execve resumed>)     = 0
7  fsync(3)                  = 0
";
        let found = Calls::parse(text);
        let outcomes: Vec<_> = found.calls.iter().map(|call| (call.name, call.outcome)).collect();
        use Outcome::{Never, Returned};
        let expected =
            [("read", Never), ("pwrite64", Never), ("execve", Returned(0)), ("fsync", Returned(0))];
        assert_eq!(outcomes, expected);
    }
}
