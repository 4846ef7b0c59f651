//! Facts that own their parts, made well and then made worse.

use chukei_access::facts::{
    Device, Effect, FactorKind, Factors, Facts, Function, Health, Label, Mode, Operation, Pattern, Period,
    Proxy, Ticket, Who, Zone,
};
use chukei_domain::codes::{AffairCode, InfoNameCode};
use chukei_wire::body_code::BodyCode;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

pub(crate) const TAX: &str = "JM99000000001000";
pub(crate) const CARE: &str = "JM99000000002000";
pub(crate) const DAY_MS: u64 = 86_400_000;
/// 2026-11-24, a Tuesday, 10:00 in Japan.
pub(crate) const NOW_MS: u64 = 1_795_482_000_000;
pub(crate) const TODAY: u32 = 20_781;
pub(crate) const KINDS: &[&str] = &[
    "staff",
    "system",
    "auditor",
    "device",
    "operator",
    "maintenance",
    "node",
    "broker",
    "portal",
    "visitor",
];
pub(crate) const ROLES: &[&str] =
    &["administrator", "approver", "requester", "reviewer", "contractor", "device_manager", "clerk"];
pub(crate) const DEPARTMENTS: &[&str] = &["", "zeimu", "fukushi"];

pub(crate) fn body(code: &str) -> BodyCode {
    code.parse().unwrap()
}

pub(crate) fn affair(code: &str) -> AffairCode {
    code.parse().unwrap()
}

/// Facts with their parts.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) kind: &'static str,
    pub(crate) identity: String,
    pub(crate) own_body: Option<BodyCode>,
    pub(crate) record: Option<Period>,
    pub(crate) roles: Vec<String>,
    pub(crate) department: String,
    pub(crate) affairs: Vec<AffairCode>,
    pub(crate) contract: Option<Period>,
    pub(crate) trained_on: Option<u32>,
    pub(crate) device: Option<(String, bool, Health, Zone)>,
    pub(crate) zone: Zone,
    pub(crate) now_ms: u64,
    pub(crate) ticket: Option<(String, u64, u64, String)>,
    pub(crate) pattern: Pattern,
    pub(crate) factors: Vec<FactorKind>,
    pub(crate) stepped_up_s: Option<u32>,
    pub(crate) proxy: Option<(Vec<AffairCode>, Vec<String>, u64, u64)>,
    pub(crate) action: String,
    pub(crate) effect: Effect,
    pub(crate) target: Option<BodyCode>,
    pub(crate) affair: Option<AffairCode>,
    pub(crate) owning: String,
    pub(crate) datasets: Vec<InfoNameCode>,
    pub(crate) label: Label,
    pub(crate) function: Option<(Mode, String, bool)>,
}

impl Made {
    /// Somebody of this kind of 海鳴市, for whom everything is in order.
    pub(crate) fn new(kind: &'static str, action: &str) -> Self {
        let of_body = matches!(kind, "staff" | "system" | "auditor" | "device");
        let maintenance = kind == "maintenance";
        Self {
            kind,
            identity: match kind {
                "operator" | "maintenance" => format!("chukei://platform/{kind}/m-ven-01"),
                _ if of_body => format!("chukei://body/982016/{kind}/u-tax-07"),
                _ => format!("chukei://{kind}/first"),
            },
            own_body: of_body.then(|| body("982016")),
            record: (of_body || matches!(kind, "operator" | "maintenance"))
                .then_some(Period { from_day: TODAY - 400, until_day: TODAY + 30 }),
            roles: Vec::new(),
            department: "zeimu".to_owned(),
            affairs: vec![affair(TAX)],
            contract: maintenance.then_some(Period { from_day: TODAY - 30, until_day: TODAY + 30 }),
            trained_on: Some(TODAY - 100),
            device: Some(("t-01".to_owned(), true, Health::Healthy, Zone::Closed)),
            zone: Zone::Closed,
            now_ms: NOW_MS,
            ticket: maintenance
                .then(|| ("T-1".to_owned(), NOW_MS - 1, NOW_MS + 3_600_000, "t-01".to_owned())),
            pattern: Pattern { requests_in_minute: 1, persons_in_ten_minutes: 1 },
            factors: vec![FactorKind::Possession, FactorKind::Knowledge],
            stepped_up_s: None,
            proxy: None,
            action: action.to_owned(),
            effect: Effect::Read,
            target: Some(body("982016")),
            affair: Some(affair(TAX)),
            owning: String::new(),
            datasets: vec!["TM00000000000002".parse().unwrap()],
            label: Label::Municipal3B,
            function: None,
        }
    }

