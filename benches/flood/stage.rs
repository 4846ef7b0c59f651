//! The stack, with two bodies that have a person each, and a limit for one of them.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use chukei_benches::child::ChildProcess;
use chukei_benches::loading::{HEADER, add, addressees, enrol, import, value};
use chukei_benches::{Failure, machine};
use chukei_domain::catalogue::Catalogue;
use chukei_harness::layout::{BODIES, Layout, SYSTEM};
use chukei_harness::role::Role;
use chukei_harness::stack::{Stack, WhenDead};
use chukei_wire::body_code::BodyCode;

use crate::caller::{DATASET, Place};
use crate::flooder;

/// The stack is ready by then.
const READY: Duration = Duration::from_secs(60);

/// The running stack.
pub(crate) struct Stage {
    stack: Stack,
    /// The quiet body.
    pub(crate) quiet: Place,
    flooding: Place,
}

impl Stage {
    /// Lays out and starts a stack whose first body may ask `limit` times a second.
    pub(crate) fn start(folder: &Path, limit: u32) -> Result<Self, Failure> {
        let [flooding, quiet, _] = BODIES;
        let layout = Layout::open_or_create(folder)?;
        let path = layout.config(Role::Node);
        let code = format!("code = \"{}\"\n", flooding.code);
        let own = format!("{code}limits = {{ requests_per_second = {limit}, burst = {limit} }}\n");
        std::fs::write(&path, std::fs::read_to_string(&path)?.replace(&code, &own))?;
        let stack = Stack::start(layout, WhenDead::Leave)?;
        stack.wait_ready(READY)?;
        let [flooding, quiet] = [place(&stack, flooding.code)?, place(&stack, quiet.code)?];
        Ok(Self { stack, quiet, flooding })
    }

    /// The process that floods, connected.
    pub(crate) fn flooder(&self) -> Result<ChildProcess, Failure> {
        flooder::start(&self.flooding)
    }

    /// Processor time that the node has used; `None` where the kernel does not count it.
    pub(crate) fn node_cpu_ns(&self) -> Option<u64> {
        let pid = std::fs::read_to_string(self.stack.layout().pid_file(Role::Node)).ok()?;
        machine::cpu_ns(pid.trim().parse().ok()?)
    }

    /// Stops every role.
    pub(crate) fn stop(self) -> Result<(), Failure> {
        Ok(self.stack.stop()?)
    }
}

/// A body's business system, and a person of the body with every item of one dataset.
fn place(stack: &Stack, code: &str) -> Result<Place, Failure> {
    let layout = stack.layout();
    let file = add(layout, code, 1)?;
    enrol(layout, code, &file, 1)?;
    let addressee = addressees(&file)?.pop().ok_or("nobody was made")?;
    let catalogue = Catalogue::builtin()?;
    let dataset = catalogue.dataset(DATASET).ok_or("the catalogue has no such dataset")?;
    let (mut rows, mut count) = (format!("{HEADER}\n"), 0);
    for item in dataset.items() {
        let (of, value) = (item.code.as_str(), value(item, "架空の記載"));
        writeln!(rows, "{addressee}-{of},{code},{addressee},{DATASET},{of},1,0001,20240401,,0,,{value}")?;
        count += 1;
    }
    import(layout, code, &format!("copies-{code}"), &rows, count)?;
    let body: BodyCode = code.parse().map_err(|_| "no body code")?;
    let holder = |end: &str| layout.dir().join("pki").join(format!("system-{code}-{SYSTEM}.{end}"));
    Ok(Place {
        folder: layout.dir().to_owned(),
        address: entrance(layout)?,
        body,
        holder: [holder("pem"), holder("key")],
        addressee,
    })
}

/// The node's entrance for staff.
fn entrance(layout: &Layout) -> Result<SocketAddr, Failure> {
    let text = std::fs::read_to_string(layout.config(Role::Node))?;
    let line = text.lines().find_map(|line| line.strip_prefix("staff = ")).ok_or("no entrance for staff")?;
    Ok(line.trim_matches('"').parse()?)
}
