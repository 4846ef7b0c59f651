//! What operators and maintenance call has no path to content (R2): the types say so, and this says so of their sources.

use crate::repository;

/// The handlers of upkeep.
const HANDLERS: &str = "node/src/upkeep/";
/// What they see of a body.
const SEALED: &str = "node/src/hosted/sealed_body.rs";

/// Words that lead, or could lead, from a handler to a key or an opened value.
const WAYS_IN: [&str; 16] = [
    "HostedBody",
    "BodyScope",
    "MayRead",
    "Grant<Read",
    "Grant<Write",
    "Grant<Deliver",
    "Grant<Export",
    "told_to",
    ".opened(",
    "bodies.get(",
    "bodies.iter(",
    "keyring",
    "open_copy",
    ".walk(",
    "chukei_crypto",
    "chukei_keys",
];

/// What the sealed body hands out. Another function here is a decision about R2.
const HANDED_OUT: [&str; 14] = [
    "of",
    "code",
    "fault",
    "epoch",
    "engine",
    "usage",
    "compact",
    "rows",
    "keyring_need",
    "keyring_place",
    "last_number",
    "entries",
    "tell_move",
    "sign",
];

fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.starts_with("//"))
}

#[test]
fn r02_no_handler_of_upkeep_names_a_way_to_content() {
    let paths = repository::files("rs").into_iter().map(|path| path.to_str().unwrap().to_owned());
    let paths: Vec<String> = paths.filter(|path| path.starts_with(HANDLERS)).collect();
    assert!(paths.len() >= 8, "the handlers are not where they were");
    for path in &paths {
        for line in code(&repository::read(path)) {
            let found = WAYS_IN.iter().find(|way| line.contains(**way));
            // What a report says of numbers of keys, and what the text for people calls it.
            let told = line.contains('"');
            assert!(found.is_none() || told, "{path}: {line}");
        }
    }
}

#[test]
fn r02_a_sealed_body_hands_out_what_opens_nothing() {
    let text = repository::read(SEALED);
    let mut functions: Vec<&str> =
        code(&text).filter_map(|line| line.split_once("fn ")?.1.split('(').next()).collect();
    functions.sort_unstable();
    let mut expected = HANDED_OUT;
    expected.sort_unstable();
    assert_eq!(functions, expected);
    assert!(text.contains("pub struct SealedBody(Arc<HostedBody>);"), "the body itself is not handed out");
}
