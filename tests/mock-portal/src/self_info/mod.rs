//! Own information (自己情報表示): asked through any connected broker, answered once, kept for one login.
//!
//! What must hold: every try is a new request with its own id (R32), a repetition names the one it repeats; a
//! mismatch ends it and is never tried again (R35); the receipt goes out only for an answer that was checked and
//! is in the folder.

mod answer;
mod attempt;

use std::time::Duration;

use chukei_crypto::binding::Bindings;
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::dial::Dialer;
use chukei_wire::body_code::BodyCode;
use chukei_wire::id::RequestId;
use chukei_wire::limits::DATASETS_MAX;
use chukei_wire::result::ResultName;
use tokio::time::Instant;

use crate::core::Core;
use crate::failure::Failure;
use crate::folder::Login;
use crate::protocol::SelfInfo;
use crate::storage::person::PersonRow;

/// Of the whole time one try gets this part: enough for a broker that fell silent to be noticed and another,
/// or the same one restarted, to answer.
const TRY_PART: u32 = 4;
/// First and longest pause between two tries.
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

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

/// How a try ended.
enum Tried {
    /// For good.
    Ended(Result<SelfInfo, Failure>),
    /// Not answered: another try may succeed, after at least this long.
    Again(Duration, Failure),
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
    let mut previous: Option<RequestId> = None;
    let mut silent: Option<usize> = None;
    let (mut pause, longest) = PAUSE;
    loop {
        let Some(broker) = another(links, silent, asked.deadline).await else {
            return Err(Failure::unavailable("no broker is connected"));
        };
        let until = asked.deadline.min(Instant::now() + asked.try_time);
        let (id, tried) = attempt::attempt(core, &broker, &asked, previous, until).await;
        silent = Some(broker.id());
        let (wait, reason) = match tried {
            Tried::Ended(result) => return result,
            Tried::Again(wait, reason) => (wait.max(pause), reason),
        };
        tracing::info!(request_id = ?id, reason = reason.code, "not answered; asking again");
        if Instant::now() + wait >= asked.deadline {
            return Err(reason);
        }
        tokio::time::sleep(wait).await;
        pause = (pause * 2).min(longest);
        previous = id.or(previous);
    }
}

/// A live connection, if possible not the one that gave no answer.
async fn another(links: &Dialer, silent: Option<usize>, deadline: Instant) -> Option<PeerConnection> {
    let any = links.wait_any(deadline).await?;
    if Some(any.id()) != silent {
        return Some(any);
    }
    Some(links.all().into_iter().find(|peer| Some(peer.id()) != silent).unwrap_or(any))
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
