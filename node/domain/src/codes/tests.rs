//! The form of each code, and that text and bytes agree.

use proptest::prelude::*;

use super::*;

fn refused<T: FromStr>(texts: &[&str]) -> bool {
    texts.iter().all(|text| text.parse::<T>().is_err())
}

#[test]
fn codes_of_fixed_length_keep_prefix_and_leading_zeros() {
    assert_eq!("TM00000000000002".parse::<InfoNameCode>().unwrap().as_str(), "TM00000000000002");
    assert_eq!("JM99000000001000".parse::<AffairCode>().unwrap().as_str(), "JM99000000001000");
    assert_eq!("JT99010000000001".parse::<ProcedureCode>().unwrap().as_str(), "JT99010000000001");
    assert_eq!("000009820160101".parse::<AddresseeNumber>().unwrap().as_str(), "000009820160101");
    assert_eq!("0001".parse::<LayoutVersion>().unwrap().as_str(), "0001");
}

#[test]
fn codes_of_another_form_are_refused() {
    assert!(refused::<InfoNameCode>(&["", "TM", "TM0000000000000", "TM000000000000022", "tm00000000000002"]));
    assert!(refused::<InfoNameCode>(&[
        "JM00000000000002",
        "TM0000000000000a",
        "ＴＭ00000000000002",
        "TM-0000000000002"
    ]));
    assert!(refused::<AffairCode>(&["TM99000000001000", "JM9900000000100", "JM99000000001000 "]));
    assert!(refused::<ProcedureCode>(&["JM99010000000001", "JT9901000000000١"]));
    assert!(refused::<AddresseeNumber>(&["", "00000982016010", "0000098201601010", "00000982016010a", "０"]));
    assert!(refused::<LayoutVersion>(&["", "1", "001", "00001", "000a", "+001"]));
    assert!(refused::<InfoItemCode>(&["", "A23456789012345 7", "A2345678901234567", "項目", "A.1"]));
    assert!(refused::<RecordId>(&["", "a b", "a,b", "日本", "=1", "123456789012345678901234567890123"]));
    assert!(refused::<RecordKey>(&["", "a", "-1", "123456789012345678901"]));
}

#[test]
fn r2_an_addressee_number_is_not_printed() {
    let number: AddresseeNumber = "000009820160101".parse().unwrap();
    assert!(!format!("{number:?}").contains("9820160101"));
}

proptest! {
    #[test]
    fn accepted_texts_come_back_unchanged(id in "[A-Za-z0-9_-]{1,32}", key in "[0-9]{1,20}", item in "[A-Za-z0-9_-]{1,16}") {
        prop_assert_eq!(id.parse::<RecordId>().unwrap().to_string(), id);
        prop_assert_eq!(key.parse::<RecordKey>().unwrap().to_string(), key);
        prop_assert_eq!(item.parse::<InfoItemCode>().unwrap().to_string(), item);
    }

    #[test]
    fn encoded_codes_are_read_back_only_where_they_have_their_form(text in "(TM)?[0-9]{13,15}|\\PC{0,16}") {
        let bytes = chukei_cbor::to_vec(&text).unwrap();
        let read = chukei_cbor::from_slice::<InfoNameCode>(&bytes);
        prop_assert_eq!(read.ok().map(|code| code.as_str().to_owned()), text.parse::<InfoNameCode>().ok().map(|_| text));
    }
}
