//! Starts the stack, does what was asked, and stops it: by itself after `--once`, otherwise on a signal.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chukei_harness::folder::EvidenceFolder;
use chukei_harness::layout::{BODIES, Layout};
use chukei_harness::role::Role;
use chukei_harness::stack::{Stack, WhenDead};
use chukei_harness::store::{Database, Store};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::cli::{Cli, Engine};
use crate::error::DemoError;
use crate::totals::Totals;
use crate::{once, sample};

const READY_WITHIN: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// What the program itself may take to end after the roles have stopped.
const END_WITHIN: Duration = Duration::from_secs(1);

/// Runs the demonstration.
pub(crate) fn run(cli: &Cli) -> Result<(), DemoError> {
    match &cli.dir {
        Some(dir) => run_in(cli, dir),
        None => {
            let folder = EvidenceFolder::new("demo")?;
            let path: PathBuf = folder.path().to_owned();
            folder.judge(run_in(cli, &path))
        }
    }
}

fn run_in(cli: &Cli, dir: &Path) -> Result<(), DemoError> {
    if cli.once && Layout::exists(dir) {
        return Err(DemoError::InUse(dir.to_owned()));
    }
    let runtime = Runtime::new().map_err(|source| DemoError::io("the runtime", source))?;
    let database = database(cli, dir)?;
    let store = match (cli.engine, &database) {
        (_, Some(database)) => Store::Postgres(database),
        (Some(Engine::Sled), None) => Store::Sled,
        (_, None) => Store::Sqlite,
    };
    let layout = Layout::open_or_create_with(dir, store)?;
    let when_dead = if cli.no_restart { WhenDead::Leave } else { WhenDead::Restart };
    let stack = Arc::new(Stack::start(layout, when_dead)?);
    let result = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        if cli.once { walk(&stack, &mut signals).await } else { serve(&stack, cli.empty, &mut signals).await }
    });
    let stopped = stack.stop();
    runtime.shutdown_timeout(END_WITHIN);
    let totals = result?;
    stopped?;
    if let Some(totals) = totals {
        println!("{totals}");
    }
    Ok(())
}

/// The server of a new stack whose engine is postgres. A stack that is there has the engine that it was laid out with.
fn database(cli: &Cli, dir: &Path) -> Result<Option<Database>, DemoError> {
    if Layout::exists(dir) {
        let has = Layout::open_or_create(dir)?.engine()?;
        if has == Engine::Postgres.as_str() {
            return Err(DemoError::DatabaseGone(dir.to_owned()));
        }
        return match cli.engine {
            Some(asked) if asked.as_str() != has => Err(DemoError::OtherEngine(dir.to_owned(), has)),
            _ => Ok(None),
        };
    }
    match cli.engine {
        Some(Engine::Postgres) if !Database::is_available() => Err(DemoError::NoPostgres),
        Some(Engine::Postgres) => Ok(Some(Database::start()?)),
        _ => Ok(None),
    }
}

/// The signals that end the demonstration.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Result<Self, DemoError> {
        let listen = |kind| signal(kind).map_err(|source| DemoError::io("signals", source));
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

async fn walk(stack: &Arc<Stack>, signals: &mut Signals) -> Result<Option<Totals>, DemoError> {
    let walked = stack.clone();
    let work = spawn_blocking(move || {
        let mut totals = Totals::default();
        let result = once::walk(&walked, &mut totals);
        (totals, result)
    });
    let (totals, result) = unless_interrupted(work, signals).await?.ok_or(DemoError::Interrupted)?;
    if result.is_err() {
        println!("{totals}");
    }
    result.map(|()| Some(totals))
}

async fn serve(stack: &Arc<Stack>, empty: bool, signals: &mut Signals) -> Result<Option<Totals>, DemoError> {
    let prepared = stack.clone();
    let work = spawn_blocking(move || prepare(&prepared, empty));
    let told = stack.clone();
    let deaths = tokio::spawn(async move {
        let mut look = tokio::time::interval(LOOK_EVERY);
        loop {
            look.tick().await;
            report_deaths(&told);
        }
    });
    let result = unless_interrupted(work, signals).await;
    if let Ok(Some(Ok(()))) = &result {
        println!("ready");
        signals.next().await;
    }
    deaths.abort();
    result?.transpose()?;
    Ok(None)
}

