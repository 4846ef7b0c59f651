//! The platform's own register: its operators and contractors, who are in no body's, with their factors and devices, and
//! the tickets that no body can give.
//!
//! What must hold: it is one file that the offline root has signed, dated, and believed whole or not at all (R24);
//! everybody in it is one person with keys of their own (R3). A ticket in it is for a whole node, or for a body that
//! cannot speak for itself, as its register cannot be read. Deliberately absent: any right to what a body stores (R2),
//! and any way to change it while a node runs but by another signed file.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::plain::{self, check_name, check_set};
use super::staff::role;
use super::{Device, FACTORS_MAX, Factor, Health, Period, TICKETS_MAX, Ticket, Why};
use crate::local_body_code::LocalBodyCode;

/// What is signed before the bytes of the file, so that no other signature of the root fits.
pub const PLATFORM_PURPOSE: &[u8] = b"chukei platform register v1\0";
/// Bytes of the file.
pub const PLATFORM_FILE_MAX: usize = 1024 * 1024;
/// People in it.
pub const PLATFORM_PEOPLE_MAX: usize = 1_024;
/// Devices in it, and of one person.
pub const PLATFORM_DEVICES_MAX: usize = 1_024;

/// What tickets can be for, as names of actions in order: the upkeep of nodes and of bodies' ciphertext.
pub const UPKEEP_ACTIONS: [&str; 6] =
    ["backup_create", "backup_restore", "body_move", "node_restart", "store_compact", "upkeep_status"];

/// What people of the platform can be.
const ROLES: [&str; 1] = [role::CONTRACTOR];

/// The two kinds of people of the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlatformKind {
    /// An operator (基盤運用者).
    Operator,
    /// A contractor who maintains it (保守事業者).
    Maintenance,
}

impl PlatformKind {
    /// The kind as certificates and policies name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Maintenance => "maintenance",
        }
    }
}

/// An operator or a contractor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlatformPerson {
    /// The name in the certificate: one person, one id (R3).
    pub name: String,
    /// What they are.
    pub kind: PlatformKind,
    /// Roles: `contractor`, of an operator whose rights are dated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The days on which the entry counts.
    pub valid: Period,
    /// The contract; a contractor has one (R4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<Period>,
    /// The devices they work on, by the whole URI of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<String>,
    /// Factors beside the certificate, in the order of their names.
    #[serde(rename = "factor", default, skip_serializing_if = "Vec::is_empty")]
    pub factors: Vec<Factor>,
}

impl PlatformPerson {
    /// The factor of this name.
    pub fn factor(&self, name: &str) -> Option<&Factor> {
        self.factors.iter().find(|factor| factor.name == name)
    }

    fn sort(&mut self) {
        self.roles.sort_unstable();
        self.devices.sort_unstable();
        self.factors.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    }

    fn check(&self, devices: &BTreeSet<&str>) -> Result<(), Why> {
        check_name(&self.name)?;
        check_set(&self.roles, ROLES.len())?;
        if !self.roles.iter().all(|held| ROLES.contains(&held.as_str())) {
            return Err(Why::RoleOfKind);
        }
        self.valid.check()?;
        self.contract.map_or(Ok(()), Period::check)?;
        if self.kind == PlatformKind::Maintenance && self.contract.is_none() {
            return Err(Why::Period);
        }
        check_set(&self.devices, PLATFORM_DEVICES_MAX)?;
        if !self.devices.iter().all(|device| devices.contains(device.as_str())) {
            return Err(Why::Device);
        }
        let names: Vec<&str> = self.factors.iter().map(|factor| factor.name.as_str()).collect();
        check_set(&names, FACTORS_MAX)?;
        self.factors.iter().try_for_each(Factor::check)
    }
}

/// Tickets for a body that is not open at its node, whose own register nobody can ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BodyTickets {
    /// The body.
    pub code: LocalBodyCode,
    /// Its tickets.
    pub ticket: Vec<Ticket>,
}

/// The register as a file for people (TOML).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlatformFile {
    /// When it was made, Unix milliseconds: an older one never takes the place of a newer one.
    #[serde(rename = "issued", with = "plain::moment")]
    pub issued_ms: u64,
    /// From then on it says nothing any more, Unix milliseconds.
    #[serde(rename = "until", with = "plain::moment")]
    pub until_ms: u64,
    /// People.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub platform: Vec<PlatformPerson>,
    /// Devices, each by its whole URI.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub device: Vec<Device>,
    /// What is known of the devices' condition; a good report ages like any other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub health: Vec<Health>,
    /// Tickets for whole nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ticket: Vec<Ticket>,
    /// Tickets for bodies that are not open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub body: Vec<BodyTickets>,
}

/// Why a platform register was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("platform register{}: {why}", if name.is_empty() { String::new() } else { format!(", {name}") })]
pub struct PlatformError {
    /// Whose entry, or which line; empty where it is the whole file.
    pub name: String,
    /// Why.
    pub why: Why,
}

impl PlatformError {
    fn whole(why: Why) -> Self {
        Self { name: String::new(), why }
    }

    fn of(name: &str, why: Why) -> Self {
        Self { name: plain::repeatable(name).to_owned(), why }
    }
}

