//! Facts as policies see them: each attribute's value, with what follows from several facts worked out once.

use chukei_domain::codes::{AffairCode, InfoNameCode};
use chukei_domain::day::{DAY_MS, JAPAN_OFFSET_MS, day_of};

use crate::attribute::Attribute;
use crate::facts::{FactorKind, Facts, Period};

/// Days since a training that never was.
const NEVER_TRAINED: i64 = 100_000;
const MINUTE_MS: u64 = 60_000;
/// 1970-01-01 was a Thursday: the fourth day of a week that begins on Monday.
const FIRST_WEEKDAY: u64 = 3;

/// A value of an attribute.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Bool(bool),
    Long(i64),
    Text(&'a str),
    Texts(Texts<'a>),
}

/// A set of texts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Texts<'a> {
    Names(&'a [String]),
    Affairs(&'a [AffairCode]),
    Datasets(&'a [InfoNameCode]),
}

impl<'a> Texts<'a> {
    pub(crate) fn contains(self, text: &str) -> bool {
        self.any(|held| held == text)
    }

    /// Whether `is` holds for one of them.
    pub(crate) fn any(self, is: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Names(names) => names.iter().any(|name| is(name)),
            Self::Affairs(codes) => codes.iter().any(|code| is(code.as_str())),
            Self::Datasets(codes) => codes.iter().any(|code| is(code.as_str())),
        }
    }

    pub(crate) fn sorted(self) -> Vec<&'a str> {
        let mut all: Vec<&str> = match self {
            Self::Names(names) => names.iter().map(String::as_str).collect(),
            Self::Affairs(codes) => codes.iter().map(AffairCode::as_str).collect(),
            Self::Datasets(codes) => codes.iter().map(InfoNameCode::as_str).collect(),
        };
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Facts with what follows from them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'a> {
    facts: &'a Facts<'a>,
    action: usize,
    home: bool,
    record: &'static str,
    contract: &'static str,
    contract_days_left: i64,
    training_age_days: i64,
    affair_held: bool,
    same_department: bool,
    device_in_zone: bool,
    ticket: &'static str,
    ticket_device: bool,
    factor_kinds: i64,
    proxy: &'static str,
    proxy_affair: bool,
    proxy_function: bool,
}

impl<'a> Reading<'a> {
    /// `action` is the place of the action's name in the schema's list.
    pub(crate) fn new(facts: &'a Facts<'a>, action: usize) -> Self {
        let (who, operation) = (&facts.who, &facts.operation);
        let today = day_of(facts.now_ms);
        let (contract, contract_days_left) = contract(who.contract, today);
        let device = facts.device.as_ref();
        Self {
            facts,
            action,
            home: who.body.is_some() && who.body == operation.body,
            record: during(who.record, today),
            contract,
            contract_days_left,
            training_age_days: training_age(who.trained_on, today),
            affair_held: operation.affair.is_some_and(|affair| who.affairs.contains(&affair)),
            same_department: operation.department.is_empty() || operation.department == who.department,
            device_in_zone: device.is_none_or(|device| device.zone == facts.zone),
            ticket: facts
                .ticket
                .as_ref()
                .map_or("none", |ticket| state(facts.now_ms, ticket.from_ms, ticket.until_ms, "open")),
            ticket_device: facts
                .ticket
                .as_ref()
                .is_some_and(|ticket| device.is_some_and(|device| device.id == ticket.device)),
            factor_kinds: kinds(facts.factors.shown),
            proxy: facts
                .proxy
                .as_ref()
                .map_or("none", |proxy| state(facts.now_ms, proxy.from_ms, proxy.until_ms, "valid")),
            proxy_affair: facts
                .proxy
                .as_ref()
                .is_some_and(|proxy| operation.affair.is_none_or(|affair| proxy.affairs.contains(&affair))),
            proxy_function: facts
                .proxy
                .as_ref()
                .is_some_and(|proxy| proxy.functions.iter().any(|name| name == operation.action)),
        }
    }

    /// The action's place in the schema's list.
    pub(crate) fn action(&self) -> usize {
        self.action
    }

    /// The name of the thing asked for.
    pub(crate) fn target(&self) -> &'a str {
        self.facts.operation.body.as_ref().map_or("platform", |body| body.as_str())
    }

    /// The value of `attribute`.
    pub(crate) fn value(&self, attribute: Attribute) -> Value<'a> {
        let (facts, who, operation) = (self.facts, &self.facts.who, &self.facts.operation);
        let (device, function) = (facts.device.as_ref(), operation.function.as_ref());
        match attribute {
            Attribute::Identity => Value::Text(who.identity),
            Attribute::Action => Value::Text(operation.action),
            Attribute::Target => Value::Text(self.target()),
            Attribute::Kind => Value::Text(who.kind),
            Attribute::Name => Value::Text(who.identity.rsplit('/').next().unwrap_or_default()),
            Attribute::OwnBody => Value::Text(who.body.as_ref().map_or("", |body| body.as_str())),
            Attribute::Home => Value::Bool(self.home),
            Attribute::Record => Value::Text(self.record),
            Attribute::Roles => Value::Texts(Texts::Names(who.roles)),
            Attribute::Department => Value::Text(who.department),
            Attribute::Affairs => Value::Texts(Texts::Affairs(who.affairs)),
            Attribute::Contract => Value::Text(self.contract),
            Attribute::ContractDaysLeft => Value::Long(self.contract_days_left),
            Attribute::TrainingAgeDays => Value::Long(self.training_age_days),
            Attribute::TargetBody => Value::Text(operation.body.as_ref().map_or("", |body| body.as_str())),
            Attribute::Affair => Value::Text(operation.affair.as_ref().map_or("", AffairCode::as_str)),
            Attribute::OwningDepartment => Value::Text(operation.department),
            Attribute::Datasets => Value::Texts(Texts::Datasets(operation.datasets)),
            Attribute::LabelScheme => Value::Text(operation.label.scheme()),
            Attribute::LabelLevel => Value::Text(operation.label.level()),
            Attribute::Mode => Value::Text(function.map_or("none", |function| function.mode.as_str())),
            Attribute::Approved => {
                Value::Bool(function.is_some_and(|function| !function.approval.is_empty()))
            }
            Attribute::TrialPerson => Value::Bool(function.is_some_and(|function| function.trial_person)),
            Attribute::Effect => Value::Text(operation.effect.as_str()),
            Attribute::AffairHeld => Value::Bool(self.affair_held),
            Attribute::SameDepartment => Value::Bool(self.same_department),
            Attribute::Device => Value::Text(device.map_or("", |device| device.id)),
            Attribute::DeviceListed => Value::Bool(device.is_some_and(|device| device.listed)),
            Attribute::DeviceHealth => Value::Text(device.map_or("unknown", |device| device.health.as_str())),
            Attribute::DeviceInZone => Value::Bool(self.device_in_zone),
            Attribute::Zone => Value::Text(facts.zone.as_str()),
            Attribute::Minute => Value::Long(minute(facts.now_ms)),
            Attribute::Weekday => Value::Long(weekday(facts.now_ms)),
            Attribute::Ticket => Value::Text(self.ticket),
            Attribute::TicketId => Value::Text(facts.ticket.as_ref().map_or("", |ticket| ticket.id)),
            Attribute::TicketDevice => Value::Bool(self.ticket_device),
            Attribute::RequestsInMinute => Value::Long(i64::from(facts.pattern.requests_in_minute)),
            Attribute::PersonsInTenMinutes => Value::Long(i64::from(facts.pattern.persons_in_ten_minutes)),
            Attribute::FactorsShown => {
                Value::Long(i64::try_from(facts.factors.shown.len()).unwrap_or(i64::MAX))
            }
            Attribute::FactorKinds => Value::Long(self.factor_kinds),
            Attribute::Proxy => Value::Text(self.proxy),
            Attribute::ProxyAffair => Value::Bool(self.proxy_affair),
            Attribute::ProxyFunction => Value::Bool(self.proxy_function),
        }
    }
}

