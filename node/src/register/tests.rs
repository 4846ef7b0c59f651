//! A register through real stores: founding, changes, restarts, and rows that somebody has meddled with.

use std::path::Path;

use chukei_access::PolicyBook;
use chukei_crypto::sign::SigningKey;
use chukei_domain::event::Event;
use chukei_domain::register::{CHANGE_MAX, FOUNDING_PURPOSE, HealthState, Period, Why, Zone, role};
use chukei_relay_client::key_file;
use chukei_relay_client::signed::{sign, signature_path};
use chukei_store::{Batch, RowKey, Space};

use super::*;
use crate::access::grant::duty_write;
use crate::hosted::HostedBody;
use crate::hosted::samples::Sample;
use crate::key_gate::{Cause, Fault};

mod doubt;

/// 2026-11-21 in Japan.
const NOW_MS: u64 = 1_795_190_400_000;
const NODE: &str = "chukei://node/node-a";
const PLATFORM: &str = "chukei://platform/device/";

const DOCUMENT: &str = r#"
body = "982016"

[[staff]]
name = "u-tax-07"
kind = "staff"
roles = ["clerk", "administrator"]
department = "zeimu"
affairs = ["JM99000000001000"]
valid = { from = "2026-04-01", until = "2027-03-31" }

[[device]]
name = "t-01"
zone = "closed"
listed = { from = "2026-04-01", until = "2031-03-31" }
"#;

/// Writes a document signed by a fresh root.
fn founding(dir: &Path, text: &str) -> Founding {
    let root = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
    let founding = Founding { document: dir.join("founding.toml"), root: dir.join("root.pub") };
    std::fs::write(&founding.document, text).unwrap();
    std::fs::write(signature_path(&founding.document), sign(FOUNDING_PURPOSE, text.as_bytes(), &root))
        .unwrap();
    std::fs::write(&founding.root, key_file::text(&root.public()).as_bytes()).unwrap();
    founding
}

fn book() -> Arc<PolicyBook> {
    Arc::new(PolicyBook::new().unwrap())
}

async fn opened(body: &HostedBody, founding: Option<&Founding>) -> Result<(), Fault> {
    open(body, &book(), founding, NODE, NOW_MS).await
}

/// Two bodies, of which 982016 is founded.
async fn founded() -> Sample {
    let sample = Sample::new().await;
    let founding = founding(sample.dir(), DOCUMENT);
    opened(&sample.body("982016"), Some(&founding)).await.unwrap();
    sample
}

async fn change(sample: &Sample, change: Change) -> Result<u64, ChangeError> {
    let grant = duty_write(&sample.scope("982016"), "register_change");
    sample.body("982016").change_register(&grant, change, NOW_MS).await
}

fn identity(text: &str) -> Identity {
    text.parse().unwrap()
}

fn clerk(name: &str) -> Entry {
    let text = DOCUMENT.replace("u-tax-07", name).replace(", \"administrator\"", "");
    let file = chukei_domain::register::RegisterFile::parse(&text).unwrap();
    Entry::Staff(file.staff[0].clone())
}

fn put(entry: Entry) -> Change {
    Change { put: vec![entry], ..Change::default() }
}

#[tokio::test]
async fn r24_a_document_founds_an_empty_register_once() {
    let sample = founded().await;
    let body = sample.body("982016");
    let register = body.register();
    assert_eq!(register.version(), 1);
    let holder = register.holder(&identity("chukei://body/982016/staff/u-tax-07")).unwrap();
    assert!(holder.has_role(role::ADMINISTRATOR));
    for other in [
        "chukei://body/982016/staff/u-tax-08",
        "chukei://body/982016/system/u-tax-07",
        "chukei://body/982024/staff/u-tax-07",
        "chukei://platform/operator/u-tax-07",
    ] {
        assert!(register.holder(&identity(other)).is_none(), "{other}");
    }
    assert!(register.device_of(&identity("chukei://body/982016/device/t-01")).is_some());
    assert!(register.device_of(&identity("chukei://body/982024/device/t-01")).is_none());
    assert!(register.device_of(&identity("chukei://platform/device/t-01")).is_none());
    // Another document says something else, and is not read any more.
    let other = founding(sample.dir(), &DOCUMENT.replace("u-tax-07", "u-tax-99"));
    drop((register, body));
    let sample = sample.reopened().await;
    let body = sample.body("982016");
    opened(&body, Some(&other)).await.unwrap();
    assert!(body.register().staff("u-tax-07").is_some());
    assert!(body.register().staff("u-tax-99").is_none());
}

