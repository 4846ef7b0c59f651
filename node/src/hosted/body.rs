//! One hosted body: its partition, keyring, page cache, identity and log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chukei_crypto::acquisition::AcquisitionKeyPair;
use chukei_crypto::keyring::{Keyring, NamingKey};
use chukei_crypto::seal::{KeySource, SealError};
use chukei_crypto::sign::IdentityKey;
use chukei_domain::codes::AffairCode;
use chukei_domain::local_body_code::LocalBodyCode;
use chukei_keys::{InvalidOwner, KeyProvider, KeyfileError, KeyringFile, Owner};
use chukei_relay_client::identity_keys::IdentityKeys;
use chukei_relay_client::key_file;
use chukei_store::journal::Journal;
use chukei_store::{Batch, DataFolder, Partition, RowKey, Space, Versioned};
use chukei_wire::body_code::BodyCode;

use crate::admission::BodyLimit;
use crate::audit::AuditLog;
use crate::hosted::identity::IdentityPlace;
use crate::hosted::pages::{PageCache, ValueKeys};
use crate::hosted::persons::PersonRef;
use crate::hosted::rows::RowError;
use crate::key_gate::{self, Cause, Fault, Gate};
use crate::rotation::Rewriting;

/// Key files of a body.
pub struct BodyKeyFiles {
    /// Identity keys.
    pub identity: IdentityPlace,
    /// Key that opens acquisition numbers.
    pub acquisition: PathBuf,
}

/// What a body is, beside its keys and data.
pub struct BodyFacts {
    /// Local body code.
    pub code: BodyCode,
    /// The portal its notices go to.
    pub portal: String,
    /// Affairs it is enabled for.
    pub affairs: Vec<AffairCode>,
    /// Its requests in work at once.
    pub in_flight: usize,
}

/// One body, open. Only a grant leads from here to its data.
pub struct HostedBody {
    facts: BodyFacts,
    partition: Arc<dyn Partition>,
    keyring: Arc<KeyringFile>,
    local: LocalBodyCode,
    pages: PageCache,
    identity: IdentityKeys,
    acquisition: AcquisitionKeyPair,
    limit: BodyLimit,
    writing: tokio::sync::Mutex<()>,
    /// Held shared while a batch is looked over and applied.
    applying: tokio::sync::RwLock<()>,
    gate: Gate,
    rewriting: Rewriting,
    audit: AuditLog,
}

impl HostedBody {
    /// Opens the body's partition and keyring, creating them the first time under the epoch of `today`.
    pub fn open(
        folder: &DataFolder,
        journal: Arc<Journal>,
        facts: BodyFacts,
        files: &BodyKeyFiles,
        provider: Arc<dyn KeyProvider>,
        today: u32,
    ) -> Result<Self, Fault> {
        let code = facts.code;
        let files_fault = |text: String| Fault::new(Cause::Files, text);
        let local = code.as_str().parse().map_err(|_| files_fault("not a local body code".into()))?;
        let identity = files.identity.open()?;
        let acquisition = acquisition_key(&files.acquisition).map_err(files_fault)?;
        let partition = folder.partition(code.as_str()).map_err(store_fault)?;
        let keyring = keyring(folder, code, provider, today, &*partition)?;
        let keyring = Arc::new(keyring);
        let audit = AuditLog::new(journal, code.as_str(), keyring.clone());
        let limit = BodyLimit::new(facts.in_flight);
        Ok(Self {
            facts,
            local,
            partition,
            keyring,
            pages: PageCache::new(),
            identity,
            acquisition,
            limit,
            writing: tokio::sync::Mutex::new(()),
            applying: tokio::sync::RwLock::new(()),
            gate: Gate::default(),
            rewriting: Rewriting::default(),
            audit,
        })
    }

    /// Local body code.
    pub fn code(&self) -> BodyCode {
        self.facts.code
    }

    /// The same code, in the terms of the rules.
    pub fn local_code(&self) -> LocalBodyCode {
        self.local
    }

    /// The portal its notices go to.
    pub fn portal(&self) -> &str {
        &self.facts.portal
    }

    /// Affairs it is enabled for (R12).
    pub fn affairs(&self) -> &[AffairCode] {
        &self.facts.affairs
    }

    /// The identity its end-to-end channels and delegations stand on now.
    pub fn identity(&self) -> Arc<IdentityKey> {
        self.identity.current()
    }

    /// Its identity keys, of which one is in use.
    pub fn identity_keys(&self) -> &IdentityKeys {
        &self.identity
    }

    /// The key that opens its part of acquisition numbers.
    pub fn acquisition(&self) -> &AcquisitionKeyPair {
        &self.acquisition
    }

    /// Its own admission limit.
    pub fn limit(&self) -> &BodyLimit {
        &self.limit
    }

    /// Its log.
    pub fn audit(&self) -> &AuditLog {
        &self.audit
    }

