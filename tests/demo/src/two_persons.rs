//! An act that two persons decide (二人承認): the erasure of one person, from the request to the end of all that is held.

use std::time::{Duration, Instant};

use chukei_harness::command;
use chukei_harness::layout::Layout;
use indicatif::ProgressBar;

use crate::error::{DemoError, same};
use crate::own_information::{self, Question};

/// What the step consists of.
pub(crate) const PARTS: usize = 6;
/// Hours that an act waits behind its approval, where nobody has set another time.
const WAIT_HOURS: u32 = 72;
const EXECUTED_WITHIN: Duration = Duration::from_secs(60);
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Whose data go, and a question whose answer holds some of them.
#[derive(Clone, Debug)]
pub(crate) struct Leaver {
    /// 団体内統合宛名番号.
    pub(crate) addressee: String,
    pub(crate) question: Question,
}

/// Lets two persons of the body erase the leaver: one alone cannot, and nothing goes before the waiting period is over.
pub(crate) fn erase(layout: &Layout, leaver: &Leaver, bar: &ProgressBar) -> Result<(), DemoError> {
    let Leaver { addressee, question } = leaver;
    let staff = |args: &[&str]| command::staff(layout, &question.body, args);
    let asked = ["erase", "request", "--person", addressee, "--reference", "R8-demo/1"];
    let act = staff(&asked)?.done()?.text("act").to_owned();
    bar.inc(1);
    let alone = staff(&["erase", "approve", &act])?.expect(3)?;
    same("one person's approval of the own request", &"TWO_PERSON_REQUIRED", &alone.text("code"))?;
    bar.inc(1);
    let approved = command::approver(layout, &question.body, &["erase", "approve", &act])?.done()?;
    same("the act behind its approval", &"approved", &approved.text("state"))?;
    bar.inc(1);
    held(layout, question, bar)?;
    layout.set_clock(&format!("+{}h", WAIT_HOURS + 1))?;
    let deadline = Instant::now() + EXECUTED_WITHIN;
    while staff(&["erase", "status", &act])?.done()?.member("certificate").is_null() {
        if Instant::now() >= deadline {
            return same("the record of the erasure", &"signed", &"none");
        }
        std::thread::sleep(ASK_EVERY);
    }
    bar.inc(1);
    let shown = staff(&["copy", "show", "--person", addressee, "--dataset", &question.dataset])?.expect(3)?;
    same("copies of an erased person", &"NOT_FOUND", &shown.text("code"))?;
    gone(layout, question, bar)
}

/// As long as the act waits, the person gets what is held.
fn held(layout: &Layout, question: &Question, bar: &ProgressBar) -> Result<(), DemoError> {
    let score = own_information::ask(layout, vec![question.clone()], bar)?;
    same("mismatches before the end of the waiting period", &0, &score.mismatches)
}

fn gone(layout: &Layout, question: &Question, bar: &ProgressBar) -> Result<(), DemoError> {
    let found = match own_information::ask(layout, vec![question.clone()], bar) {
        Err(DemoError::Portal(failure)) => failure.code,
        Err(error) => return Err(error),
        Ok(_) => "an answer".to_owned(),
    };
    bar.inc(1);
    same("own information of an erased person", &"NOT_FOUND".to_owned(), &found)
}