#[tokio::test]
async fn r24_one_changed_byte_of_the_document_and_the_body_is_not_served() {
    let sample = Sample::new().await;
    let body = sample.body("982016");
    let signed = founding(sample.dir(), DOCUMENT);
    for place in [1, DOCUMENT.len() / 2, DOCUMENT.len() - 2] {
        let mut bytes = DOCUMENT.as_bytes().to_vec();
        bytes[place] ^= 1;
        std::fs::write(&signed.document, &bytes).unwrap();
        let fault = opened(&body, Some(&signed)).await.unwrap_err();
        assert_eq!(fault.cause, Cause::Tampered);
        assert!(fault.text.contains("CONFIG_TAMPERED"), "{fault}");
        assert!(body.register().is_empty());
    }
    std::fs::write(&signed.document, DOCUMENT).unwrap();
    // Whole, but of another body, or without anybody who could change it afterwards.
    let other = opened(&sample.body("982024"), Some(&signed)).await.unwrap_err();
    assert!(other.text.contains("another body"), "{other}");
    let nobody = founding(sample.dir(), &DOCUMENT.replace("administrator", "reviewer"));
    assert!(opened(&body, Some(&nobody)).await.unwrap_err().text.contains("without an administrator"));
    assert!(body.register().is_empty());
}

#[tokio::test]
async fn a_change_is_durable_in_the_log_and_in_force() {
    let sample = founded().await;
    let version = change(&sample, put(clerk("u-tax-08"))).await.unwrap();
    assert_eq!(version, 2);
    assert!(sample.body("982016").register().staff("u-tax-08").is_some());
    let told = |record: chukei_domain::event::Record| {
        matches!(record.event, Event::RegisterChanged { version: 2, .. })
    };
    assert!(sample.body("982016").audit().walk(1).any(|record| told(record.unwrap())));
    let sample = sample.reopened().await;
    let body = sample.body("982016");
    opened(&body, None).await.unwrap();
    let register = body.register();
    assert_eq!((register.version(), register.staff("u-tax-08").is_some()), (2, true));
    drop((register, body));
    let gone = Change { remove: vec![(Class::Staff, "u-tax-08".into())], ..Change::default() };
    change(&sample, gone.clone()).await.unwrap();
    assert!(sample.body("982016").register().staff("u-tax-08").is_none());
    let again = change(&sample, gone).await.unwrap_err();
    assert!(matches!(again, ChangeError::Refused(refusal) if refusal.why == Why::Missing));
}

#[tokio::test]
async fn a_change_for_an_old_version_changes_nothing() {
    let sample = founded().await;
    let made_for = |version, name| Change { expected: Some(version), ..put(clerk(name)) };
    change(&sample, made_for(1, "u-tax-08")).await.unwrap();
    let late = change(&sample, made_for(1, "u-tax-09")).await.unwrap_err();
    assert!(matches!(late, ChangeError::Outdated(2)), "{late}");
    assert!(sample.body("982016").register().staff("u-tax-09").is_none());
    change(&sample, made_for(2, "u-tax-09")).await.unwrap();
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let sample = founded().await;
    let remove = Change { remove: vec![(Class::Staff, "u-tax-07".into())], ..Change::default() };
    let over = DOCUMENT.replace("until = \"2027-03-31\"", "until = \"2026-11-20\"");
    let over = chukei_domain::register::RegisterFile::parse(&over).unwrap().staff[0].clone();
    for last in [remove.clone(), put(clerk("u-tax-07")), put(Entry::Staff(over))] {
        let refused = change(&sample, last).await.unwrap_err();
        assert!(
            matches!(&refused, ChangeError::Refused(refusal) if refusal.why == Why::NoAdministrator),
            "{refused}"
        );
    }
    assert_eq!(sample.body("982016").register().version(), 1);
    let file =
        chukei_domain::register::RegisterFile::parse(&DOCUMENT.replace("u-tax-07", "u-tax-08")).unwrap();
    change(&sample, put(Entry::Staff(file.staff[0].clone()))).await.unwrap();
    change(&sample, remove).await.unwrap();
}

