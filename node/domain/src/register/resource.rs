//! What is not a person: devices, tickets, functions, affairs, policies, delegations, reports about devices.

use serde::{Deserialize, Serialize};

use super::plain::{self, check_actions, check_device_name, check_line, check_name, check_set};
use super::{
    DEPARTMENT_MAX, POLICY_TEXT_MAX, Period, REFERENCE_MAX, TICKET_WINDOW_MAX_MS, TRIAL_PERSONS_MAX, Why,
};
use crate::codes::{AddresseeNumber, AffairCode};
use crate::individual_number;
use crate::local_body_code::LocalBodyCode;

/// A zone of a body's network, as the three-layer separation of local bodies knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Zone {
    /// 個人番号利用事務系: closed.
    Closed,
    /// LGWAN接続系.
    Lgwan,
    /// インターネット接続系.
    Internet,
}

/// A device of the inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// The name in its certificate; of a device of the platform the whole URI, `chukei://platform/device/…`.
    pub name: String,
    /// The zone it belongs to.
    pub zone: Zone,
    /// The days on which it is listed.
    pub listed: Period,
}

/// Leave for maintenance: who, on which device, when, what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    /// Its number, as events name it.
    pub id: String,
    /// The name in the certificate of whom it is for.
    pub holder: String,
    /// The one device (保守端末) it is for, by its name in the inventory.
    pub device: String,
    /// Begin of the window, Unix milliseconds.
    #[serde(rename = "from", with = "plain::moment")]
    pub from_ms: u64,
    /// End of the window, excluded, Unix milliseconds.
    #[serde(rename = "until", with = "plain::moment")]
    pub until_ms: u64,
    /// What may be done, as names of actions in order.
    pub actions: Vec<String>,
}

/// The functions that a body enables one by one (R14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FunctionName {
    /// 副本登録.
    Copies,
    /// 自己情報表示.
    SelfInfo,
    /// お知らせ情報表示.
    Notices,
}

impl FunctionName {
    /// Every function.
    pub const ALL: [Self; 3] = [Self::Copies, Self::SelfInfo, Self::Notices];

    /// The function as one word, e.g. `self_info`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Copies => "copies",
            Self::SelfInfo => "self_info",
            Self::Notices => "notices",
        }
    }
}

/// How far a function is enabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Not enabled.
    Off,
    /// For the persons of the trial.
    Trial,
    /// Enabled.
    Live,
}

/// A function as its body enabled it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// Which one.
    pub function: FunctionName,
    /// How far.
    pub mode: Mode,
    /// Reference of the approval (諮問/答申); empty only where it is off.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reference: String,
    /// Its first day, days since 1970-01-01 in Japan.
    #[serde(rename = "from", with = "plain::day")]
    pub from_day: u32,
    /// Persons of the trial, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trial_persons: Vec<AddresseeNumber>,
}

/// Whose an affair is. One without an entry is worked on by whoever holds it, of any department.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Affair {
    /// The affair (事務).
    pub code: AffairCode,
    /// The department (課) that it belongs to.
    pub department: String,
}

/// A text of the body's own policies, in Cedar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Its name in the register.
    pub name: String,
    /// The text.
    pub text: String,
}

/// Leave for another body to act (R42).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delegation {
    /// Its id, as events name it.
    pub id: String,
    /// The body that may act.
    pub to: LocalBodyCode,
    /// Affairs it covers, in order.
    pub affairs: Vec<AffairCode>,
    /// Functions it covers, as names of actions in order.
    pub functions: Vec<String>,
    /// Begin, Unix milliseconds.
    #[serde(rename = "from", with = "plain::moment")]
    pub from_ms: u64,
    /// End, excluded, Unix milliseconds.
    #[serde(rename = "until", with = "plain::moment")]
    pub until_ms: u64,
    /// Taken back: it covers nothing, whatever its time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub revoked: bool,
}

/// A device's condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    /// Well.
    Healthy,
    /// Unwell.
    Unhealthy,
}

/// The last report about a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// The device, by its name in the inventory.
    pub device: String,
    /// Its condition.
    pub state: HealthState,
    /// When it was reported, Unix milliseconds.
    #[serde(rename = "at", with = "plain::moment")]
    pub at_ms: u64,
}

impl Device {
    pub(super) fn check(&self) -> Result<(), Why> {
        check_device_name(&self.name)?;
        self.listed.check()
    }
}

impl Ticket {
    pub(super) fn check(&self) -> Result<(), Why> {
        check_name(&self.id)?;
        check_name(&self.holder)?;
        check_device_name(&self.device)?;
        check_window(self.from_ms, self.until_ms)?;
        if self.until_ms - self.from_ms > TICKET_WINDOW_MAX_MS {
            return Err(Why::Period);
        }
        check_actions(&self.actions)
    }
}

impl Function {
    /// How far it is enabled on `day`: off before its first.
    pub fn mode_on(&self, day: u32) -> Mode {
        if day < self.from_day { Mode::Off } else { self.mode }
    }

    pub(super) fn check(&self) -> Result<(), Why> {
        check_line(&self.reference, REFERENCE_MAX)?;
        if self.mode != Mode::Off && self.reference.is_empty() {
            return Err(Why::Reference);
        }
        if self.mode != Mode::Trial && !self.trial_persons.is_empty() {
            return Err(Why::TrialPersons);
        }
        check_set(&self.trial_persons, TRIAL_PERSONS_MAX)
    }
}

impl Affair {
    pub(super) fn check(&self) -> Result<(), Why> {
        check_line(&self.department, DEPARTMENT_MAX)?;
        if self.department.is_empty() { Err(Why::Text) } else { Ok(()) }
    }
}

impl Policy {
    pub(super) fn check(&self) -> Result<(), Why> {
        check_name(&self.name)?;
        if self.text.trim().is_empty() {
            return Err(Why::Text);
        }
        if self.text.len() > POLICY_TEXT_MAX {
            return Err(Why::TooLong);
        }
        if individual_number::find(&self.text) { Err(Why::IndividualNumber) } else { Ok(()) }
    }
}

impl Delegation {
    /// Whether both hold for some affair, function and time.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let together = !self.revoked && !other.revoked && self.to == other.to;
        together
            && self.from_ms < other.until_ms
            && other.from_ms < self.until_ms
            && self.affairs.iter().any(|affair| other.affairs.contains(affair))
            && self.functions.iter().any(|function| other.functions.contains(function))
    }

    pub(super) fn check(&self) -> Result<(), Why> {
        check_name(&self.id)?;
        if self.affairs.is_empty() {
            return Err(Why::Empty);
        }
        plain::check_affairs(&self.affairs)?;
        check_actions(&self.functions)?;
        check_window(self.from_ms, self.until_ms)
    }
}

impl Health {
    pub(super) fn check(&self) -> Result<(), Why> {
        check_device_name(&self.device)
    }
}

fn check_window(from_ms: u64, until_ms: u64) -> Result<(), Why> {
    if from_ms < until_ms { Ok(()) } else { Err(Why::Period) }
}
