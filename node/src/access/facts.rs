//! The facts of one operation, gathered from what was proven and from the registers as they stand at the moment.
//!
//! What must hold: nothing that a caller says of itself is a fact; what no register says is not known, which refuses.
//! Registers, factors, devices and clocks are looked at for each operation anew, so that the very next one feels a
//! change (R6). Deliberately absent: what is decided.

use std::sync::Arc;

use chukei_access::facts::{
    Device, Facts, Function, Health, Label, Mode, Operation, Pattern, Period, Proxy, Ticket, Who, Zone,
};
use chukei_domain::codes::{AddresseeNumber, AffairCode, InfoNameCode};
use chukei_domain::day::day_of;
use chukei_domain::register::platform::{PlatformPerson, PlatformRegister};
use chukei_domain::register::{self, Delegation, FunctionName, HealthState};
use chukei_wire::body_code::BodyCode;
use chukei_wire::header::Header;
use chukei_wire::identity::Identity;

use crate::access::decision::Judge;
use crate::access::delegation::{Proxied, deciding};
use crate::access::endpoint::Endpoint;
use crate::access::entered::Scope;
use crate::access::pattern::Patterns;
use crate::bodies::caller::Caller;
use crate::bodies::session::ShownFactors;
use crate::register::Register;

/// How long a good report about a device counts, milliseconds: 24 hours. A bad one counts until there is a good one.
pub const HEALTH_MS: u64 = 24 * 3_600_000;

/// Everything known of one operation.
#[derive(Clone)]
pub struct Inquiry {
    /// What is asked, as the table has it.
    pub line: &'static Endpoint,
    /// Who asks.
    pub identity: Identity,
    /// The device that proved itself.
    pub device: Option<Identity>,
    /// Where the connection comes from.
    pub zone: Zone,
    /// When, Unix milliseconds.
    pub now_ms: u64,
    /// What was shown besides the certificate.
    pub factors: ShownFactors,
    /// How the identity has been asking.
    pub pattern: Pattern,
    /// The register that keeps the identity and its devices on record.
    pub own: Option<Arc<Register>>,
    /// The platform's register, where it is whoever keeps the platform up.
    pub platform: Option<Arc<PlatformRegister>>,
    /// Those of all bodies that are open, where it is the same: devices of the platform are known to many.
    pub neighbours: Arc<[Arc<Register>]>,
    /// The register of the body that it is about, where that is open.
    pub about: Option<Arc<Register>>,
    /// That body; `None` for the platform's own upkeep.
    pub body: Option<BodyCode>,
    /// The number of the ticket that is claimed.
    pub ticket: Option<String>,
    /// Under which another body's identity asks: one of them decides.
    pub delegations: Arc<[Delegation]>,
    /// The affair it is done for.
    pub affair: Option<AffairCode>,
    /// The datasets it touches, as far as they are known.
    pub datasets: Vec<InfoNameCode>,
    /// Whom it reaches; `None` while that is not known, and is owed (R14).
    pub reaches: Option<Vec<AddresseeNumber>>,
}

impl Inquiry {
    /// What is known of an operation now. `pattern` counts it as one of the identity's requests, or only tells how they
    /// have been asking.
    pub fn of(
        judge: Judge<'_>,
        caller: &Caller,
        scope: &Scope,
        header: &Header,
        line: &'static Endpoint,
        pattern: fn(&Patterns, &str) -> Pattern,
    ) -> Self {
        let identity = caller.identity.clone();
        let about = scope.told_to().map(|body| body.register());
        let own = match identity.body() {
            Some(own) if scope.code() != Some(own) => judge.bodies.opened(own).map(|body| body.register()),
            Some(_) => about.clone(),
            None => None,
        };
        let upkeep = matches!(scope, Scope::Upkeep(_));
        let of_portal = matches!(identity, Identity::Portal(_));
        Self {
            line,
            device: caller.device.clone(),
            zone: caller.zone,
            now_ms: judge.now_ms,
            factors: caller.factors.clone(),
            // Portals ask for everybody, as fast as people do.
            pattern: if of_portal {
                Pattern::default()
            } else {
                pattern(judge.patterns, &identity.to_string())
            },
            body: scope.code(),
            ticket: caller.leave.ticket.as_ref().map(|ticket| ticket.as_str().to_owned()),
            delegations: scope.delegations(),
            affair: header.affair.as_deref().and_then(|affair| affair.parse().ok()),
            datasets: header.datasets.iter().filter_map(|code| code.parse().ok()).collect(),
            reaches: None,
            platform: upkeep.then(|| judge.platform.now(judge.now_ms)),
            neighbours: match upkeep {
                true => judge.bodies.iter().map(|body| body.register()).collect(),
                false => Arc::default(),
            },
            identity,
            own,
            about,
        }
    }

