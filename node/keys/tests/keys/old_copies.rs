//! Old copies of everything a body has, put back: refused while their epoch lives, destroyed afterwards.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use chukei_crypto::keyring::Page;
use chukei_crypto::seal::{KeyIds, PersonSlot, Place, Purpose, SealError, open, seal};
use chukei_keys::{KeyfileError, KeyringFile, ProviderError};
use chukei_store::{Batch, DataFolder, Engine, Partition, RowKey, Space, SqliteOptions};

use crate::stage::{Stage, TODAY, owner};

const KEPT: u32 = 7;
const PAGE: u32 = 3;
const NOTICE: KeyIds = KeyIds { purpose: Purpose::Notices, day: TODAY + 2, person: None };
const COPY: KeyIds =
    KeyIds { purpose: Purpose::Copies, day: 0, person: Some(PersonSlot { page: PAGE, slot: 7 }) };

fn rows() -> [RowKey; 3] {
    [Space::Notice, Space::Document, Space::Page].map(|space| RowKey::new(space).name(&[1; 32]))
}

fn place(row: &RowKey) -> Place<'_> {
    Place { body: b"982016", space: row.as_bytes()[0], row: row.as_bytes() }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Store and keyring of a body in the folder `name`.
struct Body {
    engine: Arc<dyn Engine>,
    keyring: KeyringFile,
}

impl Body {
    fn open(stage: &Stage, name: &str) -> Result<Self, KeyfileError> {
        let folder = DataFolder::open(&stage.path(name)).unwrap();
        let path = folder.keyring_path("982016").unwrap();
        let keyring = match KeyringFile::open(&path, stage.provider(), &owner()) {
            Err(KeyfileError::Missing) => KeyringFile::create(&path, stage.provider(), &owner(), TODAY)?,
            opened => opened?,
        };
        Ok(Self { engine: folder.sqlite(SqliteOptions::default()), keyring })
    }

    async fn partition(&self) -> Arc<dyn Partition> {
        self.engine.open("982016").await.unwrap()
    }

    async fn put(&self, row: &RowKey, value: Vec<u8>) {
        self.partition().await.apply(Batch::new().put(row.clone(), value)).await.unwrap();
    }

    async fn get(&self, row: &RowKey) -> Vec<u8> {
        let partition = self.partition().await;
        partition.get_many(std::slice::from_ref(row)).await.unwrap().remove(0).unwrap().value
    }

    async fn page(&self) -> Page {
        Page::from_sealed(&self.get(&rows()[2]).await, PAGE, &self.keyring.snapshot()).unwrap()
    }

    /// A notice kept until the day after tomorrow, and a copy about a person.
    async fn fill(&self) {
        self.keyring.ensure_day_key(Purpose::Notices, NOTICE.day).unwrap();
        let keys = self.keyring.ensure_page(PAGE).unwrap();
        let page = Page::create(PAGE).unwrap();
        let [notice, copy, page_row] = rows();
        self.put(&page_row, page.to_sealed(&keys).unwrap()).await;
        self.put(&notice, seal(&*keys, NOTICE, place(&notice), b"notice").unwrap()).await;
        self.put(&copy, seal(&page.keys(&keys), COPY, place(&copy), b"copy").unwrap()).await;
    }

    async fn notice(&self) -> Result<Vec<u8>, SealError> {
        let row = &rows()[0];
        open(&*self.keyring.snapshot(), place(row), &self.get(row).await).map(|opened| opened.into_inner())
    }

    async fn copy(&self) -> Result<Vec<u8>, SealError> {
        let row = &rows()[1];
        let (page, keys) = (self.page().await, self.keyring.snapshot());
        open(&page.keys(&keys), place(row), &self.get(row).await).map(|opened| opened.into_inner())
    }

    /// The notice's day is over, and the person is erased.
    async fn erase(&self) {
        self.keyring.destroy_days_before(NOTICE.day + 1).unwrap();
        self.keyring.update(|keys| keys.renew_page_key(PAGE)).unwrap();
        let mut page = self.page().await;
        page.renew_slot(7).unwrap();
        self.put(&rows()[2], page.to_sealed(&self.keyring.snapshot()).unwrap()).await;
        self.keyring.update(|keys| Ok(keys.retire_page(PAGE))).unwrap();
    }
}

/// A body whose whole folder was copied to `copy` while notice and person were there, and which erased both since.
async fn erased_since_the_copy(stage: &Stage) -> Body {
    let body = Body::open(stage, "node").unwrap();
    body.fill().await;
    assert_eq!(body.notice().await.unwrap(), b"notice");
    assert_eq!(body.copy().await.unwrap(), b"copy");
    drop(body);
    copy_folder(&stage.path("node"), &stage.path("copy"));
    let body = Body::open(stage, "node").unwrap();
    body.erase().await;
    assert_eq!(body.notice().await, Err(SealError::KeyDestroyed));
    assert_eq!(body.copy().await, Err(SealError::KeyDestroyed));
    body
}

/// R23: erasure reaches the copies of a data folder once the last epoch that sealed them is destroyed.
#[tokio::test]
async fn r23_an_old_keyring_restored_with_its_old_store_is_key_destroyed_once_its_epoch_is_gone() {
    let stage = Stage::new();
    let body = erased_since_the_copy(&stage).await;
    let mut code_of_the_copy = Vec::new();
    for day in TODAY + 1..=TODAY + KEPT {
        body.keyring.turn_epoch(day, KEPT).unwrap();
        code_of_the_copy.push(Body::open(&stage, "copy").err().unwrap().code());
    }
    let mut expected = vec!["OLDER_KEYRING"; KEPT as usize - 1];
    expected.push("KEY_DESTROYED");
    assert_eq!(code_of_the_copy, expected);
    drop(body);

    // Restored to its own place, over everything that is there now.
    fs::remove_dir_all(stage.path("node")).unwrap();
    copy_folder(&stage.path("copy"), &stage.path("node"));
    let restored = Body::open(&stage, "node").err().unwrap();
    assert!(matches!(restored, KeyfileError::Provider(ProviderError::Destroyed)), "{restored}");
}

/// The old rows alone, under the keyring in use, name keys that are gone.
#[tokio::test]
async fn r23_old_rows_under_the_keyring_in_use_are_key_destroyed() {
    let stage = Stage::new();
    let body = erased_since_the_copy(&stage).await;
    drop(body);
    copy_folder(&stage.path("copy/bodies"), &stage.path("node/bodies"));
    let mixed = Body::open(&stage, "node").unwrap();
    assert_eq!(mixed.notice().await, Err(SealError::KeyDestroyed));
    let old_page = Page::from_sealed(&mixed.get(&rows()[2]).await, PAGE, &mixed.keyring.snapshot());
    assert_eq!(old_page.unwrap_err().to_string(), "the key was destroyed");
}

/// The old keyring alone, beside the rows in use, is refused as older.
#[tokio::test]
async fn an_old_keyring_put_back_alone_is_refused() {
    let stage = Stage::new();
    let body = erased_since_the_copy(&stage).await;
    drop(body);
    copy_folder(&stage.path("copy/keys"), &stage.path("node/keys"));
    let error = Body::open(&stage, "node").err().unwrap();
    assert!(matches!(error, KeyfileError::Older));
    assert_eq!(error.to_string(), "an older keyring than the one in use");
}
