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
    describe(stack.layout());
    Ok(())
}

fn report_deaths(stack: &Stack) {
    for death in stack.deaths() {
        let then = if death.restarts { "it is started again" } else { "it is left stopped" };
        println!("{} ended ({}); {then}", death.role, death.status);
    }
}

fn describe(layout: &Layout) {
    let dir = layout.dir().display();
    println!("Folder   {dir}");
    for role in Role::ALL {
        println!(
            "{:8} http://{}/metrics  {dir}/{role}.toml  {dir}/{role}.log",
            role.as_str(),
            layout.metrics(role)
        );
    }
    println!("Bodies (団体), each with a staff terminal (職員端末):");
    for body in BODIES {
        println!("  {} {}  {dir}/staff-{}.toml", body.code, body.name, body.code);
    }
    println!("The clock of all roles: write +31d into {dir}/clock.");
    println!("In another terminal:");
    println!(
        "  cargo run --release --bin chukei -- --config {dir}/staff-{}.toml person list",
        BODIES[0].code
    );
    println!(
        "  cargo run --release --bin chukei-mock-portal -- --config {dir}/portal.toml person list --body {}",
        BODIES[0].code
    );
    println!("Ctrl-C ends everything (Ctrl-C で終了します).");
}
