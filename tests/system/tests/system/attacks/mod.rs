//! Attacks on the running stack: killed processes, listeners, changed bytes, hostile brokers, lost brokers.
//!
//! What must hold: nothing is disclosed to the wrong person, nothing acknowledged is lost, and everything goes on
//! by itself once the attack is over.

pub(crate) mod broker_loss;
pub(crate) mod crash;
mod datagram_flips;
mod datagrams;
mod hostile;
mod inner_broker;
mod interference;
pub(crate) mod memory;
mod mixups;
pub(crate) mod needles;
mod permits;
mod raw_files;
pub(crate) mod rig;
mod sealed_flips;
mod setups;
mod wiretap;

use libtest_mimic::Trial;

/// Every attack.
pub(crate) fn trials() -> Vec<Trial> {
    let groups = [
        crash::trials(),
        wiretap::trials(),
        raw_files::trials(),
        interference::trials(),
        broker_loss::trials(),
    ];
    groups.into_iter().flatten().collect()
}
