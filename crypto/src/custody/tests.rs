//! R25: k of n restore the root, fewer do not, and nothing but what was handed out is taken for a share.

use proptest::prelude::*;

use super::*;

const SECRET: [u8; 32] = [0x5a; 32];

fn shares_of(threshold: u8, shares: u8) -> Vec<Share> {
    split(&SECRET, "982016", 1, threshold, shares).unwrap()
}

fn chosen(all: &[Share], mask: u32) -> Vec<Share> {
    all.iter().enumerate().filter(|(at, _)| mask & (1 << at) != 0).map(|(_, share)| share.clone()).collect()
}

/// `all` with another value in the share at `at`, as a holder who lies would write it down.
fn forged(all: &[Share], at: usize) -> Vec<Share> {
    let mut all = all.to_vec();
    all[at].value[31] ^= 1;
    all
}

#[test]
fn r25_every_subset_of_k_restores_and_none_of_fewer_does() {
    for shares in 2..=8_u8 {
        for threshold in 2..=shares {
            let all = shares_of(threshold, shares);
            for mask in 1..1_u32 << shares {
                let restored = combine(&chosen(&all, mask));
                let have = mask.count_ones() as usize;
                if have >= usize::from(threshold) {
                    assert_eq!(*restored.unwrap(), SECRET);
                } else {
                    assert_eq!(restored, Err(CombineError::TooFew { have, need: threshold.into() }));
                }
            }
        }
    }
}

#[test]
fn r25_fewer_shares_that_claim_to_be_enough_are_found_out() {
    for threshold in 3..=8_u8 {
        let mut all = shares_of(threshold, 8);
        all.iter_mut().for_each(|share| share.set.threshold -= 1);
        for mask in (0..1_u32 << 8).filter(|mask| mask.count_ones() == u32::from(threshold) - 1) {
            assert_eq!(combine(&chosen(&all, mask)), Err(CombineError::Wrong { at: Vec::new() }));
        }
    }
}

#[test]
fn r25_all_of_the_largest_set_are_needed_where_the_threshold_says_so() {
    let all = shares_of(16, 16);
    assert_eq!(*combine(&all).unwrap(), SECRET);
    assert_eq!(combine(&all[..15]), Err(CombineError::TooFew { have: 15, need: 16 }));
}

/// The weakness of the library's predecessor: coefficients that were never zero, so that a share of a known
/// polynomial excluded values of the secret.
#[test]
fn r25_coefficients_are_drawn_from_the_whole_field() {
    let mut seen = [false; 256];
    for _ in 0..400 {
        for byte in shares_of(2, 2)[0].value.iter() {
            seen[usize::from(byte ^ SECRET[0])] = true;
        }
    }
    assert!(seen.iter().all(|seen| *seen));
}

#[test]
fn r25_a_share_of_another_set_is_named() {
    let mut mixed = shares_of(2, 3);
    mixed[2] = shares_of(2, 3)[2].clone();
    assert_eq!(combine(&mixed), Err(CombineError::Foreign { at: 2 }));
    for (owner, number) in [("982024", 1), ("982016", 2)] {
        let other = split(&SECRET, owner, number, 2, 3).unwrap();
        assert_eq!(combine(&[mixed[0].clone(), other[1].clone()]), Err(CombineError::Foreign { at: 1 }));
    }
}

#[test]
fn r25_a_share_given_twice_does_not_count_twice() {
    let all = shares_of(3, 5);
    let twice = [all[4].clone(), all[1].clone(), all[4].clone()];
    assert_eq!(combine(&twice), Err(CombineError::Doubled { first: 0, again: 2 }));
}

#[test]
fn r25_a_wrong_share_is_named_where_enough_others_are_right() {
    let all = shares_of(3, 5);
    assert_eq!(combine(&forged(&all, 0)), Err(CombineError::Wrong { at: vec![0] }));
    assert_eq!(combine(&forged(&forged(&all, 1), 4)), Err(CombineError::Wrong { at: vec![1, 4] }));
    assert_eq!(combine(&forged(&all, 1)[..3]), Err(CombineError::Wrong { at: Vec::new() }));
}

#[test]
fn r25_numbers_and_names_outside_the_limits_are_refused() {
    for (threshold, shares) in [(0, 0), (1, 1), (1, 5), (3, 2), (2, 17), (17, 17)] {
        assert_eq!(split(&SECRET, "982016", 1, threshold, shares), Err(SplitError::Numbers));
    }
    for (owner, number) in [("", 1), ("Portal", 1), ("a b", 1), (&"a".repeat(33), 1), ("982016", 0)] {
        assert_eq!(split(&SECRET, owner, number, 2, 3), Err(SplitError::Name));
    }
    assert_eq!(combine(&[]), Err(CombineError::TooFew { have: 0, need: 2 }));
}

#[test]
fn a_check_value_is_of_one_key_owner_and_number() {
    let check = check_value(&SECRET, "982016", 1);
    assert_ne!(check, check_value(&[0x5b; 32], "982016", 1));
    assert_ne!(check, check_value(&SECRET, "982024", 1));
    assert_ne!(check, check_value(&SECRET, "982016", 2));
}

