//! How a body is opened: its key files, its partition, its keyring, its log. Made only where nothing of it is stored.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arc_swap::ArcSwapOption;
use chukei_crypto::acquisition::AcquisitionKeyPair;
use chukei_domain::day::start_of;
use chukei_keys::{InvalidOwner, KeyProvider, KeyfileError, KeyringFile, Owner};
use chukei_relay_client::identity_keys::IdentityKeys;
use chukei_relay_client::key_file;
use chukei_store::image::Observed;
use chukei_store::keyring_place::{KeyringPlace, MovableKeyring};
use chukei_store::{Engine, Partition, RowKey, Space, StoreError, WriteFault};
use chukei_wire::body_code::BodyCode;
use tokio::sync::Notify;

use super::{BodyFacts, HostedBody};
use crate::acts::Acting;
use crate::audit::AuditLog;
use crate::erasure::Erasing;
use crate::home::Home;
use crate::hosted::datasets::DatasetSlots;
use crate::hosted::identity::IdentityPlace;
use crate::hosted::pages::PageCache;
use crate::key_gate::{Cause, Fault, Gate};
use crate::register::RegisterPlace;
use crate::review::Reviews;
use crate::rotation::Rewriting;
use crate::undisclosed::Undisclosing;

/// Key files of a body.
pub struct BodyKeyFiles {
    /// Identity keys.
    pub identity: IdentityPlace,
    /// Key that opens acquisition numbers.
    pub acquisition: PathBuf,
}

impl HostedBody {
    /// Opens the body's partition and keyring, creating them the first time under the epoch of `today`.
    pub async fn open(
        home: &Home,
        facts: BodyFacts,
        files: BodyKeyFiles,
        provider: Arc<dyn KeyProvider>,
        today: u32,
    ) -> Result<Self, Fault> {
        let code = facts.code;
        let local = code.as_str().parse().map_err(|_| Fault::new(Cause::Files, "not a local body code"))?;
        let (identity, acquisition) = waiting(move || files.open()).await?;
        let engine = home.of_body(code.as_str()).await?;
        let partition = engine.open(code.as_str()).await?;
        // The handle of a body that was taken over stays open here until the last request has let go of it.
        if partition.fault() == Some(WriteFault::Fenced) {
            return Err(StoreError::Fenced.into());
        }
        let partition = Observed::over(partition, engine.kind()).await?;
        if facts.awaited && !partition.came_from_elsewhere().await? {
            return Err(Fault::new(Cause::Opening, "awaited: its rows are to be restored from where it was"));
        }
        home.take_up_keyring(code.as_str(), engine.kind()).await?;
        let place = MovableKeyring::new(home.keyring_place(code.as_str(), engine.kind())?);
        let keyring = Arc::new(keyring(place.clone(), code, provider, today, &*partition).await?);
        let partition = match keyring.snapshot().is_ended() {
            true => cleared(&*engine, code, partition).await?,
            false => partition,
        };
        home.adopt(code.as_str(), engine.kind()).await?;
        let audit = AuditLog::new(home.journal.clone(), local, keyring.clone(), home.keep);
        prepared(&audit, code, today).await?;
        let body = Self {
            facts,
            local,
            partition,
            keyring,
            keyring_place: place,
            pages: PageCache::new(),
            datasets: DatasetSlots::default(),
            identity,
            acquisition,
            writing: tokio::sync::Mutex::new(()),
            applying: tokio::sync::RwLock::new(()),
            gate: Gate::default(),
            met_fault: Notify::new(),
            may_have_open_notices: AtomicBool::new(true),
            rewriting: Rewriting::default(),
            erasing: Erasing::default(),
            reviews: Reviews::default(),
            acting: Acting::default(),
            undisclosing: Undisclosing::default(),
            catalogue: ArcSwapOption::empty(),
            audit,
            vouched: Arc::default(),
            register: RegisterPlace::empty(local),
        };
        if !body.is_ended() {
            body.reviews.load(&body).await?;
        }
        Ok(body)
    }
}

impl BodyKeyFiles {
    /// Blocks on files, and on the token where there is one.
    fn open(&self) -> Result<(IdentityKeys, AcquisitionKeyPair), Fault> {
        let acquisition =
            acquisition_key(&self.acquisition).map_err(|text| Fault::new(Cause::Files, text))?;
        Ok((self.identity.open()?, acquisition))
    }
}

/// Of an erased body whose rows are all gone, what the engine keeps goes as well: its files, however little they shrink
/// by themselves. It goes on with an empty partition.
async fn cleared(
    engine: &dyn Engine,
    code: BodyCode,
    partition: Arc<Observed>,
) -> Result<Arc<Observed>, Fault> {
    for space in Space::ALL {
        if !partition.scan(&RowKey::new(*space), None, 1).await?.rows.is_empty() {
            return Ok(partition);
        }
    }
    // Waits for what is queued.
    waiting(move || {
        drop(partition);
        Ok(())
    })
    .await?;
    match engine.remove(code.as_str()).await {
        // Somebody has it in hand still: it goes the next time.
        Ok(_) | Err(StoreError::Owned) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(Observed::over(engine.open(code.as_str()).await?, engine.kind()).await?)
}

fn acquisition_key(path: &Path) -> Result<AcquisitionKeyPair, String> {
    let bytes = key_file::read(path).map_err(|error| error.to_string())?;
    AcquisitionKeyPair::from_bytes(&bytes).map_err(|error| format!("{}: {error}", path.display()))
}

/// Opens the body's keyring. A new one is made only for a body that has nothing stored: in any other case a
/// missing keyring is a loss to be mended from its backup, not to be covered by a new one.
async fn keyring(
    place: Arc<dyn KeyringPlace>,
    code: BodyCode,
    provider: Arc<dyn KeyProvider>,
    today: u32,
    partition: &dyn Partition,
) -> Result<KeyringFile, Fault> {
    let owner: Owner =
        code.as_str().parse().map_err(|error: InvalidOwner| Fault::new(Cause::Files, error))?;
    let (there, of, keys) = (place.clone(), owner.clone(), provider.clone());
    let opened = waiting(move || match KeyringFile::open_at(there, keys, &of) {
        Err(KeyfileError::Missing) => Ok(None),
        opened => opened.map(Some).map_err(|error| Fault::from(&error)),
    });
    if let Some(opened) = opened.await? {
        return Ok(opened);
    }
    for space in [Space::Page, Space::Register] {
        if !partition.scan(&RowKey::new(space), None, 1).await?.rows.is_empty() {
            let text = "the keyring is missing, and the body has data: restore it from its backup";
            return Err(Fault::new(Cause::Missing, text));
        }
    }
    waiting(move || {
        KeyringFile::create_at(place, provider, &owner, today).map_err(|error| Fault::from(&error))
    })
    .await
}

/// With the keys for this month's records and the next month's. What stands in the way of it now is tried again each day.
async fn prepared(audit: &AuditLog, code: BodyCode, today: u32) -> Result<(), Fault> {
    let audit = audit.clone();
    waiting(move || {
        if let Err(error) = audit.prepare(start_of(today)) {
            tracing::warn!(body = %code, %error, "no keys ahead for the log's records");
        }
        Ok(())
    })
    .await
}

/// Runs `work` on a thread that may wait for files and for the provider.
async fn waiting<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Fault::new(Cause::Opening, "the opening broke off")))
}
