//! The thread that owns the processes.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{Death, STOP_WITHIN, WhenDead};
use crate::error::HarnessError;
use crate::layout::Layout;
use crate::role::{ROLE_WORD, Role};

/// How often children are looked at when no order comes.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A role that died is started again after this.
const RESTART_AFTER: Duration = Duration::from_secs(1);

type Done = Sender<Result<(), HarnessError>>;

/// What the owner of the stack asks for.
pub(super) enum Order {
    StartAll(Done),
    StartRole(Role, Done),
    StopRole(Role, Done),
    Kill(Role, Done),
    /// Answers with the roles that had to be killed; the thread then ends.
    StopAll(Sender<Vec<Role>>),
}

pub(super) struct Supervisor {
    exe: PathBuf,
    layout: Layout,
    when_dead: WhenDead,
    died: Sender<Death>,
    running: BTreeMap<Role, Child>,
    due: BTreeMap<Role, Instant>,
}

impl Supervisor {
    pub(super) fn new(exe: PathBuf, layout: Layout, when_dead: WhenDead, died: Sender<Death>) -> Self {
        Self { exe, layout, when_dead, died, running: BTreeMap::new(), due: BTreeMap::new() }
    }

    pub(super) fn run(mut self, orders: &Receiver<Order>) {
        loop {
            let order = match orders.recv_timeout(LOOK_EVERY) {
                Ok(order) => order,
                Err(RecvTimeoutError::Timeout) => {
                    self.look_after_children();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    self.stop_all();
                    return;
                }
            };
            // An asker that has gone away needs no answer.
            let _ = match order {
                Order::StartAll(done) => {
                    done.send(Role::ALL.into_iter().try_for_each(|r| self.start(r))).is_ok()
                }
                Order::StartRole(role, done) => done.send(self.start(role)).is_ok(),
                Order::StopRole(role, done) => done.send(self.stop_one(role)).is_ok(),
                Order::Kill(role, done) => done.send(self.kill(role)).is_ok(),
                Order::StopAll(done) => {
                    let _ = done.send(self.stop_all());
                    return;
                }
            };
        }
    }

    fn start(&mut self, role: Role) -> Result<(), HarnessError> {
        self.due.remove(&role);
        if self.running.contains_key(&role) {
            return Ok(());
        }
        let log_path = self.layout.log(role);
        let log = OpenOptions::new().create(true).append(true).open(&log_path);
        let log = log.map_err(|source| HarnessError::file(&log_path, source))?;
        let child = Command::new(&self.exe)
            .args([ROLE_WORD, role.as_str(), role.subcommand(), "--config"])
            .arg(self.layout.config(role))
            .envs(self.layout.environment())
            // A group of its own: a terminal's interrupt is for the owner of the stack, who then stops the roles.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|source| HarnessError::io(format!("starting {role}"), source))?;
        let pid_path = self.layout.pid_file(role);
        let written = fs::write(&pid_path, format!("{}\n", child.id()));
        self.running.insert(role, child);
        written.map_err(|source| HarnessError::file(&pid_path, source))
    }

    fn look_after_children(&mut self) {
        let ended: Vec<_> = self
            .running
            .iter_mut()
            .filter_map(|(role, child)| Some((*role, child.try_wait().ok().flatten()?)))
            .collect();
        for (role, status) in ended {
            self.forget(role);
            let restarts = self.when_dead == WhenDead::Restart;
            if restarts {
                self.due.insert(role, Instant::now() + RESTART_AFTER);
            }
            // Nobody may be listening for deaths.
            let _ = self.died.send(Death { role, status, restarts });
        }
        let due: Vec<Role> =
            self.due.iter().filter(|(_, at)| **at <= Instant::now()).map(|(role, _)| *role).collect();
        for role in due {
            if let Err(error) = self.start(role) {
                eprintln!("{error}");
                self.due.insert(role, Instant::now() + RESTART_AFTER);
            }
        }
    }

    fn kill(&mut self, role: Role) -> Result<(), HarnessError> {
        match self.running.get_mut(&role) {
            Some(child) => child.kill().map_err(|source| HarnessError::io(format!("killing {role}"), source)),
            None => Ok(()),
        }
    }

    fn stop_one(&mut self, role: Role) -> Result<(), HarnessError> {
        self.due.remove(&role);
        self.terminate(role);
        match self.wait_for(&[role], Instant::now() + STOP_WITHIN) {
            killed if killed.is_empty() => Ok(()),
            killed => Err(HarnessError::Killed(killed)),
        }
    }

    fn stop_all(&mut self) -> Vec<Role> {
        self.due.clear();
        let roles: Vec<Role> = self.running.keys().copied().collect();
        for role in &roles {
            self.terminate(*role);
        }
        self.wait_for(&roles, Instant::now() + STOP_WITHIN)
    }

    fn terminate(&self, role: Role) {
        if let Some(child) = self.running.get(&role) {
            // Not reaped yet, so the id is still this child's. One that has just ended needs no signal.
            let _ = kill_process(Pid::from_child(child), Signal::TERM);
        }
    }

    /// Reaps `roles`; those still running at `deadline` are killed and returned.
    fn wait_for(&mut self, roles: &[Role], deadline: Instant) -> Vec<Role> {
        let mut killed = Vec::new();
        for role in roles {
            let Some(child) = self.running.get_mut(role) else { continue };
            while !matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
                if Instant::now() >= deadline {
                    killed.push(*role);
                    let _ = child.kill();
                    let _ = child.wait();
                    break;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            self.forget(*role);
        }
        killed
    }

    fn forget(&mut self, role: Role) {
        self.running.remove(&role);
        let _ = fs::remove_file(self.layout.pid_file(role));
    }
}
