//! The model, searched: every property within stated bounds, and each of them seen to fail without its protection.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use chukei_model::bounds::{Bounds, Pinning, Protections, Window};
use chukei_model::properties::*;
use chukei_model::system::System;
use chukei_model::terms::{Body, Person};
use stateright::{Checker, HasDiscoveries, Model};

use Body::{A, B};
use Person::{X, Y};

/// Two set-ups to A, whose node accepts two; nothing is asked.
fn set_ups() -> Bounds {
    Bounds { setups: vec![A, A], accepts: 2, ..Bounds::none() }
}

/// Both persons ask the same body at once over one channel; either request may be repeated; two brokers.
fn two_persons() -> Bounds {
    Bounds { setups: vec![A], acts: vec![(X, A, 1), (Y, A, 1)], retries: 1, hops: 2, ..Bounds::none() }
}

/// The same without repetition, for searches that take something away.
fn two_persons_once() -> Bounds {
    Bounds { retries: 0, ..two_persons() }
}

/// One person asks two bodies at once.
fn two_bodies() -> Bounds {
    Bounds { setups: vec![A, B], acts: vec![(X, A, 1), (X, B, 1)], retries: 1, hops: 2, ..Bounds::none() }
}

/// The same without repetition and with one broker, for a search that takes something away.
fn two_bodies_once() -> Bounds {
    Bounds { retries: 0, hops: 1, ..two_bodies() }
}

/// One person asks one body for two datasets, over two channels of which one replaces the other.
fn two_datasets() -> Bounds {
    Bounds { setups: vec![A, A], accepts: 2, acts: vec![(X, A, 1), (X, A, 2)], ..Bounds::none() }
}

/// A request, repeated on a new channel, while the node restarts.
fn restarts() -> Bounds {
    Bounds {
        setups: vec![A, A],
        accepts: 2,
        acts: vec![(X, A, 1)],
        retries: 1,
        restarts: 1,
        hops: 2,
        forged_setups: false,
        ..Bounds::none()
    }
}

/// Both persons ask while time passes and roots come, go missing or lie.
fn evidence() -> Bounds {
    Bounds { setups: vec![A], acts: vec![(X, A, 1), (Y, A, 1)], hops: 2, ticks: 4, ..Bounds::none() }
}

/// The broker also has everything that body B has.
fn a_body_with_the_broker() -> Bounds {
    Bounds {
        setups: vec![A, B],
        acts: vec![(X, A, 1), (X, B, 1)],
        accepts: 2,
        retries: 1,
        hops: 2,
        compromised: Some(B),
        ..Bounds::none()
    }
}

fn hold_everywhere(name: &str, bounds: Bounds, at_least: usize) {
    let system = System::protected(bounds).checker();
    let checker = system.finish_when(HasDiscoveries::AnyFailures).threads(2).spawn_bfs().join();
    checker.assert_properties();
    let states = checker.unique_state_count();
    eprintln!("{name}: {states} states, depth {}", checker.max_depth());
    assert!(states >= at_least, "{name}: only {states} states were searched");
}

/// Without a protection its property fails, within the bounds in which it held.
fn fails(property: &'static str, bounds: Bounds, weaken: impl FnOnce(&mut Protections)) {
    let system = System::without(bounds, weaken).checker();
    let enough = HasDiscoveries::AnyOf([property].into());
    let checker = system.finish_when(enough).threads(2).spawn_bfs().join();
    let path = checker.discovery(property).unwrap_or_else(|| panic!("no counterexample to: {property}"));
    eprintln!("{property}: broken in {} steps", path.into_actions().len());
}

/// What still holds although a protection is gone, because another stands behind it.
fn still_holds(property: &'static str, bounds: Bounds, weaken: impl FnOnce(&mut Protections)) {
    let checker = System::without(bounds, weaken).checker().threads(2).spawn_bfs().join();
    checker.assert_no_discovery(property);
}

#[test]
fn model_set_ups() {
    hold_everywhere("set-ups", set_ups(), 35_000);
}

#[test]
fn model_two_persons() {
    hold_everywhere("two persons", two_persons(), 268_000);
}

#[test]
fn model_two_bodies() {
    hold_everywhere("two bodies", two_bodies(), 21_000);
}

#[test]
fn model_two_datasets() {
    hold_everywhere("two datasets", two_datasets(), 432_000);
}

