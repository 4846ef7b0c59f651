//! A node whose roots, epochs and one identity are in a hardware token (SoftHSM 2): it serves like any other, stops
//! where the token is gone, and goes on when it is back.
//!
//! Where SoftHSM is not installed the tests are skipped; with `CHUKEI_REQUIRE_SERVICES=1` they fail.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use chukei_harness::layout::{BODIES, Layout};
use chukei_harness::role::Role;
use data_encoding::{BASE64, HEXLOWER};
use libtest_mimic::{Completion, Failed, Trial};

use crate::copy_file::{Row, TAX, file};
use crate::group::{Shared, Skippable, skippable_group};
use crate::page::page;
use crate::person::Person;
use crate::program;
use crate::stage::{Stage, until};

const DRIVER: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "2718281828";
const BODY: &str = "982016";

const TESTS: &[Skippable<Token>] = &[
    ("own_information_is_given_out_under_keys_that_never_left_the_token", serves),
    ("a_token_that_goes_away_stops_the_bodies_until_it_is_back", goes_and_comes),
    ("a_root_in_the_token_is_rotated_and_the_old_one_is_gone", rotates),
];

const IDENTITY_TESTS: &[Skippable<TokenIdentity>] =
    &[("a_body_whose_identity_is_gone_with_its_token_keeps_no_other_from_its_broker", identity_away)];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = skippable_group("token", TESTS);
    trials.extend(skippable_group("token", IDENTITY_TESTS));
    trials
}

/// The stack, where there is a driver. One test at a time.
struct Token {
    stage: Option<Mutex<Stage>>,
}

impl Shared for Token {
    fn set() -> Result<Self, Failed> {
        Self::laid_out(into_a_token)
    }

    fn keep(&self) {
        if let Some(stage) = &self.stage {
            stage.lock().unwrap_or_else(PoisonError::into_inner).keep();
        }
    }
}

/// A stack of its own, in which one body's identity is in the token and nothing else.
struct TokenIdentity(Token);

impl Shared for TokenIdentity {
    fn set() -> Result<Self, Failed> {
        Token::laid_out(|layout| identity_into_a_token(layout, "")).map(Self)
    }

    fn keep(&self) {
        self.0.keep();
    }
}

impl Token {
    fn laid_out(prepare: impl FnOnce(&Layout)) -> Result<Self, Failed> {
        if Path::new(DRIVER).exists() {
            let stage = Stage::start("token", prepare)?;
            return Ok(Self { stage: Some(Mutex::new(stage)) });
        }
        if std::env::var("CHUKEI_REQUIRE_SERVICES").is_ok_and(|value| value == "1") {
            return Err("SoftHSM 2 is not installed (Debian: softhsm2)".into());
        }
        Ok(Self { stage: None })
    }

    fn on(&self, test: impl FnOnce(&Stage)) -> Completion {
        let Some(stage) = &self.stage else {
            return Completion::ignored_with("SoftHSM 2 is not installed (Debian: softhsm2)");
        };
        test(&stage.lock().unwrap_or_else(PoisonError::into_inner));
        Completion::Completed
    }
}

fn conf(layout: &Layout) -> PathBuf {
    layout.dir().join("softhsm.conf")
}

fn tokens(layout: &Layout) -> PathBuf {
    layout.dir().join("tokens")
}

/// Before anything has started: all keys of the node's bodies, and one identity, are in the token.
fn into_a_token(layout: &Layout) {
    identity_into_a_token(layout, "provider = \"pkcs11\"\n");
    let config = layout.config(Role::Node);
    for body in BODIES {
        let mut command = program::command("chukei");
        command.args(["--json", "keys", "token", "--make-root", "--owner", body.code, "--keys"]).arg(&config);
        let made = program::end(command.env("SOFTHSM2_CONF", conf(layout))).done();
        assert_eq!(made["roots"], serde_json::json!([1]));
    }
}

/// A token, and in it the identity that the peer list names already; with `provider` the other keys, too.
fn identity_into_a_token(layout: &Layout, provider: &str) {
    fs::create_dir(tokens(layout)).unwrap();
    fs::write(conf(layout), format!("directories.tokendir = {}\n", tokens(layout).display())).unwrap();
    fs::write(layout.dir().join("pin"), PIN).unwrap();
    layout.set_environment("SOFTHSM2_CONF", conf(layout).to_str().unwrap()).unwrap();
    tool(layout, &["--init-token", "--free", "--label", "node", "--pin", PIN, "--so-pin", "31415926"]);
    let key = fs::read_to_string(layout.dir().join(format!("pki/body-{BODY}.identity.key"))).unwrap();
    let key = BASE64.encode(&HEXLOWER.decode(key.trim().as_bytes()).unwrap());
    let pem = layout.dir().join("identity.pem");
    fs::write(&pem, format!("-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n")).unwrap();
    let (label, pem) = (format!("chukei/{BODY}/identity"), pem.to_str().unwrap());
    tool(layout, &["--import", pem, "--token", "node", "--label", &label, "--id", "01", "--pin", PIN]);
    fs::remove_file(layout.dir().join(format!("pki/body-{BODY}.identity.key"))).unwrap();
    let files = "provider = \"file\"\nroots = \"pki/roots\"\nepochs = \"keys\"\n";
    let token = format!("module = \"{DRIVER}\"\ntoken = \"node\"\npin_file = \"pin\"\n");
    let kept = if provider.is_empty() { files } else { provider };
    let config = layout.config(Role::Node);
    let text = fs::read_to_string(&config).unwrap();
    let text = text.replace(files, &format!("{kept}{token}"));
    let text = text.replace(&format!("pki/body-{BODY}.identity.key"), &format!("pkcs11:{label}"));
    assert!(text.contains("pkcs11:") && text.contains(&token), "{text}");
    fs::write(&config, text).unwrap();
}

