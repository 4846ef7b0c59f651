//! One entry at a time: `staff`, `device`, `ticket`, `body enable`, `delegation`.

use std::path::Path;

use chukei_domain::codes::AddresseeNumber;
use chukei_domain::individual_number;
use chukei_domain::register::{
    Class, Delegation, Device, Entry, Factor, Function, Period, RegisterError, Staff, Ticket, Why,
};
use chukei_wire::result::ResultName;
use serde::Deserialize;

use super::{change, lists, put, refusal, remove, shown, told};
use crate::cli::{
    BodyCommand, DelegationArgs, DelegationCommand, DeviceCommand, EnableArgs, StaffArgs, StaffCommand,
    TicketArgs, TicketCommand,
};
use crate::commands::arguments::read_text;
use crate::failure::Failure;
use crate::link::NodeLink;
use crate::report::Report;

/// Longest file of a factor, bytes.
const FACTOR_FILE_MAX: usize = 64 * 1024;
/// Longest file of persons of a trial, bytes.
const PERSONS_FILE_MAX: usize = 64 * 1024;

/// `staff`.
pub(crate) async fn staff(link: &mut NodeLink, command: StaffCommand) -> Result<Report, Failure> {
    match command {
        StaffCommand::Add(args) => add_staff(link, *args).await,
        StaffCommand::List => lists::of_class(link, Class::Staff).await,
        StaffCommand::Remove(args) => remove(link, Class::Staff, args.name).await,
    }
}

async fn add_staff(link: &mut NodeLink, args: StaffArgs) -> Result<Report, Failure> {
    let contract = args.contract_from.zip(args.contract_until);
    let mut factors = Vec::new();
    for file in &args.factors {
        factors.extend(read_factors(file)?);
    }
    let name = args.name.clone();
    let fresh = Staff {
        name: args.name,
        kind: args.kind.into(),
        roles: args.roles,
        department: args.department,
        affairs: args.affairs,
        valid: args.valid.period(),
        contract: contract.map(|(from_day, until_day)| Period { from_day, until_day }),
        trained_on: args.trained_on,
        factors,
    };
    let make = |known: Option<&Entry>| {
        let mut fresh = fresh;
        if let (Some(Entry::Staff(known)), true) = (known, fresh.factors.is_empty()) {
            fresh.factors.clone_from(&known.factors);
        }
        Entry::Staff(fresh)
    };
    put(link, make, (Class::Staff, &name), args.replace).await
}

/// The factors of a file, as `factor new` and `pki issue factor` print them.
fn read_factors(file: &Path) -> Result<Vec<Factor>, Failure> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Table {
        factor: Vec<Factor>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Printed {
        Staff(Table),
        Platform(Table),
    }
    let text = read_text(file, FACTOR_FILE_MAX)?;
    match toml::from_str(&text) {
        Ok(Printed::Staff(table) | Printed::Platform(table)) => Ok(table.factor),
        Err(_) => Err(refusal(&RegisterError::whole(Why::Factor))),
    }
}

/// `device`.
pub(crate) async fn device(link: &mut NodeLink, command: DeviceCommand) -> Result<Report, Failure> {
    match command {
        DeviceCommand::Add { name, zone, listed, replace } => {
            let device = Device { name: name.clone(), zone: zone.into(), listed: listed.period() };
            put(link, |_| Entry::Device(device), (Class::Device, &name), replace).await
        }
        DeviceCommand::List => lists::of_class(link, Class::Device).await,
        DeviceCommand::Remove(args) => remove(link, Class::Device, args.name).await,
    }
}

/// `ticket`.
pub(crate) async fn ticket(link: &mut NodeLink, command: TicketCommand) -> Result<Report, Failure> {
    match command {
        TicketCommand::Open(args) => {
            let TicketArgs { id, holder, device, window, actions } = args;
            let (from_ms, until_ms) = (window.from, window.until);
            let ticket = Ticket { id: id.clone(), holder, device, from_ms, until_ms, actions };
            put(link, |_| Entry::Ticket(ticket), (Class::Ticket, &id), false).await
        }
        TicketCommand::Close(args) => remove(link, Class::Ticket, args.name).await,
        TicketCommand::List => lists::of_class(link, Class::Ticket).await,
    }
}

/// `body`.
pub(crate) async fn body(link: &mut NodeLink, command: BodyCommand) -> Result<Report, Failure> {
    let BodyCommand::Enable(EnableArgs { function, mode, reference, from, persons }) = command;
    let trial_persons = persons.as_deref().map(read_persons).transpose()?.unwrap_or_default();
    let function =
        Function { function: function.into(), mode: mode.into(), reference, from_day: from, trial_persons };
    let name = function.function.as_str();
    put(link, |_| Entry::Function(function), (Class::Function, name), true).await
}

/// One number a line; empty lines do not count.
fn read_persons(file: &Path) -> Result<Vec<AddresseeNumber>, Failure> {
    let text = read_text(file, PERSONS_FILE_MAX)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            if individual_number::find(line) {
                return Err(Failure::of_result(ResultName::ForbiddenIdentifier));
            }
            line.parse().map_err(|_| Failure::of_result(ResultName::BadFormat))
        })
        .collect()
}

/// `delegation`.
pub(crate) async fn delegation(link: &mut NodeLink, command: DelegationCommand) -> Result<Report, Failure> {
    match command {
        DelegationCommand::Grant(args) => {
            let DelegationArgs { id, to, affairs, functions, window } = args;
            let (from_ms, until_ms) = (window.from, window.until);
            let delegation =
                Delegation { id: id.clone(), to, affairs, functions, from_ms, until_ms, revoked: false };
            put(link, |_| Entry::Delegation(delegation), (Class::Delegation, &id), false).await
        }
        DelegationCommand::Revoke(args) => revoke(link, &args.name).await,
        DelegationCommand::List => lists::of_class(link, Class::Delegation).await,
    }
}

/// A delegation that is taken back stays on record.
async fn revoke(link: &mut NodeLink, id: &str) -> Result<Report, Failure> {
    let shown = shown(link, Some(Class::Delegation)).await?;
    let Some(Entry::Delegation(delegation)) = shown.find(Class::Delegation, id) else {
        return Err(refusal(&RegisterError::named(Class::Delegation, id, Why::Missing)));
    };
    let revoked = Entry::Delegation(Delegation { revoked: true, ..delegation.clone() });
    let version = change(link, shown.version, vec![revoked], Vec::new()).await?;
    Ok(told(version, &[(Class::Delegation, id)], &[]))
}
