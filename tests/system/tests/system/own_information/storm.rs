//! The incidents of 2023 as a storm (R30–R33): many requests for many persons at once, while their copies are
//! replaced again and again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use chukei_mock_portal::client::Client;
use chukei_mock_portal::failure::Class;
use chukei_mock_portal::protocol::SelfInfo;
use tokio::task::JoinSet;

use crate::copy_file::{Row, TAX, file};
use crate::group::Test;
use crate::person::Person;
use crate::stage::Stage;

pub(super) const TESTS: &[Test<Stage>] =
    &[("r30_r31_r32_every_answer_of_a_storm_is_one_version_of_the_asking_persons_copies", storm)];

const BODY: &str = "982016";
const HOUSEHOLD: &str = "TM00000000000001";
const PERSONS: usize = 200;
const REQUESTS: usize = 4_000;
/// Requests under way at once.
const AT_ONCE: usize = 64;
/// Record keys of each dataset.
const KEYS: [&str; 3] = ["1", "2", "3"];

/// The versions of the copies: begun to be imported, and imported.
#[derive(Default)]
struct Versions {
    begun: AtomicU64,
    imported: AtomicU64,
}

/// Replaces everybody's copies by those of the next version, in more than one batch: a person's rows stand
/// together.
fn import(stage: &Stage, persons: &[Person], versions: &Versions) {
    let version = versions.begun.fetch_add(1, Ordering::SeqCst) + 1;
    let texts: Vec<[String; 2]> = persons
        .iter()
        .map(|person| {
            [format!("{version}/{}/税", person.addressee), format!("{version}/{}/世帯", person.addressee)]
        })
        .collect();
    let ids: Vec<[String; 2]> =
        persons.iter().map(|person| ["t", "h"].map(|kind| format!("{kind}-{}", person.addressee))).collect();
    let keyed: Vec<Vec<String>> = ids
        .iter()
        .map(|ids| ids.iter().flat_map(|id| KEYS.map(|key| format!("{id}-{key}"))).collect())
        .collect();
    let rows: Vec<Row<'_>> = persons
        .iter()
        .zip(&texts)
        .zip(&keyed)
        .flat_map(|((person, texts), ids)| {
            KEYS.iter().enumerate().flat_map(move |(at, key)| {
                let tax = Row { record_key: key, ..Row::new(BODY, person, &ids[at], &texts[0]) };
                let home = Row::new(BODY, person, &ids[KEYS.len() + at], &texts[1]);
                [tax, Row { record_key: key, dataset: HOUSEHOLD, item: "K010020", ..home }]
            })
        })
        .collect();
    assert!(rows.len() > chukei_wire::limits::IMPORT_BATCH_ROWS);
    let path = stage.written("storm.csv", file(&rows));
    let report = stage.staff(BODY, &["copy", "import", &path]).done();
    assert_eq!(report["registered"], rows.len(), "{report}");
    versions.imported.store(version, Ordering::SeqCst);
}

/// The version of every dataset of an answer, if it is wholly of this person and each is of one version.
fn version_of(answer: &SelfInfo, person: &Person) -> Result<BTreeMap<String, u64>, String> {
    if answer.result != "DONE" || answer.body != BODY {
        return Err(format!("{} of {}", answer.result, answer.body));
    }
    let mut versions = BTreeMap::new();
    for dataset in &answer.datasets {
        let kind = if dataset.info_name_code == TAX { "税" } else { "世帯" };
        let keys: Vec<&str> = dataset.items.iter().map(|item| item.record_key.as_str()).collect();
        if keys != KEYS {
            return Err(format!("{keys:?} in {}", dataset.info_name_code));
        }
        for item in &dataset.items {
            let parts: Vec<&str> = item.value.split('/').collect();
            let [version, addressee, of_kind] = parts[..] else { return Err("another value".to_owned()) };
            if addressee != person.addressee || of_kind != kind {
                return Err(format!("{addressee}'s {of_kind} for {}'s {kind}", person.addressee));
            }
            let version = version.parse().map_err(|_| "no version".to_owned())?;
            if *versions.entry(dataset.info_name_code.clone()).or_insert(version) != version {
                return Err("two versions in one dataset".to_owned());
            }
        }
    }
    if versions.len() == 2 { Ok(versions) } else { Err(format!("{} datasets", versions.len())) }
}

/// Asks again while the answer is that there is too much to do (R40).
async fn ask(client: &Client, person: &Person) -> SelfInfo {
    loop {
        match client.self_info(&person.user, BODY, &[HOUSEHOLD, TAX]).await {
            Ok(answer) => return answer,
            Err(failure) if failure.class == Class::Unavailable => tokio::task::yield_now().await,
            Err(failure) => panic!("{failure}"),
        }
    }
}

fn storm(stage: &Stage) {
    let persons = Arc::new(stage.persons(BODY, PERSONS));
    let versions = Arc::new(Versions::default());
    import(stage, &persons, &versions);
    let (asked, changes) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let importing = scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                import(stage, &persons, &versions);
                changes.fetch_add(1, Ordering::SeqCst);
            }
        });
        let answered = stage.runtime.block_on(ask_all(stage, &persons, &versions, &asked));
        over.store(true, Ordering::SeqCst);
        importing.join().unwrap();
        let seen = answered.unwrap_or_else(|wrong| panic!("{wrong}"));
        assert!(seen > 2, "the copies changed while they were asked for: {seen} versions seen");
    });
    assert!(changes.load(Ordering::SeqCst) > 2);
    let report = stage.staff(BODY, &["audit", "verify"]).done();
    assert_eq!(report["verified"], true, "{report}");
}

/// Every request; how many versions were seen, or what was wrong with an answer.
async fn ask_all(
    stage: &Stage,
    persons: &Arc<Vec<Person>>,
    versions: &Arc<Versions>,
    asked: &Arc<AtomicUsize>,
) -> Result<usize, String> {
    let client = Client::connect(&stage.layout().portal_socket()).await.unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (client, persons, versions, asked) =
            (client.clone(), Arc::clone(persons), Arc::clone(versions), Arc::clone(asked));
        tasks.spawn(async move {
            let mut seen = std::collections::BTreeSet::new();
            loop {
                let number = asked.fetch_add(1, Ordering::SeqCst);
                if number >= REQUESTS {
                    return Ok(seen);
                }
                // Neighbours ask at once, and the same person twice within a moment.
                let person = &persons[(number / 2) % PERSONS];
                let oldest = versions.imported.load(Ordering::SeqCst);
                let answer = ask(&client, person).await;
                let newest = versions.begun.load(Ordering::SeqCst);
                let found = version_of(&answer, person)?;
                if found.values().any(|version| !(oldest..=newest).contains(version)) {
                    return Err(format!("{found:?} when {oldest} to {newest} were there to be seen"));
                }
                seen.extend(found.into_values());
            }
        });
    }
    let mut seen = std::collections::BTreeSet::new();
    while let Some(done) = tasks.join_next().await {
        seen.extend(done.unwrap()?);
    }
    Ok(seen.len())
}
