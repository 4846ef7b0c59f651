//! `postgres migrate` and `check` on a real server. Where PostgreSQL is not installed the test says that it is skipped;
//! with `CHUKEI_REQUIRE_SERVICES=1` it fails.

use std::process::Command;

use chukei_postgres_server::{Connection, PostgresServer, SUPERUSER, available};
use serde_json::{Value, json};

#[test]
fn tables_are_made_by_their_owner_and_checked_for_the_node() {
    if !available("tables_are_made_by_their_owner_and_checked_for_the_node") {
        return;
    }
    let server = PostgresServer::start().unwrap();
    for sql in [
        "CREATE ROLE maker LOGIN",
        "CREATE ROLE node LOGIN PASSWORD 'two words'",
        "CREATE DATABASE chukei OWNER maker",
    ] {
        server.sql("postgres", sql).unwrap();
    }
    let socket = |role| server.url(role, "chukei", Connection::Socket);
    assert_eq!(code(&["check", "--url", &socket("node")]), (3, "POSTGRES_NOT_MIGRATED".to_owned()));
    let migrate = ["migrate", "--url", &socket("maker"), "--role", "node"];
    let made = |from: i64| json!({ "schema": "chukei", "role": "node", "from": from, "to": 2 });
    assert_eq!(run(&migrate), (0, made(0)));
    assert_eq!(run(&migrate), (0, made(2)), "once more changes nothing");
    let usable = json!({ "schema": "chukei", "version": 2, "usable": true });
    assert_eq!(run(&["check", "--url", &socket("node")]), (0, usable.clone()));
    assert_eq!(code(&["check", "--url", &socket("maker")]), (3, "POSTGRES_OWNS_TABLES".to_owned()));
    assert_eq!(code(&["check", "--url", &socket(SUPERUSER)]), (3, "POSTGRES_SUPERUSER".to_owned()));

    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (password, wrong) = (file("password", "two words\n"), file("wrong", "one word\n"));
    let authority = file("ca.pem", server.authority());
    let url = server.url("node", "chukei", Connection::Loopback);
    let over_tls = |password: &str| {
        run(&["check", "--url", &url, "--password-file", password, "--authority", &authority])
    };
    assert_eq!(over_tls(&password), (0, usable));
    assert_eq!(over_tls(&wrong).1["code"], "POSTGRES_NOT_ADMITTED");
    assert_eq!(code(&["check", "--url", &url]), (2, "POSTGRES_TLS_REQUIRED".to_owned()));
    let told = "postgresql://node:secret@127.0.0.1/chukei";
    assert_eq!(code(&["check", "--url", told]), (2, "POSTGRES_PASSWORD_IN_URL".to_owned()));
    let nobody = "postgresql://node@%2Fnowhere/chukei";
    assert_eq!(code(&["check", "--url", nobody]), (4, "UNREACHABLE".to_owned()));
}

fn code(arguments: &[&str]) -> (i32, String) {
    let (status, said) = run(arguments);
    (status, said["code"].as_str().unwrap_or_default().to_owned())
}

fn run(arguments: &[&str]) -> (i32, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_chukei"))
        .args(["--json", "postgres"])
        .args(arguments)
        .output()
        .unwrap();
    (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap())
}
