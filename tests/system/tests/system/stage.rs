//! A running stack in a folder that is kept where a test fails.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chukei_harness::folder::EvidenceFolder;
use chukei_harness::layout::{BODIES, Layout};
use chukei_harness::role::Role;
use chukei_harness::stack::{Stack, WhenDead};
use chukei_harness::store::Store;
use chukei_mock_portal::client::Client;
use libtest_mimic::Failed;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::group::Shared;
use crate::page::page;
use crate::program::{self, Ended};

/// A stack that is not ready by then never will be: dev builds on a busy machine take a few seconds.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long [`Stage::until`] waits for something that must come about.
const PATIENCE: Duration = Duration::from_secs(60);
const ASK_EVERY: Duration = Duration::from_millis(20);

/// The stack of a group of tests. Dropping it stops every role.
pub(crate) struct Stage {
    pub(crate) stack: Stack,
    pub(crate) runtime: Runtime,
    files: AtomicUsize,
    failed: AtomicBool,
    harmed: AtomicBool,
    // Behind the stack, so that the roles have stopped when the folder goes.
    folder: Mutex<Option<EvidenceFolder>>,
}

impl Shared for Stage {
    fn set() -> Result<Self, Failed> {
        Self::start("stage", |_| ())
    }

    fn keep(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }
}

impl Stage {
    /// Lays out a stack, lets `prepare` change what was laid out, and starts it.
    pub(crate) fn start(name: &str, prepare: impl FnOnce(&Layout)) -> Result<Self, Failed> {
        Self::start_with(name, Store::default(), prepare)
    }

    /// As [`Stage::start`], with this engine.
    pub(crate) fn start_with(
        name: &str,
        store: Store<'_>,
        prepare: impl FnOnce(&Layout),
    ) -> Result<Self, Failed> {
        let folder = EvidenceFolder::new(name)?;
        let started = Self::started(folder.path(), store, prepare);
        let (folder, stack) = match started {
            Ok(stack) => (folder, stack),
            Err(error) => return folder.judge(Err(error)),
        };
        Ok(Self {
            stack,
            runtime: Runtime::new()?,
            files: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
            harmed: AtomicBool::new(false),
            folder: Mutex::new(Some(folder)),
        })
    }

    fn started(folder: &Path, store: Store<'_>, prepare: impl FnOnce(&Layout)) -> Result<Stack, Failed> {
        let layout = Layout::open_or_create_with(folder, store)?;
        prepare(&layout);
        let stack = Stack::start(layout, WhenDead::Restart)?;
        stack.wait_ready(READY_WITHIN)?;
        Ok(stack)
    }

    /// What is laid out.
    pub(crate) fn layout(&self) -> &Layout {
        self.stack.layout()
    }

    /// A test does something to a body's log that verification tells of.
    pub(crate) fn harm_logs(&self) {
        self.harmed.store(true, Ordering::Relaxed);
    }

    /// R43: what tests did to a stack is in the logs of its bodies, and none of it makes them look altered.
    fn verify_logs(&self) -> Result<(), String> {
        let left = self.failed.load(Ordering::Relaxed) || self.harmed.load(Ordering::Relaxed);
        if left || std::thread::panicking() || page(self.layout(), Role::Node, "/healthz").is_none() {
            return Ok(());
        }
        for body in BODIES {
            let verified = self.staff(body.code, &["audit", "verify"]);
            if verified.stdout.contains("INTEGRITY_FAILURE") {
                return Err(format!("the log of {}: {}", body.code, verified.stdout));
            }
        }
        Ok(())
    }

    /// Sends a signal to a role's process.
    pub(crate) fn signal(&self, role: Role, signal: Signal) {
        let pid = std::fs::read_to_string(self.layout().pid_file(role)).unwrap();
        kill_process(Pid::from_raw(pid.trim().parse().unwrap()).unwrap(), signal).unwrap();
    }

