//! Which characters a text may hold, and how its length counts.

use super::*;

#[test]
fn vendor_characters_and_every_assigned_plane_are_accepted() {
    for text in ["①Ⅱ髙﨑～―", "ﾊﾝｶｸ", "㈱㍻", "葛󠄀城", "𠮷野", "a\tb\r\nc", "👩‍👧"]
    {
        assert!(is_assigned(text), "{text}");
    }
}

#[test]
fn private_use_unassigned_and_noncharacters_are_refused() {
    for character in
        ['\u{e000}', '\u{e757}', '\u{f8ff}', '\u{f0000}', '\u{10fffd}', '\u{378}', '\u{fffe}', '\u{fdd0}']
    {
        assert!(!is_assigned(&format!("外{character}字")), "{character:?}");
    }
}

#[test]
fn lengths_count_characters_not_bytes() {
    assert!(fits(&"あ".repeat(1000), 1000));
    assert!(!fits(&"あ".repeat(1001), 1000));
    assert!(fits(&"𠮷".repeat(1000), 1000));
    assert!(!fits("", 10));
    assert!(fits("a", 1));
    assert!(!fits("ab", 1));
}

#[test]
fn a_line_has_no_control_characters() {
    assert!(fits("a\nb", 10));
    for text in ["a\nb", "a\rb", "a\tb", "a\0b", "a\u{85}b"] {
        assert!(!fits_line(text, 10), "{text:?}");
    }
    assert!(fits_line("お知らせ", 10));
}