#[test]
fn a_share_does_not_print_its_value() {
    let share = &shares_of(2, 2)[0];
    let shown = format!("{share:?}");
    assert!(shown.contains("982016") && !shown.contains("value"), "{shown}");
}

#[test]
fn a_text_survives_typing_and_nothing_else() {
    let share = &shares_of(2, 3)[1];
    let text = share.to_text();
    let retype = |line: &str| match line.split_once(' ') {
        Some((name @ ("set" | "value" | "check" | "sum"), digits)) => {
            format!("\r\n  {name}\t{} \r\n", digits.to_uppercase().replacen(' ', "", 3))
        }
        _ => format!("{line}\r\n"),
    };
    let typed: String = text.lines().map(retype).collect();
    assert_eq!(Share::from_text(&typed).as_ref(), Ok(share));
    assert_eq!(Share::from_text(&text.replace("share 1", "share 2")), Err(ShareTextError::Version));
    for text in [
        "",
        "chukei",
        text.split("sum").next().unwrap(),
        &format!("{}more x\n", *text),
        &text.replace("root 1\n", ""),
    ] {
        assert_eq!(Share::from_text(text), Err(ShareTextError::Malformed), "{text}");
    }
    assert_eq!(Share::from_text(&"x".repeat(SHARE_TEXT_MAX + 1)), Err(ShareTextError::Malformed));
}

/// Limits hold for a text whose sum is right, too.
#[test]
fn a_text_outside_the_limits_is_refused() {
    let good = &shares_of(2, 3)[0];
    let bad: [fn(&mut Share); 6] = [
        |share| share.index = 4,
        |share| share.index = 0,
        |share| share.set.threshold = 1,
        |share| share.set.shares = 17,
        |share| share.set.root = 0,
        |share| share.set.owner = "UMINARI".into(),
    ];
    for spoil in bad {
        let mut share = good.clone();
        spoil(&mut share);
        assert!(Share::from_text(&share.to_text()).is_err());
    }
}

proptest! {
    #[test]
    fn r25_any_k_of_any_set_restore_any_root(
        secret: [u8; 32],
        (threshold, shares) in (2..=16_u8).prop_flat_map(|shares| (2..=shares, Just(shares))),
        order in Just((0..16_usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let all = split(&secret, "portal-1", 7, threshold, shares).unwrap();
        let order = order.into_iter().filter(|at| *at < all.len()).take(threshold.into());
        let picked: Vec<Share> = order.map(|at| Share::from_text(&all[at].to_text()).unwrap()).collect();
        prop_assert_eq!(*combine(&picked).unwrap(), secret);
        prop_assert!(combine(&picked[1..]).is_err());
    }

    #[test]
    fn r25_any_changed_character_of_a_text_is_noticed(at in 0..400_usize, by in 1..=127_u8) {
        let share = &shares_of(2, 3)[0];
        let mut text = share.to_text().as_bytes().to_vec();
        let at = at % text.len();
        text[at] = (text[at] + by) % 128;
        let read = Share::from_text(std::str::from_utf8(&text).unwrap());
        // What does not matter may change: white space, and the case of digits.
        prop_assert!(read.is_err() || read.as_ref() == Ok(share));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
        let _ = Share::from_text(&text);
        let _ = Share::from_text(&format!("chukei root share 1\n{text}"));
    }
}

/// Frozen: shares that lie in safes for years must be read by every later version.
#[test]
fn frozen_shares_restore_their_root() {
    let shares = FROZEN.map(|text| Share::from_text(text).unwrap());
    assert_eq!(*combine(&shares).unwrap(), SECRET);
    let made = divide(&SECRET, shares[0].set(), &mut Stream::from_seed([9; 32])).unwrap();
    assert_eq!(made, shares);
    for (share, text) in shares.iter().zip(FROZEN) {
        assert_eq!(*share.to_text(), text);
    }
}

const FROZEN: [&str; 3] = [
    "chukei root share 1
owner 982016
root 1
set c5c5 c5c5 c5c5 c5c5 c5c5 c5c5 c5c5 c5c5
needed 2
of 3
share 1
value 3afb cc7a 9a20 617e 34ce 65e3 d3a0 ca71 d1ce 9bd1 fd9e a5c5 5639 2010 d01d 9320
check 078d 2029 94aa 53d1 4cd5 b8e8 011c d08f
sum 6612 2f6d c3db 9f4b
",
    "chukei root share 1
owner 982016
root 1
set c5c5 c5c5 c5c5 c5c5 c5c5 c5c5 c5c5 c5c5
needed 2
of 3
share 2
value 9a05 6b1a c7ae 2c12 866f 2435 55b3 670c 516f c551 09cf b979 429c aece 53d4 d5ae
check 078d 2029 94aa 53d1 4cd5 b8e8 011c d08f
sum add6 8382 f8f8 8992
",
    "chukei root share 1
owner 982016
root 1
set c5c5 c5c5 c5c5 c5c5 c5c5 c5c5 c5c5 c5c5
needed 2
of 3
share 3
value faa4 fd3a 07d4 1736 e8fb 1b8c dc49 f727 dafb 04da ae0b 46e6 4eff d484 d993 1cd4
check 078d 2029 94aa 53d1 4cd5 b8e8 011c d08f
sum d379 598c a369 4840
",
];
