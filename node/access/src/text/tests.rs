//! What a text is taken apart into, and what never reaches the parser.

use super::*;

fn fault(text: &str) -> Fault {
    pieces(text).unwrap_err().fault()
}

#[test]
fn policies_end_at_semicolons_outside_strings_and_comments() {
    let text =
        "// a; comment\n\n@id(\"x;\\\"y\") // ; (\nforbid (a, b, c);\n  @id(\"z\")\nforbid (d);\n// the end;";
    let found = pieces(text).unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].line, found[1].line), (3, 5));
    assert!(found[0].text.starts_with("@id(\"x;") && found[0].text.ends_with("c);"));
    assert_eq!(found[1].text, "@id(\"z\")\nforbid (d);");
    assert_eq!(pieces(" \n// nothing\n").unwrap(), []);
}

#[test]
fn a_text_without_its_last_semicolon_is_refused_with_its_line() {
    let error = pieces("forbid (a);\n\nforbid (b)").unwrap_err();
    assert_eq!((error.fault(), error.line()), (Fault::Syntax, Some(3)));
    assert_eq!(fault("forbid (\"a;"), Fault::Syntax);
    assert_eq!(fault("/"), Fault::Syntax);
}

#[test]
fn length_count_and_nesting_are_bounded() {
    assert_eq!(fault(&" ".repeat(TEXT_MAX + 1)), Fault::TooLong);
    assert_eq!(fault(&format!("forbid ({});", "a".repeat(POLICY_MAX))), Fault::TooLong);
    assert!(pieces(&"f;".repeat(POLICIES_MAX)).is_ok());
    assert_eq!(fault(&"f;".repeat(POLICIES_MAX + 1)), Fault::TooMany);
    let nested = |depth: usize| format!("f{}{};", "(".repeat(depth), ")".repeat(depth));
    assert!(pieces(&nested(NESTING_MAX)).is_ok());
    assert_eq!(fault(&nested(NESTING_MAX + 1)), Fault::TooDeep);
    assert_eq!(fault(&"[".repeat(NESTING_MAX + 1)), Fault::TooDeep);
}

#[test]
fn what_is_not_seen_is_refused() {
    for hidden in ['\u{0}', '\u{7}', '\u{85}', '\u{200b}', '\u{202e}', '\u{2066}', '\u{feff}', '\u{e0041}'] {
        assert_eq!(fault(&format!("f{hidden};")), Fault::Unprintable, "{hidden:?}");
    }
    assert!(pieces("f;\r\n\t// 福祉課の規則\n").is_ok());
}

#[test]
fn an_individual_number_is_refused_wherever_it_stands_r10() {
    assert_eq!(fault("// 1234-5678-9018\nf;"), Fault::ForbiddenIdentifier);
    assert_eq!(fault("forbid (\"123456789018\");"), Fault::ForbiddenIdentifier);
}
