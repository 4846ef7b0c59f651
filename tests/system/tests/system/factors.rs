//! Factors beside the certificate, at a running node (R5, R6): proved once, by their key, on their connection; limited in
//! tries; each refusal in the body's log. The platform's register is believed as its root signed it (R24).

use std::path::Path;

use chukei_domain::register::{Factor, FactorKind, RegisterFile};
use chukei_harness::layout::{APPROVER, CARE_CLERK, Layout, STAFF};
use chukei_harness::role::Role;
use chukei_ops::pki::Pki;
use chukei_relay_client::connection::ConnectionError;
use chukei_relay_client::factor::{FactorHolder, FileKey};
use chukei_relay_client::session::open_request;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Hop, Kind};
use chukei_wire::message::factor::{FactorChallenge, FactorProof, FactorRequest};
use chukei_wire::result::ResultName;
use libtest_mimic::{Failed, Trial};

use crate::group::{Shared, Test, group};
use crate::hop::{Caller, credentials, dial_unproven, key_file};
use crate::program;
use crate::stage::{Stage, until};

const TESTS: &[Test<Proving>] = &[
    ("r5_a_factor_is_proved_once_by_its_key_on_its_connection", proved),
    ("r5_two_factors_of_one_kind_are_refused_and_possession_is_the_certificate", one_kind),
    ("r5_the_fifth_wrong_proof_closes_the_connection_and_each_is_in_the_log", five_tries),
    ("r5_ten_wrong_proofs_in_a_row_rest_a_factor_over_all_connections", ten_tries),
    ("a_pin_is_proved_from_the_command_line_and_a_wrong_one_is_refused", pin),
    ("r24_a_platform_register_that_was_changed_alarms_and_starts_no_node", platform),
];

pub(crate) fn trials() -> Vec<Trial> {
    group("factors", TESTS)
}

/// The body of most tests; one whose log is read by one test alone, and one where somebody guesses.
const BODY: &str = "982016";
const LOGGED: &str = "982024";
const GUESSED: &str = "983012";
const PIN: &str = "tanuki-42";

/// A stage whose people have more factors than the usual one.
struct Proving(Stage);

impl Shared for Proving {
    fn set() -> Result<Self, Failed> {
        Stage::start("factors", prepare).map(Self)
    }

    fn keep(&self) {
        self.0.keep();
    }
}

fn prepare(layout: &Layout) {
    let dir = layout.dir().join("pki");
    let pki = Pki::open(&dir).unwrap();
    let text = std::fs::read_to_string(dir.join(format!("founding-{BODY}.toml"))).unwrap();
    let mut register = RegisterFile::parse(&text).unwrap();
    let mut give = |name: &str, factor: Factor| {
        register.staff.iter_mut().find(|staff| staff.name == name).unwrap().factors.push(factor);
    };
    for (factor, kind) in [("face-2", FactorKind::Biometrics), ("badge", FactorKind::Possession)] {
        let path = pki.issue_factor(BODY.parse().ok(), STAFF, factor).unwrap();
        let public = FileKey::load(factor, &path).unwrap().public().to_vec();
        give(STAFF, Factor { name: factor.to_owned(), kind, public, stretch: None });
    }
    drop(pki);
    secret(&layout.dir().join("pin"), PIN);
    secret(&layout.dir().join("wrong-pin"), "tanuki-43");
    give(CARE_CLERK, issued_pin(layout, &dir));
    let now_ms = layout.clock().now_ms();
    let text = register.to_toml().unwrap();
    Pki::open(&dir).unwrap().write_founding(BODY.parse().unwrap(), &text, now_ms).unwrap();
}

/// `chukei pki issue factor`, whose entry is what it prints.
fn issued_pin(layout: &Layout, dir: &Path) -> Factor {
    let (dir, pin) = (dir.display().to_string(), layout.dir().join("pin").display().to_string());
    let issue = ["--json", "pki", "issue", "--dir", &dir, "factor", "--body", BODY, "--holder", CARE_CLERK];
    let pin = ["--name", "pin", "--kind", "knowledge", "--pin-file", &pin];
    let printed = program::run("chukei", &[&issue[..], &pin].concat()).done();
    assert!(!printed.to_string().contains(PIN), "what is known is not printed");
    serde_json::from_value(printed["factor"].clone()).unwrap()
}

