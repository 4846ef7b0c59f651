//! Persons made at the portal, which plays the resident registry, and enrolled at their body.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::copy_file::{Row, TAX, file};
use crate::stage::{Stage, until};

/// A person as the registry knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    /// 団体内統合宛名番号.
    pub(crate) addressee: String,
    /// The portal's user id.
    pub(crate) user: String,
    /// The acquisition number that the body was given.
    pub(crate) number: String,
}

impl Stage {
    /// New persons of `body`, enrolled there.
    pub(crate) fn persons(&self, body: &str, count: usize) -> Vec<Person> {
        let (file, persons) = self.new_persons(body, count);
        let enrolled = self.staff(body, &["person", "enroll", &file.display().to_string()]).done();
        assert_eq!(enrolled["enrolled"], count, "{enrolled}");
        persons
    }

    /// New persons of `body`, each with a value of their own: the addressee number.
    pub(crate) fn with_copies(&self, body: &str, count: usize) -> Vec<Person> {
        let persons = self.persons(body, count);
        let ids: Vec<String> = persons.iter().map(|person| format!("c-{}", person.addressee)).collect();
        let rows: Vec<Row<'_>> = persons
            .iter()
            .zip(&ids)
            .map(|(person, id)| Row::new(body, person, id, &person.addressee))
            .collect();
        let path = self.written("copies.csv", file(&rows));
        assert_eq!(self.staff(body, &["copy", "import", &path]).done()["registered"], count);
        persons
    }

    /// New persons of `body` that are not enrolled yet, and the file of their acquisition numbers.
    pub(crate) fn new_persons(&self, body: &str, count: usize) -> (PathBuf, Vec<Person>) {
        let file = self.file("persons.csv");
        let out = file.display().to_string();
        let args = ["person", "add", "--count", &count.to_string(), "--body", body, "--out", &out];
        assert_eq!(self.portal(&args).done()["added"], count);
        let users = self.users(body);
        let text = std::fs::read_to_string(&file).unwrap();
        let person = |line: &str| {
            let (addressee, number) = line.split_once(',').unwrap();
            Person {
                addressee: addressee.to_owned(),
                user: users[addressee].clone(),
                number: number.to_owned(),
            }
        };
        (file, text.lines().skip(1).map(person).collect())
    }

    /// Portal user ids of all persons of `body`, by their addressee numbers.
    fn users(&self, body: &str) -> BTreeMap<String, String> {
        let listed = self.portal(&["person", "list", "--body", body]).done();
        let text = |entry: &serde_json::Value, name: &str| entry[name].as_str().unwrap().to_owned();
        let entries = listed["persons"].as_array().unwrap().iter();
        entries.map(|entry| (text(entry, "integrated_addressee_number"), text(entry, "person"))).collect()
    }
}

/// Asks until the person's own value is the answer.
pub(crate) fn until_served(stage: &Stage, body: &str, person: &Person) {
    until("the person's own value", || {
        let ended = stage.portal(&["self-info", "--person", &person.user, "--body", body, "--dataset", TAX]);
        (ended.code == Some(0)).then(|| assert!(ended.stdout.contains(&person.addressee), "{ended:?}"))
    });
}
