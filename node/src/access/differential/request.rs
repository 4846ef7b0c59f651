//! A random request: who, with which device, from where, when, by whose leave, what, to whom.

use chukei_access::facts::{FactorKind, Zone};
use chukei_wire::header::{Header, Kind};
use chukei_wire::id::RequestId;
use chukei_wire::identity::Identity;
use chukei_wire::leave::Leave;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::world::{
    ANYBODY, CARE, HOUR_MS, NOBODYS, NOW_MS, OTHER, OWN, PLATFORM_TICKETS, TAX, TICKETS, TRIED,
};
use crate::access::endpoint::{ENDPOINTS, Endpoint, Entrance, endpoint};
use crate::access::pattern::Patterns;
use crate::bodies::caller::Caller;
use crate::bodies::session::ShownFactors;

/// What is mostly asked for on behalf of another body.
const DELEGATED: [Kind; 6] = [
    Kind::CopyImport,
    Kind::CopyShow,
    Kind::PersonList,
    Kind::NoticeSend,
    Kind::ProvisionStatus,
    Kind::AuditVerify,
];

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) identity: String,
    pub(super) device: Option<String>,
    pub(super) zone: Zone,
    pub(super) now_ms: u64,
    pub(super) factors: Vec<FactorKind>,
    pub(super) stepped_up_s: Option<u32>,
    pub(super) requests: u32,
    pub(super) persons: u32,
    pub(super) ticket: Option<&'static str>,
    pub(super) line: &'static Endpoint,
    pub(super) body: Option<&'static str>,
    pub(super) affair: Option<&'static str>,
    pub(super) on_behalf_of: Option<&'static str>,
    /// It comes from a portal through a broker, with its permit.
    pub(super) by_permit: bool,
    /// The person whom it reaches, where it reaches one.
    pub(super) reaches: &'static str,
}

impl Request {
    pub(super) fn random(rng: &mut StdRng) -> Self {
        let own = *[OWN, OWN, OTHER].choose(rng).unwrap();
        let name = match rng.random_range(0..14) {
            0 => format!("chukei://body/{own}/staff/u-root"),
            1..=4 => format!("chukei://body/{own}/staff/u-{}", rng.random_range(1..5)),
            5 => format!("chukei://body/{own}/system/s-{}", rng.random_range(1..3)),
            6 => format!("chukei://body/{own}/auditor/a-{}", rng.random_range(1..3)),
            7 => format!("chukei://body/{NOBODYS}/staff/u-1"),
            8 => format!("chukei://platform/operator/o-{}", rng.random_range(1..4)),
            9 | 10 => format!("chukei://platform/maintenance/m-{}", rng.random_range(1..5)),
            11 | 12 => "chukei://portal/p-1".to_owned(),
            _ => machine(rng, own),
        };
        let upkeep = ["/operator/", "/maintenance/"].iter().any(|kind| name.contains(kind));
        let by_permit = name.contains("/portal/") && rng.random_bool(0.9);
        let devices = [
            format!("chukei://body/{own}/device/t-01"),
            format!("chukei://body/{own}/device/t-02"),
            format!("chukei://body/{own}/device/t-03"),
            format!("chukei://body/{}/device/t-01", if own == OWN { OTHER } else { OWN }),
            "chukei://platform/device/p-01".to_owned(),
        ];
        let further = [FactorKind::Knowledge, FactorKind::Biometrics, FactorKind::Possession];
        let body = match rng.random_range(0..20) {
            0 => None,
            1 => Some(NOBODYS),
            2 => Some(OTHER),
            3 => Some(OWN),
            _ => Some(own),
        };
        // Mostly those who can act for another body at all.
        let may = ["/staff/", "/system/"].iter().any(|kind| name.contains(kind));
        let (body, on_behalf_of) = match !by_permit && rng.random_bool(if may { 0.5 } else { 0.05 }) {
            true => on_behalf(rng, own),
            false => (body, None),
        };
        Self {
            identity: name.clone(),
            device: rng.random_bool(0.9).then(|| {
                let usual = match (rng.random_bool(0.7), name.contains("/platform/")) {
                    (true, false) => &devices[..1],
                    (true, true) => &devices[4..],
                    (false, _) => &devices[..],
                };
                usual.choose(rng).unwrap().clone()
            }),
            zone: *[Zone::Closed, Zone::Closed, Zone::Closed, Zone::Closed, Zone::Lgwan, Zone::Internet]
                .choose(rng)
                .unwrap(),
            now_ms: NOW_MS + rng.random_range(0..30) * HOUR_MS / 2 - 5 * HOUR_MS,
            factors: if rng.random_bool(0.7) {
                vec![*further[..2].choose(rng).unwrap()]
            } else {
                further.iter().filter(|_| rng.random_bool(0.3)).copied().collect()
            },
            stepped_up_s: rng
                .random_bool(0.7)
                .then(|| *[0, 299, 300, 599, 600, 28_799, 28_800].choose(rng).unwrap()),
            requests: if rng.random_bool(0.05) { rng.random_range(299..302) } else { 1 },
            persons: if rng.random_bool(0.1) { *[50, 51, 300, 301].choose(rng).unwrap() } else { 0 },
            ticket: match rng.random_range(0..10) {
                0..6 => Some(*TICKETS.choose(rng).unwrap()),
                6..8 => Some(PLATFORM_TICKETS.choose(rng).unwrap().0),
                _ => None,
            },
            line: match (by_permit, on_behalf_of, rng.random_bool(0.7)) {
                (true, _, true) => endpoint(Kind::SelfInfo, Entrance::Broker).unwrap(),
                (_, Some(_), true) => endpoint(*DELEGATED.choose(rng).unwrap(), Entrance::Staff).unwrap(),
                (_, None, true) if upkeep => *of_upkeep().choose(rng).unwrap(),
                _ => ENDPOINTS.choose(rng).unwrap(),
            },
            body,
            affair: *[Some(TAX), Some(TAX), Some(TAX), Some(CARE), None].choose(rng).unwrap(),
            on_behalf_of,
            by_permit,
            reaches: *[TRIED, ANYBODY].choose(rng).unwrap(),
        }
    }

