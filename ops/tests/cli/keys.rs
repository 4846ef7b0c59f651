//! Rotation of keys: what is asked of the node, and what is shown of its answer.

use std::ffi::OsStr;

use chukei_wire::header::Kind;
use chukei_wire::message::keys::{KeysRotateRequest, KeysStatusReply, PurposeKeys, Rewrite};
use serde_json::{Value, json};

use crate::stand_in::{Script, StaffCall, StandIn};

fn args<'a>(words: &[&'a str]) -> Vec<&'a OsStr> {
    words.iter().map(|word| OsStr::new(*word)).collect()
}

/// Answers with what it was asked for.
struct Keys;

impl Script for Keys {
    async fn serve(&mut self, mut call: StaffCall) {
        if call.kind() == Kind::KeysRotate {
            let asked: KeysRotateRequest = call.next().await.unwrap();
            let KeysRotateRequest { root, epoch, standing, rewrite } = asked;
            call.reply(&keys([root, epoch, standing, rewrite].map(u32::from), None)).await;
        } else {
            call.reply(&keys([1, 0, 0, 0], Some(7))).await;
        }
        call.finish().await;
    }
}

/// A state that repeats what was asked for.
fn keys(asked: [u32; 4], left: Option<u64>) -> KeysStatusReply {
    let [root, epoch, standing, rewrite] = asked;
    KeysStatusReply {
        generation: 9,
        root,
        epoch: 20_778 + epoch,
        epochs: vec![20_777, 20_778],
        purposes: vec![PurposeKeys { purpose: "copies".to_owned(), days: 0, standing: vec![standing] }],
        pages: 3,
        rewrite: Rewrite { running: rewrite == 1, rewritten: 0, left },
    }
}

#[test]
fn a_rotation_asks_for_what_is_named_and_for_all_keys_where_nothing_is() {
    let node = StandIn::start(Keys);
    let shown = |printed: &Value| {
        let standing = printed["purposes"][0]["standing"][0].as_u64().unwrap();
        let epoch = u64::from(printed["epoch"] == "2026-11-22");
        [printed["root"].as_u64().unwrap(), epoch, standing, u64::from(printed["rewrite"]["running"] == true)]
    };
    for (named, wanted) in [
        (&[][..], [1, 1, 1, 0]),
        (&["--root"], [1, 0, 0, 0]),
        (&["--epoch", "--standing"], [0, 1, 1, 0]),
        (&["--rewrite"], [0, 0, 0, 1]),
    ] {
        let printed = node.json(&args(&[&["keys", "rotate"], named].concat()));
        assert_eq!(shown(&printed.json), wanted, "{named:?}");
    }
    let status = node.json(&args(&["keys", "status"]));
    let purposes = json!([{ "purpose": "copies", "days": 0, "standing": [0] }]);
    let wanted = json!({
        "generation": 9, "root": 1, "epoch": "2026-11-21", "epochs": ["2026-11-20", "2026-11-21"],
        "purposes": purposes, "pages": 3, "rewrite": { "running": false, "rewritten": 0, "left": 7 },
    });
    assert_eq!(status.json, wanted);
}
