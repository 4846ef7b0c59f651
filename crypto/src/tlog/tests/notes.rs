//! Signed notes: published ones verify, and everything that is not exactly a note is refused.

use data_encoding::BASE64;
use proptest::prelude::*;

use super::*;

/// The example of `signed-note`.
const EXAMPLE: &str = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

/// The example of `golang.org/x/mod/sumdb/note`: text, two signatures, the seed of the first.
const TEXT: &str =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const PETER: &str = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const ENOCH: &str = "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";
const PETER_SEED: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";

/// A note of that text with a signature that no key has made, so that only its form matters.
const FORM: &str = "text\n\n— n AAAAAAA=\n";

fn key(at: usize) -> VerifierKey {
    keys::PUBLISHED[at].0.parse().unwrap()
}

fn parse(text: &str) -> Result<Note, NoteError> {
    let note = Note::parse(text.as_bytes());
    if let Ok(note) = &note {
        assert_eq!(note.to_string(), text);
    }
    note
}

#[test]
fn published_notes_verify_by_their_keys() {
    let note = parse(EXAMPLE).unwrap();
    assert_eq!(note.text(), "This is an example message.\n");
    assert_eq!(note.verify(&[key(0)]).unwrap(), [Verified { key: &key(0), time: None }]);
    let (peter, enoch) = (key(1), key(2));
    let note = parse(&format!("{TEXT}\n{PETER}{ENOCH}")).unwrap();
    assert_eq!(note.text(), TEXT);
    for pinned in [vec![&peter], vec![&enoch], vec![&peter, &enoch]] {
        let verified = note.verify(pinned.iter().copied()).unwrap();
        assert_eq!(verified.iter().map(|signature| signature.key).collect::<Vec<_>>(), pinned);
    }
    assert_eq!(note.signatures()[0].name(), "PeterNeumann");
    assert_eq!(note.signatures()[0].id(), [0xc7, 0x4f, 0x20, 0xa3]);
}

#[test]
fn the_published_key_signs_the_published_note() {
    let seed = BASE64.decode(PETER_SEED.as_bytes()).unwrap();
    let signing = SigningKey::from_seed(seed[1..].try_into().unwrap()).unwrap();
    assert_eq!(signing.public(), *key(1).public());
    let signature = Signature::new(&key(1), signing.sign(TEXT.as_bytes()).to_vec());
    assert_eq!(signature.to_string(), PETER);
    assert_eq!(Signature::from_line(PETER), Ok(signature.clone()));
    assert_eq!(Note::new(TEXT.to_owned(), signature).unwrap().to_string(), format!("{TEXT}\n{PETER}"));
}

#[test]
fn signatures_of_unknown_keys_are_ignored_and_bad_ones_of_known_keys_refuse_the_note() {
    let note = parse(&format!("{TEXT}\n{PETER}{ENOCH}")).unwrap();
    assert_eq!(note.verify(&[key(0)]), Err(NoteError::UnknownKeys));
    assert_eq!(note.verify(&[]), Err(NoteError::UnknownKeys));
    // The name of a known key with the id of another, and the other way about.
    let [name, id] = [(1, 2), (2, 1)].map(|(name, id)| {
        let (name, id) = (key(name), key(id));
        BASE64.encode(&[&id.id()[..], &[0; 64]].concat()).replace('\n', "") + " " + name.name()
    });
    for (line, known) in [(name, 1), (id, 2)] {
        let (encoded, name) = line.split_once(' ').unwrap();
        let other = if known == 1 { ENOCH } else { PETER };
        let note = parse(&format!("{TEXT}\n— {name} {encoded}\n{other}")).unwrap();
        assert_eq!(note.verify(&[key(known)]), Err(NoteError::UnknownKeys));
        assert_eq!(note.verify(&[key(1), key(2)]).unwrap().len(), 1);
    }
    let altered = parse(&format!("{}\n{PETER}{ENOCH}", TEXT.replace("know", "knew"))).unwrap();
    assert_eq!(altered.verify(&[key(1)]), Err(NoteError::BadSignature));
    let cut = BASE64.encode(&[&key(1).id()[..], &[0; 63]].concat());
    let short = parse(&format!("{TEXT}\n— PeterNeumann {cut}\n{ENOCH}")).unwrap();
    assert_eq!(short.verify(&[key(2), key(1)]), Err(NoteError::BadSignature));
    assert_eq!(short.verify(&[key(2)]).unwrap().len(), 1);
}

#[test]
fn the_text_ends_at_the_last_empty_line() {
    assert_eq!(parse("a\n\nb\n\n— n AAAAAAA=\n").unwrap().text(), "a\n\nb\n");
    assert_eq!(parse("a\n\n\n— n AAAAAAA=\n").unwrap().text(), "a\n\n");
    assert_eq!(parse("a\n\n— n AAAAAAA=\n\n— m AAAAAAA=\n").unwrap().signatures().len(), 1);
    assert_eq!(parse("\n\n— n AAAAAAA=\n").unwrap().text(), "\n");
    assert_eq!(parse("海鳴市 — n AAAAAAA=\n\n— n AAAAAAA=\n").unwrap().signatures().len(), 1);
}

