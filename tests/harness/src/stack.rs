//! The running stack: every role a child process, owned by one supervisor thread.
//!
//! What must hold: processes are started, signalled and reaped by that thread alone, so that a process id is
//! never signalled after it was reaped; a role that ends by itself is started again after a second and
//! reported; a stop takes ten seconds at most.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::error::HarnessError;
use crate::layout::Layout;
use crate::probe;
use crate::role::Role;

mod supervisor;

use supervisor::{Order, Supervisor};

/// A stack that has not stopped by then is killed.
pub const STOP_WITHIN: Duration = Duration::from_secs(10);
/// How often readiness is asked for.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// A role that ended by itself.
#[derive(Debug)]
pub struct Death {
    /// The role.
    pub role: Role,
    /// How it ended.
    pub status: ExitStatus,
    /// Whether it is started again.
    pub restarts: bool,
}

/// What happens to a role that ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenDead {
    /// Started again after a second.
    Restart,
    /// Left alone.
    Leave,
}

/// A running stack. Dropping it stops the roles.
#[derive(Debug)]
pub struct Stack {
    layout: Layout,
    orders: Sender<Order>,
    deaths: Mutex<Receiver<Death>>,
    supervisor: Mutex<Option<JoinHandle<()>>>,
}

impl Stack {
    /// Starts every role of `layout` by re-executing the running program, which must call
    /// [`crate::role::play`] first.
    pub fn start(layout: Layout, when_dead: WhenDead) -> Result<Self, HarnessError> {
        let exe =
            std::env::current_exe().map_err(|source| HarnessError::io("the running executable", source))?;
        Self::start_with(exe, layout, when_dead)
    }

    fn start_with(exe: PathBuf, layout: Layout, when_dead: WhenDead) -> Result<Self, HarnessError> {
        let (orders, inbox) = mpsc::channel();
        let (died, deaths) = mpsc::channel();
        let supervisor = Supervisor::new(exe, layout.clone(), when_dead, died);
        let thread = std::thread::Builder::new()
            .name("supervisor".into())
            .spawn(move || supervisor.run(&inbox))
            .map_err(|source| HarnessError::io("the supervisor", source))?;
        let stack = Self { layout, orders, deaths: Mutex::new(deaths), supervisor: Mutex::new(Some(thread)) };
        stack.ask(Order::StartAll)??;
        Ok(stack)
    }

    /// The folder of the stack.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Waits until every role answers `/readyz` with 200.
    pub fn wait_ready(&self, within: Duration) -> Result<(), HarnessError> {
        let deadline = Instant::now() + within;
        Role::ALL.into_iter().try_for_each(|role| self.wait_role(role, deadline))
    }

    fn wait_role(&self, role: Role, deadline: Instant) -> Result<(), HarnessError> {
        loop {
            let last = match probe::get(self.layout.metrics(role), "/readyz") {
                Ok(_) => return Ok(()),
                Err(last) => last,
            };
            if Instant::now() >= deadline {
                return Err(HarnessError::NotReady { role, last, log: self.layout.log(role) });
            }
            std::thread::sleep(ASK_EVERY);
        }
    }

    /// A role's `/metrics` page.
    pub fn metrics(&self, role: Role) -> Result<String, HarnessError> {
        probe::get(self.layout.metrics(role), "/metrics").map_err(|last| HarnessError::NotReady {
            role,
            last,
            log: self.layout.log(role),
        })
    }

    /// Ends a role with SIGKILL, as a power cut would; it is then restarted like any role that died.
    pub fn kill(&self, role: Role) -> Result<(), HarnessError> {
        self.ask(|done| Order::Kill(role, done))?
    }

    /// Ends a role with SIGTERM and keeps it stopped until [`Stack::start_role`].
    pub fn stop_role(&self, role: Role) -> Result<(), HarnessError> {
        self.ask(|done| Order::StopRole(role, done))?
    }

    /// Starts a role that does not run.
    pub fn start_role(&self, role: Role) -> Result<(), HarnessError> {
        self.ask(|done| Order::StartRole(role, done))?
    }

    /// Deaths since the last call.
    pub fn deaths(&self) -> Vec<Death> {
        lock(&self.deaths).try_iter().collect()
    }

    /// Waits for the next death, at most `within`.
    pub fn next_death(&self, within: Duration) -> Option<Death> {
        lock(&self.deaths).recv_timeout(within).ok()
    }

    /// Stops every role: SIGTERM, then SIGKILL for those that take longer than [`STOP_WITHIN`].
    /// A stack that was stopped stays stopped.
    pub fn stop(&self) -> Result<(), HarnessError> {
        let Some(thread) = lock(&self.supervisor).take() else { return Ok(()) };
        let killed = self.ask(Order::StopAll);
        thread.join().map_err(|_| HarnessError::SupervisorGone)?;
        match killed? {
            killed if killed.is_empty() => Ok(()),
            killed => Err(HarnessError::Killed(killed)),
        }
    }

    fn ask<T>(&self, order: impl FnOnce(Sender<T>) -> Order) -> Result<T, HarnessError> {
        let (done, answer) = mpsc::channel();
        self.orders.send(order(done)).map_err(|_| HarnessError::SupervisorGone)?;
        match answer.recv_timeout(2 * STOP_WITHIN) {
            Ok(answer) => Ok(answer),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                Err(HarnessError::SupervisorGone)
            }
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("{error}");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
