//! Both forms say the same; what is wrong is named, and its text is not repeated.

use super::*;

const TOML: &str = r#"
idempotency_key = "2026-tax-1"
affair = "JM99000000001000"
title = "お知らせ"
body = """
本文
"""
choices = [{ id = "a", label = "窓口" }, { id = "b", label = "郵送" }]
attachments = ["/home/u-tax-07/添付.pdf"]
publish_at = 2026-11-21T09:00:00+09:00
retention_days = 30
targets = ["000009820160101", "000009820160102"]
"#;

const JSON: &str = r#"{"idempotency_key":"2026-tax-1","affair":"JM99000000001000","title":"お知らせ","body":"本文\n",
"choices":[{"id":"a","label":"窓口"},{"id":"b","label":"郵送"}],"attachments":["/home/u-tax-07/添付.pdf"],
"publish_at":"2026-11-21T09:00:00+09:00","retention_days":30,"targets":["000009820160101","000009820160102"]}"#;

fn read_as(name: &str, text: &str) -> Result<Notice, Failure> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    read(&path)
}

#[test]
fn toml_and_json_say_the_same() {
    let (toml, json) = (read_as("n.toml", TOML).unwrap(), read_as("n.JSON", JSON).unwrap());
    assert!(toml.draft == json.draft && toml.targets == json.targets);
    assert_eq!(toml.draft.publish_at_ms, Some(1_795_219_200_000));
    assert_eq!(toml.draft.attachments, ["添付.pdf"]);
    assert_eq!((toml.draft.targets, toml.draft.retention_days), (2, 30));
    assert_eq!(toml.draft.body, "本文\n");
}

#[test]
fn what_may_be_left_out_may_be_left_out() {
    let keep =
        |line: &&str| !["choices", "attachments", "publish_at"].iter().any(|key| line.starts_with(key));
    let short = TOML.lines().filter(keep).collect::<Vec<_>>().join("\n");
    let notice = read_as("n.toml", &short).unwrap();
    assert_eq!(notice.draft.publish_at_ms, None);
    assert!(notice.draft.choices.is_empty() && notice.draft.attachments.is_empty());
}

#[test]
fn r11_a_refusal_names_the_key_and_never_the_text() {
    for (name, text, named) in [
        ("n.toml", TOML.replace("title =", "titel ="), "titel"),
        ("n.toml", TOML.replace("retention_days = 30", "retention_days = \"秘密\""), "retention_days"),
        ("n.toml", TOML.replace("retention_days = 30", ""), "retention_days"),
        ("n.toml", TOML.replace("label = \"窓口\"", "label = 1"), "choices[0].label"),
        ("n.toml", TOML.replace("2026-11-21T09:00:00+09:00", "\"秘密\""), "publish_at"),
        ("n.toml", TOML.replace("title = \"お知らせ\"", "title = \"秘密"), "4行目"),
        ("n.json", JSON.replace("\"title\"", "\"titel\""), "titel"),
        ("n.json", JSON.replace(":30", ":\"秘密\""), "retention_days"),
        ("n.json", format!("{JSON} 秘密"), "JSON"),
    ] {
        let failure = read_as(name, &text).unwrap_err();
        assert_eq!((failure.code, failure.exit), ("BAD_NOTICE_FILE", crate::failure::Exit::Usage));
        assert!(failure.message.contains(named), "{named}: {failure}");
        assert!(!failure.message.contains("秘密"), "{failure}");
    }
}

#[test]
fn a_target_stands_once_and_targets_are_bounded() {
    let twice = TOML.replace("0102", "0101");
    let failure = read_as("n.toml", &twice).unwrap_err();
    assert_eq!((failure.code, failure.exit), ("BAD_FORMAT", crate::failure::Exit::Refused));
    let many: Vec<String> = (0..=NOTICE_TARGETS_MAX).map(|n| format!("\"{n:015}\"")).collect();
    let text = TOML.replace("targets = [", &format!("targets = [{}, ", many.join(",")));
    assert_eq!(read_as("n.toml", &text).unwrap_err().code, "BAD_FORMAT");
    let long = TOML.replace("本文", &"あ".repeat(TEXT_MAX / 3));
    assert_eq!(read_as("n.toml", &long).unwrap_err().code, "BAD_FORMAT");
}
