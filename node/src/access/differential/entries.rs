//! Entries of registers, as they are and as they come at random.

use chukei_domain::day::day_of;
use chukei_domain::register::{
    Delegation, Device, Entry, Function, FunctionName, Health, HealthState, Mode, Period, Staff, StaffKind,
    Ticket, Zone,
};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::world::{
    CARE, DELEGATIONS, DEVICES, HOUR_MS, NOBODYS, NOW_MS, OTHER, OWN, PEOPLE, ROLES, TAX, TICKETS, TRIED,
};

/// Everybody and everything as they are in order.
pub(super) fn everything() -> Vec<Entry> {
    let mut entries: Vec<Entry> =
        PEOPLE.iter().map(|(name, kind)| Entry::Staff(person(name, *kind))).collect();
    entries.extend(DEVICES.iter().map(|name| Entry::Device(device(name))));
    entries.extend(FunctionName::ALL.map(|name| Entry::Function(function(name, Mode::Live))));
    let well =
        |device: &str| Health { device: device.to_owned(), state: HealthState::Healthy, at_ms: NOW_MS };
    entries.extend(DEVICES.iter().map(|name| Entry::Health(well(name))));
    entries
}

/// Somebody with whom everything is in order.
pub(super) fn person(name: &str, kind: StaffKind) -> Staff {
    let today = day_of(NOW_MS);
    let roles: &[&str] = match (name, kind) {
        ("u-root", _) => &["administrator", "clerk", "requester", "reviewer"],
        (_, StaffKind::Staff | StaffKind::System) => &["clerk"],
        _ => &[],
    };
    Staff {
        name: name.to_owned(),
        kind,
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
        department: if kind == StaffKind::Staff { "zeimu".to_owned() } else { String::new() },
        affairs: match kind {
            StaffKind::Staff | StaffKind::System => vec![TAX.parse().unwrap()],
            _ => Vec::new(),
        },
        valid: Period { from_day: 0, until_day: today + 100 },
        contract: None,
        trained_on: Some(today - 100),
        factors: Vec::new(),
    }
}

pub(super) fn changed(rng: &mut StdRng, name: &str, kind: StaffKind) -> Staff {
    let mut person = person(name, kind);
    for _ in 0..rng.random_range(1..4) {
        match rng.random_range(0..5) {
            0 => {
                let roles = ROLES.iter().filter(|_| rng.random_bool(0.4));
                person.roles = roles.map(|&role| role.to_owned()).collect();
            }
            1 => {
                let affairs = [TAX, CARE].into_iter().filter(|_| rng.random());
                person.affairs = affairs.map(|code| code.parse().unwrap()).collect();
            }
            2 => person.valid = days(rng),
            3 => person.contract = rng.random_bool(0.7).then(|| days(rng)),
            _ => {
                let ago = rng.random_range(360..370);
                person.trained_on = rng.random_bool(0.8).then(|| day_of(NOW_MS) - ago);
            }
        }
    }
    person
}

/// Around today, mostly with today.
pub(super) fn days(rng: &mut StdRng) -> Period {
    let today = day_of(NOW_MS);
    let from_day = today - 3 + rng.random_range(0..4);
    Period { from_day, until_day: from_day + rng.random_range(0..5) }
}

pub(super) fn device(name: &str) -> Device {
    let listed = Period { from_day: 0, until_day: day_of(NOW_MS) + 100 };
    Device { name: name.to_owned(), zone: Zone::Closed, listed }
}

pub(super) fn function(function: FunctionName, mode: Mode) -> Function {
    let reference = if mode == Mode::Off { String::new() } else { "R8-12".to_owned() };
    let trial_persons = if mode == Mode::Trial { vec![TRIED.parse().unwrap()] } else { Vec::new() };
    Function { function, mode, reference, from_day: 0, trial_persons }
}

pub(super) fn ticket(rng: &mut StdRng) -> Ticket {
    let from_ms = NOW_MS - rng.random_range(0..10) * HOUR_MS;
    let actions = ["backup_create", "backup_restore", "node_restart", "store_compact", "upkeep_status"];
    let mut actions: Vec<String> =
        actions.iter().filter(|_| rng.random_bool(0.8)).map(|&action| action.to_owned()).collect();
    actions.push("body_move".to_owned());
    actions.sort();
    Ticket {
        id: (*TICKETS.choose(rng).unwrap()).to_owned(),
        holder: (*["m-1", "m-1", "m-2", "m-3"].choose(rng).unwrap()).to_owned(),
        device: (*DEVICES.choose(rng).unwrap()).to_owned(),
        from_ms,
        until_ms: from_ms + rng.random_range(1..20) * HOUR_MS,
        actions,
    }
}

/// Leave that `body` gives, mostly to the other one: for some affairs, some functions, about now.
pub(super) fn delegation(rng: &mut StdRng, body: &str) -> Delegation {
    let other = if body == OWN { OTHER } else { OWN };
    let to = *[other, other, other, NOBODYS].choose(rng).unwrap();
    // What cannot be delegated at all may be named as well, and is of no use.
    let all = ["copy_import", "copy_show", "person_list", "notice_send", "audit_verify", "register_change"];
    let mut functions: Vec<String> =
        all.iter().filter(|_| rng.random_bool(0.6)).map(|&function| function.to_owned()).collect();
    functions.push("provision_status".to_owned());
    functions.sort();
    let mut affairs: Vec<_> = [TAX, CARE].iter().filter(|_| rng.random_bool(0.6)).collect();
    if affairs.is_empty() {
        affairs.push(&TAX);
    }
    let from_ms = NOW_MS + rng.random_range(0..12) * HOUR_MS - 9 * HOUR_MS;
    Delegation {
        id: (*DELEGATIONS.choose(rng).unwrap()).to_owned(),
        to: to.parse().unwrap(),
        affairs: affairs.into_iter().map(|affair| affair.parse().unwrap()).collect(),
        functions,
        from_ms,
        until_ms: from_ms + rng.random_range(1..20) * HOUR_MS,
        revoked: rng.random_bool(0.2),
    }
}
