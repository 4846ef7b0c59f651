//! Listening in: on the wire, in the broker's own memory, in logs, metrics and files, nothing of a person is there
//! to be found (R1, R2). What is searched for is chosen anew in each run, and is found where it may be.

use std::collections::BTreeSet;
use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use chukei_harness::layout::Layout;
use chukei_harness::role::Role;
use data_encoding::HEXLOWER;
use libtest_mimic::{Completion, Failed, Trial};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::json;
use tokio::task::JoinSet;

use super::memory::{found_in_bytes, found_in_files, found_in_process};
use super::needles::{Needles, secret, windows_31j};
use super::rig::{BODY, Known, Rig, ask, seed};
use crate::copy_file::{Row, TAX, file};
use crate::group::{Shared, Skippable, skippable_group};
use crate::notice_file::notice;
use crate::stage::until;

/// The group.
pub(super) fn trials() -> Vec<Trial> {
    const TESTS: &[Skippable<Wiretap>] = &[
        ("r02_the_wire_the_files_and_the_logs_hold_nothing_of_a_person", wire_and_files),
        ("r02_the_memory_of_the_broker_holds_nothing_of_a_person", broker_memory),
        ("r02_a_user_folder_is_gone_from_memory_after_logout", portal_memory),
        ("keys_are_in_no_log_no_metric_no_data_file_and_not_on_the_wire", keys),
    ];
    skippable_group("wiretap", TESTS)
}

/// Requests of each test.
const REQUESTS: usize = 2_400;
/// Requests at once.
const SIDE_BY_SIDE: usize = 24;
/// Persons whose values came in UTF-8, and as many in Windows-31J.
const PERSONS: usize = 6;

struct Wiretap {
    rig: Rig,
    persons: Vec<Known>,
    /// What nobody on the way may see, in every form it might take.
    needles: Vec<Vec<u8>>,
    /// Whose needle it is, for messages.
    names: Vec<String>,
}

impl Shared for Wiretap {
    fn set() -> Result<Self, Failed> {
        // Without it only root may look into a role's memory.
        let readable =
            |layout: &Layout| layout.set_environment("CHUKEI__PROCESS__CORE_DUMPS", "true").unwrap();
        let rig = Rig::prepared("wiretap", "notice_poll_seconds = 1", readable)?;
        rig.node_hop.record();
        rig.portal_hop.record();
        let mut dice = StdRng::seed_from_u64(seed());
        let mut persons: Vec<Known> = rig
            .persons(BODY, 2 * PERSONS)
            .into_iter()
            .map(|person| Known { person, value: secret(&mut dice) })
            .collect();
        rig.import_new(BODY, rows(&persons[..PERSONS]), PERSONS);
        rig.import_new(BODY, windows_31j(&rows(&persons[PERSONS..])), PERSONS);
        let mut needles = Needles::default();
        for known in &persons {
            needles.text("a value", &known.value);
            needles.text("an addressee number", &known.person.addressee);
        }
        let (title, body, label) = (secret(&mut dice), secret(&mut dice), secret(&mut dice));
        let mut sent = notice("n-wiretap", &persons.iter().map(|known| &known.person).collect::<Vec<_>>());
        sent["title"] = json!(title);
        sent["body"] = json!(body);
        sent["choices"] = json!([{ "id": "A", "label": label }, { "id": "B", "label": "郵送" }]);
        for (name, text) in [("a title", title), ("a notice", body), ("a choice", label)] {
            needles.text(name, &text);
        }
        let path = rig.written("notice.json", sent.to_string());
        rig.staff(BODY, &["notice", "send", &path]).done();
        persons
            .iter_mut()
            .for_each(|known| until("the notice", || (rig.notices(known).len() == 1).then_some(())));
        let Needles { names, needles } = needles;
        Ok(Self { rig, persons, needles, names })
    }

    fn keep(&self) {
        self.rig.keep();
    }
}

