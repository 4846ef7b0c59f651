//! `notice`: sent by the body, read and answered at the portal, its states pulled by the body; what is refused.

use serde_json::{Value, json};

use crate::group::Test;
use crate::notice_file::{TAX_AFFAIR, notice, with};
use crate::stage::{Stage, until};

pub(super) const TESTS: &[Test<Stage>] = &[
    ("a_notice_goes_there_and_its_answer_comes_back", there_and_back),
    ("a_notice_file_may_be_toml", toml_file),
    ("only_an_offered_choice_is_taken_and_only_once", one_offered_choice_once),
    ("r10_r12_what_a_notice_may_not_hold_is_refused_by_name", refused_by_name),
    ("a_notice_to_somebody_unknown_is_refused_as_a_whole", refused_as_a_whole),
    ("a_notice_is_nobody_elses", nobody_elses),
    ("the_same_key_is_the_same_notice_and_with_other_content_a_duplicate", same_key),
];

const BODY: &str = "982016";

fn there_and_back(stage: &Stage) {
    let persons = stage.persons(BODY, 3);
    let targets: Vec<_> = persons.iter().collect();
    let file = stage.written("notice.json", notice("there-and-back", &targets).to_string());
    let sent = stage.staff(BODY, &["notice", "send", &file]).done();
    let id = sent["notice_id"].as_str().unwrap().to_owned();
    assert_eq!(sent, json!({ "notice_id": id, "targets": 3, "result": "REGISTERED" }));
    persons.iter().for_each(|person| stage.until_listed(&person.user, &id));

    let [first, second, third] = &persons[..] else { unreachable!() };
    let listed = stage.portal(&["notices", "--person", &first.user]).done();
    let entry = &listed["notices"][0];
    assert_eq!([&entry["title"], &entry["state"], &entry["body"]], ["受取方法のご案内", "UNREAD", BODY]);
    let opened = stage.portal(&["read", "--person", &first.user, "--notice", &id]).done();
    assert_eq!(opened["text"], "受取方法をお選びください。");
    assert_eq!(opened["choices"][1], json!({ "id": "B", "label": "郵送" }));
    let args = ["answer", "--person", &first.user, "--notice", &id, "--choice", "B"];
    assert_eq!(stage.portal(&args).done()["answers"], json!(["B"]));
    stage.portal(&["read", "--person", &second.user, "--notice", &id]).done();

    let expected = |state: [&str; 3], answers: Value| {
        json!({
            "notice_id": id,
            "targets": [
                { "integrated_addressee_number": first.addressee, "state": state[0], "answers": answers },
                { "integrated_addressee_number": second.addressee, "state": state[1], "answers": [] },
                { "integrated_addressee_number": third.addressee, "state": state[2], "answers": [] },
            ],
        })
    };
    // The portal stores before the node writes its progress down: both must come about, neither is instant.
    let status = until("the states at the body", || {
        let status = stage.staff(BODY, &["notice", "status", &id]).done();
        let pending = status["targets"].as_array().unwrap().iter().any(|target| target["state"] == "PENDING");
        (!pending).then_some(status)
    });
    assert_eq!(status, expected(["READ", "READ", "UNREAD"], json!(["B"])));
    let list = stage.staff(BODY, &["notice", "list"]).done();
    let listed = list["notices"].as_array().unwrap().iter().find(|listed| listed["notice_id"] == id).unwrap();
    assert_eq!([&listed["affair"], &listed["state"]], [TAX_AFFAIR, "OPEN"]);
    assert_eq!([&listed["targets"], &listed["delivered"]], [3, 3]);
}

fn toml_file(stage: &Stage) {
    let persons = stage.persons(BODY, 1);
    let text = format!(
        "idempotency_key = \"toml-1\"\naffair = \"{TAX_AFFAIR}\"\ntitle = \"お知らせ\"\nbody = \"本文\"\n\
         retention_days = 7\ntargets = [\"{}\"]\n[[choices]]\nid = \"はい\"\nlabel = \"はい\"\n",
        persons[0].addressee
    );
    let file = stage.written("notice.toml", &text);
    let sent = stage.staff(BODY, &["notice", "send", &file]).done();
    stage.until_listed(&persons[0].user, sent["notice_id"].as_str().unwrap());
    let unknown = stage.written("unknown.toml", format!("retention_month = 1\n{text}"));
    let ended = stage.staff(BODY, &["notice", "send", &unknown]);
    assert!(ended.stdout.contains("retention_month"), "the unknown key is named: {ended:?}");
    ended.code_at(2);
}

fn one_offered_choice_once(stage: &Stage) {
    let persons = stage.persons(BODY, 1);
    let user = persons[0].user.as_str();
    let id = stage.send(BODY, &notice("one-choice", &[&persons[0]]));
    stage.until_listed(user, &id);
    let answer =
        |choice: &str| stage.portal(&["answer", "--person", user, "--notice", &id, "--choice", choice]);
    assert_eq!(answer("Z").refused(), "INVALID_CHOICE");
    assert_eq!(answer("窓口").refused(), "INVALID_CHOICE", "the label is not the id");
    answer("A").done();
    assert_eq!(answer("A").refused(), "ALREADY_ANSWERED");
    assert_eq!(answer("C").refused(), "ALREADY_ANSWERED");
    let opened = stage.portal(&["read", "--person", user, "--notice", &id]).done();
    assert_eq!(opened["answers"], json!(["A"]), "the first answer stands");
    let nothing = with(notice("no-question", &[&persons[0]]), "choices", json!([]));
    let id = stage.send(BODY, &nothing);
    stage.until_listed(user, &id);
    let args = ["answer", "--person", user, "--notice", &id, "--choice", "A"];
    assert_eq!(stage.portal(&args).refused(), "INVALID_CHOICE", "nothing was asked");
}

