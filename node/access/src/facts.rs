//! Everything one decision looks at, as the caller found it out (R4, R5, R6, R14, R15, R42).
//!
//! What must hold: a fact is what was proven or measured, never what a caller claims about itself; where nothing is
//! known, the field says so, and the shipped policies refuse. Time is an argument. Deliberately absent: anything of
//! the person concerned but how many of them there were.

use chukei_domain::codes::{AffairCode, InfoNameCode};
use chukei_wire::body_code::BodyCode;

/// The inputs of one decision.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Who asks.
    pub who: Who<'a>,
    /// The device that proved itself beside the person's certificate; `None` where none did.
    pub device: Option<Device<'a>>,
    /// Where the connection comes from, by configuration of the listener and never by what the peer says.
    pub zone: Zone,
    /// The time, Unix milliseconds; minute, weekday and day are Japan's.
    pub now_ms: u64,
    /// The ticket under which maintenance is done.
    pub ticket: Option<Ticket<'a>>,
    /// How this identity has been asking.
    pub pattern: Pattern,
    /// What this identity has shown besides its certificate.
    pub factors: Factors<'a>,
    /// The delegation under which another body's identity acts (事務代行, R42).
    pub proxy: Option<Proxy<'a>>,
    /// What is asked.
    pub operation: Operation<'a>,
}

/// An authenticated identity and what its body (or the platform) keeps on record about it.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    /// The URI of the certificate, e.g. `chukei://body/982016/staff/u-tax-07`.
    pub identity: &'a str,
    /// The identity's kind: `staff`, `system`, `auditor`, `device`, `operator`, `maintenance`, `node`, `broker`,
    /// `portal`.
    pub kind: &'a str,
    /// The body it belongs to; `None` for the platform's and for brokers, nodes and portals.
    pub body: Option<BodyCode>,
    /// The days on which the record counts that its body keeps of it, or the platform; `None` where there is no record.
    pub record: Option<Period>,
    /// Roles it holds.
    pub roles: &'a [String],
    /// Its department (課); empty where it has none.
    pub department: &'a str,
    /// Affairs (事務) it may work on.
    pub affairs: &'a [AffairCode],
    /// The period of a contractor's contract; `None` where there is no contract.
    pub contract: Option<Period>,
    /// The day of its last training, days since 1970-01-01 in Japan; `None` where there was none.
    pub trained_on: Option<u32>,
}

/// Days, both included, since 1970-01-01 in Japan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// First day.
    pub from_day: u32,
    /// Last day.
    pub until_day: u32,
}

/// A device that signed this very connection.
#[derive(Clone, Copy, Debug)]
pub struct Device<'a> {
    /// Its name in the inventory.
    pub id: &'a str,
    /// Whether the inventory lists it.
    pub listed: bool,
    /// What the last signal about it says.
    pub health: Health,
    /// The zone in which the inventory has it.
    pub zone: Zone,
}

/// What is known of a device's condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Reported well, and lately enough.
    Healthy,
    /// Reported unwell.
    Unhealthy,
    /// No report, or one that is too old.
    Unknown,
}

/// A zone of a body's network, as the three-layer separation of local bodies knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// 個人番号利用事務系: closed.
    Closed,
    /// LGWAN接続系.
    Lgwan,
    /// インターネット接続系, or unknown.
    Internet,
}

/// Leave to do maintenance.
#[derive(Clone, Copy, Debug)]
pub struct Ticket<'a> {
    /// Its number, as events name it.
    pub id: &'a str,
    /// Begin of the window, Unix milliseconds.
    pub from_ms: u64,
    /// End of the window, excluded, Unix milliseconds.
    pub until_ms: u64,
    /// The one device (保守端末) it is for, by its name in the inventory.
    pub device: &'a str,
}

/// How an identity has been asking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pattern {
    /// Requests of this identity in the last 60 seconds, this one included.
    pub requests_in_minute: u32,
    /// Distinct persons opened by this identity in the last ten minutes, those of this operation included.
    pub persons_in_ten_minutes: u32,
}

