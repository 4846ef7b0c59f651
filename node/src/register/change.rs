//! Changing a register: all of a change or nothing, told in the log before it is durable, durable before it is seen.

use std::collections::BTreeSet;

use chukei_domain::day::day_of;
use chukei_domain::register::{CHANGE_MAX, Class, Entry, RegisterError, Why, check, has_administrator};
use chukei_store::{Batch, StoreError};
use chukei_wire::result::ResultName;

use super::Register;
use super::place::Accepted;
use crate::access::grant::{Grant, Write};
use crate::audit::AuditError;
use crate::hosted::HostedBody;
use crate::hosted::rows::RowError;

/// What is to change, at most [`CHANGE_MAX`] entries.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The version that the change was made for; `None` where it does not matter, as for reports about devices.
    pub expected: Option<u64>,
    /// Entries that are new, or take the place of those of their names.
    pub put: Vec<Entry>,
    /// Entries that go.
    pub remove: Vec<(Class, String)>,
}

/// Why a register was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// An entry, or all of them together, break a rule.
    #[error("refused: {0}")]
    Refused(#[from] RegisterError),
    /// The register has another version by now, which is this one.
    #[error("the register has version {0} by now")]
    Outdated(u64),
    /// A change before this one may or may not have been made, which is being found out.
    #[error("a change before this one is in doubt")]
    InDoubt,
    /// Rows could not be written.
    #[error("data: {0}")]
    Row(#[from] RowError),
    /// The log could not be written.
    #[error("log: {0}")]
    Audit(#[from] AuditError),
}

impl ChangeError {
    /// The name under which a caller and the log know it.
    pub fn result(&self) -> ResultName {
        match self {
            Self::Refused(refusal) => result_of(refusal.why),
            Self::Outdated(_) | Self::InDoubt => ResultName::NotReady,
            Self::Row(error) => crate::outcome::result_of_row_error(error),
            Self::Audit(_) => ResultName::NotReady,
        }
    }
}

/// The result name of a refusal.
fn result_of(why: Why) -> ResultName {
    match why {
        Why::IndividualNumber => ResultName::ForbiddenIdentifier,
        Why::Period => ResultName::BadPeriod,
        Why::Missing => ResultName::NotFound,
        Why::Device => ResultName::DeviceUnknown,
        Why::NoAdministrator => ResultName::Denied,
        _ => ResultName::BadFormat,
    }
}

impl Change {
    /// The register that comes of it on `day` (days since 1970-01-01 in Japan), and what it removes.
    fn applied_to(
        self,
        before: &Register,
        day: u32,
    ) -> Result<(Register, Vec<(Class, String)>), ChangeError> {
        if self.expected.is_some_and(|expected| expected != before.version) {
            return Err(ChangeError::Outdated(before.version));
        }
        self.check_itself()?;
        let reports_alone = self.remove.is_empty() && self.put.iter().all(is_report);
        let mut after = before.clone();
        after.version = before.version.saturating_add(1);
        let mut removed = self.remove;
        for (class, name) in &removed {
            if !after.remove(*class, name) {
                return Err(RegisterError::named(*class, name, Why::Missing).into());
            }
        }
        removed.extend(reports_of_removed(&mut after, &removed));
        for mut entry in self.put {
            entry.sort();
            check_report(&after, &entry)?;
            entry.check_alone()?;
            let (class, name) = (entry.class(), entry.name().to_owned());
            after.put(entry).map_err(|_| RegisterError::named(class, &name, Why::TooLong))?;
        }
        // Reports concern nothing but the device that they are about, and come often.
        if !reports_alone {
            check(after.body, after.entries())?;
            if !has_administrator(after.all(), day) {
                return Err(RegisterError::whole(Why::NoAdministrator).into());
            }
        }
        Ok((after, removed))
    }

    /// Says something, not too much, and nothing twice.
    fn check_itself(&self) -> Result<(), RegisterError> {
        let put = self.put.iter().map(|entry| (entry.class(), entry.name()));
        let remove = self.remove.iter().map(|(class, name)| (*class, name.as_str()));
        let mut seen = BTreeSet::new();
        for (class, name) in put.chain(remove) {
            if !seen.insert((class, name)) {
                return Err(RegisterError::named(class, name, Why::Repeated));
            }
        }
        match seen.len() {
            0 => Err(RegisterError::whole(Why::Empty)),
            many if many > CHANGE_MAX => Err(RegisterError::whole(Why::TooMany)),
            _ => Ok(()),
        }
    }

    fn touches(&self, class: Class) -> bool {
        self.put.iter().any(|entry| entry.class() == class)
            || self.remove.iter().any(|(removed, _)| *removed == class)
    }
}

fn is_report(entry: &Entry) -> bool {
    entry.class() == Class::Health
}

fn check_report(register: &Register, entry: &Entry) -> Result<(), RegisterError> {
    let unlisted = is_report(entry) && register.device(entry.name()).is_none();
    if unlisted { Err(RegisterError::of(entry, Why::Device)) } else { Ok(()) }
}

/// What was reported about a device goes with it.
fn reports_of_removed(register: &mut Register, removed: &[(Class, String)]) -> Vec<(Class, String)> {
    let devices = removed.iter().filter(|(class, _)| *class == Class::Device);
    let reports = devices.filter(|(_, name)| register.remove(Class::Health, name));
    reports.map(|(_, name)| (Class::Health, name.clone())).collect()
}

impl HostedBody {
    /// Changes the register: all of `change` or nothing of it. In the log before it is durable, durable before the
    /// register is another one, and in force with the next operation. Returns the version that is in force then.
    pub async fn change_register(
        &self,
        grant: &Grant<Write>,
        change: Change,
        now_ms: u64,
    ) -> Result<u64, ChangeError> {
        let _writing = self.writing().await;
        if self.register_place().is_in_doubt() {
            return Err(ChangeError::InDoubt);
        }
        let before = self.register();
        let put: Vec<(Class, String)> =
            change.put.iter().map(|entry| (entry.class(), entry.name().to_owned())).collect();
        let told = |entries: &[(Class, String)]| {
            entries.iter().map(|(class, name)| format!("{class}/{name}")).collect::<Vec<_>>()
        };
        // Not the reports that go with their devices: an event has room for as many as a change may name.
        let told = [told(&put), told(&change.remove)];
        let of_policies = change.touches(Class::Policy);
        self.check_actions(&change.put)?;
        let (after, removed) = change.applied_to(&before, day_of(now_ms))?;
        let accepted = if of_policies { self.accept(&after).await? } else { Accepted::Unchanged };
        let mut batch = Batch::new();
        for (class, name) in &removed {
            batch = batch.delete(self.register_row(*class, name));
        }
        for (class, name) in &put {
            let Some(entry) = after.get(*class, name) else { continue };
            batch = self.put_entry(batch, entry).await?;
        }
        let batch = self.put_head(batch, &after).await?;
        let (by, action, version) = (grant.scope().by(), grant.action(), after.version);
        self.audit().register_changed(by, action, version, told, now_ms).await?;
        // Until it is known to be there or not, also where nobody waits for it any more.
        self.register_place().set_in_doubt(true);
        self.apply(batch).await.map_err(|error| self.not_applied(error))?;
        self.put_in_force(after, accepted);
        Ok(version)
    }

    /// Where the store says that nothing was written, nothing is in doubt.
    fn not_applied(&self, error: RowError) -> ChangeError {
        match &error {
            RowError::Shut(_)
            | RowError::Store(
                StoreError::Busy
                | StoreError::DiskFull
                | StoreError::ReadOnly
                | StoreError::Fenced
                | StoreError::TooLarge,
            ) => self.register_place().set_in_doubt(false),
            _ => {}
        }
        ChangeError::Row(error)
    }
}
