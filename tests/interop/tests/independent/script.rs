//! Runs the Python script over cases.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

/// Bytes as the script reads them.
pub(crate) fn hex(bytes: &[u8]) -> Value {
    json!({ "hex": data_encoding::HEXLOWER.encode(bytes) })
}

/// The first interpreter that has what the script needs.
fn interpreter() -> Option<&'static str> {
    let found = ["python3", "/usr/bin/python3"].into_iter().find(|python| {
        let probe = ["-c", "import cryptography.hazmat.primitives.ciphers.aead"];
        Command::new(python).args(probe).output().is_ok_and(|output| output.status.success())
    });
    if found.is_none() {
        let required = std::env::var("CHUKEI_REQUIRE_SERVICES").is_ok_and(|value| value == "1");
        assert!(!required, "python3 with cryptography is required here (Debian: python3-cryptography)");
        eprintln!(
            "SKIPPED: no python3 with cryptography (Debian: python3-cryptography); sealed forms were not cross-read"
        );
    }
    found
}

fn ran(script: &str, argument: &Path) -> Option<Output> {
    let python = interpreter()?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(script);
    Some(Command::new(python).arg("-B").arg(script).arg(argument).output().unwrap())
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
