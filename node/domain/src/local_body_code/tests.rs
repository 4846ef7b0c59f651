//! Check digits of local body codes.

use proptest::prelude::*;

use super::*;

#[test]
fn real_codes_and_the_fictitious_ones_are_valid() {
    let real = ["142051", "010006", "011002", "130001", "131016", "141003", "022012", "470007"];
    let fictitious = ["982016", "982024", "983012", "980005"];
    for text in real.into_iter().chain(fictitious) {
        let code: LocalBodyCode = text.parse().unwrap();
        assert_eq!(code.as_str(), text, "leading zeros stay");
        assert_eq!(code.as_bytes(), text.as_bytes());
        assert_eq!(code.to_string(), text);
    }
}

#[test]
fn a_wrong_check_digit_is_told_from_a_wrong_form() {
    for text in ["982017", "142052", "010000", "131010", "470006"] {
        assert_eq!(text.parse::<LocalBodyCode>(), Err(InvalidBodyCode::CheckDigit), "{text}");
    }
    for text in ["", "98201", "9820160", "98201a", "９８２０１６", " 82016", "982016 ", "-82016", "11002"]
    {
        assert_eq!(text.parse::<LocalBodyCode>(), Err(InvalidBodyCode::Format), "{text}");
    }
}

proptest! {
    #[test]
    fn any_five_digits_have_exactly_one_check_digit(first in 0_u32..100_000) {
        let valid = (0..10).filter(|check| format!("{first:05}{check}").parse::<LocalBodyCode>().is_ok());
        prop_assert_eq!(valid.count(), 1);
    }

    #[test]
    fn any_text_is_judged_without_a_panic(text in "\\PC{0,8}") {
        if let Ok(code) = text.parse::<LocalBodyCode>() {
            prop_assert_eq!(code.as_str(), text);
        }
    }
}
