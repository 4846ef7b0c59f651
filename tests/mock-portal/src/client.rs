//! Calls to a running portal over its Unix socket: many at once on one connection, matched by id (R32).
//!
//! Every wait ends: a portal that says nothing for [`SILENCE`] is treated as gone.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

use crate::failure::Failure;
use crate::protocol::{
    Answered, Body, Call, Command, Done, LoggedOut, NoticeList, OpenedNotice, Part, PersonEntry,
    PersonRecords, PersonRow, REPLY_LINE_MAX, ReceiptFile, Reply, SelfInfo,
};
use crate::socket::line;

/// How long a call waits for the portal's next word.
pub const SILENCE: Duration = Duration::from_secs(120);
/// Replies of one call waiting to be taken; when they are full, the connection waits.
const REPLIES_WAITING: usize = 8;
const CALLS_WAITING: usize = 64;

/// A connection to a running portal. Cloning shares it.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    calls: mpsc::Sender<Vec<u8>>,
}

struct Shared {
    next: AtomicU64,
    /// `None` once the connection is gone.
    waiting: Mutex<Option<HashMap<u64, mpsc::Sender<Body>>>>,
}

impl Client {
    /// Connects; `UNAVAILABLE` where no portal listens.
    pub async fn connect(socket: &Path) -> Result<Self, Failure> {
        let stream = UnixStream::connect(socket).await.map_err(|error| {
            Failure::unavailable(format!("no portal listens at {}: {error}", socket.display()))
        })?;
        let (read, write) = stream.into_split();
        let (calls, lines) = mpsc::channel(CALLS_WAITING);
        let shared = Arc::new(Shared { next: AtomicU64::new(1), waiting: Mutex::new(Some(HashMap::new())) });
        tokio::spawn(write_calls(write, lines));
        tokio::spawn(read_replies(read, Arc::clone(&shared)));
        Ok(Self { shared, calls })
    }