/// The kinds of factors that the guidelines tell apart (R5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorKind {
    /// 知識: a PIN, a password.
    Knowledge,
    /// 所持: a key that cannot be copied.
    Possession,
    /// 生体: a fingerprint, a face.
    Biometrics,
}

/// Factors that were verified.
#[derive(Clone, Copy, Debug, Default)]
pub struct Factors<'a> {
    /// At log-on, in this session.
    pub shown: &'a [FactorKind],
    /// Seconds since a factor of another kind than the first was last shown for a step-up (追加の認証); `None`
    /// where it never was in this session.
    pub stepped_up_s: Option<u32>,
}

/// A delegation that another body gave in advance (R42).
#[derive(Clone, Copy, Debug)]
pub struct Proxy<'a> {
    /// Affairs it covers.
    pub affairs: &'a [AffairCode],
    /// Functions it covers, as names of actions.
    pub functions: &'a [String],
    /// Begin, Unix milliseconds.
    pub from_ms: u64,
    /// End, excluded, Unix milliseconds.
    pub until_ms: u64,
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Opens what is stored, for the body.
    Read,
    /// Adds to it or changes it.
    Write,
    /// Releases it to the person it concerns.
    Deliver,
    /// Hands it out of the system, to the body.
    Export,
    /// Touches no stored content.
    Operate,
}

/// One operation.
#[derive(Clone, Copy, Debug)]
pub struct Operation<'a> {
    /// The action's name, as the schema lists it.
    pub action: &'a str,
    /// What it does.
    pub effect: Effect,
    /// The body whose data, log or settings it is about; `None` for the platform's own upkeep.
    pub body: Option<BodyCode>,
    /// The affair it is done for.
    pub affair: Option<AffairCode>,
    /// The department that the affair belongs to; empty where it is not one department's.
    pub department: &'a str,
    /// The datasets it touches.
    pub datasets: &'a [InfoNameCode],
    /// The strictest label of what it touches.
    pub label: Label,
    /// The function it belongs to, as the body enabled it; `None` for what needs no enabling.
    pub function: Option<Function<'a>>,
}

/// A confidentiality label with its scheme: the same digit means another thing in another scheme (R15).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Label {
    /// 自治体機密性3A.
    Municipal3A,
    /// 自治体機密性3B: what copies have unless stated otherwise.
    #[default]
    Municipal3B,
    /// 自治体機密性3C.
    Municipal3C,
    /// 自治体機密性2.
    Municipal2,
    /// 自治体機密性1.
    Municipal1,
    /// 機密性3 of the government's standards.
    Government3,
    /// 機密性2 of the government's standards.
    Government2,
    /// 機密性1 of the government's standards.
    Government1,
}

/// A function as its body enabled it (R14).
#[derive(Clone, Copy, Debug)]
pub struct Function<'a> {
    /// Off, on trial or live; off before its start date.
    pub mode: Mode,
    /// Reference of the approval (諮問/答申); empty where there is none.
    pub approval: &'a str,
    /// Whether every person concerned is one of those that the body named for its trial.
    pub trial_person: bool,
}

/// How far a function is enabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Not enabled.
    Off,
    /// Enabled for the persons of the trial.
    Trial,
    /// Enabled.
    Live,
}

impl Health {
    /// The value in policies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Unknown => "unknown",
        }
    }
}

impl Zone {
    /// The value in policies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Lgwan => "lgwan",
            Self::Internet => "internet",
        }
    }
}

impl Effect {
    /// The value in policies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Deliver => "deliver",
            Self::Export => "export",
            Self::Operate => "operate",
        }
    }
}

impl Mode {
    /// The value in policies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Trial => "trial",
            Self::Live => "live",
        }
    }
}

impl Label {
    /// The scheme's value in policies.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Government3 | Self::Government2 | Self::Government1 => "government",
            _ => "municipal",
        }
    }

    /// The level's value in policies.
    pub fn level(self) -> &'static str {
        match self {
            Self::Municipal3A => "3A",
            Self::Municipal3B => "3B",
            Self::Municipal3C => "3C",
            Self::Government3 => "3",
            Self::Municipal2 | Self::Government2 => "2",
            Self::Municipal1 | Self::Government1 => "1",
        }
    }
}
