//! R42: who enters another body, looked at for each operation anew; everybody else is told the same, whatever there is.

use chukei_domain::register::{Delegation, Entry, RegisterFile};
use chukei_wire::header::{Header, Kind};
use chukei_wire::id::RequestId;
use chukei_wire::identity::Identity;
use chukei_wire::result::ResultName;

use super::BodyScope;
use crate::access::grant::duty_write;
use crate::audit::By;
use crate::hosted::samples::Sample;
use crate::key_gate::{Cause, Fault};
use crate::register::Change;

const NOW_MS: u64 = 1_795_190_400_000;

const REGISTER: &str = r#"
body = "982016"

[[staff]]
name = "u-tax-07"
kind = "staff"
roles = ["administrator"]
valid = { from = "2026-04-01", until = "2027-03-31" }

[[delegation]]
id = "d-1"
to = "982024"
affairs = ["JM99000000001000"]
functions = ["copy_show"]
from = "2026-11-01T00:00:00+09:00"
until = "2026-12-01T00:00:00+09:00"
"#;

async fn put(sample: &Sample, entries: Vec<Entry>) {
    let grant = duty_write(&sample.scope("982016"), "register_change");
    let change = Change { put: entries, ..Change::default() };
    sample.body("982016").change_register(&grant, change, NOW_MS).await.unwrap();
}

/// `who` asks on behalf of `of` about `about`.
fn enters(sample: &Sample, who: &str, of: &str, about: &str) -> Result<Vec<String>, ResultName> {
    let identity: Identity = who.parse().unwrap();
    let header = Header::hop(Kind::CopyShow, about.parse().ok(), RequestId([1; 16]), 1_000);
    let scope = BodyScope::of_delegation(&sample.bodies, &identity, &header, of.parse().unwrap())?;
    assert_eq!((scope.code().as_str(), scope.actor()), (about, who));
    assert_eq!(scope.by(), By::call(who, RequestId([1; 16])), "R3: events name the call");
    Ok(scope.delegations().iter().map(|delegation| delegation.id.clone()).collect())
}

const HELPER: &str = "chukei://body/982024/staff/u-tax-07";

#[tokio::test]
async fn r42_one_enters_under_a_delegation_that_is_there_now_and_not_once_it_is_taken_back() {
    let sample = Sample::new().await;
    let no = Err(ResultName::NotAuthorised);
    assert_eq!(enters(&sample, HELPER, "982016", "982016"), no, "nothing is given");
    let entries = RegisterFile::parse(REGISTER).unwrap().check().unwrap();
    let given = entries.iter().find_map(|entry| match entry {
        Entry::Delegation(delegation) => Some(delegation.clone()),
        _ => None,
    });
    put(&sample, entries).await;
    assert_eq!(enters(&sample, HELPER, "982016", "982016"), Ok(vec!["d-1".to_owned()]));
    let system = "chukei://body/982024/system/zeimu";
    assert_eq!(enters(&sample, system, "982016", "982016"), Ok(vec!["d-1".to_owned()]));

    // The other way round, for itself, for nobody, by others than staff and systems, or about another body.
    let own = "chukei://body/982016/staff/u-tax-07";
    assert_eq!(enters(&sample, own, "982024", "982024"), no);
    assert_eq!(enters(&sample, own, "982016", "982016"), no);
    assert_eq!(enters(&sample, HELPER, "980005", "980005"), no);
    for other in [
        "chukei://body/983012/staff/u-tax-07",
        "chukei://body/982024/auditor/a-audit-01",
        "chukei://platform/operator/o-ops-01",
        "chukei://platform/maintenance/m-ven-01",
        "chukei://portal/mynaportal",
    ] {
        assert_eq!(enters(&sample, other, "982016", "982016"), no, "{other}");
    }
    assert_eq!(enters(&sample, HELPER, "982016", "982024"), Err(ResultName::NotFound));

    // A body that cannot be served is told so to whom it has delegated, and to nobody else.
    sample.body("982016").gate().set(Some(Fault::new(Cause::Store, "the disk is full")));
    assert_eq!(enters(&sample, HELPER, "982016", "982016"), Err(ResultName::NotReady));
    sample.bodies.opened("982016".parse().unwrap()).unwrap().gate().set(None);

    let taken_back = Delegation { revoked: true, ..given.unwrap() };
    put(&sample, vec![Entry::Delegation(taken_back)]).await;
    assert_eq!(enters(&sample, HELPER, "982016", "982016"), no, "the very next one");
}