#[tokio::test]
async fn a_change_of_which_one_part_is_refused_changes_nothing() {
    let sample = founded().await;
    let bad = Change { put: vec![clerk("u-tax-08"), clerk("U-TAX-09")], ..Change::default() };
    assert!(matches!(change(&sample, bad).await, Err(ChangeError::Refused(_))));
    let twice = Change { put: vec![clerk("u-tax-08"), clerk("u-tax-08")], ..Change::default() };
    assert!(matches!(change(&sample, twice).await, Err(ChangeError::Refused(_))));
    assert!(matches!(change(&sample, Change::default()).await, Err(ChangeError::Refused(_))));
    let policy =
        Entry::Policy(Policy { name: "open".into(), text: "permit(principal, action, resource);".into() });
    let refused = change(&sample, put(policy)).await.unwrap_err();
    assert!(matches!(&refused, ChangeError::Refused(refusal) if refusal.why == Why::Policy), "{refused}");
    assert_eq!(sample.body("982016").register().entries().len(), 2);
}

/// Meddles with the stored rows, then opens the body in another process.
async fn meddled(rows: impl AsyncFnOnce(&Sample) -> Batch) -> Fault {
    let sample = founded().await;
    change(&sample, put(clerk("u-tax-08"))).await.unwrap();
    let batch = rows(&sample).await;
    sample.body("982016").partition().apply(batch).await.unwrap();
    let sample = sample.reopened().await;
    let body = sample.body("982016");
    let fault = opened(&body, None).await.unwrap_err();
    assert!(body.register().is_empty());
    fault
}

fn row_of(sample: &Sample, code: &str, name: &str) -> RowKey {
    sample.body(code).register_row(Class::Staff, name)
}

async fn stored(sample: &Sample, row: &RowKey) -> Vec<u8> {
    sample.body("982016").get_row(row).await.unwrap().unwrap().value
}

#[tokio::test]
async fn r1_r24_rows_that_somebody_has_meddled_with_are_found() {
    let removed = meddled(async |sample| Batch::new().delete(row_of(sample, "982016", "u-tax-08"))).await;
    let headless = meddled(async |_| Batch::new().delete(RowKey::new(Space::Register).bytes(b"head"))).await;
    let exchanged = meddled(async |sample| {
        let value = stored(sample, &row_of(sample, "982016", "u-tax-07")).await;
        Batch::new().put(row_of(sample, "982016", "u-tax-08"), value)
    })
    .await;
    let flipped = meddled(async |sample| {
        let row = row_of(sample, "982016", "u-tax-08");
        let mut value = stored(sample, &row).await;
        *value.last_mut().unwrap() ^= 1;
        Batch::new().put(row, value)
    })
    .await;
    for fault in [removed, headless, exchanged, flipped] {
        assert_eq!(fault.cause, Cause::Tampered, "{fault}");
    }
}

/// Every row of the register, its head included, is removed.
async fn emptied(sample: &Sample) {
    let (body, prefix) = (sample.body("982016"), RowKey::new(Space::Register));
    let rows = body.scan(&prefix, None, 64).await.unwrap().rows;
    assert!(rows.len() > 1);
    let batch = rows.into_iter().fold(Batch::new(), |batch, (row, _)| batch.delete(row));
    body.partition().apply(batch).await.unwrap();
}

#[tokio::test]
async fn r24_a_register_that_is_gone_altogether_is_not_founded_anew() {
    let sample = founded().await;
    change(&sample, put(clerk("u-tax-08"))).await.unwrap();
    emptied(&sample).await;
    let again = founding(sample.dir(), DOCUMENT);
    let sample = sample.reopened().await;
    let body = sample.body("982016");
    for document in [Some(&again), None] {
        let fault = opened(&body, document).await.unwrap_err();
        assert_eq!(fault.cause, Cause::Tampered, "{fault}");
        assert!(body.register().is_empty());
    }
}

#[tokio::test]
async fn r24_a_founding_that_was_told_and_not_made_durable_is_made_again() {
    let sample = founded().await;
    emptied(&sample).await;
    let again = founding(sample.dir(), DOCUMENT);
    let sample = sample.reopened().await;
    opened(&sample.body("982016"), Some(&again)).await.unwrap();
    assert!(sample.body("982016").register().staff("u-tax-07").is_some());
}

