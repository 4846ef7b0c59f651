//! Runs the Python script over cases.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

/// Bytes as the script reads them.
pub(crate) fn hex(bytes: &[u8]) -> Value {
    json!({ "hex": data_encoding::HEXLOWER.encode(bytes) })
}

/// Whether this interpreter has this module.
fn has(python: &str, module: &str) -> bool {
    let probe = format!("import {module}");
    Command::new(python).args(["-c", &probe]).output().is_ok_and(|output| output.status.success())
}

/// The first interpreter that has what the script needs.
fn interpreter() -> Option<&'static str> {
    let module = "cryptography.hazmat.primitives.ciphers.aead";
    let found = ["python3", "/usr/bin/python3"].into_iter().find(|python| has(python, module));
    if found.is_none() {
        let required = std::env::var("CHUKEI_REQUIRE_SERVICES").is_ok_and(|value| value == "1");
        assert!(!required, "python3 with cryptography is required here (Debian: python3-cryptography)");
        eprintln!(
            "SKIPPED: no python3 with cryptography (Debian: python3-cryptography); sealed forms were not cross-read"
        );
    }
    found
}

/// The interpreter that has another verifier of logs: the one that CHUKEI_TLOG_PYTHON names, or python3.
fn with_log_verifier() -> Option<String> {
    let named = std::env::var("CHUKEI_TLOG_PYTHON").ok();
    let python = named.clone().unwrap_or_else(|| "python3".to_owned());
    let found = has(&python, "aics_tlog");
    assert!(found || named.is_none(), "{python} has no aics-tlog");
    if !found {
        eprintln!(
            "SKIPPED: no python3 with aics-tlog (Python 3.12); our logs were not judged by another verifier"
        );
    }
    found.then_some(python)
}

fn ran(script: &str, argument: &Path) -> Option<Output> {
    interpreter().map(|python| run_by(python, script, argument))
}

fn run_by(python: &str, script: &str, argument: &Path) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(script);
    Command::new(python).arg("-B").arg(script).arg(argument).output().unwrap()
}

fn decoded(cases: &[Value]) -> Option<Output> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cases.json");
    std::fs::write(&path, serde_json::to_vec(cases).unwrap()).unwrap();
    ran("decode.py", &path)
}

fn counts(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Counts of the frozen vectors in `folder`; `None` where it was skipped.
pub(crate) fn frozen(folder: &Path) -> Option<Value> {
    ran("frozen.py", folder).map(|output| counts(&output))
}

/// Counts by format; `None` where it was skipped.
pub(crate) fn run(cases: &[Value]) -> Option<Value> {
    decoded(cases).map(|output| counts(&output))
}

/// What the script says of cases that it must object to; `None` where it was skipped.
pub(crate) fn refusal(cases: &[Value]) -> Option<String> {
    let output = decoded(cases)?;
    assert!(!output.status.success());
    Some(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// What another verifier accepted and refused of the log in `folder`; `None` where it was skipped.
pub(crate) fn log(folder: &Path) -> Option<Value> {
    with_log_verifier().map(|python| counts(&run_by(&python, "log.py", folder)))
}
