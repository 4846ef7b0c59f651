//! Own information out: exactly what was asked, of exactly the person who asked, wholly old or wholly new.

mod exactness;
mod storm;

use libtest_mimic::Trial;

use crate::group::group;

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = group("own_information", exactness::TESTS);
    trials.extend(group("own_information", storm::TESTS));
    trials
}