#[test]
fn model_restarts() {
    hold_everywhere("restarts", restarts(), 23_000);
}

#[test]
fn model_evidence() {
    hold_everywhere("evidence", evidence(), 174_000);
}

#[test]
fn model_a_body_with_the_broker() {
    hold_everywhere("a body with the broker", a_body_with_the_broker(), 20_000);
}

#[test]
fn model_without_pinned_identities_the_broker_sits_in_the_channel() {
    fails(CHANNEL, set_ups(), |off| off.pinning = Pinning::Nothing);
    fails(CHANNEL, a_body_with_the_broker(), |off| off.pinning = Pinning::AnyListed);
    // Even then the binding keeps records from it; without both it reads them.
    still_holds(SECRECY, two_persons_once(), |off| off.pinning = Pinning::Nothing);
    fails(SECRECY, two_persons_once(), |off| {
        off.pinning = Pinning::Nothing;
        off.binding_tag = false;
        off.binding_key = false;
    });
}

#[test]
fn model_without_ephemeral_keys_a_leaked_identity_opens_the_past() {
    fails(CHANNEL, two_persons_once(), |off| off.ephemeral_keys = false);
    still_holds(SECRECY, two_bodies_once(), |off| off.ephemeral_keys = false);
    fails(SECRECY, two_persons_once(), |off| {
        off.ephemeral_keys = false;
        off.binding_key = false;
    });
}

#[test]
fn model_without_the_set_up_header_in_the_export_the_ends_disagree() {
    fails(CHANNEL, set_ups(), |off| off.setup_in_export = false);
}

#[test]
fn model_without_binding_the_wrong_person_is_shown() {
    fails(RIGHT_PERSON, two_persons_once(), |off| {
        off.binding_tag = false;
        off.binding_key = false;
    });
    // Each half alone keeps it; without the tag, though, the node gives out what nobody asked for.
    still_holds(RIGHT_PERSON, two_persons_once(), |off| off.binding_tag = false);
    still_holds(RIGHT_PERSON, two_persons_once(), |off| off.binding_key = false);
    fails(AUTHENTIC_REQUEST, two_persons_once(), |off| off.binding_tag = false);
    // A tag over nothing serves whoever sits in the channel for any request.
    fails(AUTHENTIC_REQUEST, two_persons_once(), |off| {
        off.pinning = Pinning::Nothing;
        off.header_in_tag = false;
    });
    still_holds(AUTHENTIC_REQUEST, two_persons_once(), |off| off.pinning = Pinning::Nothing);
}

#[test]
fn model_without_the_header_in_the_key_replies_are_swapped() {
    fails(AUTHENTIC_REPLY, two_datasets(), |off| off.header_in_key = false);
    fails(RIGHT_PERSON, two_datasets(), |off| off.header_in_key = false);
}

#[test]
fn model_without_the_last_record_the_portal_uses_a_channel_the_body_does_not_have() {
    fails(CHANNEL, set_ups(), |off| off.last_record = false);
}

#[test]
fn model_without_the_way_in_the_key_the_portal_opens_its_own_request() {
    fails(AUTHENTIC_REPLY, two_persons_once(), |off| off.way_in_key = false);
}

#[test]
fn model_without_the_window_a_request_is_answered_twice() {
    fails(ANSWERED_ONCE, two_persons_once(), |off| off.window = Window::Nowhere);
    fails(ANSWERED_ONCE, two_persons_once(), |off| off.window = Window::PerBroker);
}

#[test]
fn model_without_fresh_salts_and_the_window_a_key_is_used_twice() {
    fails(KEY_ONCE, two_persons_once(), |off| {
        off.fresh_salt = false;
        off.window = Window::Nowhere;
    });
    // Either is enough.
    still_holds(KEY_ONCE, two_persons_once(), |off| off.fresh_salt = false);
    still_holds(KEY_ONCE, two_persons_once(), |off| off.window = Window::Nowhere);
}

#[test]
fn model_without_permit_checks_an_answer_has_none_of_its_own() {
    fails(PERMIT, two_persons_once(), |off| off.permit_names_header = false);
    fails(PERMIT, two_persons_once(), |off| off.permit_numbers = false);
}

#[test]
fn model_without_roots_in_time_a_broker_is_served_unproven() {
    fails(EVIDENCE, evidence(), |off| off.uncovered_stops = false);
    fails(EVIDENCE, evidence(), |off| off.roots_compared = false);
}