    /// The department of the one who asks.
    pub fn department(&self) -> Option<String> {
        Some(self.entry().department.to_owned()).filter(|department| !department.is_empty())
    }

    /// The other body under whose delegation it is done.
    pub fn on_behalf_of(&self) -> Option<BodyCode> {
        self.body.filter(|_| !self.delegations.is_empty())
    }

    /// The delegation that decides, for what is known now.
    pub(super) fn delegation(&self) -> Option<&Delegation> {
        let Self { affair, now_ms, .. } = *self;
        deciding(&*self.delegations, Proxied { action: self.line.action, affair, now_ms })
    }

    /// Lets `look` see the facts.
    pub fn judged<T>(&self, look: impl FnOnce(&Facts<'_>) -> T) -> T {
        let (uri, today) = (self.identity.to_string(), day_of(self.now_ms));
        let entry = self.entry();
        let device_name = self.device_name();
        let function = self.line.function.map(|function| self.function(function, today));
        let facts = Facts {
            who: Who {
                identity: &uri,
                kind: self.identity.kind(),
                body: self.identity.body(),
                record: entry.valid,
                roles: entry.roles,
                department: entry.department,
                affairs: entry.affairs,
                contract: entry.contract,
                trained_on: entry.trained_on,
            },
            device: device_name.as_deref().map(|name| self.device(name, today)),
            zone: self.zone,
            now_ms: self.now_ms,
            ticket: self.held_ticket().map(|ticket| Ticket {
                id: &ticket.id,
                from_ms: ticket.from_ms,
                until_ms: ticket.until_ms,
                device: &ticket.device,
            }),
            pattern: self.pattern,
            factors: self.factors.facts(),
            proxy: self.delegation().map(|delegation| Proxy {
                affairs: &delegation.affairs,
                functions: &delegation.functions,
                from_ms: delegation.from_ms,
                until_ms: delegation.until_ms,
            }),
            operation: Operation {
                action: self.line.action,
                effect: self.line.effect,
                body: self.body,
                affair: self.affair,
                department: self.department_concerned().unwrap_or_default(),
                datasets: &self.datasets,
                label: Label::Municipal3B,
                function,
            },
        };
        look(&facts)
    }

    /// What is on record of the one who asks.
    fn entry(&self) -> Entry<'_> {
        let people = self.own.as_deref().and_then(|own| own.holder(&self.identity));
        if let Some(entry) = people {
            return Entry {
                valid: Some(period(entry.valid)),
                roles: &entry.roles,
                department: &entry.department,
                affairs: &entry.affairs,
                contract: entry.contract.map(period),
                trained_on: entry.trained_on,
            };
        }
        self.caretaker().map_or_else(Entry::default, |entry| Entry {
            valid: Some(period(entry.valid)),
            roles: &entry.roles,
            contract: entry.contract.map(period),
            ..Entry::default()
        })
    }

    /// An operator or a contractor, as the platform's register has them.
    fn caretaker(&self) -> Option<&PlatformPerson> {
        self.platform.as_deref()?.person(self.identity.kind(), self.identity.name())
    }

    /// The name of the device in the inventory of whom it belongs to; its whole URI where that has no name for it.
    fn device_name(&self) -> Option<String> {
        let device = self.device.as_ref()?;
        let named = self.own.as_deref().and_then(|own| own.device_name(device));
        Some(named.map_or_else(|| device.to_string(), std::borrow::Cow::into_owned))
    }

