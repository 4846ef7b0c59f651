//! Local body codes: real ones pass, one wrong digit does not.

use chukei_wire::body_code::{BodyCode, InvalidBodyCode};
use proptest::prelude::*;

/// Real codes, and those of the fictitious bodies, whose prefixes 98 and 99 are unused.
const VALID: [&str; 12] = [
    "142051", "010006", "011002", "130001", "131016", "141003", "022012", "470007", "982016", "982024",
    "983012", "980005",
];

#[test]
fn known_codes_pass_and_keep_their_leading_zero() {
    for text in VALID {
        let code: BodyCode = text.parse().unwrap();
        assert_eq!(code.as_str(), text);
        assert_eq!(code.as_bytes(), text.as_bytes());
        assert_eq!(code.to_string(), text);
    }
}

#[test]
fn any_other_last_digit_is_refused() {
    for text in VALID {
        for digit in '0'..='9' {
            let other = format!("{}{digit}", &text[..5]);
            let expected = if other == text { None } else { Some(InvalidBodyCode::CheckDigit) };
            assert_eq!(other.parse::<BodyCode>().err(), expected, "{other}");
        }
    }
}

#[test]
fn what_is_not_six_ascii_digits_has_the_wrong_format() {
    for text in ["", "14205", "1420510", "14205x", "１４２０５１", " 142051", "-14205", "14２51"] {
        assert_eq!(text.parse::<BodyCode>(), Err(InvalidBodyCode::Format), "{text}");
    }
}

proptest! {
    #[test]
    fn exactly_one_check_digit_fits_any_five_digits(five in "[0-9]{5}") {
        let fitting = (0..10).filter(|digit| format!("{five}{digit}").parse::<BodyCode>().is_ok()).count();
        prop_assert_eq!(fitting, 1);
    }
}
