//! Every fuzz target compiles, and stands bytes that it may see: all that is frozen anywhere in the repository, whole, cut off
//! and changed, whichever target it was frozen for.
//!
//! The targets stand outside the workspace, since their engine is C++ and wants flags of its own; so nothing would notice when
//! they no longer compile. Here they are compiled without the engine, by the same files. This is no fuzzing: nothing is
//! searched for, and the same bytes are tried each time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
// Files that are crates of their own elsewhere.
#![allow(unused_attributes, unreachable_pub)]

extern crate self as chukei_fuzz;
extern crate self as libfuzzer_sys;

#[path = "../../../fuzz/src/lib.rs"]
mod assertions;
mod seeds;

use std::panic::catch_unwind;

pub use assertions::*;

/// In place of the engine's macro: the entry becomes a function that can be called.
macro_rules! fuzz_target {
    (|$bytes:ident: &[u8]| $asserts:expr) => {
        pub(crate) fn target($bytes: &[u8]) {
            $asserts
        }
    };
}
pub(crate) use fuzz_target;

/// A target: it returns, or what it saw is a finding.
type Target = fn(&[u8]);

// All of them, as `TARGETS`, by name.
include!(concat!(env!("OUT_DIR"), "/targets.rs"));

#[test]
fn every_target_stands_every_frozen_form_and_its_changes() {
    let seeds = seeds::all();
    let fails = |target: Target, input: &[u8]| catch_unwind(|| target(input)).is_err();
    let mut found = Vec::new();
    for &(name, target) in TARGETS {
        // One finding of a target is enough to look for the others.
        let first = seeds.iter().find(|seed| fails(target, seed));
        found.extend(first.map(|seed| format!("{name}: {}", data_encoding::HEXLOWER.encode(seed))));
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}
