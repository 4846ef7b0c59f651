//! Who and what a body knows: staff, devices, tickets, functions, affairs, policies and delegations (R4–R6, R14, R42).
//!
//! What must hold: an entry has one byte form, and is known by its class and name; a set of entries that contradicts
//! itself is refused as a whole ([`check`]). Deliberately absent: what follows from an entry (policies decide), names
//! of people, and any place for an individual number (R10).

mod check;
mod error;
mod file;
mod limits;
mod plain;
pub mod platform;
mod resource;
mod staff;

use serde::{Deserialize, Serialize};

use crate::codec::{self, CodecError};

pub use check::{check, has_administrator};
pub use error::{RegisterError, Why};
pub use file::RegisterFile;
pub use limits::*;
pub use resource::{
    Affair, Delegation, Device, Function, FunctionName, Health, HealthState, Mode, Policy, Ticket, Zone,
};
pub use staff::{Factor, FactorKind, Period, Staff, StaffKind, Stretch, role};

/// Format version of an entry that is written.
pub const VERSION: u8 = 1;

/// What is signed before the bytes of a founding document, so that no other signature of the root fits.
pub const FOUNDING_PURPOSE: &[u8] = b"chukei founding document v1\0";

/// One entry of a body's register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// A person or system with rights.
    Staff(Staff),
    /// A device of the inventory (台帳).
    Device(Device),
    /// Leave for maintenance (作業票).
    Ticket(Ticket),
    /// A function as the body enabled it (R14).
    Function(Function),
    /// Whose an affair is (事務の所管課).
    Affair(Affair),
    /// A policy of the body's own.
    Policy(Policy),
    /// Leave for another body to act (事務代行).
    Delegation(Delegation),
    /// What the last signal said about a device.
    Health(Health),
}

/// The classes of entries. A name is unique within its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// [`Entry::Staff`].
    Staff,
    /// [`Entry::Device`].
    Device,
    /// [`Entry::Ticket`].
    Ticket,
    /// [`Entry::Function`].
    Function,
    /// [`Entry::Affair`].
    Affair,
    /// [`Entry::Policy`].
    Policy,
    /// [`Entry::Delegation`].
    Delegation,
    /// [`Entry::Health`].
    Health,
}

impl Class {
    /// Every class, in the order in which registers are listed.
    pub const ALL: [Self; 8] = [
        Self::Staff,
        Self::Device,
        Self::Ticket,
        Self::Function,
        Self::Affair,
        Self::Policy,
        Self::Delegation,
        Self::Health,
    ];

    /// The class as one word, e.g. `staff`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Device => "device",
            Self::Ticket => "ticket",
            Self::Function => "function",
            Self::Affair => "affair",
            Self::Policy => "policy",
            Self::Delegation => "delegation",
            Self::Health => "health",
        }
    }

    /// How many entries of this class a body may have.
    pub fn entries_max(self) -> usize {
        match self {
            Self::Staff => STAFF_MAX,
            Self::Device | Self::Health => DEVICES_MAX,
            Self::Ticket => TICKETS_MAX,
            Self::Function => FunctionName::ALL.len(),
            Self::Affair => AFFAIRS_MAX,
            Self::Policy => POLICIES_MAX,
            Self::Delegation => DELEGATIONS_MAX,
        }
    }

    fn bytes_max(self) -> usize {
        if self == Self::Policy { POLICY_ENTRY_MAX } else { ENTRY_MAX }
    }
}

impl std::fmt::Display for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Entry {
    /// Its class.
    pub fn class(&self) -> Class {
        match self {
            Self::Staff(_) => Class::Staff,
            Self::Device(_) => Class::Device,
            Self::Ticket(_) => Class::Ticket,
            Self::Function(_) => Class::Function,
            Self::Affair(_) => Class::Affair,
            Self::Policy(_) => Class::Policy,
            Self::Delegation(_) => Class::Delegation,
            Self::Health(_) => Class::Health,
        }
    }

    /// Its name, unique within its class: of a ticket and a delegation the id, of a report the device.
    pub fn name(&self) -> &str {
        match self {
            Self::Staff(staff) => &staff.name,
            Self::Device(device) => &device.name,
            Self::Ticket(ticket) => &ticket.id,
            Self::Function(function) => function.function.as_str(),
            Self::Affair(affair) => affair.code.as_str(),
            Self::Policy(policy) => &policy.name,
            Self::Delegation(delegation) => &delegation.id,
            Self::Health(health) => &health.device,
        }
    }

    /// The one byte form. What breaks a rule of its own has none; see [`check`] for rules between entries.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        self.check_alone().map_err(|_| CodecError::Malformed)?;
        codec::encode(VERSION, self, self.class().bytes_max())
    }

    /// Reads what [`Self::to_bytes`] wrote, and nothing else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let entry: Self = codec::decode(VERSION, bytes, POLICY_ENTRY_MAX)?;
        if bytes.len() > entry.class().bytes_max() {
            return Err(CodecError::TooLong);
        }
        entry.check_alone().map_err(|_| CodecError::Malformed)?;
        Ok(entry)
    }

    /// The rules that this entry can break by itself.
    pub fn check_alone(&self) -> Result<(), RegisterError> {
        let found = match self {
            Self::Staff(staff) => staff.check(),
            Self::Device(device) => device.check(),
            Self::Ticket(ticket) => ticket.check(),
            Self::Function(function) => function.check(),
            Self::Affair(affair) => affair.check(),
            Self::Policy(policy) => policy.check(),
            Self::Delegation(delegation) => delegation.check(),
            Self::Health(health) => health.check(),
        };
        found.map_err(|why| RegisterError::of(self, why))
    }

    /// Puts what is a set into its one order. Repetitions stay, and are refused.
    pub fn sort(&mut self) {
        match self {
            Self::Staff(staff) => {
                staff.roles.sort_unstable();
                staff.affairs.sort_unstable();
                staff.factors.sort_unstable_by(|a, b| a.name.cmp(&b.name));
            }
            Self::Ticket(ticket) => ticket.actions.sort_unstable(),
            Self::Function(function) => function.trial_persons.sort_unstable(),
            Self::Delegation(delegation) => {
                delegation.affairs.sort_unstable();
                delegation.functions.sort_unstable();
            }
            Self::Device(_) | Self::Affair(_) | Self::Policy(_) | Self::Health(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
