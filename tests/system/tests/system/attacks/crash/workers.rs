//! The people and systems at work. Each repeats what failed for want of a role, as people and systems would, and
//! never takes anything else for a reason.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::{Scope, ScopedJoinHandle};

use chukei_mock_portal::client::Client;
use chukei_mock_portal::failure::Failure;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use super::ledger::{Ledger, Sent};
use crate::attacks::rig::{BODY, Known, Rig, ask, seed};
use crate::copy_file::{Row, file};
use crate::notice_file::notice;
use crate::person::Person;
use crate::program::Ended;

/// How a call ends where a role is away: nothing else is excused.
const AWAY: [&str; 3] = ["UNAVAILABLE", "NOT_READY", "OVERLOADED"];
/// Persons of one file.
const PERSONS: usize = 3;
/// Targets of one notice, at most.
const TARGETS: usize = 4;

/// One worker.
type Work = fn(&Rig, &Ledger, StdRng);

/// Starts everybody.
pub(crate) fn start<'scope>(
    scope: &'scope Scope<'scope, '_>,
    rig: &'scope Rig,
    ledger: &'scope Ledger,
) -> Vec<ScopedJoinHandle<'scope, ()>> {
    let first = register_some(rig, ledger).expect("nothing is in the way yet");
    ledger.hold(first);
    let work: [Work; 7] = [register, change, send, ask_about_self, ask_about_self, answer, oversee];
    let numbered = work.into_iter().zip(seed()..);
    numbered
        .map(|(work, seed)| {
            scope.spawn(move || {
                let _alarm = Alarm(ledger);
                work(rig, ledger, StdRng::seed_from_u64(seed));
            })
        })
        .collect()
}

/// Tells the others when a worker panics.
struct Alarm<'a>(&'a Ledger);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail();
        }
    }
}

/// Repeats a command until it is done; nothing but an absent role is a reason to repeat.
fn persist(ledger: &Ledger, run: impl Fn() -> Ended) -> Option<Value> {
    while !ledger.is_failed() {
        let ended = run();
        if ended.code == Some(4) {
            continue;
        }
        return Some(ended.done());
    }
    None
}

/// Business systems enrol persons and register copies.
fn register(rig: &Rig, ledger: &Ledger, _: StdRng) {
    while ledger.goes_on() {
        let Some(known) = register_some(rig, ledger) else { return };
        ledger.hold(known);
    }
}

fn register_some(rig: &Rig, ledger: &Ledger) -> Option<Vec<Known>> {
    let (path, persons) = persist_persons(rig, ledger)?;
    let enrolled = persist(ledger, || rig.staff(BODY, &["person", "enroll", &path]))?;
    all_taken(&enrolled, "enrolled", PERSONS);
    let known: Vec<Known> = persons
        .into_iter()
        .map(|person| Known { value: format!("初{}", person.addressee), person })
        .collect();
    import(rig, ledger, &known)?;
    Some(known)
}

/// New persons, of a file that the portal wrote to its end.
fn persist_persons(rig: &Rig, ledger: &Ledger) -> Option<(String, Vec<Person>)> {
    let path = rig.file("persons.csv").display().to_string();
    let count = PERSONS.to_string();
    persist(ledger, || rig.portal(&["person", "add", "--count", &count, "--body", BODY, "--out", &path]))?;
    let listed = persist(ledger, || rig.portal(&["person", "list", "--body", BODY]))?;
    let users: BTreeMap<&str, &str> = listed["persons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            (entry["integrated_addressee_number"].as_str().unwrap(), entry["person"].as_str().unwrap())
        })
        .collect();
    let text = std::fs::read_to_string(&path).unwrap();
    let person = |line: &str| {
        let (addressee, number) = line.split_once(',').unwrap();
        Person { addressee: addressee.into(), user: users[addressee].into(), number: number.into() }
    };
    let persons = text.lines().skip(1).map(person).collect();
    Some((path, persons))
}

/// Registers the persons' values; done when the command counts every row.
fn import(rig: &Rig, ledger: &Ledger, known: &[Known]) -> Option<()> {
    let ids: Vec<String> = known.iter().map(Known::record_id).collect();
    let rows: Vec<Row<'_>> =
        known.iter().zip(&ids).map(|(known, id)| Row::new(BODY, &known.person, id, &known.value)).collect();
    let path = rig.written("copies.csv", file(&rows));
    let report = persist(ledger, || rig.staff(BODY, &["copy", "import", &path]))?;
    all_taken(&report, "registered", known.len());
    Some(())
}

fn all_taken(report: &Value, done: &str, rows: usize) {
    let taken = report[done].as_u64().unwrap() + report["unchanged"].as_u64().unwrap();
    assert_eq!((report["rows"].as_u64(), taken), (Some(rows as u64), rows as u64), "{report}");
}