    fn device<'a>(&self, name: &'a str, today: u32) -> Device<'a> {
        let known = match &self.platform {
            Some(platform) => platform.device(name).filter(|device| {
                let theirs = self.caretaker().map(|person| &person.devices);
                theirs.is_some_and(|devices| devices.contains(&device.name))
            }),
            None => self.device.as_ref().and_then(|device| self.own.as_deref()?.device_of(device)),
        };
        Device {
            id: name,
            listed: known.is_some_and(|device| device.listed.contains(today)),
            health: known.map_or(Health::Unknown, |_| self.health(name)),
            // What no inventory has is in no wrong place: it is not listed, which refuses.
            zone: known.map_or(self.zone, |device| zone(device.zone)),
        }
    }

    /// The body's register, where it can be asked and is the one to ask.
    fn speaker(&self) -> Option<&Register> {
        self.about.as_deref().filter(|_| !self.line.whole_node)
    }

    /// What is known of the device's condition. Of the platform's devices a bad word counts, whoever says it; a good one
    /// is the platform's, or that of the body concerned, and where that cannot be asked, anybody's.
    fn health(&self, device: &str) -> Health {
        let of = |report: &register::Health| condition(report, self.now_ms);
        let Some(platform) = self.platform.as_deref() else {
            let report = self.own.as_deref().and_then(|own| own.health(device));
            return report.map_or(Health::Unknown, of);
        };
        let by_platform = platform.health(device).map(of);
        let by_speaker = self.speaker().map(|body| body.health(device).map(of));
        let by_others: Vec<Health> =
            self.neighbours.iter().filter_map(|body| body.health(device).map(of)).collect();
        let said = |health| by_platform == Some(health) || by_speaker.flatten() == Some(health);
        let by_anybody = |health| by_others.contains(&health);
        if said(Health::Unhealthy) || by_anybody(Health::Unhealthy) {
            return Health::Unhealthy;
        }
        let well = said(Health::Healthy) || by_speaker.is_none() && by_anybody(Health::Healthy);
        if well { Health::Healthy } else { Health::Unknown }
    }

    /// The department that the affair belongs to, as the body says.
    fn department_concerned(&self) -> Option<&str> {
        self.about.as_deref()?.department_of(self.affair?)
    }

    /// The ticket that is claimed, if it is the identity's and covers this: one of the body's, or where that cannot be
    /// asked, one that the platform's root has signed for this body or this node.
    fn held_ticket(&self) -> Option<&register::Ticket> {
        let id = self.ticket.as_deref()?;
        let ticket = match (self.speaker(), self.platform.as_deref()) {
            (Some(body), _) => body.ticket(id),
            (None, Some(platform)) => {
                let of = self.body.filter(|_| !self.line.whole_node);
                platform.ticket(of.map(|body| body.as_str().parse()).transpose().ok()?, id)
            }
            (None, None) => None,
        }?;
        let covers = ticket.actions.iter().any(|action| action == self.line.action);
        Some(ticket).filter(|ticket| ticket.holder == self.identity.name() && covers)
    }

    fn function(&self, name: FunctionName, today: u32) -> Function<'_> {
        let Some(function) = self.about.as_deref().and_then(|about| about.function(name)) else {
            return Function { mode: Mode::Off, approval: "", trial_person: false };
        };
        let named = |person: &AddresseeNumber| function.trial_persons.binary_search(person).is_ok();
        Function {
            mode: match function.mode_on(today) {
                register::Mode::Off => Mode::Off,
                register::Mode::Trial => Mode::Trial,
                register::Mode::Live => Mode::Live,
            },
            approval: &function.reference,
            trial_person: self.reaches.as_ref().is_none_or(|persons| persons.iter().all(named)),
        }
    }
}

/// What a register says of one person or system.
#[derive(Clone, Copy, Default)]
struct Entry<'a> {
    valid: Option<Period>,
    roles: &'a [String],
    department: &'a str,
    affairs: &'a [AffairCode],
    contract: Option<Period>,
    trained_on: Option<u32>,
}

fn period(days: register::Period) -> Period {
    Period { from_day: days.from_day, until_day: days.until_day }
}

fn zone(zone: register::Zone) -> Zone {
    match zone {
        register::Zone::Closed => Zone::Closed,
        register::Zone::Lgwan => Zone::Lgwan,
        register::Zone::Internet => Zone::Internet,
    }
}

fn condition(report: &register::Health, now_ms: u64) -> Health {
    match report.state {
        HealthState::Unhealthy => Health::Unhealthy,
        HealthState::Healthy if now_ms.abs_diff(report.at_ms) <= HEALTH_MS => Health::Healthy,
        HealthState::Healthy => Health::Unknown,
    }
}
