//! Entries of one class, for people one a line.

use chukei_domain::day::Day;
use chukei_domain::register::{Class, Delegation, Entry, Period, Staff, Ticket};
use serde_json::{Value, json};

use super::{json_of, shown};
use crate::failure::Failure;
use crate::japan_time;
use crate::link::NodeLink;
use crate::report::Report;

/// Every entry of `class`.
pub(super) async fn of_class(link: &mut NodeLink, class: Class) -> Result<Report, Failure> {
    let shown = shown(link, Some(class)).await?;
    let entries: Vec<Value> = shown.entries.iter().map(json_of).collect();
    let mut lines: Vec<String> = shown.entries.iter().map(line).collect();
    lines.push(format!("{}件(台帳の版 {})", entries.len(), shown.version));
    Ok(Report { json: json!({ "version": shown.version, class.as_str(): entries }), text: lines.join("\n") })
}

fn line(entry: &Entry) -> String {
    match entry {
        Entry::Staff(staff) => staff_line(staff),
        Entry::Device(device) => {
            let zone = json_word(&device.zone);
            format!("{}  {zone}  {}", device.name, period(device.listed))
        }
        Entry::Ticket(ticket) => ticket_line(ticket),
        Entry::Function(function) => {
            let (mode, from) = (json_word(&function.mode), day(function.from_day));
            format!("{}  {mode}  {}  {from}から", function.function.as_str(), dash(&function.reference))
        }
        Entry::Affair(affair) => format!("{}  {}", affair.code, affair.department),
        Entry::Policy(policy) => format!("{}  {}バイト", policy.name, policy.text.len()),
        Entry::Delegation(delegation) => delegation_line(delegation),
        Entry::Health(health) => {
            let state = json_word(&health.state);
            format!("{}  {state}  {}", health.device, japan_time::print(health.at_ms))
        }
    }
}

fn staff_line(staff: &Staff) -> String {
    let kind = staff.kind.as_str();
    let affairs: Vec<&str> = staff.affairs.iter().map(|affair| affair.as_str()).collect();
    let trained = staff.trained_on.map_or_else(|| "-".to_owned(), day);
    let (roles, affairs) = (staff.roles.join(","), affairs.join(","));
    let (roles, affairs) = (dash(&roles), dash(&affairs));
    let (department, valid) = (dash(&staff.department), period(staff.valid));
    format!("{}  {kind}  {roles}  {department}  {affairs}  {valid}  研修 {trained}", staff.name)
}

fn ticket_line(ticket: &Ticket) -> String {
    let (from, until) = (japan_time::print(ticket.from_ms), japan_time::print(ticket.until_ms));
    let actions = ticket.actions.join(",");
    format!("{}  {}  {}  {from} 〜 {until}  {actions}", ticket.id, ticket.holder, ticket.device)
}

fn delegation_line(delegation: &Delegation) -> String {
    let (from, until) = (japan_time::print(delegation.from_ms), japan_time::print(delegation.until_ms));
    let affairs: Vec<&str> = delegation.affairs.iter().map(|affair| affair.as_str()).collect();
    let revoked = if delegation.revoked { "  取消済み" } else { "" };
    let (affairs, functions) = (affairs.join(","), delegation.functions.join(","));
    format!("{}  {}  {affairs}  {functions}  {from} 〜 {until}{revoked}", delegation.id, delegation.to)
}

fn period(period: Period) -> String {
    format!("{} 〜 {}", day(period.from_day), day(period.until_day))
}

fn day(day: u32) -> String {
    Day::from_number(day).to_string()
}

fn dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

/// The one word that stands for it in files.
fn json_word<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}
