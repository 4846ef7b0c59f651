//! R43: a follower sends what can be read of a log without a key to a receiver of events, in order, every event at least once,
//! whatever the receiver does; and says when the log is silent.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use chukei_harness::role::Role;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::copy_file::TAX;
use crate::group::{Shared, Test, group};
use crate::program::{self, Ended, with_config};
use crate::stage::{Stage, until};
use crate::syslog::{Mode, Receiver};

const TESTS: &[Test<Followed>] = &[
    ("r43_events_reach_a_receiver_in_order_and_once_and_say_nothing_about_persons", in_order),
    ("r43_events_come_again_where_a_receiver_went_away_and_none_is_lost", dropped),
    ("r20_a_receiver_of_another_authority_is_told_nothing", untrusted),
    ("r43_a_receiver_that_stalls_holds_up_neither_the_copy_nor_the_follower", stalled),
];
const RUNNING: &[Test<Followed>] =
    &[("r43_a_receiver_that_goes_away_under_a_running_follower_gets_everything_when_it_is_back", running)];
const SILENCE: &[Test<Followed>] = &[("r43_a_silent_log_is_an_alarm_of_its_follower", silent)];
const BODY: &str = "982016";
const OTHER: &str = "982024";

pub(crate) fn trials() -> Vec<Trial> {
    // Those that stop the node have one of their own.
    let alone = [group("running_follower", RUNNING), group("silent_log", SILENCE)];
    group("followed_log", TESTS).into_iter().chain(alone.into_iter().flatten()).collect()
}

struct Followed(Stage);

impl Shared for Followed {
    fn set() -> Result<Self, Failed> {
        Ok(Self(Stage::start("followed-log", |_| ())?))
    }

    fn keep(&self) {
        self.0.keep();
    }
}

fn args(stage: &Stage, to: &Path, more: &[&str]) -> Vec<String> {
    let pki = stage.layout().dir().join("pki");
    let [to, peers, root] = [to.to_owned(), pki.join("peers.json"), pki.join("peer-root.pub")]
        .map(|path| path.display().to_string());
    let args = ["audit", "follow", "--to", &to, "--peers", &peers, "--root", &root];
    args.iter().chain(more).map(|&arg| arg.to_owned()).collect()
}

fn to(receiver: &Receiver) -> [String; 4] {
    let authority = receiver.authority.display().to_string();
    ["--syslog".into(), receiver.address.to_string(), "--syslog-ca".into(), authority]
}

