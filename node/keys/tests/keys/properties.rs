//! Any course of changes, copies and restarts: the file in use opens with what it had, every other copy is refused as
//! what it is.

use std::fs;

use chukei_crypto::seal::{KeySource, Purpose};
use chukei_keys::{KeyProvider, KeyfileError, KeyringFile, ProviderError, WrapIds};
use proptest::prelude::*;

use crate::stage::{Stage, TODAY, owner};

#[derive(Clone, Debug)]
enum Step {
    DayKey(u32),
    DestroyBefore(u32),
    Pass { days: u32, keep: u32 },
    RotateRoot,
    RotateStanding,
    RetireOldest,
    Copy,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0u32..30).prop_map(|day| Step::DayKey(TODAY + day)),
        (0u32..30).prop_map(|day| Step::DestroyBefore(TODAY + day)),
        (0u32..5, 1u32..9).prop_map(|(days, keep)| Step::Pass { days, keep }),
        Just(Step::RotateRoot),
        Just(Step::RotateStanding),
        Just(Step::RetireOldest),
        Just(Step::Copy),
        Just(Step::Restart),
    ]
}

struct Course {
    stage: Stage,
    file: KeyringFile,
    today: u32,
    copies: Vec<(Vec<u8>, u64, WrapIds)>,
}

impl Course {
    fn take(&mut self, step: Step) {
        match step {
            // A day that is over is refused.
            Step::DayKey(day) => drop(self.file.ensure_day_key(Purpose::Notices, day)),
            Step::DestroyBefore(day) => {
                self.file.destroy_days_before(day).unwrap();
            }
            Step::Pass { days, keep } => {
                self.today += days;
                self.file.turn_epoch(self.today, keep).unwrap();
            }
            Step::RotateRoot => drop(self.file.rotate_root().unwrap()),
            Step::RotateStanding => self.file.rotate_standing().unwrap(),
            Step::RetireOldest => {
                let oldest = self.file.snapshot().day_numbers(Purpose::Names, 0)[0];
                // The only one is in use and stays.
                drop(self.file.retire(Purpose::Names, oldest));
            }
            Step::Copy => {
                let bytes = fs::read(self.stage.keyring_path()).unwrap();
                self.copies.push((bytes, self.file.snapshot().generation(), self.file.ids()));
            }
            Step::Restart => {
                let before = self.file.snapshot();
                self.file = self.stage.open().unwrap();
                let after = self.file.snapshot();
                assert_eq!(after.generation(), before.generation());
                for day in TODAY..TODAY + 30 {
                    let key = |keys: &chukei_crypto::keyring::Keyring| {
                        keys.day_key(Purpose::Notices, day).map(|(number, key)| (number, *key.as_bytes()))
                    };
                    assert_eq!(key(&after), key(&before));
                }
            }
        }
    }

    /// What a copy is, put back in its place.
    fn judge(&self, (bytes, generation, ids): &(Vec<u8>, u64, WrapIds)) {
        fs::write(self.stage.keyring_path(), bytes).unwrap();
        let opened = self.stage.open();
        let provider = self.stage.provider();
        let at_hand = provider.epochs(&owner()).unwrap().contains(&ids.epoch)
            && provider.roots(&owner()).unwrap().contains(&ids.root);
        match opened {
            Err(KeyfileError::Provider(ProviderError::Destroyed)) => assert!(!at_hand),
            Err(KeyfileError::Older) => assert!(at_hand && *generation < self.file.snapshot().generation()),
            Err(error) => panic!("neither older nor destroyed: {error}"),
            Ok(_) => assert!(at_hand && *generation == self.file.snapshot().generation()),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_course_keeps_the_file_in_use_and_refuses_every_other(steps in prop::collection::vec(step(), 0..24)) {
        let stage = Stage::new();
        let file = stage.create();
        let mut course = Course { stage, file, today: TODAY, copies: Vec::new() };
        for step in steps {
            course.take(step);
        }
        course.take(Step::Restart);
        for copy in &course.copies {
            course.judge(copy);
        }
    }
}