    pub(crate) fn with_roles(mut self, roles: &[&str]) -> Self {
        self.roles = roles.iter().map(|&role| role.to_owned()).collect();
        self
    }

    pub(crate) fn stepped_up(mut self, ago_s: u32) -> Self {
        self.stepped_up_s = Some(ago_s);
        self
    }

    /// Runs `judge` on the facts.
    pub(crate) fn facts<T>(&self, judge: impl FnOnce(&Facts<'_>) -> T) -> T {
        let facts = Facts {
            who: Who {
                identity: &self.identity,
                kind: self.kind,
                body: self.own_body,
                record: self.record,
                roles: &self.roles,
                department: &self.department,
                affairs: &self.affairs,
                contract: self.contract,
                trained_on: self.trained_on,
            },
            device: self.device.as_ref().map(|(id, listed, health, zone)| Device {
                id,
                listed: *listed,
                health: *health,
                zone: *zone,
            }),
            zone: self.zone,
            now_ms: self.now_ms,
            ticket: self.ticket.as_ref().map(|(id, from_ms, until_ms, device)| Ticket {
                id,
                from_ms: *from_ms,
                until_ms: *until_ms,
                device,
            }),
            pattern: self.pattern,
            factors: Factors { shown: &self.factors, stepped_up_s: self.stepped_up_s },
            proxy: self.proxy.as_ref().map(|(affairs, functions, from_ms, until_ms)| Proxy {
                affairs,
                functions,
                from_ms: *from_ms,
                until_ms: *until_ms,
            }),
            operation: Operation {
                action: &self.action,
                effect: self.effect,
                body: self.target,
                affair: self.affair,
                department: &self.owning,
                datasets: &self.datasets,
                label: self.label,
                function: self.function.as_ref().map(|(mode, approval, trial_person)| Function {
                    mode: *mode,
                    approval,
                    trial_person: *trial_person,
                }),
            },
        };
        judge(&facts)
    }

    /// Facts in order but for some fields, each of which has become anything.
    pub(crate) fn random(rng: &mut StdRng, actions: &[String]) -> Self {
        let kind = *KINDS.choose(rng).unwrap();
        let mut made = Self::new(kind, actions.choose(rng).unwrap());
        if rng.random_bool(0.5) {
            made = made.with_roles(&[*ROLES.choose(rng).unwrap()]);
        }
        if rng.random_bool(0.3) {
            made.stepped_up_s = Some(rng.random_range(0..30_000));
        }
        for _ in 0..rng.random_range(0..5) {
            made.change(rng, actions);
        }
        made
    }

    fn change(&mut self, rng: &mut StdRng, actions: &[String]) {
        let zones = [Zone::Closed, Zone::Lgwan, Zone::Internet];
        let healths = [Health::Healthy, Health::Unhealthy, Health::Unknown];
        let around = |rng: &mut StdRng| NOW_MS - DAY_MS + rng.random_range(0..2 * DAY_MS);
        let codes = |rng: &mut StdRng| -> Vec<AffairCode> {
            [TAX, CARE].into_iter().filter(|_| rng.random()).map(affair).collect()
        };
        match rng.random_range(0..25) {
            24 => {
                let from_day = TODAY - 5 + rng.random_range(0..10);
                self.record = rng
                    .random::<bool>()
                    .then(|| Period { from_day, until_day: TODAY - 5 + rng.random_range(0..10) });
            }
            0 => self.kind = KINDS.choose(rng).unwrap(),
            1 => self.identity = format!("chukei://body/982024/staff/u-{}", rng.random_range(0..3)),
            2 => {
                self.own_body =
                    [None, Some(body("982016")), Some(body("982024"))].choose(rng).copied().unwrap()
            }
            3 => {
                self.roles =
                    ROLES.iter().filter(|_| rng.random_bool(0.4)).map(|&role| role.to_owned()).collect()
            }
            4 => self.department = (*DEPARTMENTS.choose(rng).unwrap()).to_owned(),
            5 => self.affairs = codes(rng),
            6 => {
                let from_day = TODAY - 5 + rng.random_range(0..10);
                self.contract = rng
                    .random::<bool>()
                    .then(|| Period { from_day, until_day: TODAY - 5 + rng.random_range(0..10) });
            }
            7 => self.trained_on = rng.random::<bool>().then(|| TODAY + 2 - rng.random_range(0..400)),
            8 => {
                self.device = rng.random_bool(0.8).then(|| {
                    let id = format!("t-0{}", rng.random_range(1..3));
                    (id, rng.random(), *healths.choose(rng).unwrap(), *zones.choose(rng).unwrap())
                });
            }
            9 => self.zone = *zones.choose(rng).unwrap(),
            10 => self.now_ms = around(rng),
            11 => {
                let device = format!("t-0{}", rng.random_range(1..3));
                self.ticket =
                    rng.random::<bool>().then(|| ("T-2".to_owned(), around(rng), around(rng), device));
            }
            12 => self.pattern.requests_in_minute = rng.random_range(298..303),
            13 => self.pattern.persons_in_ten_minutes = rng.random_range(298..303),
            14 => {
                let all = [FactorKind::Knowledge, FactorKind::Possession, FactorKind::Biometrics];
                self.factors = (0..rng.random_range(0..4)).map(|_| *all.choose(rng).unwrap()).collect();
            }
            15 => self.stepped_up_s = rng.random::<bool>().then(|| rng.random_range(595..605)),
            16 => {
                let functions = [self.action.clone(), actions.choose(rng).unwrap().clone()];
                let (from, until) = (rng.random_range(0..2), rng.random_range(1..3));
                self.proxy = rng.random_bool(0.8).then(|| {
                    (codes(rng), functions[from..until.max(from)].to_vec(), around(rng), around(rng))
                });
            }
            17 => {
                let effects = [Effect::Read, Effect::Write, Effect::Deliver, Effect::Export, Effect::Operate];
                self.effect = *effects.choose(rng).unwrap();
            }
            18 => {
                self.target = [None, Some(body("982016")), Some(body("982024"))].choose(rng).copied().unwrap()
            }
            19 => self.affair = [None, Some(affair(TAX)), Some(affair(CARE))].choose(rng).copied().unwrap(),
            20 => self.owning = (*DEPARTMENTS.choose(rng).unwrap()).to_owned(),
            21 => {
                self.datasets = (0..rng.random_range(0..4))
                    .map(|number| format!("TM0000000000000{number}").parse().unwrap())
                    .collect();
            }
            22 => {
                let labels = [
                    Label::Municipal3A,
                    Label::Municipal3B,
                    Label::Municipal3C,
                    Label::Municipal2,
                    Label::Municipal1,
                    Label::Government3,
                    Label::Government2,
                    Label::Government1,
                ];
                self.label = *labels.choose(rng).unwrap();
            }
            _ => {
                let mode = *[Mode::Off, Mode::Trial, Mode::Live].choose(rng).unwrap();
                let approval = ["", "R8-12"].choose(rng).unwrap();
                self.function = rng.random_bool(0.8).then(|| (mode, (*approval).to_owned(), rng.random()));
            }
        }
    }
}
