//! A register as a file for people (TOML): the founding document, and what `chukei register load` takes.
//!
//! What must hold: unknown fields are refused, so that a misspelt one cannot change a right silently; an error names the
//! line and the field, never what stands there. Deliberately absent: reports about devices, which only signals write.

use serde::{Deserialize, Serialize};

use super::{
    Affair, Delegation, Device, Entry, FILE_MAX, Function, Policy, RegisterError, Staff, Ticket, Why, check,
};
use crate::local_body_code::LocalBodyCode;

/// Everything a file can say about one body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterFile {
    /// The body it is the register of.
    pub body: LocalBodyCode,
    /// People and systems.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub staff: Vec<Staff>,
    /// Devices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub device: Vec<Device>,
    /// Tickets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ticket: Vec<Ticket>,
    /// Functions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub function: Vec<Function>,
    /// Affairs that belong to one department.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affair: Vec<Affair>,
    /// Policies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy: Vec<Policy>,
    /// Delegations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delegation: Vec<Delegation>,
}

impl RegisterFile {
    /// An empty file for `body`.
    pub fn new(body: LocalBodyCode) -> Self {
        Self {
            body,
            staff: Vec::new(),
            device: Vec::new(),
            ticket: Vec::new(),
            function: Vec::new(),
            affair: Vec::new(),
            policy: Vec::new(),
            delegation: Vec::new(),
        }
    }

    /// Reads the text of a file. What it says is checked by [`Self::check`].
    pub fn parse(text: &str) -> Result<Self, RegisterError> {
        if text.len() > FILE_MAX {
            return Err(RegisterError::whole(Why::TooLong));
        }
        toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| line_of(text, span.start)).unwrap_or_default();
            RegisterError::whole(Why::Syntax).detailed(line)
        })
    }

    /// The text of the file.
    pub fn to_toml(&self) -> Result<String, RegisterError> {
        toml::to_string(self).map_err(|_| RegisterError::whole(Why::Syntax))
    }

    /// The entries, if nothing in them contradicts a rule or another entry. Order within lists does not matter.
    pub fn check(&self) -> Result<Vec<Entry>, RegisterError> {
        let mut entries = self.entries();
        entries.iter_mut().for_each(Entry::sort);
        check(self.body, &entries)?;
        Ok(entries)
    }

    /// A file with these entries. Reports about devices are left out.
    pub fn of(body: LocalBodyCode, entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut file = Self::new(body);
        for entry in entries {
            match entry {
                Entry::Staff(staff) => file.staff.push(staff),
                Entry::Device(device) => file.device.push(device),
                Entry::Ticket(ticket) => file.ticket.push(ticket),
                Entry::Function(function) => file.function.push(function),
                Entry::Affair(affair) => file.affair.push(affair),
                Entry::Policy(policy) => file.policy.push(policy),
                Entry::Delegation(delegation) => file.delegation.push(delegation),
                Entry::Health(_) => {}
            }
        }
        file
    }

    fn entries(&self) -> Vec<Entry> {
        let staff = self.staff.iter().cloned().map(Entry::Staff);
        let devices = self.device.iter().cloned().map(Entry::Device);
        let tickets = self.ticket.iter().cloned().map(Entry::Ticket);
        let functions = self.function.iter().cloned().map(Entry::Function);
        let affairs = self.affair.iter().cloned().map(Entry::Affair);
        let policies = self.policy.iter().cloned().map(Entry::Policy);
        let delegations = self.delegation.iter().cloned().map(Entry::Delegation);
        let resources = functions.chain(affairs).chain(policies).chain(delegations);
        staff.chain(devices).chain(tickets).chain(resources).collect()
    }
}

pub(super) fn line_of(text: &str, offset: usize) -> String {
    let before = text.as_bytes().iter().take(offset);
    format!("line {}", before.filter(|byte| **byte == b'\n').count() + 1)
}
