//! What goes along when a body's rows change their engine: its log and its keyring, where those lie beside the rows, and
//! the word that says where the body is.
//!
//! What must hold: the word is changed once rows, log and keyring are durable in the new place. Out of a place that other
//! nodes look into, the mark there comes first: whoever reads it knows that the rest is in the new place.

use std::sync::{Arc, Mutex, PoisonError};

use chukei_store::image::{Along, ImageError, Place, Uncommitted, give_away, given_away};
use chukei_store::journal::{HeldLog, LogMove};
use chukei_store::keyring_place::{HeldKeyring, KeyringPlace, MovableKeyring};
use chukei_store::{EngineKind, StoreError};

use crate::home::{Home, beside, blocking};
use crate::hosted::sealed_body::SealedBody;

/// Entries of a log after which rows are looked at again before writes are held.
const MUCH: u64 = 256;

/// What goes along with the rows of one body.
pub(super) struct Companions {
    home: Home,
    name: String,
    from: EngineKind,
    to: EngineKind,
    beside: Option<Beside>,
    abandoned: bool,
}

/// Log and keyring, where they go to the other place too.
struct Beside {
    log: Arc<Mutex<LogMove>>,
    keyring: Arc<MovableKeyring>,
    new_place: Arc<dyn KeyringPlace>,
    /// The last number of the log that was held.
    given: u64,
}

impl Companions {
    /// Begins to copy what goes along. The partition is open in both places.
    pub(super) async fn begin(
        home: &Home,
        body: &SealedBody,
        from: EngineKind,
        to: EngineKind,
    ) -> Result<Self, ImageError> {
        let name = body.code().to_string();
        let beside = if beside(from) == beside(to) {
            None
        } else {
            home.reach(to).await?;
            let log = LogMove::begin(&home.journal, &name, beside(to)).await?;
            Some(Beside {
                log: Arc::new(Mutex::new(log)),
                keyring: body.keyring_place().clone(),
                new_place: home.keyring_place(&name, to)?,
                given: 0,
            })
        };
        Ok(Self { home: home.clone(), name, from, to, beside, abandoned: false })
    }

    /// Whether it is not known where the body is.
    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned
    }

    /// The mark in a place that other nodes look into.
    async fn mark(&self) -> Result<(), Uncommitted> {
        let old = self.home.engines.of(self.from).await.map_err(not)?.open(&self.name).await.map_err(not)?;
        let Err(error) = give_away(&*old).await else { return Ok(()) };
        match given_away(&*old).await {
            Ok(false) => Err(Uncommitted::Not(error)),
            Ok(true) => Ok(()),
            Err(_) => Err(Uncommitted::Unknown(error)),
        }
    }
}

fn not(error: StoreError) -> Uncommitted {
    Uncommitted::Not(error.into())
}

impl Along for Companions {
    type Held = Option<(HeldLog, HeldKeyring)>;

    async fn catch_up(&mut self) -> Result<bool, ImageError> {
        let Some(beside) = &self.beside else { return Ok(false) };
        let log = beside.log.clone();
        let copied = blocking(move || {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(log.catch_up()?)
        });
        Ok(copied.await? > MUCH)
    }

    fn hold(&mut self) -> Self::Held {
        let beside = self.beside.as_mut()?;
        let log = beside.log.lock().unwrap_or_else(PoisonError::into_inner).hold();
        beside.given = log.given();
        // A change of the keyring that has begun to be written is waited for.
        Some((log, tokio::task::block_in_place(|| beside.keyring.hold())))
    }

    async fn copy_rest(&mut self) -> Result<(), ImageError> {
        let Some(Beside { log, keyring, new_place, given }) = &self.beside else { return Ok(()) };
        let (log, given) = (log.clone(), *given);
        let (keyring, new_place) = (keyring.clone(), new_place.clone());
        let log = blocking(move || {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(log.copy_rest(given)?)
        });
        let keyring = blocking(move || keyring.copy_to(&*new_place).map_err(ImageError::Keyring));
        let (log, keyring) = tokio::join!(log, keyring);
        log.and(keyring)
    }

    async fn commit(&mut self) -> Result<(), Uncommitted> {
        let (from, to) = (self.from, self.to);
        let shared = from == EngineKind::Postgres;
        if shared {
            self.mark().await?;
        }
        let Err(error) = self.home.set_place(&self.name, Place::Moved { from, to }) else { return Ok(()) };
        // It may be there after all, and without the mark of a shared place nothing but the word says where the body is.
        if !shared && self.home.set_place(&self.name, Place::Moving { from, to }).is_ok() {
            return Err(Uncommitted::Not(error));
        }
        Err(Uncommitted::Unknown(error))
    }

    fn go_on_there(&mut self, held: Self::Held) {
        if let (Some((log, keyring)), Some(beside)) = (held, &self.beside) {
            log.go_on_there();
            keyring.go_on_in(beside.new_place.clone());
        }
    }

    fn abandon(&mut self, held: Self::Held) {
        self.abandoned = true;
        if let Some((log, _)) = held {
            log.shut();
        }
    }
}