/// A business system changes copies that are there.
fn change(rig: &Rig, ledger: &Ledger, mut dice: StdRng) {
    while ledger.goes_on() {
        let index = pick(ledger, &mut dice);
        let mut known = ledger.person(index).known;
        known.value = format!("改{}の{}", dice.random::<u32>(), known.person.addressee);
        ledger.coming(index, &known.value);
        if import(rig, ledger, &[known]).is_some() {
            ledger.came(index);
        }
    }
}

fn pick(ledger: &Ledger, dice: &mut StdRng) -> usize {
    dice.random_range(0..ledger.persons().len())
}

/// Staff send notices.
fn send(rig: &Rig, ledger: &Ledger, mut dice: StdRng) {
    for number in 0.. {
        if !ledger.goes_on() {
            return;
        }
        let persons = ledger.persons();
        let start = dice.random_range(0..persons.len());
        let targets: Vec<Known> =
            persons[start..].iter().take(TARGETS).map(|held| held.known.clone()).collect();
        let content =
            notice(&format!("n-{number}"), &targets.iter().map(|known| &known.person).collect::<Vec<_>>());
        let path = rig.written("notice.json", content.to_string());
        let Some(sent) = persist(ledger, || rig.staff(BODY, &["notice", "send", &path])) else { return };
        let id = sent["notice_id"].as_str().unwrap().to_owned();
        let Some(again) = persist(ledger, || rig.staff(BODY, &["notice", "send", &path])) else { return };
        assert_eq!(again["notice_id"], id, "the same act is the same notice");
        ledger.sent(Sent { id, targets });
    }
}

/// Calls the portal, on a new connection where the last one is gone.
fn call<T>(
    rig: &Rig,
    client: &mut Option<Client>,
    run: impl AsyncFnOnce(Client) -> Result<T, Failure>,
) -> Result<T, String> {
    let socket = rig.layout().portal_socket();
    let result = rig.runtime.block_on(async {
        let connected = match client.take() {
            Some(connected) => connected,
            None => Client::connect(&socket).await?,
        };
        let result = run(connected.clone()).await;
        if !matches!(&result, Err(failure) if failure.code == "UNAVAILABLE") {
            *client = Some(connected);
        }
        result
    });
    result.map_err(|failure| failure.code)
}

/// A person looks at their own information.
fn ask_about_self(rig: &Rig, ledger: &Ledger, mut dice: StdRng) {
    let mut client = None;
    while ledger.goes_on() {
        let index = pick(ledger, &mut dice);
        let before = ledger.person(index);
        let asked = call(rig, &mut client, async |client| Ok(ask(&client, &before.known).await));
        match asked.and_then(|asked| asked) {
            Ok(value) => {
                let after = ledger.person(index);
                assert!(
                    before.may_show(&value) || after.may_show(&value),
                    "shown {value}, right was {before:?}, then {after:?}"
                );
            }
            Err(code) => assert!(AWAY.contains(&code.as_str()), "{code} for {before:?}"),
        }
    }
}

/// A person reads notices and answers them.
fn answer(rig: &Rig, ledger: &Ledger, mut dice: StdRng) {
    let mut client = None;
    while ledger.goes_on() {
        let index = pick(ledger, &mut dice);
        let person = ledger.person(index).known.person;
        let user = &person.user;
        let listed = match call(rig, &mut client, async |client| client.notices(user).await) {
            Ok(list) => list.notices.iter().map(|notice| notice.notice_id.clone()).collect::<Vec<_>>(),
            Err(code) => {
                assert!(AWAY.contains(&code.as_str()), "{code}");
                continue;
            }
        };
        let once: BTreeSet<&String> = listed.iter().collect();
        assert_eq!(once.len(), listed.len(), "a notice came twice: {listed:?}");
        let Some(open) = listed.iter().find(|id| ledger.is_open(id, &person.addressee)) else { continue };
        if call(rig, &mut client, async |client| client.read(user, open).await).is_err() {
            continue;
        }
        let choice = if dice.random() { "A" } else { "B" };
        match call(rig, &mut client, async |client| client.answer(user, open, choice).await) {
            Ok(answered) => {
                assert_eq!(answered.answers, [choice]);
                ledger.answered(open, &person.addressee, choice);
            }
            // It may have been stored, and the acknowledgement lost.
            Err(code) if AWAY.contains(&code.as_str()) => ledger.unsure(open, &person.addressee),
            Err(code) => panic!("{code}: an answer was refused"),
        }
    }
}

/// Staff look at states, provisions and the log.
fn oversee(rig: &Rig, ledger: &Ledger, mut dice: StdRng) {
    while ledger.goes_on() {
        let notices = ledger.notices();
        let look = match dice.random_range(0..3) {
            0 => persist(ledger, || rig.staff(BODY, &["audit", "verify"])),
            1 => persist(ledger, || rig.staff(BODY, &["provision", "status"])),
            _ if notices.is_empty() => continue,
            _ => {
                let sent = &notices[dice.random_range(0..notices.len())];
                persist(ledger, || rig.staff(BODY, &["notice", "status", &sent.id]))
            }
        };
        if let Some(report) = look {
            assert_ne!(report["verified"], false, "{report}");
        }
    }
}