    /// Held while rows are read in order to be changed: changes of one body happen one after the other.
    pub(crate) async fn writing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.writing.lock().await
    }

    /// What stands between the body's keys and any use of them.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// The keyring as it stands now: for names and numbers. Values are sealed and opened by [`Self::value_keys`].
    pub(crate) fn keys(&self) -> Arc<Keyring> {
        self.keyring.snapshot()
    }

    /// The durable keyring.
    pub(crate) fn keyring(&self) -> &KeyringFile {
        &self.keyring
    }

    /// The keys for one value, as they stand now. Taken anew for every value, so that no work holds keys across
    /// their destruction.
    pub(crate) fn value_keys(&self) -> Result<ValueKeys<'_>, RowError> {
        self.gate.pass()?;
        Ok(ValueKeys {
            keyring: self.keys(),
            file: &self.keyring,
            pages: &self.pages,
            partition: &*self.partition,
            page: std::cell::OnceCell::new(),
        })
    }

    /// Wipes opened pages of keyrings before the present one.
    pub(crate) fn forget_old_pages(&self) {
        self.pages.forget_before(self.keys().generation());
    }

    /// The rewrite of what stands under old numbers.
    pub(crate) fn rewriting(&self) -> &Rewriting {
        &self.rewriting
    }

    /// The naming key that hangs on the person's own key.
    pub(crate) fn person_naming(&self, person: &PersonRef) -> Result<NamingKey, RowError> {
        let keys = self.value_keys()?;
        let (_, key) = keys.person_key(person.slot()).map_err(SealError::from)?;
        Ok(NamingKey::for_person(key))
    }

    /// Whether the store answers.
    pub fn is_readable(&self) -> bool {
        self.get_row(&RowKey::new(Space::Meta).bytes(b"persons")).is_ok()
    }

    /// Looks at what the body stands on: provider, keyring and store. Blocks on all three.
    pub(crate) fn look(&self) -> Option<Fault> {
        let unreadable = || Fault::new(Cause::Store, "the store cannot be read");
        key_gate::look(&self.keyring).or_else(|| (!self.is_readable()).then(unreadable))
    }

    /// Waits until every batch that was looked over before this call has taken its way into the store's queue.
    pub(crate) async fn applied(&self) {
        drop(self.applying.write().await);
    }

    /// One row, still sealed.
    pub(crate) fn get_row(&self, row: &RowKey) -> Result<Option<Versioned>, RowError> {
        Ok(self.partition.get_many(std::slice::from_ref(row))?.into_iter().next().flatten())
    }

    /// Rows of one moment, still sealed.
    pub(crate) fn get_rows(&self, rows: &[RowKey]) -> Result<Vec<Option<Versioned>>, RowError> {
        Ok(self.partition.get_many(rows)?)
    }

    /// A page of rows, still sealed.
    pub(crate) fn scan(
        &self,
        prefix: &RowKey,
        after: Option<&RowKey>,
        limit: usize,
    ) -> Result<Vec<(RowKey, Versioned)>, RowError> {
        Ok(self.partition.scan(prefix, after, limit)?)
    }

    /// Writes a batch; returns once it is durable. What was sealed before a rotation is sealed again on its way:
    /// after [`Self::applied`], nothing is written under a number that was not the newest.
    pub(crate) async fn apply(&self, mut batch: Batch) -> Result<(), RowError> {
        let _applying = self.applying.read().await;
        self.renew_seals(&mut batch)?;
        Ok(self.partition.apply(batch).await?)
    }
}

fn acquisition_key(path: &Path) -> Result<AcquisitionKeyPair, String> {
    let bytes = key_file::read(path).map_err(|error| error.to_string())?;
    AcquisitionKeyPair::from_bytes(&bytes).map_err(|error| format!("{}: {error}", path.display()))
}

fn store_fault(error: impl std::fmt::Display) -> Fault {
    Fault::new(Cause::Store, format!("store: {error}"))
}

/// Opens the body's keyring. A new one is made only for a body that has nothing stored: in any other case a
/// missing keyring is a loss to be mended from its backup, not to be covered by a new one.
fn keyring(
    folder: &DataFolder,
    code: BodyCode,
    provider: Arc<dyn KeyProvider>,
    today: u32,
    partition: &dyn Partition,
) -> Result<KeyringFile, Fault> {
    let path = folder.keyring_path(code.as_str()).map_err(store_fault)?;
    let owner: Owner =
        code.as_str().parse().map_err(|error: InvalidOwner| Fault::new(Cause::Files, error))?;
    let failed = |error: KeyfileError| Fault::from(&error);
    match KeyringFile::open(&path, provider.clone(), &owner) {
        Err(KeyfileError::Missing) => {}
        opened => return opened.map_err(failed),
    }
    let pages = partition.scan(&RowKey::new(Space::Page), None, 1).map_err(store_fault)?;
    if !pages.is_empty() {
        let text = "the keyring is missing, and the body has data: restore it from its backup";
        return Err(Fault::new(Cause::Missing, text));
    }
    KeyringFile::create(&path, provider, &owner, today).map_err(failed)
}
