//! The command line, as scripts rely on it: what is printed, how it ends, what is refused and by which name.

mod copies;
mod errors;
mod notices;
mod oversight;
mod persons;
mod programs;

use libtest_mimic::Trial;

use crate::group::group;

pub(crate) fn trials() -> Vec<Trial> {
    let tests =
        [persons::TESTS, copies::TESTS, notices::TESTS, oversight::TESTS, errors::TESTS, programs::TESTS];
    group("contract", &tests.concat())
}