fn secret(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

impl Proving {
    fn enter(&self, body: &str, name: &str) -> Caller {
        let own = credentials(self.0.layout(), &format!("staff-{body}-{name}"));
        self.0.runtime.block_on(dial_unproven(self.0.layout(), &own)).unwrap()
    }

    fn key(&self, body: &str, holder: &str, factor: &str) -> FileKey {
        let path = key_file(self.0.layout(), &format!("factor-{body}-{holder}-{factor}.key"));
        FileKey::load(factor, &path).unwrap()
    }

    /// One request about a factor: the challenge, if one came; or the name under which it was refused.
    fn ask(&self, caller: &Caller, question: &FactorRequest) -> Result<Option<FactorChallenge>, ResultName> {
        self.0.runtime.block_on(async {
            let header = caller.header(Kind::Factor, BODY);
            let mut request = open_request(&caller.peer, &header, &Hop::default()).await.unwrap();
            request.send.write_message(question).await.unwrap();
            request.send.finish().await.unwrap();
            match request.read_status().await.unwrap() {
                Outcome::Answered if question.proof.is_none() => {
                    Ok(Some(request.recv.read_message().await.unwrap()))
                }
                Outcome::Answered => Ok(None),
                Outcome::Refused(name) => Err(name),
                other => panic!("{other:?}"),
            }
        })
    }

    fn challenge(&self, caller: &Caller, factor: &str) -> Result<FactorChallenge, ResultName> {
        let question = FactorRequest { name: factor.to_owned(), proof: None };
        self.ask(caller, &question).map(Option::unwrap)
    }

    fn prove(&self, caller: &Caller, factor: &str, proof: FactorProof) -> Result<(), ResultName> {
        self.ask(caller, &FactorRequest { name: factor.to_owned(), proof: Some(proof) }).map(drop)
    }

    /// The proof by `key` that `user` would give on this connection.
    fn proof(&self, caller: &Caller, user: &str, key: &FileKey, challenge: &FactorChallenge) -> FactorProof {
        let (user, clock) = (user.parse().unwrap(), self.0.layout().clock());
        let holder = FactorHolder { connection: &caller.peer, user: &user, clock: &clock };
        self.0.runtime.block_on(async { holder.answer(key, challenge) }).unwrap()
    }

    /// A challenge and its answer.
    fn try_one(&self, caller: &Caller, user: &str, key: &FileKey) -> Result<(), ResultName> {
        let challenge = self.challenge(caller, "face")?;
        self.prove(caller, "face", self.proof(caller, user, key, &challenge))
    }

    /// Events of a body's log. Reading it adds to it: by how many is returned by two readings in a row.
    fn events(&self, body: &str) -> u64 {
        let report = self.0.staff(body, &["audit", "verify"]).done();
        assert_eq!(report["verified"], true, "{report}");
        report["events"].as_u64().unwrap()
    }
}

fn uri(body: &str, name: &str) -> String {
    format!("chukei://body/{body}/staff/{name}")
}

fn proved(proving: &Proving) {
    let (user, key) = (uri(BODY, STAFF), proving.key(BODY, STAFF, "face"));
    let (caller, other) = (proving.enter(BODY, STAFF), proving.enter(BODY, STAFF));
    let challenge = proving.challenge(&caller, "face").unwrap();
    let proof = proving.proof(&caller, &user, &key, &challenge);
    assert_eq!(proving.prove(&other, "face", proof.clone()), Err(ResultName::Replay), "never asked there");
    assert_eq!(proving.prove(&caller, "face", proof.clone()), Ok(()));
    assert_eq!(proving.prove(&caller, "face", proof), Err(ResultName::Replay));

    // The other connection's own challenge, answered over this one; by another person; for another body's namesake.
    for (signer, at, name) in [
        (&key, &caller, user.clone()),
        (&proving.key(BODY, CARE_CLERK, "face"), &other, user.clone()),
        (&key, &other, uri(LOGGED, STAFF)),
    ] {
        let challenge = proving.challenge(&other, "face").unwrap();
        let proof = proving.proof(at, &name, signer, &challenge);
        assert_eq!(proving.prove(&other, "face", proof), Err(ResultName::BadSignature), "{name}");
    }
    assert_eq!(proving.try_one(&proving.enter(BODY, STAFF), &user, &key), Ok(()));
    assert_eq!(proving.challenge(&caller, "nose"), Err(ResultName::NotFound));
    let system = credentials(proving.0.layout(), &format!("system-{BODY}-zeimu"));
    let system = proving.0.runtime.block_on(dial_unproven(proving.0.layout(), &system)).unwrap();
    assert_eq!(proving.challenge(&system, "face"), Err(ResultName::NotPermitted));
}

fn one_kind(proving: &Proving) {
    let (user, caller) = (uri(BODY, STAFF), proving.enter(BODY, STAFF));
    assert_eq!(proving.challenge(&caller, "badge"), Err(ResultName::SameFactorKind));
    let (face, second) = (proving.key(BODY, STAFF, "face"), proving.key(BODY, STAFF, "face-2"));
    let asked = proving.challenge(&caller, "face-2").unwrap();
    assert_eq!(proving.prove(&caller, "face-2", proving.proof(&caller, &user, &second, &asked)), Ok(()));
    assert_eq!(proving.try_one(&caller, &user, &face), Err(ResultName::SameFactorKind));
    let asked = proving.challenge(&caller, "face-2").unwrap();
    assert_eq!(
        proving.prove(&caller, "face-2", proving.proof(&caller, &user, &second, &asked)),
        Ok(()),
        "again"
    );
}

fn five_tries(proving: &Proving) {
    let (user, wrong) = (uri(LOGGED, STAFF), proving.key(BODY, STAFF, "face"));
    let by_reading = {
        let before = proving.events(LOGGED);
        proving.events(LOGGED) - before
    };
    let before = proving.events(LOGGED);
    let caller = proving.enter(LOGGED, STAFF);
    for _ in 0..5 {
        assert_eq!(proving.try_one(&caller, &user, &wrong), Err(ResultName::BadSignature));
    }
    let end = proving.0.runtime.block_on(caller.peer.closed());
    assert_eq!(end, ConnectionError::ClosedByPeer(2));
    // The review of patterns may tell of them, too.
    let after = proving.events(LOGGED);
    assert!(after >= before + by_reading + 5, "{before} {by_reading} {after}");
}

fn ten_tries(proving: &Proving) {
    let user = uri(GUESSED, APPROVER);
    let (right, wrong) = (proving.key(GUESSED, APPROVER, "face"), proving.key(BODY, STAFF, "face"));
    let guess = |times| {
        let caller = proving.enter(GUESSED, APPROVER);
        for _ in 0..times {
            assert_eq!(proving.try_one(&caller, &user, &wrong), Err(ResultName::BadSignature));
        }
        caller
    };
    let caller = guess(4);
    assert_eq!(proving.try_one(&caller, &user, &right), Ok(()), "one right proof and the count begins anew");
    guess(5);
    guess(4);
    let caller = guess(1);
    assert_eq!(proving.try_one(&caller, &user, &right), Err(ResultName::Denied));
    let other = proving.enter(GUESSED, STAFF);
    let own = proving.key(GUESSED, STAFF, "face");
    assert_eq!(proving.try_one(&other, &uri(GUESSED, STAFF), &own), Ok(()), "others notice nothing");
}

fn pin(proving: &Proving) {
    let dir = proving.0.layout().dir();
    let text = std::fs::read_to_string(dir.join(format!("care-{BODY}.toml"))).unwrap();
    let terminal = |name: &str, pin: &str| {
        let factor = format!("\n[[factor]]\nname = \"pin\"\nkind = \"knowledge\"\npin_file = \"{pin}\"\n");
        let path = dir.join(name);
        std::fs::write(&path, format!("{text}{factor}")).unwrap();
        program::with_config("chukei", &path.display().to_string(), &["catalogue", "list"])
    };
    terminal("care-pin.toml", "pin").done();
    assert_eq!(terminal("care-wrong.toml", "wrong-pin").refused(), "BAD_SIGNATURE");
    assert_eq!(terminal("care-none.toml", "no-pin").code_at(2), "FACTOR");
    let unlisted = text.replace("name = \"face\"", "name = \"nose\"");
    let path = dir.join("care-unlisted.toml");
    std::fs::write(&path, unlisted).unwrap();
    let refused = program::with_config("chukei", &path.display().to_string(), &["catalogue", "list"]);
    assert_eq!(refused.refused(), "NOT_FOUND");
}

fn platform(proving: &Proving) {
    let layout = proving.0.layout();
    let file = key_file(layout, "platform.toml");
    let signed = std::fs::read_to_string(&file).unwrap();
    let alarms = || proving.0.alarms(Role::Node, Some("config_tampered"));
    assert_eq!(alarms(), 0);
    std::fs::write(&file, signed.replacen("operator", "Operator", 1)).unwrap();
    until("the alarm", || (alarms() == 1).then_some(()));
    let config = layout.config(Role::Node).display().to_string();
    let refused = program::run("node", &["serve", "--config", &config]);
    assert_ne!(refused.code, Some(0));
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(said.contains("CONFIG_TAMPERED"), "{said}");
    std::fs::write(&file, &signed).unwrap();
    proving.0.staff(BODY, &["catalogue", "list"]).done();

    let dir = layout.dir().join("pki").display().to_string();
    let contradicting = proving.0.written("platform.toml", signed.replacen("o-ops-01", "m-ven-01", 1));
    let refused = program::run("chukei", &["--json", "pki", "platform", "--dir", &dir, &contradicting]);
    assert_eq!(refused.code_at(2), "PKI_PLATFORM");
}
