//! The token's driver: a shared object, loaded once per process and initialised once for all who use it.
//!
//! What must hold: nobody is inside the driver while it is started anew, and a session of an earlier start is
//! never touched again, because its number may by now be somebody else's. PKCS #11 knows one initialisation per
//! process, so all tokens of one driver share one [`Module`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, RwLock, RwLockReadGuard, TryLockError};
use std::time::{Duration, Instant};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};

/// Shortest time between two new starts of the driver: a token that stays away must not keep it busy.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// Drivers in use, for as long as the process lives. Bounded by what the configuration names.
static MODULES: LazyLock<Mutex<BTreeMap<PathBuf, Arc<Module>>>> = LazyLock::new(Mutex::default);

/// One driver.
#[derive(Debug)]
pub(super) struct Module {
    path: PathBuf,
    state: RwLock<State>,
    restarted: Mutex<Option<Instant>>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    driver: Option<Pkcs11>,
    /// Counts starts: sessions of another start are void.
    start: u64,
}

impl State {
    /// The driver, if it was started.
    pub(super) fn driver(&self) -> Option<&Pkcs11> {
        self.driver.as_ref()
    }

    /// Which start this is.
    pub(super) fn start(&self) -> u64 {
        self.start
    }
}

impl Module {
    /// The one module for the driver at `path`. Nothing is loaded yet.
    pub(super) fn at(path: &Path) -> Arc<Self> {
        let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
        let module = modules.entry(path.to_owned()).or_insert_with(|| {
            let (state, restarted) = (RwLock::default(), Mutex::default());
            Arc::new(Self { path: path.to_owned(), state, restarted })
        });
        Arc::clone(module)
    }

    /// Enters the driver: while the guard lives nobody starts it anew.
    pub(super) fn enter(&self) -> Result<RwLockReadGuard<'_, State>, Error> {
        loop {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            if state.driver.is_some() {
                return Ok(state);
            }
            drop(state);
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            if state.driver.is_none() {
                state.begin(Pkcs11::new(&self.path)?)?;
            }
        }
    }

    /// Starts the driver anew, as it takes for most of them to see a token that was away. Says whether it did:
    /// not while others are inside, and not again within a second.
    pub(super) fn restart(&self) -> Result<bool, Error> {
        let mut restarted = self.restarted.lock().unwrap_or_else(PoisonError::into_inner);
        if restarted.is_some_and(|at| at.elapsed() < RESTART_PAUSE) {
            return Ok(false);
        }
        let mut state = match self.state.try_write() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(false),
        };
        *restarted = Some(Instant::now());
        let Some(driver) = state.driver.take() else { return Ok(true) };
        // One that was never started, or lost its state, has nothing to end.
        let _ = driver.clone().finalize();
        state.begin(driver)?;
        Ok(true)
    }
}

impl State {
    fn begin(&mut self, driver: Pkcs11) -> Result<(), Error> {
        match driver.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            // Somebody else in this process uses the driver, too.
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(error),
        }
        self.start += 1;
        self.driver = Some(driver);
        Ok(())
    }
}
