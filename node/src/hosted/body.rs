//! One hosted body: its partition, keyring, page cache, identity and log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chukei_crypto::acquisition::AcquisitionKeyPair;
use chukei_crypto::keyring::{Keyring, NamingKey};
use chukei_crypto::seal::{KeySource, SealError};
use chukei_crypto::sign::IdentityKey;
use chukei_domain::codes::AffairCode;
use chukei_domain::local_body_code::LocalBodyCode;
use chukei_keys::{KeyProvider, KeyfileError, KeyringFile, Owner};
use chukei_relay_client::identity_keys::IdentityKeys;
use chukei_relay_client::key_file;
use chukei_store::journal::Journal;
use chukei_store::{Batch, DataFolder, Partition, RowKey, Space, Versioned};
use chukei_wire::body_code::BodyCode;

use crate::admission::BodyLimit;
use crate::audit::AuditLog;
use crate::hosted::pages::{PageCache, ValueKeys};
use crate::hosted::persons::PersonRef;
use crate::hosted::rows::RowError;

/// Key files of a body.
pub struct BodyKeyFiles {
    /// Identity key.
    pub identity: PathBuf,
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

/// Why a body could not be opened at start.
#[derive(Debug, thiserror::Error)]
#[error("body {code}: {what}: {cause}")]
pub struct OpenBodyError {
    code: BodyCode,
    what: &'static str,
    cause: String,
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
    ) -> Result<Self, OpenBodyError> {
        let code = facts.code;
        let fail = |what: &'static str| move |cause: String| OpenBodyError { code, what, cause };
        let local = code.as_str().parse().map_err(|_| fail("code")("not a local body code".into()))?;
        let identity = IdentityKeys::open(files.identity.clone())
            .map_err(|error| fail("identity key")(error.to_string()))?;
        let acquisition = acquisition_key(&files.acquisition).map_err(fail("acquisition key"))?;
        let partition = folder.partition(code.as_str()).map_err(|error| fail("store")(error.to_string()))?;
        let keyring = keyring(folder, code, provider, today, &*partition).map_err(fail("keyring"))?;
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

    /// The keyring as it stands now.
    pub(crate) fn keys(&self) -> Arc<Keyring> {
        self.keyring.snapshot()
    }

    /// The durable keyring.
    pub(crate) fn keyring(&self) -> &KeyringFile {
        &self.keyring
    }

    /// The keys for one value, as they stand now.
    pub(crate) fn value_keys(&self) -> ValueKeys<'_> {
        ValueKeys {
            keyring: self.keys(),
            pages: &self.pages,
            partition: &*self.partition,
            page: std::cell::OnceCell::new(),
        }
    }

    /// The naming key that hangs on the person's own key.
    pub(crate) fn person_naming(&self, person: &PersonRef) -> Result<NamingKey, RowError> {
        let keys = self.value_keys();
        let (_, key) = keys.person_key(person.slot()).map_err(SealError::from)?;
        Ok(NamingKey::for_person(key))
    }

    /// Whether the store answers.
    pub fn is_readable(&self) -> bool {
        self.get_row(&RowKey::new(Space::Meta).bytes(b"persons")).is_ok()
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

    /// Writes a batch; returns once it is durable.
    pub(crate) async fn apply(&self, batch: Batch) -> Result<(), RowError> {
        Ok(self.partition.apply(batch).await?)
    }
}

fn acquisition_key(path: &Path) -> Result<AcquisitionKeyPair, String> {
    let bytes = key_file::read(path).map_err(|error| error.to_string())?;
    AcquisitionKeyPair::from_bytes(&bytes).map_err(|error| format!("{}: {error}", path.display()))
}

/// Opens the body's keyring. A new one is made only for a body that has nothing stored: in any other case a
/// missing keyring is a loss to be mended from its backup, not to be covered by a new one.
fn keyring(
    folder: &DataFolder,
    code: BodyCode,
    provider: Arc<dyn KeyProvider>,
    today: u32,
    partition: &dyn Partition,
) -> Result<KeyringFile, String> {
    let path = folder.keyring_path(code.as_str()).map_err(|error| error.to_string())?;
    let owner: Owner = code.as_str().parse().map_err(|error: chukei_keys::InvalidOwner| error.to_string())?;
    let failed = |error: KeyfileError| format!("{}: {}: {error}", error.code(), path.display());
    match KeyringFile::open(&path, provider.clone(), &owner) {
        Err(KeyfileError::Missing) => {}
        opened => return opened.map_err(failed),
    }
    let pages = partition.scan(&RowKey::new(Space::Page), None, 1).map_err(|error| error.to_string())?;
    if !pages.is_empty() {
        return Err(format!(
            "{}: missing, and the body has data: restore it from its backup",
            path.display()
        ));
    }
    KeyringFile::create(&path, provider, &owner, today).map_err(failed)
}
