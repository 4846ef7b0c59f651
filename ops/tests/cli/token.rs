//! `keys token` on SoftHSM 2. Where it is not installed the test says that it is skipped; with
//! `CHUKEI_REQUIRE_SERVICES=1` it fails.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

const DRIVER: &str = "/usr/lib/softhsm/libsofthsm2.so";

#[test]
fn the_first_root_is_made_in_the_token_once() {
    if !Path::new(DRIVER).exists() {
        let required = std::env::var("CHUKEI_REQUIRE_SERVICES").is_ok_and(|value| value == "1");
        assert!(!required, "SoftHSM 2 is not installed (Debian: softhsm2)");
        eprintln!("SKIPPED, SoftHSM 2 is not installed (Debian: softhsm2)");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    fs::create_dir(dir.join("tokens")).unwrap();
    fs::write(dir.join("conf"), format!("directories.tokendir = {}\n", dir.join("tokens").display()))
        .unwrap();
    fs::write(dir.join("pin"), "2718281828\n").unwrap();
    let config =
        format!("[keys]\nprovider = \"pkcs11\"\nmodule = \"{DRIVER}\"\ntoken = \"t\"\npin_file = \"pin\"\n");
    fs::write(dir.join("node.toml"), config).unwrap();
    let init = ["--init-token", "--free", "--label", "t", "--pin", "2718281828", "--so-pin", "31415926"];
    let made = Command::new("softhsm2-util").args(init).env("SOFTHSM2_CONF", dir.join("conf")).output();
    assert!(made.unwrap().status.success());
    let expected = |roots: Value| json!({ "owner": "982016", "token": "t", "roots": roots, "epochs": 0, "identities": [] });
    assert_eq!(run(dir, &[]), (0, expected(json!([]))));
    assert_eq!(run(dir, &["--make-root"]), (0, expected(json!([1]))));
    assert_eq!(run(dir, &["--make-root"]), (0, expected(json!([1]))));
    let (status, said) = run(dir, &["--identity", "none"]);
    assert_eq!((status, said["code"].as_str()), (2, Some("TOKEN_KEY")));
    fs::write(dir.join("pin"), "1\n").unwrap();
    let (status, said) = run(dir, &[]);
    assert_eq!((status, said["code"].as_str()), (4, Some("UNAVAILABLE")));
}

fn run(dir: &Path, more: &[&str]) -> (i32, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_chukei"))
        .args(["--json", "keys", "token", "--keys", "node.toml", "--owner", "982016"])
        .args(more)
        .current_dir(dir)
        .env("SOFTHSM2_CONF", dir.join("conf"))
        .output()
        .unwrap();
    (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap())
}
