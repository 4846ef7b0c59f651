//! The facts of one operation, gathered from what was proven and from the registers as they stand at its begin.
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
    /// The register of the body that it is about.
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
    /// What is known when an operation begins. Counts it as one of the identity's requests.
    pub fn of(
        judge: Judge<'_>,
        caller: &Caller,
        scope: &Scope,
        header: &Header,
        line: &'static Endpoint,
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
            pattern: if of_portal { Pattern::default() } else { judge.patterns.asked(&identity.to_string()) },
            body: scope.code(),
            ticket: caller.leave.ticket.as_ref().map(|ticket| ticket.as_str().to_owned()),
            delegations: scope.delegations(),
            affair: header.affair.as_deref().and_then(|affair| affair.parse().ok()),
            datasets: header.datasets.iter().filter_map(|code| code.parse().ok()).collect(),
            reaches: None,
            platform: upkeep.then(|| judge.platform.now(judge.now_ms)),
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
    fn delegation(&self) -> Option<&Delegation> {
        let Self { affair, now_ms, .. } = *self;
        deciding(&*self.delegations, Proxied { action: self.line.action, affair, now_ms })
    }

    /// Lets `look` see the facts.
    pub fn judged<T>(&self, look: impl FnOnce(&Facts<'_>) -> T) -> T {
        let (uri, today, about) = (self.identity.to_string(), day_of(self.now_ms), self.about.as_deref());
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
            ticket: self.held_ticket(about).map(|ticket| Ticket {
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
                department: "",
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
        // Of the platform's devices the body knows that lets them near.
        let reports = self.own.as_deref().or(self.about.as_deref()).filter(|_| known.is_some());
        let health = reports.and_then(|register| register.health(name));
        Device {
            id: name,
            listed: known.is_some_and(|device| device.listed.contains(today)),
            health: health.map_or(Health::Unknown, |health| condition(health, self.now_ms)),
            // What no inventory has is in no wrong place: it is not listed, which refuses.
            zone: known.map_or(self.zone, |device| zone(device.zone)),
        }
    }

    /// The ticket that is claimed, if it is the identity's and covers this.
    fn held_ticket<'a>(&self, about: Option<&'a Register>) -> Option<&'a register::Ticket> {
        let ticket = about?.ticket(self.ticket.as_deref()?)?;
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