impl PlatformFile {
    /// Reads the text of a file. What it says is checked by [`Self::check`].
    pub fn parse(text: &str) -> Result<Self, PlatformError> {
        if text.len() > PLATFORM_FILE_MAX {
            return Err(PlatformError::whole(Why::TooLong));
        }
        toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| super::file::line_of(text, span.start)).unwrap_or_default();
            PlatformError { name: line, why: Why::Syntax }
        })
    }

    /// The text of the file.
    pub fn to_toml(&self) -> Result<String, PlatformError> {
        toml::to_string(self).map_err(|_| PlatformError::whole(Why::Syntax))
    }

    /// The register, if nothing in it breaks a rule or contradicts another part of it.
    pub fn check(mut self) -> Result<PlatformRegister, PlatformError> {
        if self.issued_ms >= self.until_ms {
            return Err(PlatformError::whole(Why::Period));
        }
        if self.platform.len() > PLATFORM_PEOPLE_MAX || self.device.len() > PLATFORM_DEVICES_MAX {
            return Err(PlatformError::whole(Why::TooMany));
        }
        let ticket = self.ticket.iter_mut().chain(self.body.iter_mut().flat_map(|body| &mut body.ticket));
        ticket.for_each(|ticket| ticket.actions.sort_unstable());
        self.platform.iter_mut().for_each(PlatformPerson::sort);
        self.platform.sort_unstable_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        self.device.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        self.check_devices()?;
        self.check_people()?;
        self.check_tickets()?;
        Ok(PlatformRegister {
            issued_ms: self.issued_ms,
            until_ms: self.until_ms,
            people: self.platform,
            devices: self.device,
            health: self.health,
            tickets: self.ticket,
            of_bodies: self.body,
        })
    }

    fn check_devices(&self) -> Result<(), PlatformError> {
        let mut names = BTreeSet::new();
        for device in &self.device {
            let refused = |why| PlatformError::of(&device.name, why);
            device.check().map_err(refused)?;
            if !plain::is_platform_device(&device.name) {
                return Err(refused(Why::Device));
            }
            if !names.insert(&device.name) {
                return Err(refused(Why::Repeated));
            }
        }
        let mut reported = BTreeSet::new();
        for report in &self.health {
            let refused = |why| PlatformError::of(&report.device, why);
            if !names.contains(&report.device) {
                return Err(refused(Why::Device));
            }
            if !reported.insert(&report.device) {
                return Err(refused(Why::Repeated));
            }
        }
        Ok(())
    }

    /// Each is for somebody who is in this file, on a device of theirs.
    fn check_tickets(&self) -> Result<(), PlatformError> {
        let of_nodes = self.ticket.iter().map(|ticket| (None, ticket));
        let of_bodies =
            self.body.iter().flat_map(|body| body.ticket.iter().map(|ticket| (Some(body.code), ticket)));
        let mut ids = BTreeSet::new();
        for (body, ticket) in of_nodes.chain(of_bodies) {
            let refused = |why| PlatformError::of(&ticket.id, why);
            ticket.check().map_err(refused)?;
            if !ticket.actions.iter().all(|action| UPKEEP_ACTIONS.contains(&action.as_str())) {
                return Err(refused(Why::Action));
            }
            let holder = self.platform.iter().find(|person| person.name == ticket.holder);
            if !holder.is_some_and(|person| person.devices.contains(&ticket.device)) {
                return Err(refused(Why::Device));
            }
            if !ids.insert((body, &ticket.id)) {
                return Err(refused(Why::Repeated));
            }
            if ids.len() > TICKETS_MAX {
                return Err(refused(Why::TooMany));
            }
        }
        Ok(())
    }

    fn check_people(&self) -> Result<(), PlatformError> {
        let devices: BTreeSet<&str> = self.device.iter().map(|device| device.name.as_str()).collect();
        let (mut names, mut keys) = (BTreeSet::new(), BTreeSet::new());
        for person in &self.platform {
            let refused = |why| PlatformError::of(&person.name, why);
            person.check(&devices).map_err(refused)?;
            // Of either kind: one name for an operator and a contractor would be one person with two contracts, or two.
            if !names.insert(&person.name) {
                return Err(refused(Why::Repeated));
            }
            if !person.factors.iter().all(|factor| keys.insert(&factor.public)) {
                return Err(refused(Why::SharedKey));
            }
        }
        Ok(())
    }
}

/// A register without contradictions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlatformRegister {
    issued_ms: u64,
    until_ms: u64,
    people: Vec<PlatformPerson>,
    devices: Vec<Device>,
    health: Vec<Health>,
    tickets: Vec<Ticket>,
    of_bodies: Vec<BodyTickets>,
}

impl PlatformRegister {
    /// When it was made, Unix milliseconds.
    pub fn issued_ms(&self) -> u64 {
        self.issued_ms
    }

    /// From then on it says nothing any more, Unix milliseconds.
    pub fn until_ms(&self) -> u64 {
        self.until_ms
    }

    /// Whom a certificate of this kind and name is of.
    pub fn person(&self, kind: &str, name: &str) -> Option<&PlatformPerson> {
        self.people.iter().find(|person| person.kind.as_str() == kind && person.name == name)
    }

    /// The device of this URI.
    pub fn device(&self, uri: &str) -> Option<&Device> {
        self.devices.iter().find(|device| device.name == uri)
    }

    /// The last report about the device of this URI that it tells of.
    pub fn health(&self, uri: &str) -> Option<&Health> {
        self.health.iter().find(|report| report.device == uri)
    }

    /// The ticket of this number for a body that is not open; for the whole node where none is named.
    pub fn ticket(&self, body: Option<LocalBodyCode>, id: &str) -> Option<&Ticket> {
        let of_body = self.of_bodies.iter().filter(|of| Some(of.code) == body).flat_map(|of| &of.ticket);
        let of_node = self.tickets.iter().filter(|_| body.is_none());
        of_node.chain(of_body).find(|ticket| ticket.id == id)
    }
}

#[cfg(test)]
mod tests;
