//! Notices there and answers back: sent by staff, read and answered at the portal, pulled by the body.

use std::time::{Duration, Instant};

use chukei_harness::command;
use chukei_harness::layout::{AFFAIRS, Layout};
use chukei_mock_portal::client::Client;
use indicatif::ProgressBar;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::error::{DemoError, same};
use crate::parallel;
use crate::persons::Person;

/// Days after which a notice of the demonstration is erased on both sides.
pub(crate) const RETENTION_DAYS: u32 = 30;
/// Commands under way at once.
const AT_ONCE: usize = 4;
const DELIVERED_WITHIN: Duration = Duration::from_secs(120);
const ASK_EVERY: Duration = Duration::from_millis(100);
const CHOICES: [(&str, &str); 3] = [("A", "窓口"), ("B", "郵送"), ("C", "不要")];

/// A notice to one person, and what the person does with it.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) person: Person,
    /// The choice the person makes; none leaves the question open.
    pub(crate) choice: Option<&'static str>,
}

/// Who gets the `number`-th notice.
#[derive(Clone, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) number: usize,
    pub(crate) body: &'a str,
    pub(crate) person: &'a Person,
}

/// Sends one notice to each target.
pub(crate) fn send(
    layout: &Layout,
    targets: &[Target<'_>],
    bar: &ProgressBar,
) -> Result<Vec<Sent>, DemoError> {
    parallel::map(targets, AT_ONCE, |target| {
        let report = send_one(layout, target, &notice(target))?.done()?;
        same("targets of a notice", &Some(1), &report.count("targets"))?;
        bar.inc(1);
        let choice = CHOICES.get(target.number % 4).map(|(id, _)| *id);
        Ok(Sent {
            id: report.text("notice_id").to_owned(),
            body: target.body.to_owned(),
            person: target.person.clone(),
            choice,
        })
    })
}

fn notice(target: &Target<'_>) -> Value {
    let [tax, care] = AFFAIRS;
    json!({
        "idempotency_key": format!("demo-{}-{}", target.body, target.number),
        "affair": if target.number.is_multiple_of(2) { tax } else { care },
        "title": format!("手続のご案内 その{}", target.number),
        "body": "給付の受取方法をお知らせください。窓口・郵送・不要のいずれかを選べます。",
        "choices": CHOICES.map(|(id, label)| json!({ "id": id, "label": label })),
        "attachments": [],
        "retention_days": RETENTION_DAYS,
        "targets": [target.person.addressee],
    })
}

fn send_one(layout: &Layout, target: &Target<'_>, notice: &Value) -> Result<command::Outcome, DemoError> {
    let path = layout.dir().join(format!("notice-{}-{}.json", target.body, target.number));
    std::fs::write(&path, notice.to_string()).map_err(|source| DemoError::io(path.display(), source))?;
    Ok(command::staff(layout, target.body, &["notice", "send", &path.display().to_string()])?)
}

/// What must be refused is refused by name, and a repeated notice is the same notice.
pub(crate) fn refuse(layout: &Layout, target: &Target<'_>, known: &Sent) -> Result<(), DemoError> {
    let repeated = send_one(layout, target, &notice(target))?.done()?;
    same("a repeated notice", &known.id.as_str(), &repeated.text("notice_id"))?;
    for (member, value, code) in [
        ("title", json!("番号 1234-5678-9018 の件"), "FORBIDDEN_IDENTIFIER"),
        ("body", json!("番号は１２３４５６７８９０１８です"), "FORBIDDEN_IDENTIFIER"),
        ("affair", json!("JM99000000009000"), "UNKNOWN_AFFAIR"),
        ("attachments", json!(["form.pdf"]), "REJECTED_CONTENT"),
        ("retention_days", json!(0), "BAD_RETENTION"),
        ("targets", json!([format!("00000{}9999", target.body)]), "NOT_FOUND"),
    ] {
        let mut notice = notice(target);
        if let Some(members) = notice.as_object_mut() {
            members.insert("idempotency_key".to_owned(), json!(format!("demo-refused-{member}")));
            members.insert(member.to_owned(), value);
        }
        let refused = send_one(layout, target, &notice)?.expect(3)?;
        same(&format!("a notice with another {member}"), &code, &refused.text("code"))?;
    }
    Ok(())
}

/// Waits until every notice stands in its person's folder; returns how many do.
pub(crate) fn delivered(layout: &Layout, sent: &[Sent], bar: &ProgressBar) -> Result<u64, DemoError> {
    Handle::current().block_on(async {
        let client = Client::connect(&layout.portal_socket()).await?;
        let deadline = Instant::now() + DELIVERED_WITHIN;
        let mut count = 0;
        for notice in sent {
            while !stands(&client, notice).await? {
                if Instant::now() >= deadline {
                    return Ok(count);
                }
                tokio::time::sleep(ASK_EVERY).await;
            }
            count += 1;
            bar.inc(1);
        }
        Ok(count)
    })
}

/// Whether a notice stands in its person's folder, once.
pub(crate) async fn stands(client: &Client, notice: &Sent) -> Result<bool, DemoError> {
    let list = client.notices(&notice.person.user).await?;
    let times = list.notices.iter().filter(|listed| listed.notice_id == notice.id).count();
    if times > 1 {
        same("deliveries of one notice", &1, &times)?;
    }
    Ok(times == 1)
}

/// Everybody reads; three of four answer, and a second or a strange answer is refused.
pub(crate) fn read_and_answer(layout: &Layout, sent: &[Sent], bar: &ProgressBar) -> Result<(), DemoError> {
    Handle::current().block_on(async {
        let client = Client::connect(&layout.portal_socket()).await?;
        for notice in sent {
            let (user, id) = (notice.person.user.as_str(), notice.id.as_str());
            let opened = client.read(user, id).await?;
            same("choices of a notice", &CHOICES.len(), &opened.choices.len())?;
            if let Some(choice) = notice.choice {
                expect_refusal(client.answer(user, id, "Z").await.err(), "INVALID_CHOICE")?;
                client.answer(user, id, choice).await?;
                expect_refusal(client.answer(user, id, "A").await.err(), "ALREADY_ANSWERED")?;
            }
            bar.inc(1);
        }
        Ok(())
    })
}

fn expect_refusal(
    failure: Option<chukei_mock_portal::failure::Failure>,
    code: &str,
) -> Result<(), DemoError> {
    same("a refused answer", &Some(code.to_owned()), &failure.map(|failure| failure.code))
}

/// The body pulls states and answers; returns how many answers came back as they were given.
pub(crate) fn pull(layout: &Layout, sent: &[Sent], bar: &ProgressBar) -> Result<u64, DemoError> {
    let answers = parallel::map(sent, AT_ONCE, |notice| {
        let report = command::staff(layout, &notice.body, &["notice", "status", &notice.id])?.done()?;
        let expected = json!([{
            "integrated_addressee_number": notice.person.addressee,
            "state": "READ",
            "answers": notice.choice.into_iter().collect::<Vec<_>>(),
        }]);
        same("the state of a notice", &expected, report.member("targets"))?;
        bar.inc(1);
        Ok(u64::from(notice.choice.is_some()))
    })?;
    Ok(answers.into_iter().sum())
}
