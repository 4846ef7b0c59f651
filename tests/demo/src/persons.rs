//! Persons: made at the portal, which plays the resident registry, and enrolled at their body.

use std::collections::BTreeMap;

use chukei_harness::command;
use chukei_harness::layout::Layout;
use chukei_mock_portal::client::Client;
use tokio::runtime::Handle;

use crate::error::{DemoError, same};

/// A person as the registry knows them.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// 団体内統合宛名番号.
    pub(crate) addressee: String,
    /// The portal's user id.
    pub(crate) user: String,
}

/// Makes `count` new persons of `body` and enrols them; all of the body's persons, in order of their numbers.
pub(crate) fn add_and_enrol(layout: &Layout, body: &str, count: usize) -> Result<Vec<Person>, DemoError> {
    let file = layout.dir().join(format!("persons-{body}.csv")).display().to_string();
    let count_text = count.to_string();
    let added = ["person", "add", "--count", &count_text, "--body", body, "--out", &file];
    let added = command::portal(layout, &added)?.done()?;
    same("persons added", &Some(count as u64), &added.count("added"))?;
    let enrolled = command::staff(layout, body, &["person", "enroll", &file])?.done()?;
    same("persons enrolled", &Some(count as u64), &enrolled.count("enrolled"))?;
    listed(layout, body)
}

/// Enrolling the same file again must change nothing.
pub(crate) fn enrol_again(layout: &Layout, body: &str, count: usize) -> Result<(), DemoError> {
    let file = layout.dir().join(format!("persons-{body}.csv")).display().to_string();
    let again = command::staff(layout, body, &["person", "enroll", &file])?.done()?;
    same("persons unchanged", &Some(count as u64), &again.count("unchanged"))?;
    same("persons enrolled again", &Some(0), &again.count("enrolled"))
}

fn listed(layout: &Layout, body: &str) -> Result<Vec<Person>, DemoError> {
    let persons = Handle::current().block_on(async {
        let client = Client::connect(&layout.portal_socket()).await?;
        client.persons(body).await
    })?;
    let by_number: BTreeMap<String, String> =
        persons.into_iter().map(|entry| (entry.integrated_addressee_number, entry.person)).collect();
    Ok(by_number.into_iter().map(|(addressee, user)| Person { addressee, user }).collect())
}
