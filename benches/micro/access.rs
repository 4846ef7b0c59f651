//! Decisions on random facts with every body of the country loaded, each with policies of its own.
//!
//! Bodies differ in the literals of their policies, so that no two share a text. Facts come ready made; a time is that
//! of one decision by the clock's two readings, which cost some 50 ns of it.

use std::time::Instant;

use chukei_access::PolicyBook;
use chukei_access::facts::{
    Device, Effect, FactorKind, Factors, Facts, Health, Label, Operation, Pattern, Period, Who, Zone,
};
use chukei_benches::Failure;
use chukei_benches::stats::quantile;
use chukei_benches::table::Table;
use chukei_domain::codes::{AffairCode, InfoNameCode};
use chukei_wire::body_code::BodyCode;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

/// Policies of a body.
const POLICIES: usize = 50;
/// Of them, in every second body, policies that no table holds.
const WIDE: usize = 5;
/// Facts made ready.
const FACTS: usize = 1 << 14;
/// Decisions of one measurement.
const DECISIONS: usize = 400_000;
/// 2026-11-24, 0:00 in Japan.
const MIDNIGHT_MS: u64 = 1_795_446_000_000;
const DAY_MS: u64 = 86_400_000;
const NOTES: &str = "@reason_en(\"A rule of this body.\") @reason_ja(\"当該団体の規則です。\")";

pub(crate) fn table(bodies: usize) -> Result<Table, Failure> {
    let mut table =
        Table::new("Access decisions", &["what", "p50, µs", "p99, µs", "p99.9, µs", "number", "permitted"]);
    let codes = codes(bodies)?;
    let began = Instant::now();
    let book = PolicyBook::new()?;
    let opened = format!("shipped policies alone, opened in {:.0} ms", began.elapsed().as_secs_f64() * 1e3);
    let mut rng = StdRng::seed_from_u64(1);
    let facts = (0..FACTS).map(|_| Own::random(&mut rng, &codes)).collect::<Result<Vec<_>, _>>()?;
    table.row(decisions(&opened, &book, &facts, DECISIONS)?);
    let began = Instant::now();
    let mut loaded = Ok(());
    let bytes = allocation_counter::measure(|| loaded = load(&book, &codes)).bytes_current;
    loaded?;
    let (took, all) = (began.elapsed(), codes.len() * POLICIES);
    let (wide, tables): (Vec<Own>, Vec<Own>) = facts.into_iter().partition(|own| own.wide);
    table.row(decisions("50 own, all with tables; the first decisions", &book, &tables, tables.len())?);
    table.row(decisions("50 own, all with tables", &book, &tables, DECISIONS)?);
    table.row(decisions("50 own, 5 of them without a table; nothing remembered", &book, &wide, wide.len())?);
    table.row(decisions("50 own, 5 of them without a table; remembered", &book, &wide, DECISIONS)?);
    let figures = [
        format!("{:.0} s", took.as_secs_f64()),
        format!("{:.2} ms a policy", took.as_secs_f64() * 1e3 / all as f64),
        format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20)),
        format!("{all}"),
        format!("{:.0} bytes a policy", bytes as f64 / all as f64),
    ];
    table.row([format!("loading {} bodies, and what they take", codes.len())].into_iter().chain(figures));
    Ok(table)
}

fn decisions(what: &str, book: &PolicyBook, facts: &[Own], count: usize) -> Result<[String; 6], Failure> {
    let (mut times, mut permitted) = (Vec::with_capacity(count), 0_usize);
    for own in facts.iter().cycle().take(count) {
        let facts = own.facts();
        let began = Instant::now();
        let verdict = book.decide(&facts);
        times.push(began.elapsed().as_nanos() as f64 / 1e3);
        permitted += usize::from(verdict.outcome.is_permit());
    }
    times.sort_by(f64::total_cmp);
    let at = |share| quantile(&times, share).map(|time| format!("{time:.2}")).ok_or("no decisions");
    let share = format!("{:.0} %", permitted as f64 * 100.0 / count as f64);
    Ok([what.to_owned(), at(0.5)?, at(0.99)?, at(0.999)?, count.to_string(), share])
}

fn load(book: &PolicyBook, codes: &[BodyCode]) -> Result<(), Failure> {
    for (number, code) in codes.iter().enumerate() {
        book.put(*code, book.check(&policies(number))?);
    }
    Ok(())
}

/// Codes with their check digits.
fn codes(count: usize) -> Result<Vec<BodyCode>, Failure> {
    (1..=count)
        .map(|number| {
            let digits = format!("{number:05}");
            let found = (0..10).find_map(|check| format!("{digits}{check}").parse().ok());
            found.ok_or_else(|| Failure::from("no check digit"))
        })
        .collect()
}

/// One body's policies: hours, places, persons, datasets and thresholds of its own.
fn policies(body: usize) -> String {
    let wide = if body.is_multiple_of(2) { WIDE } else { 0 };
    (0..POLICIES)
        .map(|number| if number < wide { wide_policy(body, number) } else { policy(body, number) })
        .collect()
}

