//! Sealed keys under any alteration, and keyrings under any course of rotation.

use proptest::prelude::*;

use super::tests::{WRAP_PLACE, epoch, fixed, key, keyring, reopened, root, sealed};
use super::*;

proptest! {
    #[test]
    fn any_changed_byte_of_a_sealed_keyring_makes_it_not_open(at: prop::sample::Index, change in 1u8..) {
        let mut bytes = sealed(&mut fixed());
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        prop_assert!(reopened(&bytes).is_err());
    }

    #[test]
    fn any_changed_byte_of_a_wrapped_key_makes_it_not_unwrap(at: prop::sample::Index, change in 1u8..) {
        let mut bytes = wrap(&root(), &epoch(), WRAP_PLACE, &key()).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        prop_assert!(unwrap(&root(), &epoch(), WRAP_PLACE, &bytes).is_err());
    }

    #[test]
    fn a_keyring_cut_short_or_lengthened_does_not_open(cut: prop::sample::Index, more in 1usize..64) {
        let bytes = sealed(&mut fixed());
        prop_assert!(reopened(&bytes[..cut.index(bytes.len())]).is_err());
        prop_assert!(reopened(&[bytes, vec![0; more]].concat()).is_err());
    }

    /// An inside is read whole and in one form only: what is accepted would have been written byte for byte.
    #[test]
    fn an_inside_from_anywhere_is_refused_or_read_exactly(
        bytes: Vec<u8>,
        at: prop::sample::Index,
        change in 1u8..,
        cut: prop::sample::Index,
    ) {
        let inside = fixed().to_plain().unwrap().to_vec();
        let mut altered = inside.clone();
        altered[at.index(inside.len())] ^= change;
        for candidate in [&bytes[..], &altered, &inside[..cut.index(inside.len())], &inside] {
            if let Ok(keyring) = Keyring::from_plain(candidate, b"982016", 1) {
                prop_assert_eq!(&keyring.to_plain().unwrap()[..], candidate);
            }
        }
        prop_assert!(Keyring::from_plain(&inside, b"982016", 1).is_ok());
    }

    /// Whatever is renewed, retired, made and destroyed in whatever order: numbers are not used twice, every
    /// standing purpose and every page can seal, and the sealed form gives back the same keys.
    #[test]
    fn any_course_of_rotation_keeps_numbers_single_and_keys_at_hand(steps in prop::collection::vec(step(), 0..40)) {
        let mut keyring = keyring();
        let mut seen = std::collections::BTreeMap::new();
        for step in steps {
            step.take(&mut keyring);
            for ((_, _, number), held) in &keyring.days {
                let first = seen.entry(*number).or_insert_with(|| *held.as_bytes());
                prop_assert_eq!(&*first, held.as_bytes(), "a number names one key for ever");
            }
        }
        prop_assert!(Purpose::ALL.iter().all(|purpose| keyring.day_key(*purpose, 0).is_ok()));
        prop_assert!(keyring.pages().into_iter().all(|page| keyring.newest_of_page(page).is_some()));
        let again = reopened(&sealed(&mut keyring)).unwrap();
        prop_assert_eq!(again.to_plain().unwrap(), keyring.to_plain().unwrap());
    }

    #[test]
    fn any_changed_byte_of_a_sealed_page_makes_it_not_open(at: prop::sample::Index, change in 1u8..) {
        let keyring = fixed();
        let mut row = Page::create(9).unwrap().to_sealed(&keyring).unwrap();
        let at = at.index(row.len());
        row[at] ^= change;
        prop_assert!(Page::from_sealed(&row, 9, &keyring).is_err());
    }

    #[test]
    fn bytes_from_anywhere_are_refused(bytes: Vec<u8>) {
        prop_assert!(reopened(&bytes).is_err());
        prop_assert!(unwrap(&root(), &epoch(), WRAP_PLACE, &bytes).is_err());
        prop_assert!(Page::from_sealed(&bytes, 9, &fixed()).is_err());
    }
}

/// One change of a keyring.
#[derive(Clone, Debug)]
enum Step {
    Renew,
    Retire(u8, u8),
    Day(u8, u32),
    Destroy(u32),
    Page(u32),
    RetirePage(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Renew),
        (1u8..8, 1u8..40).prop_map(|(purpose, number)| Step::Retire(purpose, number)),
        (1u8..8, 1u32..20).prop_map(|(purpose, day)| Step::Day(purpose, day)),
        (0u32..20).prop_map(Step::Destroy),
        (0u32..4).prop_map(Step::Page),
        (0u32..4).prop_map(Step::RetirePage),
    ]
}

impl Step {
    /// Refusals are part of the course.
    fn take(self, keyring: &mut Keyring) {
        match self {
            Self::Renew => keyring.renew_standing().unwrap(),
            Self::Retire(purpose, number) => {
                let _ = keyring.retire(Purpose::from_byte(purpose).unwrap(), number.into());
            }
            Self::Day(purpose, day) => {
                let _ = keyring.ensure_day_key(Purpose::from_byte(purpose).unwrap(), day);
            }
            Self::Destroy(day) => drop(keyring.destroy_days_before(day)),
            Self::Page(page) => drop(keyring.ensure_page(page)),
            Self::RetirePage(page) => drop(keyring.retire_page(page)),
        }
    }
}
