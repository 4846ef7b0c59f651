//! What a body's staff see of what was provided (提供状況確認).

use std::collections::BTreeMap;

use chukei_harness::command;
use chukei_harness::layout::{BODIES, Layout};
use indicatif::ProgressBar;

use crate::error::{DemoError, same};
use crate::own_information::Question;

/// Every answered question stands in its body's list, delivered, and nobody else's does.
pub(crate) fn check(layout: &Layout, questions: &[Question], bar: &ProgressBar) -> Result<(), DemoError> {
    let mut asked: BTreeMap<&str, u64> = BTreeMap::new();
    for question in questions {
        *asked.entry(question.body.as_str()).or_default() += 1;
    }
    for body in BODIES {
        let report =
            command::staff(layout, body.code, &["provision", "status", "--limit", "10000"])?.done()?;
        let provisions = report.member("provisions").as_array().map(Vec::as_slice).unwrap_or_default();
        let delivered = provisions
            .iter()
            .filter(|provision| provision.get("outcome").is_some_and(|outcome| outcome == "delivered"))
            .count();
        let expected = asked.get(body.code).copied().unwrap_or_default();
        same(&format!("provisions of {}", body.code), &expected, &(delivered as u64))?;
        bar.inc(1);
    }
    Ok(())
}
