//! What does not start, and says why; what stops by SIGTERM and ends well.

use std::process::{Child, Stdio};

use chukei_harness::folder::EvidenceFolder;
use chukei_harness::layout::Layout;
use chukei_harness::role::Role;
use libtest_mimic::{Failed, Trial};

use crate::group::{Shared, Test, group};
use crate::page::page;
use crate::program::{self, Ended};
use crate::stage::until;

const TESTS: &[Test<LaidOut>] = &[
    ("a_data_folder_has_one_process", locked),
    ("r24_one_changed_byte_of_the_peer_list_and_no_role_starts", tampered),
    ("sigterm_ends_every_role_with_0", sigterm),
    ("no_role_can_leave_a_core_dump", no_core_dump),
    ("a_certificate_of_another_name_or_kind_starts_nothing", wrong_certificate),
];

pub(super) fn trials() -> Vec<Trial> {
    group("starting", TESTS)
}

/// Nothing runs here but what a test starts: each lays out a folder of its own.
struct LaidOut;

impl Shared for LaidOut {
    fn set() -> Result<Self, Failed> {
        Ok(Self)
    }

    fn keep(&self) {}
}

/// A role started by a test, killed with it at the latest.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        // One that has ended needs no signal.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn laid_out(name: &str) -> (EvidenceFolder, Layout) {
    let folder = EvidenceFolder::new(name).unwrap();
    let layout = Layout::open_or_create(folder.path()).unwrap();
    (folder, layout)
}

fn arguments(layout: &Layout, role: Role) -> Vec<String> {
    let subcommand = if role == Role::Broker { "broker" } else { "serve" };
    vec![subcommand.into(), "--config".into(), layout.config(role).display().to_string()]
}

fn start(layout: &Layout, role: Role) -> Started {
    let mut command = program::command(role.as_str());
    let child = command.args(arguments(layout, role)).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let started = Started(child.unwrap());
    until("its health page", || page(layout, role, "/healthz").filter(|(status, _)| *status == 200));
    started
}

/// Runs a role that must not start.
fn start_refused(layout: &Layout, role: Role) -> Ended {
    let ended = program::end(program::command(role.as_str()).args(arguments(layout, role)));
    assert!(!matches!(ended.code, None | Some(0)), "{role}: {ended:?}");
    assert!(!ended.stderr.contains("panicked"), "{role}: {ended:?}");
    ended
}

fn locked(_: &LaidOut) {
    let (_folder, layout) = laid_out("locked");
    for role in Role::ALL {
        let first = start(&layout, role);
        let second = start_refused(&layout, role);
        assert!(second.stderr.contains("LOCKED") || second.stderr.contains("in use"), "{role}: {second:?}");
        assert_eq!(page(&layout, role, "/healthz").unwrap().0, 200, "{role}: the first is not disturbed");
        drop(first);
        drop(start(&layout, role));
    }
}

fn no_core_dump(_: &LaidOut) {
    let (_folder, layout) = laid_out("dumps");
    for role in Role::ALL {
        let started = start(&layout, role);
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", started.0.id())).unwrap();
        let core = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).unwrap();
        let values: Vec<&str> = core.split_whitespace().take(2).collect();
        assert_eq!(values, ["0", "0"], "{role}");
    }
}

fn tampered(_: &LaidOut) {
    let (_folder, layout) = laid_out("tampered");
    let path = layout.dir().join("pki/peers.json");
    let good = std::fs::read(&path).unwrap();
    for at in [0, good.len() / 3, good.len() - 1] {
        let mut changed = good.clone();
        changed[at] ^= 1;
        std::fs::write(&path, changed).unwrap();
        for role in Role::ALL {
            let refused = start_refused(&layout, role);
            assert!(refused.stderr.contains("CONFIG_TAMPERED"), "{role}, byte {at}: {refused:?}");
        }
    }
    std::fs::write(&path, &good).unwrap();
    drop(start(&layout, Role::Node));
    let signature = layout.dir().join("pki/peers.json.sig");
    let text = std::fs::read_to_string(&signature).unwrap();
    std::fs::write(&signature, text.replacen(|digit: char| digit.is_ascii_hexdigit(), "0", 64)).unwrap();
    for role in Role::ALL {
        let refused = start_refused(&layout, role);
        assert!(refused.stderr.contains("CONFIG_TAMPERED"), "{role}: {refused:?}");
    }
}

fn sigterm(_: &LaidOut) {
    let (_folder, layout) = laid_out("sigterm");
    let mut roles = Role::ALL.map(|role| (role, start(&layout, role)));
    for role in Role::ALL {
        until("a ready stack", || page(&layout, role, "/readyz").filter(|(status, _)| *status == 200));
    }
    for (role, started) in &mut roles {
        let pid = rustix::process::Pid::from_child(&started.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = until("its end", || started.0.try_wait().unwrap());
        assert_eq!(status.code(), Some(0), "{role}");
    }
}

fn wrong_certificate(_: &LaidOut) {
    let (_folder, layout) = laid_out("wrong-certificate");
    for (role, own, other) in [
        (Role::Node, "pki/node-a.", "pki/broker-a."),
        (Role::Broker, "pki/broker-a.", "pki/node-a."),
        (Role::Portal, "pki/portal-mynaportal.", "pki/broker-a."),
    ] {
        let path = layout.config(role);
        let text = std::fs::read_to_string(&path).unwrap();
        let spoilt = ["pem", "key"].iter().fold(text.clone(), |text, ending| {
            text.replace(&format!("\"{own}{ending}\""), &format!("\"{other}{ending}\""))
        });
        assert_ne!(spoilt, text);
        std::fs::write(&path, spoilt).unwrap();
        start_refused(&layout, role);
        std::fs::write(&path, text).unwrap();
    }
}
