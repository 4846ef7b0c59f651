//! Two bodies whose registers change, as a small model of them knows them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use chukei_access::PolicyBook;
use chukei_crypto::sign::SigningKey;
use chukei_domain::day::day_of;
use chukei_domain::register::platform::{
    BodyTickets, PLATFORM_PURPOSE, PlatformFile, PlatformKind, PlatformPerson,
};
use chukei_domain::register::{
    Affair, Class, Delegation, Device, Entry, Function, FunctionName, Health, HealthState, Mode, Period,
    Policy, Staff, StaffKind, Ticket, Zone,
};
use chukei_relay_client::key_file;
use chukei_relay_client::signed::{sign, signature_path};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::entries::{changed, days, delegation, device, everything, function, person, ticket};
use crate::access::grant::duty_write;
use crate::access::scope::BodyScope;
use crate::hosted::HostedBody;
use crate::hosted::samples::Sample;
use crate::key_gate::{Cause, Fault};
use crate::platform::{PlatformPlace, WatchedPlatform};
use crate::register::{self, Change};

pub(super) const OWN: &str = "982016";
pub(super) const OTHER: &str = "982024";
/// Valid, and hosted nowhere.
pub(super) const NOBODYS: &str = "980005";
pub(super) const TAX: &str = "JM99000000001000";
pub(super) const CARE: &str = "JM99000000002000";
pub(super) const HOUR_MS: u64 = 3_600_000;
/// 2026-11-24, a Tuesday, 10:00 in Japan.
pub(super) const NOW_MS: u64 = 1_795_482_000_000;
pub(super) const ROLES: [&str; 7] =
    ["administrator", "approver", "clerk", "contractor", "device_manager", "requester", "reviewer"];
