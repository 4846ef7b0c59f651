//! The demonstration as a user runs it: a process, its lines, its files, its end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use chukei_harness::folder::EvidenceFolder;
use rustix::process::{Pid, Signal, kill_process};

const DEMO: &str = env!("CARGO_BIN_EXE_chukei-demo");
/// Long enough for a busy machine; nothing is judged by it.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running demonstration and the lines it prints.
struct Demo {
    process: Child,
    lines: Receiver<String>,
}

impl Demo {
    fn start(dir: &Path, options: &[&str]) -> Self {
        let mut command = Command::new(DEMO);
        command.arg("--dir").arg(dir).args(options).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let stdout = process.stdout.take().unwrap();
        let (line, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for text in BufReader::new(stdout).lines() {
                if line.send(text.unwrap()).is_err() {
                    return;
                }
            }
        });
        Self { process, lines }
    }

    /// Lines up to the first that `ends`.
    fn until(&self, ends: impl Fn(&str) -> bool) -> Vec<String> {
        let mut seen = Vec::new();
        loop {
            let line =
                self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no such line after {seen:#?}"));
            seen.push(line);
            if ends(seen.last().unwrap()) {
                return seen;
            }
        }
    }

    fn stop(mut self, signal: Signal) -> ExitStatus {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
        self.process.wait().unwrap()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // After a failed assertion; one that has ended is left alone.
        if let Ok(None) = self.process.try_wait() {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

fn pid(dir: &Path, role: &str) -> Pid {
    let text = std::fs::read_to_string(dir.join(format!("{role}.pid"))).unwrap();
    Pid::from_raw(text.trim().parse().unwrap()).unwrap()
}

fn exit_code(arguments: &[&str]) -> Option<i32> {
    let output = Command::new(DEMO).args(arguments).output().unwrap();
    output.status.code()
}

#[test]
fn serves_restarts_what_dies_and_stops_when_told() {
    let folder = EvidenceFolder::new("demo-serves").unwrap();
    let dir = folder.path();
    let demo = Demo::start(dir, &["--empty"]);
    let lines = demo.until(|line| line == "ready");
    assert_eq!(lines.iter().filter(|line| *line == "ready").count(), 1);
    for file in ["node.toml", "broker.toml", "portal.toml", "staff-982016.toml", "staff-982024.toml"] {
        assert!(dir.join(file).exists(), "{file}");
    }
    let died = pid(dir, "broker");
    kill_process(died, Signal::KILL).unwrap();
    demo.until(|line| line.starts_with("broker ended") && line.ends_with("started again"));
    // The pid file comes with the new process, a second later.
    let again = (0..PATIENCE.as_millis() / 50).find_map(|_| {
        std::thread::sleep(Duration::from_millis(50));
        dir.join("broker.pid").exists().then(|| pid(dir, "broker"))
    });
    assert_ne!(again.expect("the broker runs again"), died);
    assert_eq!(demo.stop(Signal::INT).code(), Some(0));
    assert!(!dir.join("node.pid").exists());
}

#[test]
fn goes_on_in_its_folder_and_leaves_the_dead_alone_if_told() {
    let folder = EvidenceFolder::new("demo-goes-on").unwrap();
    let dir = folder.path();
    let first = Demo::start(dir, &["--empty"]);
    first.until(|line| line == "ready");
    let configuration = std::fs::read_to_string(dir.join("node.toml")).unwrap();
    assert_eq!(first.stop(Signal::TERM).code(), Some(0));
    let second = Demo::start(dir, &["--empty", "--no-restart"]);
    second.until(|line| line == "ready");
    assert_eq!(std::fs::read_to_string(dir.join("node.toml")).unwrap(), configuration);
    kill_process(pid(dir, "portal"), Signal::KILL).unwrap();
    second.until(|line| line.starts_with("portal ended") && line.ends_with("left stopped"));
    assert_eq!(
        exit_code(&["--once", "--dir", dir.to_str().unwrap()]),
        Some(1),
        "a walk needs an empty folder"
    );
    assert_eq!(second.stop(Signal::TERM).code(), Some(0));
}

#[test]
fn engines_that_are_not_there_and_mistakes_are_usage_errors() {
    assert_eq!(exit_code(&["--engine", "sled"]), Some(2));
    assert_eq!(exit_code(&["--engine", "postgres", "--once"]), Some(2));
    assert_eq!(exit_code(&["--once", "--empty"]), Some(2));
    assert_eq!(exit_code(&["--nonsense"]), Some(2));
    assert_eq!(exit_code(&["--version"]), Some(0));
}