/// An import file with every person's value.
fn rows(known: &[Known]) -> String {
    let ids: Vec<String> = known.iter().map(Known::record_id).collect();
    let rows: Vec<Row<'_>> =
        known.iter().zip(&ids).map(|(known, id)| Row::new(BODY, &known.person, id, &known.value)).collect();
    file(&rows)
}

impl Wiretap {
    /// Many requests, each answered with the person's own value: of all but the first, who logs out in a test beside.
    fn load(&self) {
        let client = self.rig.client();
        self.rig.runtime.block_on(async {
            let mut asking = JoinSet::new();
            for lane in 0..SIDE_BY_SIDE {
                let (client, persons) = (client.clone(), self.persons[1..].to_vec());
                asking.spawn(async move {
                    for turn in 0..REQUESTS / SIDE_BY_SIDE {
                        let known = &persons[(lane + turn) % persons.len()];
                        assert_eq!(ask(&client, known).await, Ok(known.value.clone()));
                    }
                });
            }
            asking.join_all().await;
        });
    }

    /// What every role has written for people and scrapers: its log and its metrics.
    fn told(&self) -> impl Iterator<Item = (Role, &'static str, Vec<u8>)> {
        Role::ALL.into_iter().flat_map(|role| {
            let log = fs::read(self.rig.layout().log(role)).unwrap();
            assert!(!log.is_empty(), "{role} logs nothing");
            let metrics = self.rig.stack.metrics(role).unwrap();
            assert!(metrics.contains("chukei_"), "{role} has no metrics");
            [(role, "log", log), (role, "metrics", metrics.into_bytes())]
        })
    }

    fn pid(&self, role: Role) -> u32 {
        fs::read_to_string(self.rig.layout().pid_file(role)).unwrap().trim().parse().unwrap()
    }

    fn named(&self, found: &[usize]) -> Vec<&str> {
        found.iter().map(|&index| self.names[index].as_str()).collect()
    }
}

fn wire_and_files(tap: &Wiretap) -> Completion {
    tap.load();
    let rig = &tap.rig;
    // What is sent through the relays is recorded: the search can find it.
    let marker = b"plain as day".to_vec();
    for hop in [&rig.node_hop, &rig.portal_hop] {
        UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&marker, hop.front).unwrap();
        let recording = until("the marker on the wire", || hop.recording_with(&marker));
        assert!(recording.len() > REQUESTS * 1_024, "only {} bytes were recorded", recording.len());
        let found = found_in_bytes(&recording, &tap.needles);
        assert!(found.is_empty(), "on the wire: {:?}", tap.named(&found));
    }
    let dir = rig.layout().dir();
    assert!(!found_in_files(dir, &tap.needles).is_empty(), "not even in the import files");
    // Codes of datasets stand in what the broker records of its exchanges, sealed, and nowhere in bodies' files.
    let mut needles = tap.needles.clone();
    needles.push(TAX.as_bytes().to_vec());
    for folder in ["node", "broker", "portal"] {
        let found = found_in_files(&dir.join(folder), &needles);
        assert!(found.is_empty(), "in files: {found:?}");
    }
    for (role, place, text) in tap.told() {
        let found = found_in_bytes(&text, &tap.needles);
        assert!(found.is_empty(), "in the {place} of {role}: {:?}", tap.named(&found));
    }
    Completion::Completed
}

