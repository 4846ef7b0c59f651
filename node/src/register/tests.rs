//! A register through real stores: founding, changes, restarts, and rows that somebody has meddled with.

use std::path::Path;

use chukei_access::PolicyBook;
use chukei_crypto::sign::SigningKey;
use chukei_domain::register::{FOUNDING_PURPOSE, Why, role};
use chukei_relay_client::key_file;
use chukei_relay_client::signed::{sign, signature_path};
use chukei_store::{Batch, RowKey, Space, WriteFault};

use super::*;
use crate::access::grant::duty_write;
use crate::hosted::HostedBody;
use crate::hosted::samples::Sample;
use crate::key_gate::{Cause, Fault};

/// 2026-11-21 in Japan.
const NOW_MS: u64 = 1_795_190_400_000;
const NODE: &str = "chukei://node/node-a";

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
    let grant = duty_write(&sample.scope("982016"), "staff_set");
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
