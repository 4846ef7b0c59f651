//! One binary for all system tests, and for the roles they run: child processes are this very program.
//!
//! What must hold: a test begins nothing it does not end, and needs no other test to have run. Every group has a
//! file of its own and one stack that its tests share, with persons of its own for each test.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod acts;
mod attacks;
mod backed_up_log;
mod channels;
mod clocks;
mod contract;
mod copied_records;
mod copies_disk;
mod copy_file;
mod credentials;
mod day;
mod delegation;
mod disks;
mod edited_log;
mod edited_rows;
mod ended_records;
mod engines;
mod every_endpoint;
mod exchange_records;
mod factors;
mod followed_log;
mod founding;
mod group;
mod hop;
mod isolation;
mod key_rotation;
mod limits;
mod load;
mod log_disk;
mod long_calls;
mod maintenance;
mod moving;
mod notice_file;
mod operation;
mod own_information;
mod page;
mod passing_time;
mod permit_roots;
mod permits;
mod person;
mod played_broker;
mod played_permits;
mod program;
mod receipts;
mod registers;
mod request_ids;
mod restoring;
mod reviews;
mod rotation;
mod second_node;
mod server;
mod stage;
mod step_up;
mod store_faults;
mod syslog;
mod taking_over;
mod time_stamps;
mod token;
mod witnessed_log;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

/// Every group of tests.
fn trials() -> Vec<Trial> {
    [
        acts::trials(),
        contract::trials(),
        edited_log::trials(),
        edited_rows::trials(),
        ended_records::trials(),
        witnessed_log::trials(),
        followed_log::trials(),
        backed_up_log::trials(),
        receipts::trials(),
        copied_records::trials(),
        copies_disk::trials(),
        every_endpoint::trials(),
        exchange_records::trials(),
        isolation::trials(),
        permits::trials(),
        permit_roots::trials(),
        clocks::trials(),
        passing_time::trials(),
        own_information::trials(),
        operation::trials(),
        limits::trials(),
        attacks::trials(),
        key_rotation::trials(),
        channels::trials(),
        credentials::trials(),
        factors::trials(),
        registers::trials(),
        long_calls::trials(),
        reviews::trials(),
        step_up::trials(),
        rotation::trials(),
        token::trials(),
        time_stamps::trials(),
        restoring::trials(),
        moving::trials(),
        log_disk::trials(),
        store_faults::trials(),
        engines::trials(),
        taking_over::trials(),
        request_ids::trials(),
        delegation::trials(),
        maintenance::trials(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn main() -> ExitCode {
    if let Some(played) = chukei_harness::role::play() {
        return played;
    }
    let arguments = Arguments::from_args();
    libtest_mimic::run(&arguments, trials()).exit_code()
}
