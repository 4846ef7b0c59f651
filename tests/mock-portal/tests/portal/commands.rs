//! The command line: exit status, the one JSON line, and what stands behind the socket.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use serde_json::Value;

use crate::stage::Stage;

const TAX: &str = "TM00000000000002";

fn json(line: &str) -> Value {
    assert_eq!(line.lines().count(), 1, "{line:?}");
    serde_json::from_str(line).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn persons_are_added_and_listed_as_the_contract_says() {
    let stage = Stage::set().await;
    let out = stage.folder.path().join("persons.csv");
    let out_text = out.to_str().unwrap();
    let (status, line) =
        stage.command(&["person", "add", "--count", "300", "--body", "982016", "--out", out_text]).await;
    assert_eq!(status, 0);
    let expected = format!(
        "{{\"added\":300,\"out\":\"{out_text}\",\"first\":\"000009820160101\",\"last\":\"000009820160400\"}}\n"
    );
    assert_eq!(line, expected);
    let csv = std::fs::read_to_string(&out).unwrap();
    assert_eq!(csv.lines().next(), Some("integrated_addressee_number,acquisition_number"));
    assert_eq!(csv.lines().count(), 301);

    let (status, line) = stage.command(&["person", "list", "--body", "982016"]).await;
    let persons = json(&line)["persons"].as_array().unwrap().clone();
    assert_eq!((status, persons.len()), (0, 300));
    assert_eq!(persons[299]["integrated_addressee_number"], "000009820160400");
    let (_, line) = stage.command(&["person", "list", "--body", "982024"]).await;
    assert_eq!(line, "{\"persons\":[]}\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_statuses_tell_usage_refusal_and_absence_apart() {
    let mut stage = Stage::set().await;
    let nobody = "0000000000000000";
    let refusals = [
        (&["self-info", "--person", nobody, "--body", "982016", "--dataset", TAX][..], "NOT_FOUND"),
        (&["self-info", "--person", nobody, "--body", "982017", "--dataset", TAX], "BAD_CHECK_DIGIT"),
        (&["self-info", "--person", nobody, "--body", "470007", "--dataset", TAX], "NOT_FOUND"),
        (&["self-info", "--person", nobody, "--body", "982016", "--dataset", "TM2"], "BAD_FORMAT"),
        (&["records", "--person", nobody, "--verify"], "NOT_FOUND"),
        (&["notices", "--person", "nobody"], "NOT_FOUND"),
    ];
    for (arguments, code) in refusals {
        let (status, line) = stage.command(arguments).await;
        assert_eq!((status, json(&line)["code"].as_str()), (3, Some(code)), "{arguments:?}");
    }
    let out = stage.folder.path().join("out.csv");
    let none = ["person", "add", "--count", "0", "--body", "982016", "--out", out.to_str().unwrap()];
    assert_eq!(stage.command(&none).await.0, 2);
    assert!(!out.exists());
    assert_eq!(stage.command(&["records"]).await.0, 2);
    let nowhere = out.to_str().unwrap();
    assert_eq!(stage.command(&["verify-receipts", nowhere]).await.0, 2);
    stage.terminate();
    assert_eq!(stage.ended(), Some(0));
    assert!(!stage.socket().exists());
    assert_eq!(stage.command(&["notices", "--person", nobody]).await.0, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_the_owners_and_takes_calls_of_its_form_only() {
    let stage = Stage::set().await;
    let mode = std::fs::metadata(stage.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for line in [&b"no json\n"[..], b"{\"id\":1,\"call\":{\"records\":{}}}\n", &[b'x'; 70_000]] {
        let mut stream = UnixStream::connect(stage.socket()).unwrap();
        // It may be closed before everything is written.
        let _ = stream.write_all(line);
        let mut reply = String::new();
        let _ = stream.read_to_string(&mut reply);
        assert!(reply.is_empty() || reply.contains("\"failed\""), "{reply}");
    }
    assert_eq!(stage.client().await.persons("982016").await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn ready_means_that_a_broker_is_connected() {
    let stage = Stage::set().await;
    assert!(stage.page("/readyz").starts_with("HTTP/1.1 200"));
    assert!(stage.page("/healthz").starts_with("HTTP/1.1 200"));
    assert!(stage.page("/metrics").contains("chukei_ready{role=\"portal\"} 1"));
    assert!(stage.metric("chukei_certificate_days_left") > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_portal_on_the_same_folder_is_refused() {
    let stage = Stage::set().await;
    assert_eq!(stage.command(&["serve"]).await.0, 1);
    assert_eq!(stage.client().await.persons("982016").await.unwrap(), []);
}
