//! A power cut of each role in turn: nothing acknowledged is lost, everything goes on by itself.

use std::time::Duration;

use chukei_harness::role::Role;
use chukei_harness::stack::Stack;
use indicatif::ProgressBar;

use crate::error::{DemoError, same};
use crate::own_information::{self, Question};

const DIES_WITHIN: Duration = Duration::from_secs(10);
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Kills every role once with SIGKILL; after each, the same questions are answered with the same truth.
pub(crate) fn kill_each(stack: &Stack, questions: &[Question], bar: &ProgressBar) -> Result<u64, DemoError> {
    let mut mismatches = 0;
    for role in Role::ALL {
        stack.kill(role)?;
        let died = stack.next_death(DIES_WITHIN).map(|death| death.role);
        same("the role that died", &Some(role), &died)?;
        stack.wait_ready(READY_WITHIN)?;
        mismatches += own_information::ask(stack.layout(), questions.to_vec(), bar)?.mismatches;
    }
    Ok(mismatches)
}
