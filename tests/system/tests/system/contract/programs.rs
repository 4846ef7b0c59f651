//! The programs themselves: versions, and configurations that cannot lie.

use chukei_harness::role::Role;

use crate::group::Test;
use crate::program;
use crate::stage::Stage;

pub(super) const TESTS: &[Test<Stage>] = &[
    ("every_program_tells_its_version", versions),
    ("config_check_passes_what_is_laid_out_and_names_an_unknown_key", unknown_keys),
    ("config_check_refuses_development_off_the_loopback", development_off_the_loopback),
    ("the_environment_overrides_a_key_and_is_checked_like_the_file", environment),
];

fn versions(_: &Stage) {
    for (program, name) in [("node", "chukei-node"), ("portal", "chukei-mock-portal"), ("chukei", "chukei")] {
        let told = program::run(program, &["--version"]);
        assert_eq!(told.code, Some(0));
        assert_eq!(told.stdout, format!("{name} {}\n", env!("CARGO_PKG_VERSION")));
    }
}

fn unknown_keys(stage: &Stage) {
    for (role, section) in [(Role::Node, "[listen]"), (Role::Broker, "[listen]"), (Role::Node, "[[bodies]]")]
    {
        let config = stage.layout().config(role);
        let checked = program::run("node", &["config", "check", &config.display().to_string()]);
        assert_eq!(checked.code, Some(0), "{role}: {checked:?}");
        let text = std::fs::read_to_string(&config).unwrap();
        let path = stage.layout().dir().join(format!("unknown-{role}.toml"));
        std::fs::write(&path, text.replacen(section, &format!("{section}\nportt = 1"), 1)).unwrap();
        let path = path.display().to_string();
        let checked = program::run("node", &["config", "check", &path]);
        assert_eq!(checked.code, Some(2), "{role}: {checked:?}");
        assert!(checked.stderr.contains("portt"), "{role}: {checked:?}");
        let command = if role == Role::Node { "serve" } else { "broker" };
        let started = program::run("node", &[command, "--config", &path]);
        assert_eq!(started.code, Some(2), "nor does it start: {started:?}");
    }
    let config = stage.layout().staff_config("982016").display().to_string();
    program::run("chukei", &["--json", "config", "check", &config]).done();
    let text = std::fs::read_to_string(&config).unwrap();
    let path = stage.written("staff.toml", format!("bodyy = \"982016\"\n{text}"));
    let checked = program::run("chukei", &["--json", "config", "check", &path]);
    assert!(checked.stdout.contains("bodyy"), "{checked:?}");
    checked.code_at(2);
    let text = std::fs::read_to_string(stage.layout().config(Role::Portal)).unwrap();
    let path = stage.written("portal.toml", format!("sokcet = \"x\"\n{text}"));
    let started = program::run("portal", &["--config", &path, "serve"]);
    assert_eq!(started.code, Some(2), "{started:?}");
    assert!(started.stderr.contains("sokcet"), "{started:?}");
}

fn development_off_the_loopback(stage: &Stage) {
    for role in [Role::Node, Role::Broker] {
        let text = std::fs::read_to_string(stage.layout().config(role)).unwrap();
        let path = stage.written("open.toml", text.replace("\"127.0.0.1:", "\"192.0.2.1:"));
        let checked = program::run("node", &["config", "check", &path]);
        assert_eq!(checked.code, Some(2), "{role}: {checked:?}");
        let path = stage.written("clock.toml", text.replace("development = true", "development = false"));
        let checked = program::run("node", &["config", "check", &path]);
        assert_eq!(checked.code, Some(2), "{role}: a clock file without development: {checked:?}");
        assert!(checked.stderr.contains("clock_file"), "{role}: {checked:?}");
    }
}

fn environment(stage: &Stage) {
    let config = stage.layout().config(Role::Node).display().to_string();
    let check = |name: &str, value: &str| {
        program::end(program::command("node").args(["config", "check", &config]).env(name, value)).code
    };
    assert_eq!(check("CHUKEI__LISTEN__METRICS", "127.0.0.1:1"), Some(0));
    assert_eq!(check("CHUKEI__LISTEN__METRICS", "192.0.2.1:1"), Some(2));
    assert_eq!(check("CHUKEI__LISTEN__METRIC", "127.0.0.1:1"), Some(2), "an unknown key, by the environment");
    assert_eq!(check("CHUKEI_SVC_PORT", "tcp://10.0.0.1:1"), Some(0), "what a cluster injects is not ours");
}