fn policy(body: usize, number: usize) -> String {
    let seed = body * POLICIES + number;
    let (opens, closes) = (360 + seed % 180, 1020 + seed % 240);
    let (scope, condition) = match number % 7 {
        0 => (
            "action in Action::\"work\"",
            format!(
                "resource.affair == \"JM99{:012}\" && (context.minute < {opens} || context.minute >= {closes})",
                seed % 40
            ),
        ),
        1 => (
            "action in Action::\"work\"",
            format!(
                "resource.datasets.contains(\"TM{:014}\") && !principal.roles.contains(\"role-{}\")",
                seed % 90,
                seed % 9
            ),
        ),
        2 => (
            "action in Action::\"opens_persons\"",
            format!(
                "principal.department == \"d-{}\" && context.persons_in_ten_minutes > {}",
                seed % 20,
                40 + seed % 200
            ),
        ),
        3 => ("action", format!("principal.name == \"u-{seed}\" && context.zone != \"closed\"")),
        4 => (
            "action in [Action::\"work\", Action::\"logs\"]",
            format!(
                "[6, 7].contains(context.weekday) && !principal.roles.containsAny([\"role-{}\", \"administrator\"])",
                seed % 9
            ),
        ),
        5 => (
            "action in Action::\"data\"",
            format!(
                "principal.kind == \"system\" && context.requests_in_minute > {} && !context.device_listed",
                500 + seed % 500
            ),
        ),
        _ => (
            "action in Action::\"privileged\"",
            format!("context.minute >= {closes} || principal.training_age_days > {}", 90 + seed % 270),
        ),
    };
    let step_up = if number % 7 == 2 { "@step_up(\"300\")" } else { "" };
    format!(
        "@id(\"p{number}\") {step_up} {NOTES} forbid (principal, {scope}, resource) when {{ {condition} }};\n"
    )
}

fn wide_policy(body: usize, number: usize) -> String {
    format!(
        "@id(\"w{number}\") {NOTES} forbid (principal, action in Action::\"work\", resource)
        when {{ principal.name like \"x{}*\" && resource.department != principal.department }};\n",
        body * WIDE + number,
    )
}

/// Facts that own their parts.
struct Own {
    wide: bool,
    kind: &'static str,
    identity: String,
    body: BodyCode,
    roles: Vec<String>,
    department: String,
    affairs: Vec<AffairCode>,
    trained_on: u32,
    device: String,
    health: Health,
    zone: Zone,
    now_ms: u64,
    pattern: Pattern,
    stepped_up_s: Option<u32>,
    action: &'static str,
    datasets: Vec<InfoNameCode>,
}

impl Own {
    fn random(rng: &mut StdRng, codes: &[BodyCode]) -> Result<Self, Failure> {
        let place = rng.random_range(0..codes.len());
        let body = *codes.get(place).ok_or("no bodies")?;
        let one_of =
            |rng: &mut StdRng, names: &[&'static str]| names.choose(rng).copied().unwrap_or_default();
        let affair = format!("JM99{:012}", rng.random_range(0..40));
        let roles = ["administrator", "reviewer", "role-1", "role-5"];
        Ok(Self {
            wide: place % 2 == 0,
            kind: one_of(rng, &["staff", "staff", "staff", "system"]),
            identity: format!("chukei://body/982016/staff/u-{}", rng.random_range(0..100_000)),
            body,
            roles: roles.iter().filter(|_| rng.random_bool(0.3)).map(|&role| role.to_owned()).collect(),
            department: format!("d-{}", rng.random_range(0..20)),
            affairs: affair.parse().into_iter().collect(),
            trained_on: 20_781 - rng.random_range(0..380),
            device: format!("t-{}", rng.random_range(0..1_000)),
            health: if rng.random_bool(0.95) { Health::Healthy } else { Health::Unknown },
            zone: if rng.random_bool(0.95) { Zone::Closed } else { Zone::Lgwan },
            now_ms: MIDNIGHT_MS + rng.random_range(0..7 * DAY_MS),
            pattern: Pattern {
                requests_in_minute: rng.random_range(0..320),
                persons_in_ten_minutes: rng.random_range(0..320),
            },
            stepped_up_s: rng.random_bool(0.5).then(|| rng.random_range(0..1_000)),
            action: one_of(
                rng,
                &[
                    "copy_import",
                    "copy_show",
                    "provision_status",
                    "notice_send",
                    "notice_status",
                    "person_list",
                    "audit_verify",
                    "catalogue_list",
                    "keys_rotate",
                ],
            ),
            datasets: format!("TM{:014}", rng.random_range(0..90)).parse().into_iter().collect(),
        })
    }

    fn facts(&self) -> Facts<'_> {
        const SHOWN: &[FactorKind] = &[FactorKind::Possession, FactorKind::Knowledge];
        Facts {
            who: Who {
                identity: &self.identity,
                kind: self.kind,
                body: Some(self.body),
                record: Some(Period { from_day: 0, until_day: u32::MAX }),
                roles: &self.roles,
                department: &self.department,
                affairs: &self.affairs,
                contract: None,
                trained_on: Some(self.trained_on),
            },
            device: Some(Device { id: &self.device, listed: true, health: self.health, zone: self.zone }),
            zone: self.zone,
            now_ms: self.now_ms,
            ticket: None,
            pattern: self.pattern,
            factors: Factors { shown: SHOWN, stepped_up_s: self.stepped_up_s },
            proxy: None,
            operation: Operation {
                action: self.action,
                effect: Effect::Read,
                body: Some(self.body),
                affair: self.affairs.first().copied(),
                department: "",
                datasets: &self.datasets,
                label: Label::Municipal3B,
                function: None,
            },
        }
    }
}
