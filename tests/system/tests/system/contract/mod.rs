//! The command line, as scripts rely on it: what is printed, how it ends, what is refused and by which name.

mod copies;
mod persons;

use libtest_mimic::Trial;

use crate::group::group;

pub(crate) fn trials() -> Vec<Trial> {
    group("contract", &[persons::TESTS, copies::TESTS].concat())
}