/// Everybody who is ever on record, with their kinds; `u-root` is always an administrator.
pub(super) const PEOPLE: [(&str, StaffKind); 6] = [
    ("u-root", StaffKind::Staff),
    ("u-1", StaffKind::Staff),
    ("u-2", StaffKind::Staff),
    ("u-3", StaffKind::Staff),
    ("s-1", StaffKind::System),
    ("a-1", StaffKind::Auditor),
];
/// Whom the platform has: kind, name, the days of the entry, those of the contract, and whether they have the device.
pub(super) const CARETAKERS: [Caretaker; 5] = [
    ("operator", "o-1", [-9, 9], None, true),
    ("operator", "o-2", [-9, -1], None, true),
    ("maintenance", "m-1", [-9, 9], Some([-9, 9]), true),
    ("maintenance", "m-2", [-9, 9], Some([-9, 0]), true),
    ("maintenance", "m-3", [-9, 9], Some([-9, 9]), false),
];
pub(super) type Caretaker = (&'static str, &'static str, [i64; 2], Option<[i64; 2]>, bool);
pub(super) const PLATFORMS: &str = "chukei://platform/device/p-01";
pub(super) const DEVICES: [&str; 3] = ["t-01", "t-02", PLATFORMS];
pub(super) const TICKETS: [&str; 2] = ["r8-1", "r8-2"];
/// Tickets of the platform's: for which body, if for one, and for what.
pub(super) const PLATFORM_TICKETS: [(&str, Option<&str>, &[&str]); 2] = [
    ("p-1", None, &["node_restart", "upkeep_status"]),
    ("p-2", Some(NOBODYS), &["backup_restore", "upkeep_status"]),
];
pub(super) const DELEGATIONS: [&str; 4] = ["d-1", "d-2", "d-3", "d-4"];
/// The one person of every trial, and somebody else.
pub(super) const TRIED: &str = "000009820160101";
pub(super) const ANYBODY: &str = "000009820160102";
/// What a body may forbid besides: before noon, and more than 50 persons.
const POLICIES: [(&str, &str); 2] = [
    (
        "noon",
        "@id(\"noon\") @result(\"OUTSIDE_WINDOW\") @reason_en(\"Afternoons only.\") @reason_ja(\"午後のみ。\")
         forbid (principal, action in Action::\"work\", resource) when { context.minute < 720 };",
    ),
    (
        "fifty",
        "@id(\"fifty\") @step_up(\"300\") @reason_en(\"More than 50.\") @reason_ja(\"50人を超える。\")
         forbid (principal, action in Action::\"opens_persons\", resource)
         when { context.persons_in_ten_minutes > 50 };",
    ),
];

/// One body, in plain values.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) people: BTreeMap<String, Staff>,
    pub(super) devices: BTreeMap<String, Device>,
    pub(super) health: BTreeMap<String, Health>,
    pub(super) tickets: BTreeMap<String, Ticket>,
    pub(super) functions: BTreeMap<FunctionName, Function>,
    pub(super) policies: BTreeMap<String, Policy>,
    /// Affairs that belong to one department.
    pub(super) owners: BTreeMap<String, String>,
    pub(super) delegations: BTreeMap<String, Delegation>,
    /// It cannot be served now.
    pub(super) shut: bool,
    /// It was erased.
    pub(super) ended: bool,
}

/// Both bodies, in a store and as the model knows them.
pub(super) struct World {
    pub(super) sample: Sample,
    pub(super) policies: Arc<PolicyBook>,
    pub(super) platform: WatchedPlatform,
    pub(super) bodies: BTreeMap<&'static str, Known>,
}

impl World {
    pub(super) async fn new(policies: Arc<PolicyBook>) -> Self {
        let sample = Sample::new().await;
        let platform = platform(sample.dir());
        let mut world = Self { sample, policies, platform, bodies: BTreeMap::new() };
        for body in [OWN, OTHER] {
            world.bodies.insert(body, Known::default());
            let hosted = world.sample.body(body);
            register::open(&hosted, &world.policies, None, "chukei://node/node-a", NOW_MS).await.unwrap();
            world.put(body, everything()).await;
            assert_eq!(world.bodies[body].people.len(), PEOPLE.len());
        }
        world
    }

    /// Changes something, durably: not at all where the register's own rules refuse it.
    pub(super) async fn change(&mut self, rng: &mut StdRng) {
        // A fault holds for one state.
        [OWN, OTHER].into_iter().for_each(|body| self.shut(body, false));
        let body = *[OWN, OTHER].choose(rng).unwrap();
        let (name, kind) = *PEOPLE[1..].choose(rng).unwrap();
        match rng.random_range(0..26) {
            0..=3 => self.put(body, vec![Entry::Staff(changed(rng, name, kind))]).await,
            4 => self.put(body, vec![Entry::Staff(person(name, kind))]).await,
            5 => self.remove(body, Class::Staff, name).await,
            6 => {
                let mut device = device(DEVICES.choose(rng).unwrap());
                device.zone = *[Zone::Closed, Zone::Closed, Zone::Lgwan, Zone::Internet].choose(rng).unwrap();
                device.listed = days(rng);
                self.put(body, vec![Entry::Device(device)]).await;
            }
            7 => self.remove(body, Class::Device, DEVICES.choose(rng).unwrap()).await,
            8 | 9 => {
                let state = *[HealthState::Healthy, HealthState::Healthy, HealthState::Unhealthy]
                    .choose(rng)
                    .unwrap();
                let at_ms = NOW_MS - rng.random_range(0..30) * HOUR_MS;
                let device = (*DEVICES.choose(rng).unwrap()).to_owned();
                self.put(body, vec![Entry::Health(Health { device, state, at_ms })]).await;
            }
            10 => {
                let name = *FunctionName::ALL.choose(rng).unwrap();
                let mode = *[Mode::Off, Mode::Trial, Mode::Live, Mode::Live].choose(rng).unwrap();
                let mut function = function(name, mode);
                function.from_day = day_of(NOW_MS) - 1 + rng.random_range(0..3);
                self.put(body, vec![Entry::Function(function)]).await;
            }
            11 | 12 => self.put(body, vec![Entry::Ticket(ticket(rng))]).await,
            13..=15 => self.put(body, vec![Entry::Delegation(delegation(rng, body))]).await,
            16 => self.take_back(rng, body).await,
            17 => self.remove(body, Class::Delegation, DELEGATIONS.choose(rng).unwrap()).await,
            18 => self.shut(body, true),
            19..=21 => self.put(body, everything()).await,
            22 | 23 => {
                let code = *[TAX, CARE].choose(rng).unwrap();
                if rng.random() {
                    let department = (*["zeimu", "fukushi"].choose(rng).unwrap()).to_owned();
                    let affair = Affair { code: code.parse().unwrap(), department };
                    self.put(body, vec![Entry::Affair(affair)]).await;
                } else {
                    self.remove(body, Class::Affair, code).await;
                }
            }
            _ => {
                let (name, text) = *POLICIES.choose(rng).unwrap();
                let policy = Policy { name: name.to_owned(), text: text.to_owned() };
                if self.bodies[body].policies.contains_key(name) {
                    self.remove(body, Class::Policy, name).await;
                } else {
                    self.put(body, vec![Entry::Policy(policy)]).await;
                }
            }
        }
    }

    /// A delegation that was given is taken back.
    async fn take_back(&mut self, rng: &mut StdRng, body: &'static str) {
        let given = self.bodies[body].delegations.values().cloned().collect::<Vec<_>>();
        if let Some(given) = given.choose(rng) {
            let revoked = Delegation { revoked: true, ..given.clone() };
            self.put(body, vec![Entry::Delegation(revoked)]).await;
        }
    }

    /// A fault comes over a body, or goes.
    fn shut(&mut self, body: &'static str, shut: bool) {
        let known = self.bodies.get_mut(body).unwrap();
        if !known.ended {
            known.shut = shut;
            let fault = shut.then(|| Fault::new(Cause::Store, "the disk is full"));
            self.hosted(body).gate().set(fault);
        }
    }

    /// A body ends, for good.
    pub(super) fn end(&mut self, body: &'static str) {
        let hosted = self.hosted(body);
        hosted.keyring().end_all_but_log().unwrap();
        hosted.shut_ended();
        self.bodies.get_mut(body).unwrap().ended = true;
    }

    /// The body, whether or not it can be served.
    fn hosted(&self, body: &str) -> Arc<HostedBody> {
        self.sample.bodies.opened(body.parse().unwrap()).unwrap()
    }

    pub(super) async fn put(&mut self, body: &'static str, put: Vec<Entry>) {
        let change = Change { put: put.clone(), ..Change::default() };
        if self.made(body, change).await {
            let known = self.bodies.get_mut(body).unwrap();
            put.into_iter().for_each(|entry| known.take(entry));
        }
    }

    async fn remove(&mut self, body: &'static str, class: Class, name: &str) {
        let change = Change { remove: vec![(class, name.to_owned())], ..Change::default() };
        if self.made(body, change).await {
            let known = self.bodies.get_mut(body).unwrap();
            match class {
                Class::Staff => drop(known.people.remove(name)),
                Class::Device => drop((known.devices.remove(name), known.health.remove(name))),
                Class::Affair => drop(known.owners.remove(name)),
                Class::Delegation => drop(known.delegations.remove(name)),
                _ => drop(known.policies.remove(name)),
            }
        }
    }

    async fn made(&self, body: &str, change: Change) -> bool {
        let hosted = self.hosted(body);
        let scope = BodyScope::of_duty(hosted.clone(), "node-a");
        hosted.change_register(&duty_write(&scope, "test"), change, NOW_MS).await.is_ok()
    }
}

impl Known {
    fn take(&mut self, mut entry: Entry) {
        entry.sort();
        match entry {
            Entry::Staff(staff) => drop(self.people.insert(staff.name.clone(), staff)),
            Entry::Device(device) => drop(self.devices.insert(device.name.clone(), device)),
            Entry::Health(health) => drop(self.health.insert(health.device.clone(), health)),
            Entry::Ticket(ticket) => drop(self.tickets.insert(ticket.id.clone(), ticket)),
            Entry::Function(function) => drop(self.functions.insert(function.function, function)),
            Entry::Affair(affair) => drop(self.owners.insert(affair.code.to_string(), affair.department)),
            Entry::Policy(policy) => drop(self.policies.insert(policy.name.clone(), policy)),
            Entry::Delegation(given) => drop(self.delegations.insert(given.id.clone(), given)),
        }
    }
}

/// The platform's register, as its root has signed it.
fn platform(dir: &Path) -> WatchedPlatform {
    let day = |offset: i64| u32::try_from(i64::from(day_of(NOW_MS)) + offset).unwrap();
    let days = |[from, until]: [i64; 2]| Period { from_day: day(from), until_day: day(until) };
    let person = |&(kind, name, valid, contract, has): &Caretaker| PlatformPerson {
        name: name.to_owned(),
        kind: if kind == "operator" { PlatformKind::Operator } else { PlatformKind::Maintenance },
        roles: Vec::new(),
        valid: days(valid),
        contract: contract.map(days),
        devices: has.then(|| PLATFORMS.to_owned()).into_iter().collect(),
        factors: Vec::new(),
    };
    let tickets = |body| {
        let of = PLATFORM_TICKETS.iter().filter(move |(_, of, _)| *of == body);
        of.map(|(id, _, actions)| platform_ticket(id, actions)).collect::<Vec<_>>()
    };
    let text = PlatformFile {
        issued_ms: NOW_MS,
        until_ms: NOW_MS * 2,
        platform: CARETAKERS.iter().map(person).collect(),
        device: vec![device(PLATFORMS)],
        health: Vec::new(),
        ticket: tickets(None),
        body: vec![BodyTickets { code: NOBODYS.parse().unwrap(), ticket: tickets(Some(NOBODYS)) }],
    }
    .to_toml()
    .unwrap();
    let root = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
    let place = PlatformPlace { file: dir.join("platform.toml"), root: dir.join("platform-root.pub") };
    std::fs::write(&place.root, key_file::text(&root.public()).as_bytes()).unwrap();
    std::fs::write(&place.file, &text).unwrap();
    std::fs::write(signature_path(&place.file), sign(PLATFORM_PURPOSE, text.as_bytes(), &root)).unwrap();
    WatchedPlatform::open(place).unwrap()
}

/// A ticket that the platform's root has signed: for `m-1`, around now.
pub(super) fn platform_ticket(id: &str, actions: &[&str]) -> Ticket {
    Ticket {
        id: id.to_owned(),
        holder: "m-1".to_owned(),
        device: PLATFORMS.to_owned(),
        from_ms: NOW_MS - 3 * HOUR_MS,
        until_ms: NOW_MS + 6 * HOUR_MS,
        actions: actions.iter().map(|&action| action.to_owned()).collect(),
    }
}
