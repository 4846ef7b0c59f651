//! A body's log as a body could sign it: with what is true in it, and with what is not.

use std::convert::Infallible;

use chukei_crypto::mac::MacKey;
use chukei_crypto::sign::SigningKey;
use chukei_crypto::tlog::{
    Checkpoint, Commitment, Frontier, Hash, HashSource, LogSigner, Opening, Part, Pins, Proof, Salt,
    SignedCheckpoint, Subtree, TreeHead, WitnessSigner, admit, node_hash, prove_consistency, prove_inclusion,
};
use chukei_domain::event::{Disclosure, Ending, PersonPart, Place, Shown, ShownEnd, ShownResult};
use chukei_relay_client::key_file;
use chukei_relay_client::log_key::{LogKey, LogOrigin, witness_name};
use chukei_wire::message::records::{OpenPlace, RecordPlace, RecordsReply, RecordsRequest, StatedLog};
use chukei_wire::result::ResultName;

use crate::body::Body;
use crate::stage::Stage;

/// Places of a page.
const PAGE: u64 = 256;

/// Leaf hashes, as a source for proofs.
struct Leaves<'a>(&'a [Hash]);

impl HashSource for Leaves<'_> {
    type Error = Infallible;

    fn hash(&mut self, at: Subtree) -> Result<Hash, Infallible> {
        let mut level = self.0.to_vec();
        for _ in 0..at.level() {
            level = level.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
        }
        Ok(level[usize::try_from(at.index()).unwrap()])
    }
}

/// The log of one body, with the records of one person among those of others.
#[derive(Clone)]
pub(crate) struct PlayedLog {
    origin: LogOrigin,
    key: LogKey,
    secret: [u8; 32],
    leaves: Vec<Hash>,
    places: Vec<(u64, Opening)>,
    next: Place,
    /// Whether the broker cosigns it.
    pub(crate) witnessed: bool,
}

impl PlayedLog {
    /// An empty one of this epoch.
    pub(crate) fn of(body: &Body, epoch: u64) -> Self {
        let secret = [7; 32];
        let public = SigningKey::of_log(&MacKey::new(secret)).unwrap().public();
        Self {
            origin: LogOrigin { body: body.code, epoch },
            key: LogKey::certify(body.code, public, &body.identity).unwrap(),
            secret,
            leaves: Vec::new(),
            places: Vec::new(),
            next: Place::FIRST,
            witnessed: true,
        }
    }

    /// The same log in another epoch, with its first `size` leaves.
    pub(crate) fn restored(&self, epoch: u64, size: usize) -> Self {
        let mut log = Self { origin: LogOrigin { epoch, ..self.origin }, ..self.clone() };
        log.leaves.truncate(size);
        log.places.retain(|(index, _)| *index < size as u64);
        log.next = log.places.last().map_or(Place::FIRST, |(index, opening)| {
            let part = PersonPart::from_bytes(opening.content()).unwrap();
            part.place.next(*index, opening.leaf().hash()).unwrap()
        });
        log
    }

    /// Leaves there are.
    pub(crate) fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// A record of somebody else.
    pub(crate) fn others(&mut self, of: u8) {
        self.leaves.push([of; 32]);
    }

    /// Records of others.
    pub(crate) fn leaves_of_others(&mut self, of: &[u8]) {
        of.iter().for_each(|of| self.others(*of));
    }

    /// A request of the person that was answered: the index of its leaf.
    pub(crate) fn asked(&mut self, request: [u8; 16]) -> u64 {
        self.add(Shown::Asked(Disclosure {
            request,
            portal: crate::stage::PORTAL.to_owned(),
            legal_basis: "番号法附則6条3項".to_owned(),
            affair: None,
            datasets: vec!["TM00000000000002".parse().unwrap()],
            result: ShownResult::Given,
        }))
    }

    /// The end of one.
    pub(crate) fn ended(&mut self, request: [u8; 16]) -> u64 {
        self.add(Shown::Ended(Ending { request, end: ShownEnd::Delivered }))
    }

    fn add(&mut self, shown: Shown) -> u64 {
        let index = self.size();
        let body = self.origin.body.as_str().parse().unwrap();
        let part = PersonPart { body, place: self.next, at_ms: 1, shown };
        let internal = Commitment::from_bytes([9; 32]);
        let salt = Salt::from_bytes([u8::try_from(index % 251).unwrap(); 32]);
        let opening = Opening::new(Part::Person, salt, part.to_bytes().unwrap(), internal).unwrap();
        let leaf = opening.leaf().hash();
        self.leaves.push(leaf);
        self.places.push((index, opening));
        self.next = self.next.next(index, leaf).unwrap();
        index
    }

    /// The checkpoint of the first `size` leaves.
    fn checkpoint(&self, stage: &Stage, size: u64) -> SignedCheckpoint {
        let mut frontier = Frontier::new();
        frontier.extend(&self.leaves[..usize::try_from(size).unwrap()]).unwrap();
        let origin = self.origin.to_string();
        let signing = SigningKey::of_log(&MacKey::new(self.secret)).unwrap();
        let signer = LogSigner::new(&origin, signing).unwrap();
        let stated = Checkpoint::new(&origin, frontier.head(), Vec::new()).unwrap();
        let mut signed = signer.sign(stated).unwrap();
        if !self.witnessed {
            return signed;
        }
        let key = key_file::read(&stage.keys.broker.witness_key).unwrap();
        let witness =
            WitnessSigner::new(&witness_name("broker-a"), SigningKey::from_pkcs8(&key).unwrap()).unwrap();
        let own = Pins::new(&origin, vec![signer.verifier().clone()]).unwrap();
        let pins = self.key.pins(self.origin.epoch, &stage.broker.desk.peers).unwrap();
        let cosignature = {
            let admitted = admit(&own, &TreeHead::EMPTY, &signed, &Proof::default()).unwrap();
            witness.cosign(admitted, 1)
        };
        signed.add(cosignature, &pins).unwrap();
        signed
    }

    /// The page that is asked for, under the checkpoint of `size` leaves, without the places that are `closed`.
    pub(crate) fn page(
        &self,
        stage: &Stage,
        request: &RecordsRequest,
        size: u64,
        closed: &[u64],
    ) -> RecordsReply {
        let under = &self.leaves[..usize::try_from(size).unwrap()];
        let known = request.known.filter(|known| known.epoch == self.origin.epoch && known.size <= size);
        let grown = known.map_or_else(Proof::default, |known| {
            prove_consistency(&mut Leaves(under), known.size, size).unwrap()
        });
        let count = self.places.len() as u64;
        let place = |number: u64| {
            let (index, opening) = &self.places[usize::try_from(number - 1).unwrap()];
            let open = (*index < size && !closed.contains(&number)).then(|| OpenPlace {
                index: *index,
                opening: opening.to_bytes().to_vec(),
                proof: prove_inclusion(&mut Leaves(under), *index, size).unwrap().to_bytes(),
            });
            RecordPlace { number, open }
        };
        RecordsReply {
            result: ResultName::Done,
            log: Some(StatedLog {
                key: self.key.public,
                certificate: self.key.signature,
                checkpoint: self.checkpoint(stage, size).to_string().into_bytes(),
                grown: grown.to_bytes(),
            }),
            count,
            places: (request.from..=count.min(request.from + PAGE - 1)).map(place).collect(),
        }
    }
}
