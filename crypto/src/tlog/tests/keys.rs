//! Verifier keys: those that others publish, and what is not one.

use data_encoding::BASE64;

use super::*;

/// `signed-note`, `golang.org/x/mod/sumdb/note`, `transparency-dev/formats` and public logs and witnesses.
pub(super) const PUBLISHED: [(&str, &str, KeyKind); 10] = [
    (
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo",
        KeyKind::Log,
    ),
    ("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "PeterNeumann", KeyKind::Log),
    ("EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop", "EnochRoot", KeyKind::Log),
    ("TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6", "TEST", KeyKind::Log),
    ("foo+1573814f+ATnT68N1+aPhXIQhFQ0X6jekt0UsUk/iyE8dWHb3g9GN", "foo", KeyKind::Log),
    (
        "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f",
        "arche2025h1.staging.ct.transparency.dev",
        KeyKind::Log,
    ),
    (
        "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
        "remora.n621.de",
        KeyKind::Witness,
    ),
    (
        "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
        "witness.stagemole.eu",
        KeyKind::Witness,
    ),
    (
        "transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM",
        "transparency.dev/DEV:witness-little-garden",
        KeyKind::Witness,
    ),
    (
        "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
        "witness1.smartit.nu/witness1",
        KeyKind::Witness,
    ),
];

#[test]
fn published_keys_are_read_and_written() {
    for (text, name, kind) in PUBLISHED {
        let key: VerifierKey = text.parse().unwrap();
        assert_eq!((key.name(), key.kind()), (name, kind));
        assert_eq!(key.to_string(), text);
        assert_eq!(VerifierKey::new(name, kind, *key.public()), Ok(key));
    }
}

#[test]
fn no_piece_of_a_key_and_no_altered_key_is_one() {
    for (text, ..) in PUBLISHED {
        for begin in 0..text.len() {
            for end in begin..=text.len() {
                let whole = (begin, end) == (0, text.len());
                assert_eq!(text[begin..end].parse::<VerifierKey>().is_ok(), whole);
            }
        }
        for at in 0..text.len() {
            for other in [b'+', b'=', b' ', b'A', b'f', b'/', text.as_bytes()[at] + 1] {
                let mut altered = text.as_bytes().to_vec();
                altered[at] = other;
                let altered = String::from_utf8(altered).unwrap();
                assert!(altered == text || altered.parse::<VerifierKey>().is_err(), "{altered}");
            }
        }
    }
}

#[test]
fn a_key_of_another_length_kind_or_form_is_refused() {
    let written = |name: &str, key: &[u8]| {
        let id = &crate::hash::sha256(&[name.as_bytes(), b"\n", key].concat())[..4];
        format!("{name}+{}+{}", data_encoding::HEXLOWER.encode(id), BASE64.encode(key))
    };
    let key = [&[1][..], &[7; 32]].concat();
    assert!(written("log", &key).parse::<VerifierKey>().is_ok());
    for (name, key, error) in [
        ("log", &key[..32], KeyError::Malformed),
        ("log", &[&key[..], &[0]].concat(), KeyError::Malformed),
        ("log", &[&[2], &key[1..]].concat(), KeyError::Kind),
        ("log", &[&[6], &key[1..]].concat(), KeyError::Kind),
        ("", &key, KeyError::Name),
        ("l og", &key, KeyError::Name),
        ("l\u{3000}og", &key, KeyError::Name),
        ("l\nog", &key, KeyError::Name),
        ("l\u{7f}og", &key, KeyError::Name),
    ] {
        assert_eq!(written(name, key).parse::<VerifierKey>(), Err(error), "{name}");
    }
    let capital = PUBLISHED[0].0.replace("530d903a", "530D903A");
    assert_eq!(capital.parse::<VerifierKey>(), Err(KeyError::Id));
    let longest = "n".repeat(NAME_MAX);
    assert!(written(&longest, &key).parse::<VerifierKey>().is_ok());
    assert_eq!(written(&(longest + "n"), &key).parse::<VerifierKey>(), Err(KeyError::Name));
    assert_eq!(VerifierKey::new("a+b", KeyKind::Log, [0; 32]), Err(KeyError::Name));
}

#[test]
fn one_key_of_two_kinds_has_two_ids() {
    let [log, witness] =
        [KeyKind::Log, KeyKind::Witness].map(|kind| VerifierKey::new("name", kind, [7; 32]).unwrap());
    assert_ne!(log.id(), witness.id());
}
