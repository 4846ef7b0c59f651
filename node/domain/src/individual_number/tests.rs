//! R10: what is found as an individual number, and what must pass.

use proptest::prelude::*;

use super::*;

const VALID: &str = "123456789018";

#[test]
fn the_check_digit_is_that_of_the_order() {
    for number in [VALID, "000000000000", "111111111118", "987654321093", "555555555555"] {
        let digits: Vec<u32> = number.chars().map(|c| c.to_digit(10).unwrap()).collect();
        // Written as the order writes it: P counted from the right of the first eleven, Q by its two ranges.
        let sum: u32 = (1..=11_usize)
            .map(|n| digits[11 - n] * u32::try_from(if n <= 6 { n + 1 } else { n - 5 }).unwrap())
            .sum();
        let expected = if sum % 11 <= 1 { 0 } else { 11 - sum % 11 };
        assert_eq!(is_valid(number), digits[11] == expected, "{number}");
    }
    assert!(is_valid(VALID));
    for number in
        ["", "123456789019", "12345678901", "1234567890180", "１２３４５６７８９０１８", "12345678901x"]
    {
        assert!(!is_valid(number), "{number}");
    }
}

#[test]
fn r10_found_however_it_is_written() {
    let written = [
        "123456789018",
        "番号は123456789018です",
        "ID123456789018x",
        "１２３４５６７８９０１８",
        "①②③④⑤⑥⑦⑧⑨0①8",
        "1234-5678-9018",
        "1234 5678 9018",
        "1234-5678 9018",
        "1234　5678　9018",
        "１２３４－５６７８－９０１８",
        "1234‐5678‐9018",
        "1234–5678–9018",
        "1234−5678−9018",
        "1234ー5678ー9018",
        "1234ｰ5678ｰ9018",
        "(1234-5678-9018)",
        "123456\u{200b}789018",
        "1234\u{ad}5678\u{ad}9018",
        "1\u{fe0f}\u{20e3}23456789018",
        "5 1234-5678-9018",
        "2024 1234-5678-9018",
        "1234-5678-9018 2024",
        "TEL 03-1234-5678、1234 5678 9018",
        "999 123456789018",
        "123456789019 123456789018",
    ];
    for text in written {
        assert!(find(text), "{text}");
    }
}

#[test]
fn r10_other_numbers_pass() {
    let passing = [
        "",
        "123456789019",
        "12345678901",
        "1234567890180",
        "0123456789018",
        "0000123456789018",
        "１１２３４５６７８９０１８",
        "1234-5678-9018-0000",
        "0000 1234 5678 9018",
        "0000-1234-5678-9018",
        "1234--5678--9018",
        "1234/5678/9018",
        "1234.5678.9018",
        "123-4567-89018",
        "12345-6789-018",
        "1234-56789018",
        "12345678-9018",
        "1234-5678-90189",
        "91234-5678-9018",
        "1234a5678b9018",
        "000009820160101",
        "TM00000000000002",
        "電話 0466-12-3456",
        "2024年12月31日",
    ];
    for text in passing {
        assert!(!find(text), "{text}");
    }
}

fn valid_number() -> impl Strategy<Value = String> {
    "[0-9]{11}".prop_map(|first| {
        let mut valid = (0..10).map(|check| format!("{first}{check}")).filter(|number| is_valid(number));
        let number = valid.next().unwrap();
        assert!(valid.next().is_none(), "one check digit only");
        number
    })
}

const AROUND: &str = "[ぁ-んァ-ヶ一-龠a-zA-Z、。()]{0,12}";

proptest! {
    #[test]
    fn r10_a_number_is_found_between_any_other_text(number in valid_number(), before in AROUND, after in AROUND) {
        let full_width: String =
            number.chars().map(|c| char::from_u32(u32::from(c) - 0x30 + 0xff10).unwrap()).collect();
        let grouped = format!("{}-{} {}", &number[..4], &number[4..8], &number[8..]);
        for form in [number, full_width, grouped] {
            let text = format!("{before}{form}{after}");
            prop_assert!(find(&text), "{}", text);
        }
    }

    #[test]
    fn a_longer_run_is_not_searched(number in valid_number(), digit in 0..10_u8, before in AROUND, after in AROUND) {
        let longer = [format!("{before}{digit}{number}{after}"), format!("{before}{number}{digit}{after}")];
        for text in longer {
            prop_assert!(!find(&text), "{}", text);
        }
    }

    #[test]
    fn a_run_of_twelve_is_found_exactly_where_its_check_digit_is_valid(run in "[0-9]{12}", before in AROUND) {
        prop_assert_eq!(find(&format!("{before}{run}")), is_valid(&run));
    }

    #[test]
    fn any_text_is_searched_without_a_panic(text in "\\PC{0,64}|[0-9 -]{0,40}") {
        let ascii_digits = text.bytes().filter(u8::is_ascii_digit).count();
        prop_assert!(!text.is_ascii() || ascii_digits >= 12 || !find(&text));
    }
}