fn broker_memory(tap: &Wiretap) -> Completion {
    let broker = tap.pid(Role::Broker);
    let mut needles = tap.needles.clone();
    // What the broker does know, and this program does not hold before it runs: where its folder is.
    let folder = tap.rig.layout().dir().display().to_string();
    needles.push(folder.clone().into_bytes());
    let known = needles.len() - 1;
    if found_in_process(broker, &needles).is_err() {
        return Completion::ignored_with("this user may not read the memory of a child process");
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            tap.load();
            over.store(true, Ordering::Relaxed);
        });
        let (mut looks, mut seen_in_node) = (0, BTreeSet::new());
        while !over.load(Ordering::Relaxed) && !load.is_finished() {
            assert_eq!(found_in_process(broker, &needles).unwrap(), [known], "{:?}", tap.names);
            seen_in_node.extend(found_in_process(tap.pid(Role::Node), &tap.needles).unwrap());
            looks += 1;
        }
        load.join().unwrap();
        eprintln!("{looks} looks into the memory of the broker while it worked");
        assert!(looks > 0, "the broker was never looked at while it worked");
        assert!(!seen_in_node.is_empty(), "the search does not even find what the node serves");
    });
    assert_eq!(found_in_process(broker, &needles).unwrap(), [known], "after the work");
    Completion::Completed
}

/// A person's answers are in the portal's memory while they are logged in, and not afterwards.
fn portal_memory(tap: &Wiretap) -> Completion {
    let portal = tap.pid(Role::Portal);
    let known = &tap.persons[0];
    let needle = vec![known.value.clone().into_bytes()];
    tap.rig.ask_until_answered(known);
    match found_in_process(portal, &needle) {
        Ok(found) => assert_eq!(found, [0], "the search does not even find an open folder"),
        Err(_) => return Completion::ignored_with("this user may not read the memory of a child process"),
    }
    tap.rig.portal(&["logout", "--person", &known.person.user]).done();
    assert!(found_in_process(portal, &needle).unwrap().is_empty(), "still there after the logout");
    Completion::Completed
}

/// Every key that lies in a file, in hexadecimal and as it is used.
fn keys(tap: &Wiretap) -> Completion {
    let dir = tap.rig.layout().dir();
    let mut keys = Needles::default();
    key_files(dir, &mut keys);
    assert!(keys.needles.len() > 20, "only {} forms of keys were laid out", keys.needles.len());
    assert!(!found_in_files(dir, &keys.needles).is_empty(), "not even in the key files");
    let named = |found: &[usize]| found.iter().map(|&at| keys.names[at].clone()).collect::<Vec<_>>();
    for (role, place, text) in tap.told() {
        let found = found_in_bytes(&text, &keys.needles);
        assert!(found.is_empty(), "in the {place} of {role}: {:?}", named(&found));
    }
    for folder in ["node", "broker", "portal"] {
        let mut found = found_in_files(&dir.join(folder), &keys.needles);
        found.retain(|(_, file)| !file.ends_with(".key"));
        assert!(found.is_empty(), "in files: {found:?}");
    }
    for hop in [&tap.rig.node_hop, &tap.rig.portal_hop] {
        let marker = b"keys ring".to_vec();
        UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&marker, hop.front).unwrap();
        let recording = until("the marker on the wire", || hop.recording_with(&marker));
        let found = found_in_bytes(&recording, &keys.needles);
        assert!(found.is_empty(), "on the wire: {:?}", named(&found));
    }
    Completion::Completed
}

/// Gathers the private keys below `folder`: those in hexadecimal, and the 32 secret bytes of PKCS#8 documents.
fn key_files(folder: &Path, keys: &mut Needles) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            key_files(&path, keys);
        } else if path.extension().is_some_and(|extension| extension == "key") {
            let text = fs::read(&path).unwrap();
            let Ok(bytes) = HEXLOWER.decode(text.trim_ascii()) else { continue };
            // The private scalar is an OCTET STRING of 32 bytes within a document; a bare key is all there is.
            let scalar = bytes.windows(2).position(|pair| pair == [0x04, 0x20]).filter(|_| bytes.len() > 40);
            let secret = scalar.map_or(&bytes[..], |at| &bytes[at + 2..at + 34]);
            let hex = HEXLOWER.encode(secret).into_bytes();
            for form in [secret.to_vec(), hex] {
                keys.names.push(path.display().to_string());
                keys.needles.push(form);
            }
        }
    }
}