    /// A path in the stage's folder that no other test uses; its name ends with `name`.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        self.layout().dir().join(format!("{number}-{name}"))
    }

    /// A new file with this content.
    pub(crate) fn written(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.file(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    /// Runs a staff command.
    pub(crate) fn staff(&self, body: &str, args: &[&str]) -> Ended {
        program::staff(self.layout(), body, args)
    }

    /// Waits until a broker remembers all that stands in the body's log by now. A count of cosignatures could be another
    /// body's, whose heads are shown apart. Of a log of which nothing was given up yet.
    pub(crate) fn witnessed(&self, body: &str) {
        let verified = || self.staff(body, &["audit", "verify"]).done();
        let events = verified()["events"].as_u64();
        until("a broker that remembers the log", || {
            (verified()["witnessed"].as_u64() >= events).then_some(())
        });
    }

    /// Everything in a body's log, as two of its persons let it be exported.
    pub(crate) fn exported_log(&self, body: &str) -> Vec<Value> {
        let period = ["--from", "2020-01-01", "--until", "2099-01-01", "--reference", "R8-1"];
        let act = self.staff(body, &[&["audit", "export"], &period[..]].concat()).done();
        let act = act["act"].as_str().unwrap();
        let approver = self.layout().approver_config(body).display().to_string();
        program::with_config("chukei", &approver, &["act", "approve", act]).done();
        until("the export", || {
            (self.staff(body, &["act", "show", act]).done()["state"] == "executed").then_some(())
        });
        let out = self.file("export.jsonl");
        self.staff(body, &["act", "fetch", act, "--out", &out.display().to_string()]).done();
        let text = std::fs::read_to_string(out).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Runs a command of the portal.
    pub(crate) fn portal(&self, args: &[&str]) -> Ended {
        program::portal(self.layout(), args)
    }

    /// A connection to the portal's command socket.
    pub(crate) fn client(&self) -> Client {
        self.runtime.block_on(Client::connect(&self.layout().portal_socket())).unwrap()
    }

    /// Own information as the portal's command prints it.
    pub(crate) fn self_info(&self, user: &str, body: &str, datasets: &[&str]) -> Value {
        let mut args = vec!["self-info", "--person", user, "--body", body];
        args.extend(datasets.iter().flat_map(|dataset| ["--dataset", dataset]));
        self.portal(&args).done()
    }

    /// The name under which a request for own information is refused.
    pub(crate) fn self_info_refused(&self, user: &str, body: &str, dataset: &str) -> String {
        self.portal(&["self-info", "--person", user, "--body", body, "--dataset", dataset]).refused()
    }
}

/// A change to what was laid out: a person is told soon that a request cannot be served.
pub(crate) fn told_soon(layout: &Layout) {
    let path = layout.config(Role::Portal);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}\n[limits]\ndeadline_ms = 2000\n")).unwrap();
}

/// Looks until `look` sees something; panics with `what` when it does not come about.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "did not come about: {what}");
        std::thread::sleep(ASK_EVERY);
    }
}

/// How long what was removed or revoked may still be usable.
const AT_MOST: Duration = Duration::from_secs(1);

/// Tries until it is refused. A try that begins a second after the list must be.
#[track_caller]
pub(crate) fn refused_in_time(what: &str, mut is_served: impl FnMut() -> bool) {
    let listed = Instant::now();
    loop {
        let begun = listed.elapsed();
        if !is_served() {
            return;
        }
        assert!(begun < AT_MOST, "{what} is still served {begun:?} after the list");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let whole = self.verify_logs();
        let stopped = self.stack.stop();
        let failed = self.failed.load(Ordering::Relaxed) || stopped.is_err() || whole.is_err();
        let folder = self.folder.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        // Keeping is the whole effect.
        let _ = folder.map(|folder| folder.judge(if failed { Err(()) } else { Ok(()) }));
        if let Err(told) = whole {
            panic!("{told}");
        }
    }
}
