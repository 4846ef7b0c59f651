//! Running it: health, metrics, stops and starts, overload, and what comes from outside and is bad.

mod bad_input;
mod certificates;
mod long_line;
mod overload;
mod readiness;
mod scrape;
mod starting;
mod stopping;

use libtest_mimic::Trial;

pub(crate) fn trials() -> Vec<Trial> {
    let groups = [
        readiness::trials(),
        stopping::trials(),
        starting::trials(),
        overload::trials(),
        bad_input::trials(),
        scrape::trials(),
    ];
    groups.into_iter().flatten().collect()
}
