//! Person codes, made and resolved with the keys that every broker has.

use chukei_crypto::acquisition::{AcquisitionKeyPair, open_broker_part};
use chukei_crypto::person_code::CodeMaster;
use chukei_node::config::broker::BrokerConfig;
use chukei_relay_client::clock::Clock;
use chukei_relay_client::key_file;
use chukei_relay_client::peers::PeerList;
use chukei_wire::header::{Header, PersonCode};
use chukei_wire::identity::Identity;
use chukei_wire::message::control::AcquireRequest;

/// The keys.
pub(super) struct Registrar {
    master: CodeMaster,
    acquisition: AcquisitionKeyPair,
    peers: PeerList,
    clock: Clock,
}

impl Registrar {
    pub(super) fn load(config: &BrokerConfig, clock: &Clock) -> Self {
        let [master] = config.code_masters.as_slice() else { panic!("one version") };
        let secret = key_file::read_array::<32>(&config.path(&master.file)).unwrap();
        let acquisition = key_file::read(&config.path(&config.acquisition_key)).unwrap();
        let [file, root] = [&config.peers.file, &config.peers.root].map(|path| config.path(path));
        Self {
            master: CodeMaster::new(master.version, *secret).unwrap(),
            acquisition: AcquisitionKeyPair::from_bytes(&acquisition).unwrap(),
            peers: PeerList::load(&file, &root, clock.now_ms()).unwrap(),
            clock: clock.clone(),
        }
    }

    /// One code for each part of a request from this peer.
    pub(super) fn codes(
        &self,
        peer: &Identity,
        header: &Header,
        asked: &AcquireRequest,
    ) -> Vec<Option<PersonCode>> {
        let party = match peer {
            Identity::Portal(name) => format!("portal/{name}"),
            _ => format!("body/{}", header.body.unwrap()),
        };
        let now_ms = self.clock.now_ms();
        let code = |part: &[u8]| {
            let registry = self.peers.registry();
            let person = open_broker_part(part, &self.acquisition, registry, &party, now_ms).ok()?;
            Some(self.code(&party, person))
        };
        asked.parts.iter().map(|part| code(part)).collect()
    }

    /// A party's code of a person.
    pub(super) fn code(&self, party: &str, person: u64) -> PersonCode {
        PersonCode(self.master.party(party).encode(person))
    }

    /// The person behind a party's code.
    pub(super) fn person(&self, party: &str, code: PersonCode) -> Option<u64> {
        self.master.party(party).decode(&code.0).ok()
    }
}