#[test]
fn what_is_not_a_note_in_its_one_form_is_refused() {
    assert!(parse(FORM).is_ok());
    let refused = [
        "",
        "\n",
        "text\n",
        "text\n\n",
        "— n AAAAAAA=\n",
        "\n— n AAAAAAA=\n",
        "text\n— n AAAAAAA=\n",
        "text\n\n— n AAAAAAA=",
        "text\n\n— n AAAAAAA=\n\n",
        "text\n\n— n AAAAAAA=\nmore\n",
        "text\n\n- n AAAAAAA=\n",
        "text\n\n—n AAAAAAA=\n",
        "text\n\n—  n AAAAAAA=\n",
        "text\n\n—\u{a0}n AAAAAAA=\n",
        "text\n\n— n  AAAAAAA=\n",
        "text\n\n— n AAAAAAA= \n",
        "text\n\n— n\n",
        "text\n\n— n \n",
        "text\n\n—  AAAAAAA=\n",
        "text\n\n— n+m AAAAAAA=\n",
        "text\n\n— n\u{2003}m AAAAAAA=\n",
        "text\n\n— n\tm AAAAAAA=\n",
        // An id alone, less than an id, no padding, stray bits, padding too much, another alphabet.
        "text\n\n— n AAAAAA==\n",
        "text\n\n— n AAAA\n",
        "text\n\n— n AAAAAAA\n",
        "text\n\n— n AAAAAAB=\n",
        "text\n\n— n AAAAAAA==\n",
        "text\n\n— n AAAA_AA=\n",
        "text\n\n— n AAA=AAA=\n",
        "text\n\n— n AA==AAAAAAA=\n",
        "text\n\n— n AAAAAAA=AAAA\n",
        "text\n\n— n ========\n",
        "text\r\n\n— n AAAAAAA=\n",
        "text\n\r\n— n AAAAAAA=\n",
        "text\n\n— n AAAAAAA=\r\n",
        "te\txt\n\n— n AAAAAAA=\n",
        "te\0xt\n\n— n AAAAAAA=\n",
    ];
    for text in refused {
        assert_eq!(parse(text), Err(NoteError::Malformed), "{text:?}");
    }
    assert_eq!(Note::parse(b"te\xffxt\n\n\xe2\x80\x94 n AAAAAAA=\n"), Err(NoteError::Malformed));
    let signature = Signature::from_line("— n AAAAAAA=\n").unwrap();
    assert_eq!(Note::new("text".to_owned(), signature.clone()), Err(NoteError::Malformed));
    assert_eq!(Note::new("te\rxt\n".to_owned(), signature), Err(NoteError::Malformed));
    assert_eq!(Signature::from_line("— n AAAAAAA="), Err(NoteError::Malformed));
    assert_eq!(Signature::from_line("— n AAAAAAA=\n\n"), Err(NoteError::Malformed));
    assert_eq!(Signature::from_line(&"A".repeat(NOTE_MAX + 1)), Err(NoteError::TooLarge));
}

#[test]
fn notes_have_their_limits_and_a_key_signs_once() {
    assert_eq!(parse(&format!("{FORM}— n AAAAAAE=\n")), Err(NoteError::Doubled));
    assert!(parse(&format!("{FORM}— n AAAAAQA=\n— m AAAAAAA=\n")).is_ok());
    let lines: String = (0..SIGNATURES_MAX).map(|number| format!("— n{number} AAAAAAA=\n")).collect();
    assert!(parse(&format!("text\n\n{lines}")).is_ok());
    assert_eq!(parse(&format!("text\n\n{lines}— n AAAAAAA=\n")), Err(NoteError::TooLarge));
    let longest = "t".repeat(NOTE_MAX - FORM.len() + 4) + &FORM[4..];
    let mut note = parse(&longest).unwrap();
    assert_eq!(note.add(Signature::from_line("— m AAAAAAA=\n").unwrap()), Err(NoteError::TooLarge));
    assert_eq!(parse(&("t".to_owned() + &longest)), Err(NoteError::TooLarge));
    let name = "n".repeat(NAME_MAX);
    assert!(parse(&format!("text\n\n— {name} AAAAAAA=\n")).is_ok());
    assert_eq!(parse(&format!("text\n\n— {name}n AAAAAAA=\n")), Err(NoteError::Malformed));
}

proptest! {
    /// A note is refused or read exactly, whatever happened to it; altered, it does not verify as what it was.
    #[test]
    fn a_note_with_any_byte_changed_is_refused_or_is_another(at: prop::sample::Index, byte: u8) {
        let published = format!("{TEXT}\n{PETER}{ENOCH}");
        let mut bytes = published.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert_eq!(note.to_string().into_bytes(), bytes.clone());
            let verified = note.verify(&[key(1), key(2)]).map(|verified| verified.len());
            prop_assert_eq!(verified == Ok(2), bytes == published.as_bytes());
        }
    }

    #[test]
    fn a_note_from_anywhere_is_refused_or_read_exactly(
        lines in prop::collection::vec("|text|— n AAAAAAA=|— [a-z]{1,3} [A-Za-z0-9+/]{7}=|.{0,8}", 0..8)
    ) {
        let text = lines.join("\n") + "\n";
        if let Ok(note) = Note::parse(text.as_bytes()) {
            prop_assert_eq!(note.to_string(), text);
        }
    }
}
