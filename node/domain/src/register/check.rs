//! The rules between the entries of one body.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Class, Delegation, Entry, POLICY_TEXT_MAX, RegisterError, Staff, StaffKind, Ticket, Why, plain, role,
};
use crate::local_body_code::LocalBodyCode;

/// Checks all entries of `body`: each by itself, then their names, numbers and relations.
pub fn check<'a>(
    body: LocalBodyCode,
    entries: impl IntoIterator<Item = &'a Entry>,
) -> Result<(), RegisterError> {
    let mut names = BTreeMap::<Class, BTreeSet<&str>>::new();
    let mut tickets = Vec::new();
    let mut delegations = Vec::new();
    let mut keys = BTreeSet::new();
    let mut policy_bytes = 0;
    for entry in entries {
        entry.check_alone()?;
        let of_class = names.entry(entry.class()).or_default();
        if !of_class.insert(entry.name()) {
            return Err(RegisterError::of(entry, Why::Repeated));
        }
        if of_class.len() > entry.class().entries_max() {
            return Err(RegisterError::of(entry, Why::TooMany));
        }
        match entry {
            Entry::Staff(staff) => check_keys(entry, staff, &mut keys)?,
            Entry::Ticket(ticket) => tickets.push((entry, ticket)),
            Entry::Delegation(delegation) => check_delegation(body, entry, delegation, &mut delegations)?,
            Entry::Policy(policy) => policy_bytes += policy.text.len(),
            Entry::Device(_) | Entry::Function(_) | Entry::Affair(_) | Entry::Health(_) => {}
        }
        if policy_bytes > POLICY_TEXT_MAX {
            return Err(RegisterError::of(entry, Why::TooLong));
        }
    }
    let none = BTreeSet::new();
    let devices = names.get(&Class::Device).unwrap_or(&none);
    tickets.into_iter().try_for_each(|(entry, ticket)| check_ticket(entry, ticket, devices))
}

/// Whether somebody administers the register on `day` (days since 1970-01-01 in Japan) or later: without one, nobody
/// could ever change it again.
pub fn has_administrator<'a>(entries: impl IntoIterator<Item = &'a Entry>, day: u32) -> bool {
    entries.into_iter().any(|entry| match entry {
        Entry::Staff(staff) => {
            staff.kind == StaffKind::Staff
                && staff.has_role(role::ADMINISTRATOR)
                && staff.valid.until_day >= day
        }
        _ => false,
    })
}

/// Two entries with one key are one person under two names (R3), and two factors with one key are one factor (R5).
fn check_keys<'a>(
    entry: &Entry,
    staff: &'a Staff,
    keys: &mut BTreeSet<&'a [u8]>,
) -> Result<(), RegisterError> {
    let fresh = staff.factors.iter().all(|factor| keys.insert(&factor.public));
    if fresh { Ok(()) } else { Err(RegisterError::of(entry, Why::SharedKey)) }
}

fn check_ticket(entry: &Entry, ticket: &Ticket, devices: &BTreeSet<&str>) -> Result<(), RegisterError> {
    let listed = devices.contains(ticket.device.as_str());
    if listed { Ok(()) } else { Err(RegisterError::of(entry, Why::Device)) }
}

fn check_delegation<'a>(
    body: LocalBodyCode,
    entry: &Entry,
    delegation: &'a Delegation,
    before: &mut Vec<&'a Delegation>,
) -> Result<(), RegisterError> {
    if delegation.to == body {
        return Err(RegisterError::of(entry, Why::OwnBody));
    }
    if let Some(other) = before.iter().find(|other| other.overlaps(delegation)) {
        return Err(RegisterError::of(entry, Why::Overlap).detailed(plain::repeatable(&other.id)));
    }
    before.push(delegation);
    Ok(())
}
