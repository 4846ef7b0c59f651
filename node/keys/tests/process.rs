//! The protection of a process, asked for by one: a binary of its own, because it cannot be taken back.

use chukei_keys::process::{MemoryLock, ProcessSettings, protect};
use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};

#[test]
fn a_process_that_holds_keys_leaves_no_dump_and_locks_its_memory_where_it_may() {
    let off = ProcessSettings { core_dumps: true, lock_memory: false };
    assert_eq!(protect(off).unwrap(), MemoryLock::Off);
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::Dumpable, "development keeps its dumps");

    let lock = protect(ProcessSettings::default()).unwrap();
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    let limit = getrlimit(Resource::Core);
    assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
    let locked: u64 = locked.trim().trim_end_matches(" kB").parse().unwrap();
    assert_eq!(lock == MemoryLock::Locked, locked > 0, "{lock:?} with {locked} KiB locked");
}