fn contract(period: Option<Period>, today: u32) -> (&'static str, i64) {
    let left = period.filter(|period| period.from_day <= today).map(|period| period.until_day);
    let left = left.and_then(|until_day| until_day.checked_sub(today)).map_or(-1, i64::from);
    (during(period, today), left)
}

/// Where `today` lies against a period of days.
fn during(period: Option<Period>, today: u32) -> &'static str {
    match period {
        None => "none",
        Some(period) if today < period.from_day => "future",
        Some(period) if today > period.until_day => "over",
        Some(_) => "valid",
    }
}

/// A training that lies ahead is none.
fn training_age(trained_on: Option<u32>, today: u32) -> i64 {
    trained_on.and_then(|day| today.checked_sub(day)).map_or(NEVER_TRAINED, i64::from)
}

/// Where `now_ms` lies against a period whose end is not part of it.
fn state(now_ms: u64, from_ms: u64, until_ms: u64, within: &'static str) -> &'static str {
    match now_ms {
        now if now >= until_ms => "over",
        now if now < from_ms => "future",
        _ => within,
    }
}

fn kinds(shown: &[FactorKind]) -> i64 {
    [FactorKind::Knowledge, FactorKind::Possession, FactorKind::Biometrics]
        .iter()
        .map(|kind| i64::from(shown.contains(kind)))
        .sum()
}

fn minute(now_ms: u64) -> i64 {
    let minutes = now_ms.saturating_add(JAPAN_OFFSET_MS) % DAY_MS / MINUTE_MS;
    i64::try_from(minutes).unwrap_or(0)
}

fn weekday(now_ms: u64) -> i64 {
    let day = u64::from(day_of(now_ms));
    i64::try_from((day + FIRST_WEEKDAY) % 7 + 1).unwrap_or(0)
}
