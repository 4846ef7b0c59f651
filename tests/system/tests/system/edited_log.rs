//! D9: a line of the log that somebody changes where it lies is found, and told by its result name.

use std::fs;
use std::os::unix::fs::FileExt;

use libtest_mimic::{Failed, Trial};

use crate::group::{Shared, Test, group};
use crate::stage::Stage;

const TESTS: &[Test<Edited>] = &[("d9_r7_an_edited_line_of_the_log_is_found", edited)];
const BODY: &str = "982016";
/// Where a segment has lines for certain.
const HEAD: u64 = 256;
/// A line is longer than this.
const STEP: usize = 128;

pub(crate) fn trials() -> Vec<Trial> {
    group("edited_log", TESTS)
}

struct Edited(Stage);

impl Shared for Edited {
    fn set() -> Result<Self, Failed> {
        Ok(Self(Stage::start("edited-log", |_| ())?))
    }

    fn keep(&self) {
        self.0.keep();
    }
}

fn edited(on: &Edited) {
    let stage = &on.0;
    stage.persons(BODY, 20);
    (0..10).for_each(|_| drop(stage.staff(BODY, &["catalogue", "list"]).done()));
    assert_eq!(stage.staff(BODY, &["audit", "verify"]).done()["verified"], true);
    let segment = stage.layout().dir().join("node/journal/0000000000000001.seg");
    let bytes = fs::read(&segment).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&segment).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() as u64;
    assert!(end > HEAD * 2, "the log is in this segment");
    for at in (HEAD..end / 2).step_by(STEP) {
        file.write_all_at(&[!bytes[at as usize]], at).unwrap();
    }
    let told = stage.staff(BODY, &["audit", "verify"]).ended_with(3);
    assert_eq!([&told["code"], &told["reason"]], ["INTEGRITY_FAILURE", "altered"], "{told}");
    assert_eq!(told["first_bad"].as_u64(), told["events"].as_u64().map(|events| events + 1), "{told}");
    assert_eq!(told["verified"], false);
    file.write_all_at(&bytes[..end as usize / 2], 0).unwrap();
    assert_eq!(stage.staff(BODY, &["audit", "verify"]).done()["verified"], true, "put back, it is whole");
}
