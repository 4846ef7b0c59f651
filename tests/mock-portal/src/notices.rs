//! What a person does with notices: list, open, answer.
//!
//! What must hold: nothing is shown before its publication or after its last day; the first answer stands,
//! whatever races with it.

use chukei_domain::day::Day;
use chukei_domain::notice::{Choice, check_answer};
use chukei_wire::id::NoticeId;
use chukei_wire::result::ResultName;
use jiff::Timestamp;
use jiff::tz::Offset;

use crate::core::Core;
use crate::failure::Failure;
use crate::protocol::{Answered, ListedNotice, NoticeList, OpenedNotice, ShownChoice};
use crate::storage::notice::{ContentRow, StateRow};
use crate::storage::person::PersonId;

/// Tries to replace a state that others replace at the same time.
const TRIES: usize = 16;

/// The person's notices, newest first.
pub(crate) async fn list(core: &Core, person: &str) -> Result<NoticeList, Failure> {
    let person = core.person(person).await?.person;
    let mut contents = core.vault.notices(person).await.map_err(|error| core.store_failed(&error))?;
    contents.retain(|content| visible(core, content));
    contents.sort_by_key(|content| (std::cmp::Reverse(content.publish_at_ms), content.notice));
    let mut notices = Vec::with_capacity(contents.len());
    for content in &contents {
        let (state, _) = state_of(core, content).await?;
        notices.push(ListedNotice {
            notice_id: content.notice.to_string(),
            body: content.body.to_string(),
            title: content.title.clone(),
            state: if state.read_at_ms.is_some() { "READ" } else { "UNREAD" }.to_owned(),
            answered: !state.answers.is_empty(),
            published: instant(content.publish_at_ms),
            expires: Day::from_number(content.expiry_day).to_string(),
        });
    }
    Ok(NoticeList { notices })
}

/// Opens a notice; the first time is remembered for the body (閲覧状況).
pub(crate) async fn read(core: &Core, person: &str, notice: &str) -> Result<OpenedNotice, Failure> {
    let content = find(core, core.person(person).await?.person, notice).await?;
    let now_ms = core.clock.now_ms();
    let state = change(core, &content, |state| {
        let first = state.read_at_ms.is_none();
        state.read_at_ms.get_or_insert(now_ms);
        Ok(first)
    })
    .await?;
    Ok(OpenedNotice {
        result: ResultName::Done.as_str().to_owned(),
        notice_id: content.notice.to_string(),
        body: content.body.to_string(),
        title: content.title.clone(),
        text: content.text.clone(),
        choices: content
            .choices
            .iter()
            .map(|choice| ShownChoice { id: choice.id.clone(), label: choice.label.clone() })
            .collect(),
        answers: state.answers,
        published: instant(content.publish_at_ms),
        expires: Day::from_number(content.expiry_day).to_string(),
    })
}

/// Answers a notice's question, once. An answer counts as reading.
pub(crate) async fn answer(
    core: &Core,
    person: &str,
    notice: &str,
    choice: &str,
) -> Result<Answered, Failure> {
    let content = find(core, core.person(person).await?.person, notice).await?;
    let offered = content.choices.iter();
    let offered: Vec<Choice> =
        offered.map(|choice| Choice { id: choice.id.clone(), label: choice.label.clone() }).collect();
    let chosen = [choice.to_owned()];
    let now_ms = core.clock.now_ms();
    let state = change(core, &content, |state| {
        let already = !state.answers.is_empty();
        let (today, last) = (core.today(), content.expiry_day);
        check_answer(&offered, &chosen, already, today, last).map_err(|refusal| by_name(refusal.as_str()))?;
        state.answers = chosen.to_vec();
        state.read_at_ms.get_or_insert(now_ms);
        Ok(true)
    })
    .await?;
    Ok(Answered {
        result: ResultName::Done.as_str().to_owned(),
        notice_id: content.notice.to_string(),
        answers: state.answers,
    })
}

async fn find(core: &Core, person: PersonId, notice: &str) -> Result<ContentRow, Failure> {
    let missing = || Failure::refused(ResultName::NotFound);
    let id: NoticeId = notice.parse().map_err(|_| missing())?;
    let found = core.vault.notice(person, id).await.map_err(|error| core.store_failed(&error))?;
    match found {
        Some(content) if expired(core, &content) => Err(Failure::refused(ResultName::Expired)),
        Some(content) if visible(core, &content) => Ok(content),
        Some(_) => Err(missing()),
        None => {
            let mark = core.vault.notice_mark(id).await.map_err(|error| core.store_failed(&error))?;
            let over = mark.is_some_and(|mark| mark.expiry_day < core.vault.floor(core.today()));
            Err(if over { Failure::refused(ResultName::Expired) } else { missing() })
        }
    }
}

fn expired(core: &Core, content: &ContentRow) -> bool {
    content.expiry_day < core.vault.floor(core.today())
}

fn visible(core: &Core, content: &ContentRow) -> bool {
    content.publish_at_ms <= core.clock.now_ms() && !expired(core, content)
}

async fn state_of(core: &Core, content: &ContentRow) -> Result<(StateRow, u64), Failure> {
    let state = core.vault.state(content).await.map_err(|error| core.store_failed(&error))?;
    state.ok_or_else(|| Failure::refused(ResultName::Expired))
}

/// Changes a state until nobody came between; `work` says whether there is something to write.
async fn change(
    core: &Core,
    content: &ContentRow,
    work: impl Fn(&mut StateRow) -> Result<bool, Failure>,
) -> Result<StateRow, Failure> {
    for _ in 0..TRIES {
        let (mut state, version) = state_of(core, content).await?;
        if !work(&mut state)? {
            return Ok(state);
        }
        let replaced = core.vault.replace_state(content, &state, version).await;
        if replaced.map_err(|error| core.store_failed(&error))? {
            return Ok(state);
        }
    }
    Err(Failure::refused(ResultName::Overloaded))
}

fn by_name(name: &str) -> Failure {
    let known = ResultName::ALL.iter().find(|known| known.as_str() == name);
    known.map_or_else(|| Failure::internal("unknown refusal"), |&known| Failure::refused(known))
}

pub(crate) fn instant(at_ms: u64) -> String {
    let at = i64::try_from(at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    at.unwrap_or_default().display_with_offset(Offset::constant(9)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_shown_in_japans_time() {
        assert_eq!(instant(1_704_034_800_000), "2024-01-01T00:00:00+09:00");
    }
}
