//! What the node may release by itself, as the body has enabled it: registered notices, to their targets (R14).
//!
//! What must hold: it is looked at for each release anew. Whether they might be registered at all was decided before.

use chukei_domain::codes::AddresseeNumber;
use chukei_domain::day::day_of;
use chukei_domain::register::{FunctionName, Mode};

use crate::hosted::HostedBody;

/// How far the function is enabled now.
pub(crate) fn enabled(body: &HostedBody, function: FunctionName, now_ms: u64) -> Mode {
    body.register().function(function).map_or(Mode::Off, |function| function.mode_on(day_of(now_ms)))
}

/// Whether the function may reach this person now.
pub(crate) fn reaches(body: &HostedBody, function: FunctionName, addressee: &str, now_ms: u64) -> bool {
    match enabled(body, function, now_ms) {
        Mode::Off => false,
        Mode::Live => true,
        Mode::Trial => addressee.parse().is_ok_and(|addressee: AddresseeNumber| {
            let register = body.register();
            let named = register.function(function).map(|function| &function.trial_persons);
            named.is_some_and(|persons| persons.binary_search(&addressee).is_ok())
        }),
    }
}
