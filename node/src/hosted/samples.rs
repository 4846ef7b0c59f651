//! Bodies for tests: real stores and keyrings in a temporary folder, persons written as enrolment writes them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chukei_crypto::acquisition::AcquisitionKeyPair;
use chukei_crypto::binding::{BindingSecret, Bindings};
use chukei_crypto::sign::IdentityKey;
use chukei_domain::codes::AddresseeNumber;
use chukei_keys::{FileProvider, KeyProvider};
use chukei_relay_client::key_file;
use chukei_store::journal::JournalOptions;
use chukei_store::{DataFolder, Space, SqliteOptions};
use chukei_wire::header::PersonCode;
use tempfile::TempDir;

use super::body::{BodyFacts, BodyKeyFiles, Home};
use super::identity::IdentityPlace;
use super::persons::{PersonRecord, PersonRef};
use super::{Bodies, HostedBody};
use crate::access::scope::BodyScope;

/// Two bodies in one data folder, as one node hosts them.
pub(crate) struct Sample {
    pub(crate) bodies: Bodies,
    _dir: TempDir,
}

impl Sample {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(&dir.path().join("node")).unwrap();
        let (journal, _) = folder.journal(JournalOptions::default()).unwrap();
        let engine = folder.sqlite(SqliteOptions::default());
        let home = Home { folder, engine, journal: Arc::new(journal) };
        let opened = [open(&home, dir.path(), "982016").await, open(&home, dir.path(), "982024").await];
        let bodies = Bodies::closed(opened.iter().map(HostedBody::code));
        opened.into_iter().for_each(|body| drop(bodies.enter(body).unwrap()));
        Self { bodies, _dir: dir }
    }

    pub(crate) fn body(&self, code: &str) -> Arc<HostedBody> {
        self.bodies.get(code.parse().unwrap()).unwrap()
    }

    /// The node's own scope on a body.
    pub(crate) fn scope(&self, code: &str) -> BodyScope {
        BodyScope::of_duty(self.body(code), "node-a")
    }

    /// Writes a person whose number ends with `last`.
    pub(crate) async fn enroll(&self, code: &str, last: u8) -> PersonRecord {
        let body = self.body(code);
        let reserved = body.reserve_numbers(1).await.unwrap();
        let person = PersonRef { id: [last; 16], number: reserved.from };
        let addressee: AddresseeNumber = format!("0000098201601{last:02}").parse().unwrap();
        let bindings = Bindings::new(BindingSecret::from_bytes(1, [last; 32]).unwrap());
        let record = PersonRecord::new(person, &addressee, PersonCode([last; 17]), [last; 16], bindings);
        let rows = [
            (Space::PersonByAddressee, body.addressee_row(&addressee)),
            (Space::PersonByCode, body.code_row(&record.code)),
        ];
        let mut batch = reserved.batch;
        for (space, row) in rows {
            batch = body.put(batch, space, row, HostedBody::person_seal(&person), &person).await.unwrap();
        }
        let (row, seal) = (body.person_row(&person.id), HostedBody::person_seal(&person));
        batch = body.put(batch, Space::Person, row, seal, &record).await.unwrap();
        body.apply(batch).await.unwrap();
        record
    }
}

async fn open(home: &Home, dir: &Path, code: &str) -> HostedBody {
    let file = |name: &str, key: &[u8]| -> PathBuf {
        let path = dir.join(format!("{code}.{name}"));
        std::fs::write(&path, key_file::text(key).as_bytes()).unwrap();
        path
    };
    let files = BodyKeyFiles {
        identity: IdentityPlace::File(file("identity", &IdentityKey::generate_pkcs8().unwrap())),
        acquisition: file("acquisition", &AcquisitionKeyPair::generate().unwrap().to_bytes()[..]),
    };
    let facts = BodyFacts {
        code: code.parse().unwrap(),
        portal: "mynaportal".into(),
        affairs: vec!["JM99000000001000".parse().unwrap()],
        in_flight: 8,
    };
    let (provider, owner) = (FileProvider::new(dir, &dir.join("epochs")), code.parse().unwrap());
    provider.make_root(&owner, 1).unwrap();
    HostedBody::open(home, facts, files, Arc::new(provider), 20_000).await.unwrap()
}
