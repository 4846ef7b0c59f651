//! One hosted body: its partition, keyring, page cache, identity and log.

mod opening;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use chukei_crypto::acquisition::AcquisitionKeyPair;
use chukei_crypto::keyring::{Keyring, NamingKey};
use chukei_crypto::seal::{KeySource, SealError};
use chukei_crypto::sign::IdentityKey;
use chukei_domain::catalogue::Catalogue;
use chukei_domain::codes::AffairCode;
use chukei_domain::local_body_code::LocalBodyCode;
use chukei_keys::KeyringFile;
use chukei_relay_client::identity_keys::IdentityKeys;
use chukei_store::image::Observed;
use chukei_store::keyring_place::MovableKeyring;
use chukei_store::{
    Batch, EngineKind, Partition, Reading, RowKey, Rows, StoreError, Usage, Versioned, WriteFault,
};
use chukei_wire::body_code::BodyCode;
use tokio::sync::Notify;

use crate::acts::Acting;
use crate::audit::AuditLog;
use crate::checkpoints::VouchedHeads;
use crate::erasure::Erasing;
use crate::hosted::datasets::DatasetSlots;
use crate::hosted::pages::PageCache;
use crate::hosted::persons::PersonRef;
use crate::hosted::rows::RowError;
use crate::key_gate::{self, Cause, Fault, Gate};
use crate::register::{Register, RegisterPlace};
use crate::review::Reviews;
use crate::rotation::Rewriting;
use crate::undisclosed::Undisclosing;
pub use opening::BodyKeyFiles;

/// How long a read may take, which has other deadlines where somebody waits for an answer: what the node does by itself
/// has this one.
const READ_WAIT: Duration = Duration::from_secs(30);

/// What a body is, beside its keys and data.
pub struct BodyFacts {
    /// Local body code.
    pub code: BodyCode,
    /// The portal its notices go to.
    pub portal: String,
    /// Affairs it is enabled for.
    pub affairs: Vec<AffairCode>,
    /// Its rows come from elsewhere: nothing is made for it before they are there.
    pub awaited: bool,
}

/// One body, open. Only a grant leads from here to its data.
pub struct HostedBody {
    facts: BodyFacts,
    partition: Arc<Observed>,
    keyring: Arc<KeyringFile>,
    keyring_place: Arc<MovableKeyring>,
    local: LocalBodyCode,
    pages: PageCache,
    datasets: DatasetSlots,
    identity: IdentityKeys,
    acquisition: AcquisitionKeyPair,
    writing: tokio::sync::Mutex<()>,
    /// Held shared while a batch is looked over and applied.
    applying: tokio::sync::RwLock<()>,
    gate: Gate,
    /// Woken when a read or a write has met a fault.
    met_fault: Notify,
    /// Whether a notice may be open, whose states are to be pulled.
    may_have_open_notices: AtomicBool,
    rewriting: Rewriting,
    erasing: Erasing,
    reviews: Reviews,
    acting: Acting,
    undisclosing: Undisclosing,
    /// The catalogue that the body has loaded itself.
    catalogue: ArcSwapOption<Catalogue>,
    audit: AuditLog,
    vouched: Arc<VouchedHeads>,
    register: RegisterPlace,
}

impl HostedBody {
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

    /// Its log.
    pub fn audit(&self) -> &AuditLog {
        &self.audit
    }

    /// The checkpoints of its log that brokers have cosigned.
    pub(crate) fn vouched(&self) -> &Arc<VouchedHeads> {
        &self.vouched
    }

    /// Who and what it knows at this moment.
    pub fn register(&self) -> Arc<Register> {
        self.register.now()
    }

    /// The place of what is in force.
    pub(crate) fn register_place(&self) -> &RegisterPlace {
        &self.register
    }