    /// By which way it comes in.
    pub(super) fn way(&self) -> &'static str {
        match self.who().kind() {
            _ if self.by_permit => "permit",
            _ if self.on_behalf_of.is_some() => "delegation",
            "staff" | "system" | "auditor" => "own",
            "operator" | "maintenance" => "upkeep",
            _ => "machine",
        }
    }

    /// Whether somebody of a body, who is not of `body`, names it.
    pub(super) fn crosses(&self, body: &str) -> bool {
        let own = self.who().body();
        self.body == Some(body) && own.is_some_and(|own| own.as_str() != body)
    }

    pub(super) fn who(&self) -> Identity {
        self.identity.parse().unwrap()
    }

    pub(super) fn caller(&self) -> Caller {
        if self.by_permit {
            return Caller::portal(self.who().name());
        }
        Caller {
            identity: self.who(),
            device: self.device.as_ref().map(|device| device.parse().unwrap()),
            factors: ShownFactors::supposed(self.factors.clone(), self.stepped_up_s),
            zone: self.zone,
            leave: Leave {
                on_behalf_of: self.on_behalf_of.map(|of| of.parse().unwrap()),
                ticket: self.ticket.map(|id| id.parse().unwrap()),
            },
        }
    }

    pub(super) fn header(&self) -> Header {
        let body = self.body.map(|body| body.parse().unwrap());
        let header = Header::hop(self.line.kind, body, RequestId([7; 16]), 1_000);
        let portal = self.by_permit.then(|| self.who().name().to_owned());
        Header { affair: self.affair.map(str::to_owned), portal, ..header }
    }

    /// Asks and opens as often as the request says, but for the request itself.
    pub(super) fn behave(&self, patterns: &Patterns) {
        for _ in 1..self.requests {
            patterns.asked(&self.identity);
        }
        let persons: Vec<[u8; 16]> =
            (0..self.persons).map(|number| u128::from(number).to_be_bytes()).collect();
        patterns.opened(&self.identity, &persons);
    }

    pub(super) fn is_of(&self, kinds: &[&str]) -> bool {
        kinds.contains(&self.who().kind())
    }

    pub(super) fn own_body(&self) -> &'static str {
        if self.who().body().is_some_and(|own| own.as_str() == OWN) { OWN } else { OTHER }
    }

    pub(super) fn kind(&self) -> Kind {
        self.line.kind
    }
}

fn of_upkeep() -> Vec<&'static Endpoint> {
    ENDPOINTS.iter().filter(|line| line.entrance == Entrance::Upkeep).collect()
}

/// Whoever has no business with staff calls.
fn machine(rng: &mut StdRng, own: &str) -> String {
    let machines = [
        "chukei://node/n-1".to_owned(),
        "chukei://broker/b-1".to_owned(),
        "chukei://platform/device/p-01".to_owned(),
        format!("chukei://body/{own}/device/t-01"),
    ];
    machines.choose(rng).unwrap().clone()
}

/// The body of the header, and the one on whose behalf it is said to be: mostly the same, and the other one.
fn on_behalf(rng: &mut StdRng, own: &'static str) -> (Option<&'static str>, Option<&'static str>) {
    let other = if own == OWN { OTHER } else { OWN };
    let of = *[other, other, other, other, other, other, own, NOBODYS].choose(rng).unwrap();
    let about = match rng.random_range(0..20) {
        0 => None,
        1 => Some(own),
        2 => Some(NOBODYS),
        _ => Some(of),
    };
    (about, Some(of))
}