fn tool(layout: &Layout, arguments: &[&str]) {
    let mut tool = Command::new("softhsm2-util");
    let output = tool.args(arguments).env("SOFTHSM2_CONF", conf(layout)).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A person with one copy.
fn with_a_copy(stage: &Stage, body: &str, record: &str) -> Person {
    let person = stage.persons(body, 1).remove(0);
    let copies = stage.written("copies.csv", file(&[Row::new(body, &person, record, "固定資産あり")]));
    assert_eq!(stage.staff(body, &["copy", "import", &copies]).done()["registered"], 1);
    person
}

fn serves(token: &Token) -> Completion {
    token.on(|stage| {
        for (body, record) in [(BODY, "T-1"), ("982024", "T-1")] {
            let person = with_a_copy(stage, body, record);
            let answer = stage.self_info(&person.user, body, &[TAX]);
            assert_eq!(answer["result"], "DONE", "{answer}");
            assert!(answer.to_string().contains("固定資産あり"));
        }
        let folder = stage.layout().dir();
        let ours = |path: PathBuf| {
            fs::read_dir(path).map_or(0, |entries| {
                let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
                names.filter(|name| name.starts_with("98201") && name.contains("epoch")).count()
            })
        };
        assert_eq!(ours(folder.join("keys")), 0, "an epoch outside the token");
    })
}

fn goes_and_comes(token: &Token) -> Completion {
    token.on(|stage| {
        let person = with_a_copy(stage, BODY, "T-2");
        let (there, away) = (tokens(stage.layout()), stage.file("away"));
        fs::rename(&there, &away).unwrap();
        fs::create_dir(&there).unwrap();
        until("a node that says what is gone", || {
            let (_, text) = page(stage.layout(), Role::Node, "/readyz")?;
            BODIES
                .iter()
                .all(|body| text.contains(&format!("body {} is not served", body.code)))
                .then_some(())
        });
        let (_, text) = page(stage.layout(), Role::Node, "/readyz").unwrap();
        assert!(
            text.contains("(provider)") && !text.contains("(destroyed)") && !text.contains("(missing)"),
            "{text}"
        );
        let args = ["self-info", "--person", &person.user, "--body", BODY, "--dataset", TAX];
        let code = stage.portal(&args).code_at(4);
        assert!(matches!(code.as_str(), "NOT_READY" | "UNAVAILABLE"), "{code}");
        fs::remove_dir(&there).unwrap();
        fs::rename(&away, &there).unwrap();
        until("an answer", || (stage.portal(&args).code == Some(0)).then_some(()));
        let (status, text) = page(stage.layout(), Role::Node, "/readyz").unwrap();
        assert_eq!((status, text.trim()), (200, "ready"));
    })
}

fn rotates(token: &Token) -> Completion {
    token.on(|stage| {
        let person = with_a_copy(stage, BODY, "T-3");
        let status = stage.staff(BODY, &["keys", "rotate", "--root"]).done();
        let root = status["root"].as_u64().unwrap();
        let mut command = program::command("chukei");
        command.args(["--json", "keys", "token", "--owner", BODY, "--keys"]);
        command.arg(stage.layout().config(Role::Node)).env("SOFTHSM2_CONF", conf(stage.layout()));
        assert_eq!(program::end(&mut command).done()["roots"], serde_json::json!([root]));
        assert!(root > 1);
        stage.stack.stop_role(Role::Node).unwrap();
        stage.stack.start_role(Role::Node).unwrap();
        let args = ["self-info", "--person", &person.user, "--body", BODY, "--dataset", TAX];
        until("an answer", || (stage.portal(&args).code == Some(0)).then_some(()));
    })
}

fn identity_away(token: &TokenIdentity) -> Completion {
    token.0.on(|stage| {
        let person = with_a_copy(stage, BODY, "T-1");
        let other = with_a_copy(stage, "982024", "T-1");
        stage.self_info(&person.user, BODY, &[TAX]);
        let (there, away) = (tokens(stage.layout()), stage.file("away"));
        fs::rename(&there, &away).unwrap();
        fs::create_dir(&there).unwrap();
        // A broker that has just started knows nobody: each body has to be announced anew.
        stage.stack.stop_role(Role::Broker).unwrap();
        stage.stack.start_role(Role::Broker).unwrap();
        let asked = |user: &str, body: &str| {
            stage.portal(&["self-info", "--person", user, "--body", body, "--dataset", TAX]).code
        };
        until("an answer of the other body", || (asked(&other.user, "982024") == Some(0)).then_some(()));
        assert_ne!(asked(&person.user, BODY), Some(0));
        fs::remove_dir(&there).unwrap();
        fs::rename(&away, &there).unwrap();
        until("an answer of the body", || (asked(&person.user, BODY) == Some(0)).then_some(()));
    })
}