    /// Makes `count` new persons of `body`; their rows go to `take` as they become durable. The connection is
    /// not read while `take` runs.
    pub async fn add_persons(
        &self,
        body: &str,
        count: u64,
        mut take: impl FnMut(Vec<PersonRow>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let command = Command::PersonAdd { body: body.to_owned(), count };
        match self.call(command, |part| numbers(part, &mut take)).await? {
            Done::PersonsAdded => Ok(()),
            _ => Err(unexpected()),
        }
    }

    /// Gives the rows of new numbers of `body`'s persons to `take`, as [`Client::add_persons`] does; of the `first`
    /// so many, or of all.
    pub async fn reissue(
        &self,
        body: &str,
        first: Option<u64>,
        mut take: impl FnMut(Vec<PersonRow>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let command = Command::PersonReissue { body: body.to_owned(), first };
        match self.call(command, |part| numbers(part, &mut take)).await? {
            Done::PersonsReissued => Ok(()),
            _ => Err(unexpected()),
        }
    }

    /// Lists the persons of `body` to `take`, a page at a time.
    pub async fn list_persons(
        &self,
        body: &str,
        mut take: impl FnMut(Vec<PersonEntry>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let taken = self.call(Command::PersonList { body: body.to_owned() }, |part| match part {
            Part::Listed(entries) => take(entries),
            _ => Err(unexpected()),
        });
        match taken.await? {
            Done::PersonsListed => Ok(()),
            _ => Err(unexpected()),
        }
    }

    /// All persons of `body`. For a body of millions use [`Client::list_persons`].
    pub async fn persons(&self, body: &str) -> Result<Vec<PersonEntry>, Failure> {
        let mut all = Vec::new();
        self.list_persons(body, |page| {
            all.extend(page);
            Ok(())
        })
        .await?;
        Ok(all)
    }

    /// Requests a person's own information. A refusal by the body is a [`Failure`] of its name.
    pub async fn self_info(&self, person: &str, body: &str, datasets: &[&str]) -> Result<SelfInfo, Failure> {
        let command = Command::SelfInfo {
            person: person.to_owned(),
            body: body.to_owned(),
            datasets: datasets.iter().map(|&code| code.to_owned()).collect(),
        };
        match self.call_once(command).await? {
            Done::SelfInfo(answer) => Ok(answer),
            _ => Err(unexpected()),
        }
    }

    /// What bodies' logs say of a person, of one body where it is named; receipts go to `take` where it is given.
    pub async fn records(
        &self,
        person: &str,
        body: Option<&str>,
        verify: bool,
        mut take: Option<&mut dyn FnMut(Vec<ReceiptFile>) -> Result<(), Failure>>,
    ) -> Result<PersonRecords, Failure> {
        let (person, body) = (person.to_owned(), body.map(str::to_owned));
        let command = Command::Records { person, body, verify, receipts: take.is_some() };
        let done = self.call(command, |part| match (part, &mut take) {
            (Part::Receipts(files), Some(take)) => take(files),
            _ => Err(unexpected()),
        });
        match done.await? {
            Done::Records(records) => Ok(records),
            _ => Err(unexpected()),
        }
    }

    /// A person's notices.
    pub async fn notices(&self, person: &str) -> Result<NoticeList, Failure> {
        match self.call_once(Command::Notices { person: person.to_owned() }).await? {
            Done::Notices(list) => Ok(list),
            _ => Err(unexpected()),
        }
    }

    /// Opens a notice.
    pub async fn read(&self, person: &str, notice: &str) -> Result<OpenedNotice, Failure> {
        let command = Command::Read { person: person.to_owned(), notice: notice.to_owned() };
        match self.call_once(command).await? {
            Done::Read(notice) => Ok(notice),
            _ => Err(unexpected()),
        }
    }

    /// Answers a notice's question.
    pub async fn answer(&self, person: &str, notice: &str, choice: &str) -> Result<Answered, Failure> {
        let command = Command::Answer {
            person: person.to_owned(),
            notice: notice.to_owned(),
            choice: choice.to_owned(),
        };
        match self.call_once(command).await? {
            Done::Answered(answered) => Ok(answered),
            _ => Err(unexpected()),
        }
    }

    /// Closes a person's login and erases the folder.
    pub async fn logout(&self, person: &str) -> Result<LoggedOut, Failure> {
        match self.call_once(Command::Logout { person: person.to_owned() }).await? {
            Done::LoggedOut(done) => Ok(done),
            _ => Err(unexpected()),
        }
    }

    /// Any call without parts.
    pub async fn call_once(&self, command: Command) -> Result<Done, Failure> {
        self.call(command, |_| Err(unexpected())).await
    }

    async fn call(
        &self,
        command: Command,
        mut take: impl FnMut(Part) -> Result<(), Failure>,
    ) -> Result<Done, Failure> {
        let (sender, mut replies) = mpsc::channel(REPLIES_WAITING);
        let entry = self.shared.register(sender).ok_or_else(gone)?;
        let line = line::encode(&Call { id: entry.id, call: command })
            .map_err(|_| Failure::usage("the call cannot be written as a line"))?;
        self.calls.send(line.to_vec()).await.map_err(|_| gone())?;
        loop {
            let next = tokio::time::timeout(SILENCE, replies.recv()).await;
            match next.map_err(|_| Failure::unavailable("the portal does not answer"))?.ok_or_else(gone)? {
                Body::Part(part) => take(part)?,
                Body::Done(done) => return Ok(done),
                Body::Failed(failure) => return Err(failure),
            }
        }
    }
}

/// A call in flight; forgotten when dropped.
struct Entry<'a> {
    shared: &'a Shared,
    id: u64,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        if let Some(waiting) = self.shared.lock().as_mut() {
            waiting.remove(&self.id);
        }
    }
}

impl Shared {
    fn register(&self, sender: mpsc::Sender<Body>) -> Option<Entry<'_>> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().as_mut()?.insert(id, sender);
        Some(Entry { shared: self, id })
    }

    fn find(&self, id: u64) -> Option<mpsc::Sender<Body>> {
        self.lock().as_ref()?.get(&id).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Option<HashMap<u64, mpsc::Sender<Body>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write_calls(mut write: OwnedWriteHalf, mut lines: mpsc::Receiver<Vec<u8>>) {
    while let Some(line) = lines.recv().await {
        if write.write_all(&line).await.is_err() {
            return;
        }
    }
}

async fn read_replies(read: OwnedReadHalf, shared: Arc<Shared>) {
    let mut read = BufReader::with_capacity(64 * 1024, read);
    while let Ok(Some(line)) = line::read(&mut read, REPLY_LINE_MAX).await {
        let Ok(Reply { id, reply }) = serde_json::from_slice(&line) else { break };
        if let Some(waiting) = shared.find(id) {
            // An abandoned call's replies are dropped.
            let _ = waiting.send(reply).await;
        }
    }
    // Whoever still waits learns that the connection is gone.
    shared.lock().take();
}

fn gone() -> Failure {
    Failure::unavailable("the connection to the portal is gone")
}

fn numbers(part: Part, take: &mut impl FnMut(Vec<PersonRow>) -> Result<(), Failure>) -> Result<(), Failure> {
    match part {
        Part::Added(rows) => take(rows),
        _ => Err(unexpected()),
    }
}

fn unexpected() -> Failure {
    Failure::internal("the portal answered something else")
}
