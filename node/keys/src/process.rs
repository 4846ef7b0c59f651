//! What a process that holds keys asks of the system: no core dumps, no swapping out.
//!
//! What must hold: once [`protect`] has returned, no crash of this process writes its memory to a disk, and no
//! process of another user than root attaches to it; where the system allows it, no page of it goes to swap. A
//! system that cannot turn dumps off is no place for keys: that is an error. One that does not allow locking (a
//! container without the right, a small limit) is common, so that it is told and not refused.
//!
//! Deliberately absent: protection from root on the same host, which reads any process (SECURITY.md).

use rustix::io::Errno;
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};
use serde::Deserialize;

/// CAP_IPC_LOCK: locking beyond the limit.
const CAP_IPC_LOCK: u32 = 14;

/// `[process]` of a role's configuration.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default)]
pub struct ProcessSettings {
    /// Leave core dumps and debuggers as the system has them. For development only: a dump holds keys.
    pub core_dumps: bool,
    /// Keep memory out of swap where the system allows it.
    pub lock_memory: bool,
}

impl Default for ProcessSettings {
    fn default() -> Self {
        Self { core_dumps: false, lock_memory: true }
    }
}

/// What became of the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryLock {
    /// Nothing of it goes to swap.
    Locked,
    /// The configuration does not ask for it.
    Off,
    /// Neither an unlimited RLIMIT_MEMLOCK nor CAP_IPC_LOCK.
    NotPermitted,
}

/// Why the process may not hold keys.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// Core dumps cannot be turned off.
    #[error("core dumps cannot be turned off")]
    CoreDumps(#[source] std::io::Error),
    /// Locking is permitted and yet failed, as with too little memory.
    #[error("memory cannot be locked; set process.lock_memory = false if that is meant")]
    Lock(#[source] std::io::Error),
}

/// Turns dumps off and locks memory. Before any key is read.
pub fn protect(settings: ProcessSettings) -> Result<MemoryLock, ProcessError> {
    if !settings.core_dumps {
        no_core_dumps().map_err(|error| ProcessError::CoreDumps(error.into()))?;
    }
    if !settings.lock_memory {
        return Ok(MemoryLock::Off);
    }
    if !may_lock() {
        return Ok(MemoryLock::NotPermitted);
    }
    // On fault: what is reserved and never touched, such as stacks, does not take memory.
    let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    mlockall(flags).map(|()| MemoryLock::Locked).map_err(|error| ProcessError::Lock(error.into()))
}

fn no_core_dumps() -> Result<(), Errno> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
}

/// Under a limit, locking what is to come would make later allocations fail: it is all or nothing.
fn may_lock() -> bool {
    getrlimit(Resource::Memlock).current.is_none()
        || std::fs::read_to_string("/proc/self/status")
            .is_ok_and(|status| has_capability(&status, CAP_IPC_LOCK))
}

fn has_capability(status: &str, capability: u32) -> bool {
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let bits = effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    bits >> capability & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capability_is_read_from_its_bit() {
        let status = "Name:\tchukei\nCapPrm:\tffffffffffffffff\nCapEff:\t0000000000004000\n";
        assert!(has_capability(status, CAP_IPC_LOCK));
        assert!(!has_capability(status, CAP_IPC_LOCK - 1));
        assert!(!has_capability("Name:\tchukei\n", CAP_IPC_LOCK));
        assert!(!has_capability("CapEff:\tnothing\n", CAP_IPC_LOCK));
    }
}
