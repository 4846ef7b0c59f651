//! The recorder's text as calls that begin and end.
//!
//! A call that other threads' calls overlap stands on two lines, `… <unfinished ...>` and `<... name resumed> …`; its
//! result is known from its beginning on, because the whole text is read first. A call that never ended has none.

use std::borrow::Cow;
use std::collections::HashMap;

/// One call of the recorded process.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Call<'a> {
    pub(crate) name: &'a str,
    pub(crate) arguments: Cow<'a, str>,
    /// What it returned: `None` if it failed or never returned.
    pub(crate) result: Option<u64>,
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
            calls.line(thread, line.trim_start(), &mut unfinished);
        }
        calls
    }

    fn line(&mut self, thread: &'a str, line: &'a str, unfinished: &mut HashMap<&'a str, usize>) {
        if let Some(rest) = line.strip_prefix("<... ") {
            let Some(at) = unfinished.remove(thread) else { return };
            let Some((_, rest)) = rest.split_once(" resumed>") else { return };
            let Some((arguments, result)) = end(rest) else { return };
            if let Some(call) = self.calls.get_mut(at) {
                call.arguments.to_mut().push_str(arguments);
                call.result = result;
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
            self.calls.push(Call { name, arguments: arguments.trim_end().into(), result: None });
        } else if let Some((arguments, result)) = end(rest) {
            self.calls.push(Call { name, arguments: arguments.into(), result });
            self.moments.push(Moment::Ended(at));
        } else {
            // Cut off by the end of the process.
            self.calls.push(Call { name, arguments: rest.into(), result: None });
        }
    }
}

/// The arguments and the result at the end of a line: `…) = 3`, `…) = -1 ENOENT (…)`, `…) = ?`.
fn end(rest: &str) -> Option<(&str, Option<u64>)> {
    let (arguments, result) = rest.rsplit_once(" = ")?;
    let arguments = arguments.trim_end().strip_suffix(')')?;
    let result = result.split(' ').next().and_then(crate::argument::number);
    Some((arguments, result))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call<'a>(name: &'a str, arguments: &'a str, result: Option<u64>) -> Call<'a> {
        Call { name, arguments: arguments.into(), result }
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
        let found = Calls::parse(text);
        assert_eq!(
            found.calls,
            [
                call("fsync", "3", Some(0)),
                call("write", "4, \"\\x61\", 1", Some(1)),
                call("openat", "AT_FDCWD, \"\\x61\", O_RDONLY", None),
                call("mmap", "NULL, 8, PROT_READ, MAP_SHARED, 5, 0", Some(0x7f00)),
                call("pwrite64", "4, \"\\x61\", 1, 0", None),
            ]
        );
        use Moment::{Begun, Ended};
        let order =
            [Begun(0), Begun(1), Ended(1), Begun(2), Ended(2), Ended(0), Begun(3), Ended(3), Begun(4)];
        assert_eq!(found.moments, order);
    }
}
