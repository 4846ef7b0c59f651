//! A random request: who, with which device, from where, when, by whose leave, what, to whom.

use chukei_access::facts::{FactorKind, Zone};
use chukei_wire::header::{Header, Kind};
use chukei_wire::id::RequestId;
use chukei_wire::identity::Identity;
use chukei_wire::leave::Leave;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::world::{CARE, HOUR_MS, NOBODYS, NOW_MS, OTHER, OWN, PLATFORM_TICKETS, TAX, TICKETS};
use crate::access::endpoint::{ENDPOINTS, Endpoint};
use crate::access::pattern::Patterns;
use crate::bodies::caller::Caller;
use crate::bodies::session::ShownFactors;

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
}

impl Request {
    pub(super) fn random(rng: &mut StdRng) -> Self {
        let own = *[OWN, OWN, OTHER].choose(rng).unwrap();
        let name = match rng.random_range(0..12) {
            0 => format!("chukei://body/{own}/staff/u-root"),
            1..=4 => format!("chukei://body/{own}/staff/u-{}", rng.random_range(1..5)),
            5 => format!("chukei://body/{own}/system/s-{}", rng.random_range(1..3)),
            6 => format!("chukei://body/{own}/auditor/a-{}", rng.random_range(1..3)),
            7 => format!("chukei://body/{NOBODYS}/staff/u-1"),
            8 => format!("chukei://platform/operator/o-{}", rng.random_range(1..4)),
            9 | 10 => format!("chukei://platform/maintenance/m-{}", rng.random_range(1..5)),
            _ => (*["chukei://node/n-1", "chukei://broker/b-1", "chukei://portal/p-1"].choose(rng).unwrap())
                .to_owned(),
        };
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
            factors: if rng.random_bool(0.8) {
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
            line: ENDPOINTS.choose(rng).unwrap(),
            body,
            affair: *[Some(TAX), Some(TAX), Some(TAX), Some(CARE), None].choose(rng).unwrap(),
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
        Caller {
            identity: self.who(),
            device: self.device.as_ref().map(|device| device.parse().unwrap()),
            factors: ShownFactors::supposed(self.factors.clone(), self.stepped_up_s),
            zone: self.zone,
            leave: Leave { on_behalf_of: None, ticket: self.ticket.map(|id| id.parse().unwrap()) },
        }
    }

    pub(super) fn header(&self) -> Header {
        let body = self.body.map(|body| body.parse().unwrap());
        let header = Header::hop(self.line.kind, body, RequestId([7; 16]), 1_000);
        Header { affair: self.affair.map(str::to_owned), ..header }
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