fn refused_by_name(stage: &Stage) {
    let persons = stage.persons(BODY, 1);
    let choice =
        |id: &str, label: &str| json!([{ "id": id, "label": label }, { "id": "B", "label": "郵送" }]);
    let cases = [
        ("affair", json!("JM99000000009000"), "UNKNOWN_AFFAIR"),
        ("title", json!("番号 123456789018 の件"), "FORBIDDEN_IDENTIFIER"),
        ("body", json!("番号は１２３４－５６７８－９０１８です"), "FORBIDDEN_IDENTIFIER"),
        ("choices", choice("A", "1234 5678 9018"), "FORBIDDEN_IDENTIFIER"),
        ("choices", choice("123456789018", "窓口"), "FORBIDDEN_IDENTIFIER"),
        ("attachments", json!(["form.pdf"]), "REJECTED_CONTENT"),
        ("retention_days", json!(0), "BAD_RETENTION"),
        ("retention_days", json!(100_000), "BAD_RETENTION"),
        ("title", json!(""), "BAD_FORMAT"),
        ("choices", choice("B", "窓口"), "BAD_FORMAT"),
        ("targets", json!([]), "BAD_FORMAT"),
        ("targets", json!([persons[0].addressee, persons[0].addressee]), "BAD_FORMAT"),
        ("targets", json!(["12345"]), "BAD_FORMAT"),
    ];
    for (at, (member, value, name)) in cases.into_iter().enumerate() {
        let notice = with(notice(&format!("refused-{at}"), &[&persons[0]]), member, value.clone());
        let file = stage.written("refused.json", notice.to_string());
        let ended = stage.staff(BODY, &["notice", "send", &file]);
        let printed = format!("{}{}", ended.stdout, ended.stderr);
        assert!(!chukei_domain::individual_number::find(&printed), "{member}: {printed}");
        assert_eq!(ended.refused(), name, "{member} = {value}");
    }
    let listed = stage.staff(BODY, &["notice", "list"]).done().to_string();
    let passing =
        with(notice("passing", &[&persons[0]]), "body", json!("受付番号 123456789012 をお控えください"));
    let id = stage.send(BODY, &passing);
    assert!(!listed.contains(&id), "and 12 digits that are no individual number pass");
}

fn refused_as_a_whole(stage: &Stage) {
    let persons = stage.persons(BODY, 2);
    let addressee = |person: usize| json!(persons[person].addressee);
    let mixed = json!([addressee(0), "000009820169999", addressee(1)]);
    let with_nobody = with(notice("whole-1", &[]), "targets", mixed);
    assert_eq!(stage.send_refused(BODY, &with_nobody), "NOT_FOUND");
    let sent = stage.send(BODY, &notice("whole-1", &[&persons[0], &persons[1]]));
    stage.until_listed(&persons[0].user, &sent);
    assert_eq!(stage.times_listed(&persons[0].user, &sent), 1, "nothing of the refused one was left");
    let listed = stage.portal(&["notices", "--person", &persons[1].user]).done();
    assert!(listed["notices"].as_array().unwrap().len() <= 1, "{listed}");
}

fn nobody_elses(stage: &Stage) {
    let persons = stage.persons(BODY, 2);
    let id = stage.send(BODY, &notice("mine", &[&persons[0]]));
    stage.until_listed(&persons[0].user, &id);
    let other = persons[1].user.as_str();
    assert_eq!(stage.times_listed(other, &id), 0);
    let read = |id: &str| stage.portal(&["read", "--person", other, "--notice", id]).refused();
    assert_eq!(read(&id), "NOT_FOUND", "another's notice does not exist");
    assert_eq!(read(&"0".repeat(32)), "NOT_FOUND");
    let args = ["answer", "--person", other, "--notice", &id, "--choice", "A"];
    assert_eq!(stage.portal(&args).refused(), "NOT_FOUND");
    assert_eq!(
        stage.staff("982024", &["notice", "status", &id]).refused(),
        "NOT_FOUND",
        "R1: nor for another body"
    );
}

fn same_key(stage: &Stage) {
    let persons = stage.persons(BODY, 2);
    let first = notice("same-key", &[&persons[0]]);
    let id = stage.send(BODY, &first);
    stage.until_listed(&persons[0].user, &id);
    assert_eq!(stage.send(BODY, &first), id, "sent again, it is the same notice");
    for (member, value) in [
        ("title", json!("別の題")),
        ("body", json!("別の文")),
        ("retention_days", json!(31)),
        ("affair", json!("JM99000000002000")),
        ("choices", json!([])),
        ("targets", json!([persons[1].addressee])),
    ] {
        let other = with(first.clone(), member, value);
        assert_eq!(
            stage.send_refused(BODY, &other),
            "DUPLICATE_RECORD_ID",
            "another {member} under the same key"
        );
    }
    let other_body = "982024";
    let neighbour = &stage.persons(other_body, 1)[0];
    let theirs = stage.send(other_body, &notice("same-key", &[neighbour]));
    assert_ne!(theirs, id, "R1: a key is its body's own");
    stage.until_listed(&neighbour.user, &theirs);
    // What was sent last has arrived: anything sent twice would have, too.
    let last = stage.send(BODY, &notice("after-same-key", &[&persons[0], &persons[1]]));
    persons.iter().for_each(|person| stage.until_listed(&person.user, &last));
    assert_eq!(stage.times_listed(&persons[0].user, &id), 1);
    assert_eq!(stage.times_listed(&persons[1].user, &id), 0);
    let listed = stage.portal(&["notices", "--person", &persons[0].user]).done();
    assert_eq!(listed["notices"].as_array().unwrap().len(), 2, "{listed}");
}