/// Follows the log of a body until the copy has caught up, and sends what is in it.
fn followed(stage: &Stage, body: &str, folder: &Path, receiver: [String; 4]) -> Ended {
    let config = stage.layout().auditor_config(body).display().to_string();
    let more: Vec<&str> = receiver.iter().map(String::as_str).chain(["--once"]).collect();
    let args = args(stage, folder, &more);
    with_config("chukei", &config, &args.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A follower that runs until it is dropped.
struct Running(Child);

impl Running {
    fn start(stage: &Stage, folder: &Path, more: &[&str]) -> Self {
        let mut command = program::command("chukei");
        command.arg("--config").arg(stage.layout().auditor_config(BODY)).arg("--json");
        command.args(args(stage, folder, more)).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The number of a message, which has the form that was stated and nothing else.
fn number(message: &str, body: &str) -> u64 {
    let (head, data) = message.split_once(" [chukei@32473 ").expect("structured data");
    let [priority, time, host, app, process, kind] = head.split(' ').collect::<Vec<_>>()[..] else {
        panic!("a header: {head}")
    };
    assert_eq!((priority, host, app, process), ("<110>1", "-", "chukei", "-"), "{message}");
    assert!(["call", "authorised", "refused", "outcome", "restored", "other"].contains(&kind), "{message}");
    let time: jiff::Timestamp = time.parse().unwrap();
    assert!(time.as_millisecond() > 1_700_000_000_000, "{message}");
    let data = data.strip_suffix(']').unwrap();
    let params: Vec<(&str, &str)> = data
        .split(' ')
        .map(|param| param.split_once('=').map(|(name, value)| (name, value.trim_matches('"'))).unwrap())
        .collect();
    let names: Vec<&str> = params.iter().map(|(name, _)| *name).collect();
    assert!(names == ["body", "seq", "kind"] || names == ["body", "seq", "kind", "request"], "{message}");
    assert_eq!((params[0].1, params[2].1), (body, kind), "{message}");
    if let Some((_, request)) = params.get(3) {
        assert!(request.len() == 32 && request.bytes().all(|byte| byte.is_ascii_hexdigit()), "{message}");
    }
    params[1].1.parse().unwrap()
}

fn numbers(receiver: &Receiver, body: &str) -> Vec<u64> {
    receiver.messages().iter().map(|message| number(message, body)).collect()
}

/// Each entry came, and first came behind all before it.
fn each_in_order(numbers: &[u64], entries: u64) {
    let mut seen = BTreeSet::new();
    let firsts: Vec<u64> = numbers.iter().copied().filter(|number| seen.insert(*number)).collect();
    assert_eq!(firsts, (1..=entries).collect::<Vec<_>>());
}

fn entries(told: &Value) -> u64 {
    told["entries"].as_u64().unwrap()
}

/// How far the copy in a folder is durable.
fn copied(folder: &Path) -> u64 {
    let Ok(bytes) = fs::read(folder.join("state.json")) else { return 0 };
    serde_json::from_slice::<Value>(&bytes).unwrap()["next"].as_u64().unwrap() - 1
}

fn receiver(stage: &Stage, mode: Mode) -> (Receiver, PathBuf) {
    let folder = stage.file("copy");
    let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
    (Receiver::listen(stage.layout().dir(), &name, mode), folder)
}

fn in_order(on: &Followed) {
    let stage = &on.0;
    let (receiver, folder) = receiver(stage, Mode::Reads);
    let person = stage.with_copies(OTHER, 1).remove(0);
    stage.self_info(&person.user, OTHER, &[TAX]);
    // Nothing else happens at this body.
    let first = followed(stage, OTHER, &folder, to(&receiver)).done();
    assert_eq!(numbers(&receiver, OTHER), (1..=entries(&first)).collect::<Vec<_>>());
    let kinds = receiver.messages();
    assert!(
        ["call", "authorised", "outcome"]
            .iter()
            .all(|kind| { kinds.iter().any(|message| message.contains(&format!("kind=\"{kind}\""))) })
    );
    stage.self_info(&person.user, OTHER, &[TAX]);
    let more = followed(stage, OTHER, &folder, to(&receiver)).done();
    assert!(entries(&more) > entries(&first));
    assert_eq!(numbers(&receiver, OTHER), (1..=entries(&more)).collect::<Vec<_>>(), "none comes twice");
    let said = receiver.messages().concat();
    for secret in [&person.addressee, &person.user, &person.number, &TAX.to_owned()] {
        assert!(!said.contains(secret.as_str()), "{secret}");
    }
}

fn dropped(on: &Followed) {
    let stage = &on.0;
    (0..8).for_each(|_| drop(stage.staff(BODY, &["catalogue", "list"]).done()));
    let (receiver, folder) = receiver(stage, Mode::Drops(5));
    // Whatever of it the system took: nobody has said that it was read.
    assert_eq!(followed(stage, BODY, &folder, to(&receiver)).code_at(4), "UNAVAILABLE");
    assert!(copied(&folder) > 5, "the copy waits for no receiver");
    assert_eq!(numbers(&receiver, BODY), [1, 2, 3, 4, 5]);
    receiver.now(Mode::Reads);
    let told = followed(stage, BODY, &folder, to(&receiver)).done();
    let numbers = numbers(&receiver, BODY);
    each_in_order(&numbers, entries(&told));
    assert_eq!(
        numbers.len() as u64,
        entries(&told) + 5,
        "what was not known to be read came again, and nothing else"
    );
}

fn running(on: &Followed) {
    let stage = &on.0;
    let (receiver, folder) = receiver(stage, Mode::Reads);
    let to = to(&receiver);
    let _running = Running::start(stage, &folder, &to.iter().map(String::as_str).collect::<Vec<_>>());
    let all_there = || {
        let (copied, seen) = (copied(&folder), numbers(&receiver, BODY));
        (copied > 0 && seen.iter().copied().collect::<BTreeSet<_>>().len() as u64 == copied).then_some(copied)
    };
    stage.persons(BODY, 2);
    let before = until("all events", all_there);
    // It goes away in the middle of what follows, again and again.
    receiver.now(Mode::Drops(3));
    for _ in 0..3 {
        let connections = receiver.connections();
        stage.persons(BODY, 2);
        until("another connection", || (receiver.connections() > connections).then_some(()));
    }
    receiver.now(Mode::Reads);
    stage.persons(BODY, 2);
    let after = until("all events again", all_there);
    assert!(after > before);
    each_in_order(&numbers(&receiver, BODY), copied(&folder).max(after));
}

fn untrusted(on: &Followed) {
    let stage = &on.0;
    stage.persons(BODY, 1);
    let (other, _) = receiver(stage, Mode::Reads);
    let (receiver, folder) = receiver(stage, Mode::Reads);
    let [flag, address, name, _] = to(&receiver);
    let told = followed(stage, BODY, &folder, [flag, address, name, other.authority.display().to_string()]);
    assert_eq!(told.code_at(4), "UNAVAILABLE");
    assert_eq!((receiver.connections() > 0, receiver.messages().len()), (true, 0));
    assert!(copied(&folder) > 0);
}

fn stalled(on: &Followed) {
    let stage = &on.0;
    stage.persons(BODY, 1);
    for mode in [Mode::Stalls, Mode::Silent] {
        let (receiver, folder) = receiver(stage, mode);
        assert_eq!(followed(stage, BODY, &folder, to(&receiver)).code_at(4), "UNAVAILABLE", "{mode:?}");
        assert!(copied(&folder) > 0);
        // A follower that goes on copies meanwhile.
        let to = to(&receiver);
        let running = Running::start(stage, &folder, &to.iter().map(String::as_str).collect::<Vec<_>>());
        until("a connection", || (receiver.connections() > 1).then_some(()));
        let before = copied(&folder);
        stage.persons(BODY, 1);
        until("a copy that grows", || (copied(&folder) > before).then_some(()));
        drop(running);
        receiver.now(Mode::Reads);
        let told = followed(stage, BODY, &folder, to).done();
        assert_eq!(numbers(&receiver, BODY), (1..=entries(&told)).collect::<Vec<_>>());
    }
}

fn silent(on: &Followed) {
    let stage = &on.0;
    stage.persons(BODY, 1);
    let (folder, metrics) = (stage.file("copy"), stage.file("follow.prom"));
    let _running =
        Running::start(stage, &folder, &["--silence", "2", "--metrics", &metrics.display().to_string()]);
    let is_silent = || {
        let text = fs::read_to_string(&metrics).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("chukei_follow_silent{"))?;
        assert!(line.contains("body=\"982016\""), "{line}");
        Some(line.ends_with(" 1"))
    };
    until("a log that is heard", || is_silent().filter(|silent| !silent));
    // It rests: it states a checkpoint each minute, which is longer than it may be silent here.
    until("an alarm", || is_silent().filter(|silent| *silent));
    until("the end of the alarm", || {
        stage.staff(BODY, &["catalogue", "list"]).done();
        is_silent().filter(|silent| !silent)
    });
    stage.stack.stop_role(Role::Node).unwrap();
    until("an alarm about a node that is gone", || is_silent().filter(|silent| *silent));
    stage.stack.start_role(Role::Node).unwrap();
    until("the end of that", || {
        let _ = stage.staff(BODY, &["catalogue", "list"]);
        is_silent().filter(|silent| !silent)
    });
}
