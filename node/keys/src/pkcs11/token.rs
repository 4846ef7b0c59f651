//! A token and the few threads that talk to it.
//!
//! What must hold: the calls of PKCS #11 block and cannot be cancelled, so they are made on threads of their own,
//! a fixed number, each with one session; whoever waits for an answer waits for a bounded time and is then told
//! that the token does not answer, while the call may still hang. A call that comes too late for its caller is
//! not begun. Everything that is asked here may be repeated without harm, which is why a call that met a stale
//! session is made once more on a new one. Nothing falls back to another key store.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use cryptoki::error::Error;

use super::line::{Line, Login, Opened};
use super::module::{Module, State};
use super::settings::Pkcs11Settings;
use crate::provider::ProviderError;

/// Calls that wait for a session.
const QUEUE: usize = 64;

/// Tokens in use, for as long as the process lives. Bounded by what the configuration names.
static TOKENS: LazyLock<Mutex<BTreeMap<Pkcs11Settings, Arc<Token>>>> = LazyLock::new(Mutex::default);

/// Why a call gave no answer.
#[derive(Debug)]
pub(super) enum Fault {
    /// The answer itself: asking again would give the same.
    Answer(ProviderError),
    /// The token, its driver or the session failed: a new session may help.
    Token(Box<dyn StdError + Send + Sync>),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Token(Box::new(error))
    }
}

/// What a call gives.
pub(super) type Answer<T> = Result<T, Fault>;

/// The token does not answer, for a reason that its driver does not give.
#[derive(Debug, thiserror::Error)]
pub(super) enum Silence {
    /// No answer in time.
    #[error("the token did not answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// Too many calls wait already.
    #[error("too many calls wait for the token")]
    Busy,
    /// The threads ended.
    #[error("no thread talks to the token")]
    Ended,
    /// No token of that label.
    #[error("there is no token labelled {0:?}, or more than one")]
    NoToken(String),
    /// The token does not take the PIN. It is not tried again until the file changes, because tokens lock
    /// themselves after a few wrong ones.
    #[error("the token refused the PIN in the file: it is not tried again until the file changes")]
    PinRefused,
    /// The session lost its log-in or its token, so that what it does not see may still be there.
    #[error("the session lost its log-in or its token")]
    Lost,
}

impl From<Silence> for ProviderError {
    fn from(silence: Silence) -> Self {
        Self::Unavailable(Box::new(silence))
    }
}

type Work = Box<dyn FnOnce(&mut Worker) + Send>;

/// One call, waiting for a session.
struct Job {
    not_after: Instant,
    work: Work,
}

/// A token by its label.
#[derive(Debug)]
pub(super) struct Token {
    jobs: SyncSender<Job>,
    label: String,
    wait: Duration,
}

impl Token {
    /// The token that `settings` name, with the same threads for all who name it. It is first asked by the first
    /// call.
    pub(super) fn of(settings: &Pkcs11Settings) -> Arc<Self> {
        let mut tokens = TOKENS.lock().unwrap_or_else(PoisonError::into_inner);
        let token = tokens.entry(settings.clone()).or_insert_with(|| Arc::new(Self::start(settings)));
        Arc::clone(token)
    }

    /// Starts the threads. One that cannot be had is done without; without any, every call is unavailable.
    fn start(settings: &Pkcs11Settings) -> Self {
        let (jobs, queue) = sync_channel(QUEUE);
        let queue = Arc::new(Mutex::new(queue));
        let module = Module::at(&settings.module);
        let login = Arc::new(Login::new(settings));
        for number in 0..settings.sessions.get() {
            let worker = Worker { module: Arc::clone(&module), login: Arc::clone(&login), open: None };
            let queue = Arc::clone(&queue);
            let spawned =
                thread::Builder::new().name(format!("pkcs11-{number}")).spawn(move || worker.run(&queue));
            if let Err(error) = spawned {
                tracing::warn!(%error, "no thread for a session with the token");
            }
        }
        Self { jobs, label: settings.token.clone(), wait: settings.wait }
    }

    /// The token's label.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// Makes one call, which may be repeated. Blocks for at most the time that the settings name.
    pub(super) fn call<T: Send + 'static>(
        &self,
        call: impl Fn(&Line<'_>) -> Answer<T> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let (reply, answer) = sync_channel(1);
        let work: Work = Box::new(move |worker| {
            // Nobody waits any more: the answer is dropped.
            let _ = reply.send(worker.perform(&call));
        });
        let job = Job { not_after: Instant::now() + self.wait, work };
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => Silence::Busy,
            TrySendError::Disconnected(_) => Silence::Ended,
        })?;
        answer.recv_timeout(self.wait).map_err(|error| match error {
            RecvTimeoutError::Timeout => Silence::TimedOut(self.wait),
            RecvTimeoutError::Disconnected => Silence::Ended,
        })?
    }
}

/// One thread's side.
struct Worker {
    module: Arc<Module>,
    login: Arc<Login>,
    open: Option<Opened>,
}

impl Worker {
    fn run(mut self, queue: &Mutex<Receiver<Job>>) {
        loop {
            let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = job else { return };
            if Instant::now() < job.not_after {
                (job.work)(&mut self);
            }
        }
    }

    /// Once on the session at hand, once on a new one, once more after a new start of the driver.
    fn perform<T>(&mut self, call: &impl Fn(&Line<'_>) -> Answer<T>) -> Result<T, ProviderError> {
        let had_session = self.open.is_some();
        let mut outcome = self.attempt(call);
        if had_session && matches!(outcome, Err(Fault::Token(_))) {
            outcome = self.attempt(call);
        }
        if matches!(outcome, Err(Fault::Token(_))) && self.module.restart().unwrap_or(false) {
            outcome = self.attempt(call);
        }
        outcome.map_err(|fault| match fault {
            Fault::Answer(error) => error,
            Fault::Token(source) => ProviderError::Unavailable(source),
        })
    }

    /// After a failure of the token the session is gone.
    fn attempt<T>(&mut self, call: &impl Fn(&Line<'_>) -> Answer<T>) -> Answer<T> {
        let module = Arc::clone(&self.module);
        let state = module.enter()?;
        let outcome = self.line(&state).and_then(|line| call(&line));
        if matches!(outcome, Err(Fault::Token(_))) {
            self.close(&state);
        }
        outcome
    }

    /// The session at hand, or a new one.
    fn line<'a>(&'a mut self, state: &'a State) -> Answer<Line<'a>> {
        let opened = match self.open.take().filter(|open| open.start == state.start()) {
            Some(opened) => opened,
            None => self.login.open(state)?,
        };
        self.login.line(state, self.open.insert(opened))
    }

    fn close(&mut self, state: &State) {
        if let Some(open) = self.open.take().filter(|open| open.start == state.start()) {
            // A session that cannot be closed is gone already.
            let _ = open.session.close();
        }
    }
}
