//! Names of tiles: those of the specification and of other implementations, and everything that is not one.

use proptest::prelude::*;

use super::*;

/// `tlog-tiles`, and the paths that `transparency-dev/tessera` tests.
const NAMES: [(&str, u8, u64, u16); 11] = [
    ("tile/0/000", 0, 0, 256),
    ("tile/0/000.p/255", 0, 0, 255),
    ("tile/1/000.p/1", 1, 0, 1),
    ("tile/1/000.p/4", 1, 0, 4),
    ("tile/0/001", 0, 1, 256),
    ("tile/0/x001/x234/067", 0, 1_234_067, 256),
    ("tile/0/x001/x234/067.p/89", 0, 1_234_067, 89),
    ("tile/15/x455/667", 15, 455_667, 256),
    ("tile/3/x001/x234/567", 3, 1_234_567, 256),
    ("tile/15/x123/x456/789", 15, 123_456_789, 256),
    ("tile/63/x999/x999/x999/x999/x999/999.p/255", 63, 999_999_999_999_999_999, 255),
];

#[test]
fn published_names_are_written_and_read() {
    for (text, level, index, width) in NAMES {
        let name = TileName::new(level, index, width).unwrap();
        assert_eq!(name.to_string(), text);
        assert_eq!(text.parse(), Ok(name));
        assert_eq!(name.bytes(), usize::from(width) * 32);
        assert_eq!(name.is_full(), width == 256);
        assert_eq!(name.full().to_string(), text.split(".p/").next().unwrap());
    }
    let last: TileName = "tile/0/x018/x446/x744/x073/x709/x551/615".parse().unwrap();
    assert_eq!(last.index(), u64::MAX);
}

#[test]
fn what_is_not_a_name_in_its_one_form_is_refused() {
    let refused = [
        "",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile//000",
        "/tile/0/000",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/+1/000",
        "tile/256/000",
        "tile/abc/001",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/1000",
        "tile/0/x001",
        "tile/0/x001/",
        "tile/0/x001/x234",
        "tile/0/x001/x234/",
        "tile/0/001/002",
        "tile/0/x000/001",
        "tile/0/x01/001",
        "tile/0/x001/0002",
        "tile/0/x001/-002",
        "tile/0/x001/+02",
        "tile/0/X001/002",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/+1",
        "tile/0/000.p/1.p/1",
        "tile/0/000 ",
        "tile/0/000\n",
        "tile/0/٠٠١",
        "tile/entries/000",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/x001/x018/x446/x744/x073/x709/x551/615",
    ];
    for text in refused {
        assert_eq!(text.parse::<TileName>(), Err(BadTileName), "{text}");
    }
    assert_eq!(TileName::new(64, 0, 1), None);
    assert_eq!((TileName::new(0, 0, 0), TileName::new(0, 0, 257)), (None, None));
}

proptest! {
    #[test]
    fn every_name_is_read_as_it_was_written(level in 0_u8..64, bits in 0_u32..64, index: u64, width in 1_u16..=256) {
        let name = TileName::new(level, index >> bits, width).unwrap();
        prop_assert_eq!(name.to_string().parse(), Ok(name));
    }

    #[test]
    fn a_text_from_anywhere_is_refused_or_read_exactly(text in "tile/[0-9]{1,2}/(x?[0-9]{3}/){0,3}[0-9]{3}(\\.p/[0-9]{1,3})?|.{0,20}") {
        if let Ok(name) = text.parse::<TileName>() {
            prop_assert_eq!(name.to_string(), text);
        }
    }
}
