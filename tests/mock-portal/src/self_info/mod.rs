//! Own information (自己情報表示): asked through any connected broker, answered once, kept for one login.
//!
//! What must hold: the receipt goes out only for an answer that was checked and is in the folder, once it is durable where
//! the body's log has the record of it.

mod answer;
mod attempt;

use std::time::Duration;

use chukei_crypto::binding::Bindings;
use chukei_relay_client::dial::Dialer;
use chukei_wire::body_code::BodyCode;
use chukei_wire::limits::DATASETS_MAX;
use chukei_wire::result::ResultName;
use tokio::time::Instant;

use crate::asking::{TRY_PART, Try, repeated};
use crate::core::Core;
use crate::failure::Failure;
use crate::folder::Login;
use crate::protocol::SelfInfo;
use crate::storage::person::PersonRow;

/// What stays the same over all tries.
struct Asked {
    person: PersonRow,
    body: BodyCode,
    datasets: Vec<String>,
    bindings: Bindings,
    login: Login,
    deadline: Instant,
    try_time: Duration,
}

/// Asks until there is an answer or the configured time is over.
pub(crate) async fn request(
    core: &Core,
    links: &Dialer,
    person: &str,
    body: &str,
    datasets: &[String],
) -> Result<SelfInfo, Failure> {
    let asked = ask(core, person, body, datasets).await?;
    let of = &asked;
    let attempt = move |at: Try| async move { attempt::attempt(core, of, &at).await };
    repeated(links, asked.deadline, asked.try_time, attempt).await
}

async fn ask(core: &Core, person: &str, body: &str, datasets: &[String]) -> Result<Asked, Failure> {
    let whole = Duration::from_millis(u64::from(core.limits.deadline_ms));
    let (deadline, try_time) = (Instant::now() + whole, whole / TRY_PART);
    let body = core.body(body)?;
    let datasets = in_order(datasets)?;
    let person = core.person(person).await?;
    let bindings = core.registry.bindings(person.person, body)?;
    let login = core.folders.enter(person.person, core.clock.now_ms())?;
    Ok(Asked { person, body, datasets, bindings, login, deadline, try_time })
}

/// Dataset codes as a header has them: ascending, each once.
fn in_order(datasets: &[String]) -> Result<Vec<String>, Failure> {
    let well_formed = |code: &String| {
        let digits = code.strip_prefix("TM").filter(|digits| digits.len() == 14);
        digits.is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))
    };
    let mut ordered = datasets.to_vec();
    ordered.sort();
    ordered.dedup();
    if !(1..=DATASETS_MAX).contains(&ordered.len()) || !ordered.iter().all(well_formed) {
        return Err(Failure::refused(ResultName::BadFormat));
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dataset_codes_are_ordered_once_each_or_refused() {
        let codes = |list: &[&str]| list.iter().map(|&code| code.to_owned()).collect::<Vec<_>>();
        let (two, four) = ("TM00000000000002", "TM00000000000004");
        assert_eq!(in_order(&codes(&[four, two, four])).unwrap(), codes(&[two, four]));
        for bad in [codes(&[]), codes(&["TM2"]), codes(&["JM00000000000002"]), codes(&["TM０0000000000002"])]
        {
            assert_eq!(in_order(&bad).unwrap_err().code, "BAD_FORMAT");
        }
    }
}