/// The work's result; `None` where a signal came first.
async fn unless_interrupted<T>(work: JoinHandle<T>, signals: &mut Signals) -> Result<Option<T>, DemoError> {
    tokio::select! {
        done = work => done.map(Some).map_err(|error| DemoError::io("the work", std::io::Error::other(error))),
        () = signals.next() => Ok(None),
    }
}

fn prepare(stack: &Stack, empty: bool) -> Result<(), DemoError> {
    stack.wait_ready(READY_WITHIN)?;
    if !empty {
        sample::load(stack.layout())?;
    }
    print!("{}", description(stack.layout()));
    Ok(())
}

fn report_deaths(stack: &Stack) {
    for death in stack.deaths() {
        let then = if death.restarts { "it is started again" } else { "it is left stopped" };
        println!("{} ended ({}); {then}", death.role, death.status);
    }
}

/// Configurations of the program `chukei`, whose they are, and what to try with each. `<body>` is a code.
const TERMINALS: [(&str, &str, &str); 7] = [
    (
        "staff-<body>.toml",
        "clerk, administrator, requester, reviewer (職員)",
        "register show; review list; erase request …",
    ),
    ("approver-<body>.toml", "second person of acts (承認者)", "act list --open; act approve ID"),
    (
        "care-<body>.toml",
        "clerk of the care affair alone (介護の担当者)",
        "--affair JM99000000001000 person list: refused",
    ),
    ("system-<body>.toml", "business system (業務システム)", "copy import FILE"),
    ("auditor-<body>.toml", "auditor, without any data (監査担当者)", "audit verify; person list: refused"),
    (
        "operator.toml",
        "operator of the platform (基盤の運用者)",
        "--body 982016 upkeep status, once staff have said: signal device chukei://platform/device/p-01 healthy",
    ),
    (
        "maintenance.toml",
        "contractor (保守事業者)",
        "the same with --ticket ID, once staff have opened it: ticket open ID …",
    ),
];

/// What is where, and what can be tried.
fn description(layout: &Layout) -> String {
    let dir = layout.dir().display();
    let [first, ..] = BODIES;
    let mut lines = vec![format!("Folder   {dir}")];
    lines.extend(Role::ALL.map(|role| {
        let page = layout.metrics(role);
        format!("{:8} http://{page}/metrics  {dir}/{role}.toml  {dir}/{role}.log", role.as_str())
    }));
    let bodies: Vec<String> = BODIES.iter().map(|body| format!("{} {}", body.code, body.name)).collect();
    lines.push(format!("Bodies (団体): {}", bodies.join(", ")));
    lines.push(format!("Users (利用者), each a file in {dir} for chukei --config, and what to try:"));
    lines.extend(TERMINALS.map(|(file, whose, what)| format!("  {file:21} {whose}: {what}")));
    lines.push("Why something is allowed or refused (権限の説明), as any of a body's users:".to_owned());
    lines.push("  access explain --action copy_show --affair JM99000000001000".to_owned());
    lines.push(format!(
        "The clock of all roles: write +31d into {dir}/clock. An act that two persons decide waits for 72 hours: +73h."
    ));
    lines.push("In another terminal:".to_owned());
    let run = "  cargo run --release --bin";
    lines.push(format!("{run} chukei -- --config {dir}/staff-{}.toml person list", first.code));
    lines.push(format!(
        "{run} chukei-mock-portal -- --config {dir}/portal.toml person list --body {}",
        first.code
    ));
    lines.push("Ctrl-C ends everything (Ctrl-C で終了します).\n".to_owned());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_configuration_that_is_laid_out_is_told_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::open_or_create(dir.path()).unwrap();
        let text = description(&layout);
        let names = std::fs::read_dir(layout.dir()).unwrap().map(|entry| entry.unwrap().file_name());
        let laid_out: BTreeSet<String> = names
            .map(|name| name.into_string().unwrap())
            .filter(|name| name.ends_with(".toml"))
            .map(|name| BODIES.iter().fold(name, |name, body| name.replace(body.code, "<body>")))
            .collect();
        let of_roles = Role::ALL.map(|role| format!("{role}.toml"));
        let told: BTreeSet<String> =
            TERMINALS.iter().map(|(file, ..)| (*file).to_owned()).chain(of_roles).collect();
        assert_eq!(told, laid_out);
        assert!(laid_out.iter().all(|file| text.contains(file.as_str())), "{text}");
    }
}