#[tokio::test]
async fn r24_an_older_row_put_back_is_found() {
    let sample = founded().await;
    change(&sample, put(clerk("u-tax-08"))).await.unwrap();
    let row = row_of(&sample, "982016", "u-tax-08");
    let older = stored(&sample, &row).await;
    let mut later = clerk("u-tax-08");
    if let Entry::Staff(staff) = &mut later {
        staff.affairs.clear();
    }
    change(&sample, put(later)).await.unwrap();
    sample.body("982016").partition().apply(Batch::new().put(row, older)).await.unwrap();
    let sample = sample.reopened().await;
    assert_eq!(opened(&sample.body("982016"), None).await.unwrap_err().cause, Cause::Tampered);
}

#[tokio::test]
async fn r1_a_row_of_another_body_does_not_open() {
    let sample = founded().await;
    let foreign = founding(sample.dir(), &DOCUMENT.replace("982016", "982024"));
    let other = sample.body("982024");
    opened(&other, Some(&foreign)).await.unwrap();
    let value = other.get_row(&row_of(&sample, "982024", "u-tax-07")).await.unwrap().unwrap().value;
    let row = row_of(&sample, "982016", "u-tax-07");
    sample.body("982016").partition().apply(Batch::new().put(row, value)).await.unwrap();
    drop(other);
    let sample = sample.reopened().await;
    assert_eq!(opened(&sample.body("982016"), None).await.unwrap_err().cause, Cause::Tampered);
}

#[tokio::test]
async fn r3_the_most_that_one_change_may_remove_has_room_in_its_event() {
    let sample = founded().await;
    let names: Vec<String> = (0..CHANGE_MAX).map(|n| format!("{PLATFORM}{n:0>64}")).collect();
    let each = |entry: &dyn Fn(&String) -> Entry| Change {
        put: names.iter().map(entry).collect(),
        ..Change::default()
    };
    let listed = Period { from_day: 20_000, until_day: 30_000 };
    let device = |name: &String| Entry::Device(Device { name: name.clone(), zone: Zone::Closed, listed });
    let report = |name: &String| {
        Entry::Health(Health { device: name.clone(), state: HealthState::Healthy, at_ms: NOW_MS })
    };
    change(&sample, each(&device)).await.unwrap();
    change(&sample, each(&report)).await.unwrap();
    let remove = names.iter().map(|name| (Class::Device, name.clone())).collect();
    change(&sample, Change { remove, ..Change::default() }).await.unwrap();
    assert_eq!(sample.body("982016").register().entries().len(), 2);
}

#[tokio::test]
async fn reports_need_a_listed_device_and_go_with_it() {
    let sample = founded().await;
    let report = |device: &str| {
        put(Entry::Health(Health { device: device.into(), state: HealthState::Unhealthy, at_ms: NOW_MS }))
    };
    let unlisted = change(&sample, report("t-02")).await.unwrap_err();
    assert!(matches!(&unlisted, ChangeError::Refused(refusal) if refusal.why == Why::Device), "{unlisted}");
    change(&sample, report("t-01")).await.unwrap();
    assert!(sample.body("982016").register().health("t-01").is_some());
    let gone = Change { remove: vec![(Class::Device, "t-01".into())], ..Change::default() };
    change(&sample, gone).await.unwrap();
    assert!(sample.body("982016").register().health("t-01").is_none());
    let sample = sample.reopened().await;
    opened(&sample.body("982016"), None).await.unwrap();
    assert_eq!(sample.body("982016").register().entries().len(), 1);
}

#[tokio::test]
async fn policies_of_the_register_are_in_force_with_it() {
    let sample = Sample::new().await;
    let (body, policies) = (sample.body("982016"), book());
    let signed = founding(sample.dir(), DOCUMENT);
    open(&body, &policies, Some(&signed), NODE, NOW_MS).await.unwrap();
    let shipped = policies.version(Some(body.code()));
    let text = "@id(\"none\") @reason_en(\"No.\") @reason_ja(\"不可。\") \
                forbid(principal, action == Action::\"copy_show\", resource) when { context.minute < 1 };";
    let policy = Entry::Policy(Policy { name: "night".into(), text: text.into() });
    change(&sample, put(policy)).await.unwrap();
    assert_ne!(policies.version(Some(body.code())), shipped);
    let gone = Change { remove: vec![(Class::Policy, "night".into())], ..Change::default() };
    change(&sample, gone).await.unwrap();
    assert_eq!(policies.version(Some(body.code())), shipped);
}