    /// Its rows, to be copied as they are.
    pub(crate) fn rows_as_they_are(&self) -> &Arc<Observed> {
        &self.partition
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

    /// Where the keyring lies, which goes with the rows.
    pub(crate) fn keyring_place(&self) -> &Arc<MovableKeyring> {
        &self.keyring_place
    }

    /// Opened pages of person keys.
    pub(crate) fn pages(&self) -> &PageCache {
        &self.pages
    }

    /// Its rows, for what needs to open none.
    pub(crate) fn partition(&self) -> &dyn Partition {
        &*self.partition
    }

    /// Slots of the keys of datasets.
    pub(crate) fn datasets(&self) -> &DatasetSlots {
        &self.datasets
    }

    /// Wipes opened pages of keyrings before the present one.
    pub(crate) fn forget_old_pages(&self) {
        self.pages.forget_before(self.keys().generation());
    }

    /// Erasures that are carried through.
    pub(crate) fn erasing(&self) -> &Erasing {
        &self.erasing
    }

    /// What waits for a reviewer (R7).
    pub(crate) fn reviews(&self) -> &Reviews {
        &self.reviews
    }

    /// What brokers are to be told to hide.
    pub(crate) fn undisclosing(&self) -> &Undisclosing {
        &self.undisclosing
    }

    /// Acts that two persons decide.
    pub(crate) fn acting(&self) -> &Acting {
        &self.acting
    }

    /// The catalogue that the body has loaded itself.
    pub(crate) fn own_catalogue(&self) -> Option<Arc<Catalogue>> {
        self.catalogue.load_full()
    }

    /// Puts it in force with the next operation.
    pub(crate) fn set_own_catalogue(&self, catalogue: Arc<Catalogue>) {
        self.catalogue.store(Some(catalogue));
    }

    /// Whether the body is erased, but for its log.
    pub(crate) fn is_ended(&self) -> bool {
        self.keys().is_ended()
    }

    /// Why an erased body is not served.
    pub(crate) fn ended(&self) -> Option<Fault> {
        self.is_ended()
            .then(|| Fault::new(Cause::Erased, "the body is erased: take it out of the configuration"))
    }

    /// Shuts the gate of an erased body, for good.
    pub(crate) fn shut_ended(&self) {
        self.gate.set(self.ended());
    }

    /// The rewrite of what stands under old numbers.
    pub(crate) fn rewriting(&self) -> &Rewriting {
        &self.rewriting
    }

    /// The naming key that hangs on the person's own key.
    pub(crate) async fn person_naming(&self, person: &PersonRef) -> Result<NamingKey, RowError> {
        let keys = self.value_keys(Some(person.slot())).await?;
        let (_, key) = keys.person_key(person.slot()).map_err(SealError::from)?;
        Ok(NamingKey::for_person(key))
    }

    /// The fencing epoch of this node's lease on the body.
    pub fn epoch(&self) -> u64 {
        self.partition.epoch()
    }

    /// Whether another node has taken the body over: this one serves it no more.
    pub fn is_fenced(&self) -> bool {
        self.partition.fault() == Some(WriteFault::Fenced)
    }

    /// The space that its rows take.
    pub async fn usage(&self) -> Result<Usage, RowError> {
        self.read(self.partition.usage()).await
    }

    /// Until a read or a write meets a fault.
    pub async fn met_fault(&self) {
        self.met_fault.notified().await;
    }

    /// Whether a notice may be open: until somebody has looked, one may be.
    pub(crate) fn may_have_open_notices(&self) -> bool {
        self.may_have_open_notices.load(Ordering::Acquire)
    }

    /// Notes whether a notice may be open.
    pub(crate) fn note_open_notices(&self, open: bool) {
        self.may_have_open_notices.store(open, Ordering::Release);
    }

    /// Looks at what the body stands on: keyring and provider, then what is known of its partition. Where that has a
    /// fault and it is time to `mend`, tries whether it is over. Tells by `in_store` what it waits for.
    pub(crate) async fn look(self: Arc<Self>, mend: bool, in_store: Arc<AtomicBool>) -> Option<Fault> {
        if let Some(fault) = self.ended() {
            return Some(fault);
        }
        let on_server = self.partition.engine() == EngineKind::Postgres;
        in_store.store(on_server, Ordering::Release);
        if let Some(fault) = key_gate::look(self.keyring.clone()).await {
            // A keyring on the server is out of reach with it, which is nothing that is wrong with the keyring.
            let unread = on_server && fault.cause == Cause::Store;
            return Some(if unread { WriteFault::Unreachable.into() } else { fault });
        }
        let fault = self.partition.fault();
        if let (Some(fault), false) = (fault, mend) {
            return Some(fault.into());
        }
        in_store.store(true, Ordering::Release);
        if fault.is_some()
            && let Some(fault) = self.partition.recover().await
        {
            return Some(fault.into());
        }
        self.settle_register().await
    }

    /// Waits for a read no longer than [`READ_WAIT`]; for one that is there already, not at all.
    async fn read<T>(&self, reading: Reading<T>) -> Result<T, RowError> {
        let answer = match reading.is_now() {
            true => reading.await,
            false => tokio::time::timeout(READ_WAIT, reading).await.unwrap_or(Err(StoreError::Busy)),
        };
        self.heed(answer)
    }

    /// Passes on what the store answered; a fault that it has met shuts the gate at once.
    fn heed<T>(&self, answer: Result<T, StoreError>) -> Result<T, RowError> {
        if answer.is_err()
            && let Some(fault) = self.partition.fault()
        {
            self.gate.shut(fault.into());
            self.met_fault.notify_one();
        }
        Ok(answer?)
    }

    /// Waits until every batch that was looked over before this call has taken its way into the store's queue.
    pub(crate) async fn applied(&self) {
        drop(self.applying.write().await);
    }

    /// One row, still sealed.
    pub(crate) async fn get_row(&self, row: &RowKey) -> Result<Option<Versioned>, RowError> {
        Ok(self.get_rows(std::slice::from_ref(row)).await?.into_iter().next().flatten())
    }

    /// Rows of one moment, still sealed.
    pub(crate) async fn get_rows(&self, rows: &[RowKey]) -> Result<Vec<Option<Versioned>>, RowError> {
        self.read(self.partition.get_many(rows)).await
    }

    /// How many rows there are with this prefix.
    pub(crate) async fn count_rows(&self, prefix: &RowKey) -> Result<u64, RowError> {
        self.read(self.partition.count(prefix)).await
    }

    /// A page of rows, still sealed.
    pub(crate) async fn scan(
        &self,
        prefix: &RowKey,
        after: Option<&RowKey>,
        limit: usize,
    ) -> Result<Rows, RowError> {
        self.read(self.partition.scan(prefix, after, limit)).await
    }

    /// Writes a batch; returns once it is durable. What was sealed before a rotation is sealed again on its way:
    /// after [`Self::applied`], nothing is written under a number that was not the newest.
    pub(crate) async fn apply(&self, mut batch: Batch) -> Result<(), RowError> {
        let _applying = self.applying.read().await;
        self.gate.pass_to_write()?;
        self.renew_seals(&mut batch).await?;
        self.heed(self.partition.apply(batch).await)
    }
}
