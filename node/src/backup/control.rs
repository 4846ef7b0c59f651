//! How an operator's command reaches the node that has the data folder open: a socket in that folder, for its owner alone.
//!
//! One line of JSON there, lines of JSON back: progress, then the outcome. What must hold: whoever may open the socket
//! may read the data folder anyway; a command that has begun is done to its end, whether or not its caller waits.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chukei_store::EngineKind;
use chukei_wire::body_code::BodyCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};

use crate::app::Node;
use crate::audit::By;
use crate::backup::moving;
use crate::backup::outcome::{Exit, Failure, Report};
use crate::backup::restore::{Restore, restore};
use crate::config::serve::NodeConfig;
use crate::home::Home;

/// Bytes of a line at most: three paths and some words.
const LINE_MAX: u64 = 64 * 1024;
/// Time a caller has to say what it wants.
const ASK_WAIT: Duration = Duration::from_secs(5);
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do", deny_unknown_fields)]
pub(super) enum Order {
    /// Move a body's rows to another engine.
    Move { body: BodyCode, to: String },
    /// Write a body's last image and give its rows away.
    Leave { body: BodyCode, out: PathBuf, base: Option<PathBuf> },
    /// Put a body's rows back.
    Restore { body: BodyCode, from: PathBuf, identity: Option<PathBuf>, preload: bool },
}

/// What is answered, line by line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    Copied(u64),
    Done { json: Value, text: String },
    Failed { exit: u8, code: String, message: String },
}

impl From<Result<Report, Failure>> for Answer {
    fn from(outcome: Result<Report, Failure>) -> Self {
        match outcome {
            Ok(Report { json, text }) => Self::Done { json, text },
            Err(Failure { exit, code, message }) => Self::Failed { exit: exit as u8, code, message },
        }
    }
}

/// What orders are carried out with.
pub struct Control {
    /// The node.
    pub node: Arc<Node>,
    /// Where its bodies lie.
    pub home: Home,
    /// Its configuration.
    pub config: NodeConfig,
}

/// Where the socket of a data folder is.
pub(super) fn socket(data_dir: &Path) -> PathBuf {
    data_dir.join("control.sock")
}

/// Serves orders until the node stops.
pub async fn serve(control: Control, data_dir: &Path) -> std::io::Result<()> {
    let path = socket(data_dir);
    // The folder is locked by this process: nobody listens on one that is there.
    if let Err(error) = std::fs::remove_file(&path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    let control = Arc::new(control);
    tokio::spawn(async move {
        let mut stop = control.node.stopping();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => drop(tokio::spawn(hear(control.clone(), stream))),
                    Err(error) => tracing::warn!(%error, "the control socket"),
                },
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    });
    Ok(())
}

async fn hear(control: Arc<Control>, stream: UnixStream) {
    let (read, mut write) = stream.into_split();
    let mut line = Vec::new();
    let mut read = BufReader::new(read.take(LINE_MAX));
    let heard = tokio::time::timeout(ASK_WAIT, read.read_until(b'\n', &mut line)).await;
    let Ok(Ok(_)) = heard else { return };
    let (copied, mut progress) = watch::channel(0);
    let (done, mut outcome) = mpsc::channel(1);
    tokio::spawn(async move {
        let result = match serde_json::from_slice::<Order>(&line) {
            Ok(order) => carry_out(&control, order, &copied).await,
            Err(_) => Err(Failure::new(Exit::Usage, "BAD_USAGE", "the node does not know this order")),
        };
        let _ = done.send(Answer::from(result)).await;
    });
    loop {
        let answer = tokio::select! {
            biased;
            outcome = outcome.recv() => outcome,
            Ok(()) = progress.changed() => {
                tokio::time::sleep(TELL_EVERY).await;
                Some(Answer::Copied(*progress.borrow_and_update()))
            }
        };
        let Some(answer) = answer else { return };
        if say(&mut write, &answer).await.is_err() || !matches!(answer, Answer::Copied(_)) {
            return;
        }
    }
}

async fn say(write: &mut (impl AsyncWriteExt + Unpin), line: &impl Serialize) -> std::io::Result<()> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    write.write_all(&bytes).await
}

async fn carry_out(control: &Control, order: Order, copied: &watch::Sender<u64>) -> Result<Report, Failure> {
    let Control { node, home, config } = control;
    match order {
        Order::Move { body, to } => {
            let tell = |records| {
                copied.send_replace(records);
            };
            moving::to_engine(node, home, body, engine(&to)?, By::itself(&node.actor()), &tell).await
        }
        Order::Leave { body, out, base } => moving::leave(node, body, &out, base.as_deref()).await,
        Order::Restore { body, from, identity, preload } => {
            let asked = Restore { body, from: &from, identity: identity.as_deref(), preload, show: false };
            restore_closed(node, config, home, asked).await
        }
    }
}

/// Restores a body that is not open in this node.
pub(crate) async fn restore_closed(
    node: &Node,
    config: &NodeConfig,
    home: &Home,
    asked: Restore<'_>,
) -> Result<Report, Failure> {
    if node.bodies.opened(asked.body).is_some() {
        let text = format!("body {} is served here: nothing is put over rows that are there", asked.body);
        return Err(Failure::new(Exit::Refused, "NOT_EMPTY", text));
    }
    restore(config, home, asked).await
}

/// The engine of this name.
pub(crate) fn engine(name: &str) -> Result<EngineKind, Failure> {
    name.parse().map_err(|_| Failure::new(Exit::Usage, "BAD_USAGE", "engines are sqlite, sled and postgres"))
}

/// Has the node that has the data folder open carry an order out; `None` where there is none. `copied` is told how
/// many records are copied.
pub(super) async fn ask(
    data_dir: &Path,
    order: &Order,
    mut copied: impl FnMut(u64),
) -> Option<Result<Report, Failure>> {
    let stream = UnixStream::connect(socket(data_dir)).await.ok()?;
    let (read, mut write) = stream.into_split();
    let broken = || {
        let text = "the node ended before it was done: start it, and run the same command again";
        Err(Failure::new(Exit::Unavailable, "NODE_ENDED", text))
    };
    if say(&mut write, order).await.is_err() {
        return Some(broken());
    }
    let mut lines = BufReader::new(read).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match serde_json::from_str(&line) {
            Ok(Answer::Copied(records)) => copied(records),
            Ok(Answer::Done { json, text }) => return Some(Ok(Report { json, text })),
            Ok(Answer::Failed { exit, code, message }) => {
                return Some(Err(Failure { exit: Exit::of(exit), code, message }));
            }
            Err(_) => return Some(broken()),
        }
    }
    Some(broken())
}
