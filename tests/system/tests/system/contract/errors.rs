//! How commands end that do not work: exit code, one JSON line with a code, a text that says what to do.

use serde_json::Value;

use crate::copy_file::TAX;
use crate::group::Test;
use crate::program;
use crate::stage::Stage;

pub(super) const TESTS: &[Test<Stage>] = &[
    ("wrong_use_is_exit_2", wrong_use),
    ("a_refusal_is_exit_3", refusals),
    ("a_node_or_portal_that_is_not_there_is_exit_4", not_there),
    ("people_get_a_text_and_scripts_a_line", text_and_line),
];

const BODY: &str = "982016";

fn wrong_use(stage: &Stage) {
    for args in [&["no-such-command"][..], &["copy", "import"], &["notice", "status", "not-an-id"]] {
        assert_eq!(stage.staff(BODY, args).code_at(2), "BAD_USAGE", "{args:?}");
    }
    let missing = program::run("chukei", &["--json", "audit", "verify"]);
    missing.code_at(2);
    let missing = program::run("chukei", &["--config", "/nowhere/staff.toml", "--json", "audit", "verify"]);
    missing.code_at(2);
    let portal = stage.portal(&["person", "add", "--count", "0", "--body", BODY, "--out", "/dev/null"]);
    assert_eq!(portal.code, Some(2), "{portal:?}");
    assert_eq!(stage.portal(&["no-such-command"]).code, Some(2));
}

fn refusals(stage: &Stage) {
    let persons = stage.persons(BODY, 1);
    let user = persons[0].user.as_str();
    assert_eq!(stage.self_info_refused(user, BODY, "TM99999999999999"), "UNKNOWN_INFO_NAME");
    assert_eq!(stage.self_info_refused(user, "982024", TAX), "NOT_FOUND", "the person is another body's");
    let nobody = stage.self_info_refused("00000000000000000000000000000000", BODY, TAX);
    assert_eq!(nobody, "NOT_FOUND");
    assert_eq!(stage.self_info_refused(user, "982017", TAX), "BAD_CHECK_DIGIT");
    let status = stage.staff(BODY, &["notice", "status", &"0".repeat(32)]);
    assert_eq!(status.refused(), "NOT_FOUND");
}

fn not_there(stage: &Stage) {
    let config = std::fs::read_to_string(stage.layout().staff_config(BODY)).unwrap();
    let address = config.lines().find(|line| line.starts_with("address")).unwrap();
    // A socket that is bound and never answers.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let elsewhere = format!("address = \"{}\"", silent.local_addr().unwrap());
    let path = stage.layout().dir().join("staff-elsewhere.toml");
    std::fs::write(&path, config.replace(address, &elsewhere)).unwrap();
    let args = ["--config", &path.display().to_string(), "--json", "audit", "verify"];
    assert_eq!(program::run("chukei", &args).code_at(4), "UNAVAILABLE");

    let config = stage.layout().config(chukei_harness::role::Role::Portal);
    let text = std::fs::read_to_string(&config).unwrap().replace("portal.sock", "nobody.sock");
    let path = stage.layout().dir().join("portal-elsewhere.toml");
    std::fs::write(&path, text).unwrap();
    let args = ["--config", &path.display().to_string(), "--json", "notices", "--person", "x"];
    assert_eq!(program::run("portal", &args).code_at(4), "UNAVAILABLE");
}

fn text_and_line(stage: &Stage) {
    let config = stage.layout().staff_config(BODY).display().to_string();
    let unknown = "0".repeat(32);
    let people = program::run("chukei", &["--config", &config, "notice", "status", &unknown]);
    assert_eq!(people.code, Some(3));
    assert_eq!(people.stdout, "", "results only");
    assert!(people.stderr.contains("NOT_FOUND"), "{people:?}");
    let people = program::run("chukei", &["--config", &config, "audit", "verify"]);
    assert_eq!(people.code, Some(0));
    assert!(!people.stdout.contains('{'), "{people:?}");
    let listed: Value = stage.staff(BODY, &["catalogue", "list"]).done();
    assert!(listed["items"].as_array().unwrap().len() > 10);
}
