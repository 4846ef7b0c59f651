//! Issuing acquisition numbers: one for the body, and one for the portal itself.

use chukei_crypto::acquisition::{self, IssueRequest};
use chukei_crypto::binding::BindingSecret;
use chukei_crypto::random;
use chukei_crypto::sign::SigningKey;
use chukei_wire::body_code::BodyCode;
use serde_bytes::ByteBuf;
use zeroize::Zeroizing;

use crate::core::Core;
use crate::failure::Failure;
use crate::storage::person::PersonId;

/// Life of an acquisition number.
const LIFE_MS: u64 = 365 * 86_400_000;

/// Keys of the resident registry.
pub(crate) struct Registry {
    signing: SigningKey,
    binding_master: Zeroizing<[u8; 32]>,
    broker_public: Vec<u8>,
}

/// A person whose number was just issued.
pub(crate) struct NewPerson {
    pub(crate) person: PersonId,
    pub(crate) counter: u64,
    pub(crate) acquisition_number: String,
}

impl Registry {
    /// Numbers are issued for the broker whose acquisition key is `broker_public`.
    pub(crate) fn new(
        signing: SigningKey,
        binding_master: Zeroizing<[u8; 32]>,
        broker_public: Vec<u8>,
    ) -> Self {
        Self { signing, binding_master, broker_public }
    }

    /// The binding secret of (person, body), which only the body's part of a number also carries (R22).
    pub(crate) fn binding(&self, person: PersonId, body: BodyCode) -> BindingSecret {
        BindingSecret::derive(&self.binding_master, &person.bytes(), body.as_bytes())
    }

    /// New persons of `body`, and for each the part of the portal's own number that the broker opens. Takes
    /// about a millisecond of one core per person.
    pub(crate) fn issue(
        &self,
        core: &Core,
        body: BodyCode,
        counters: &[u64],
    ) -> Result<(Vec<NewPerson>, Vec<ByteBuf>), Failure> {
        let peers = core.peers.load_full();
        let peer = peers.body(&body).ok_or_else(|| Failure::internal("the body left the peer list"))?;
        let not_after_ms = core.clock.now_ms().saturating_add(LIFE_MS);
        let (own, theirs) = (format!("portal/{}", core.name), format!("body/{body}"));
        let mut persons = Vec::with_capacity(counters.len());
        let mut parts = Vec::with_capacity(counters.len());
        for &counter in counters {
            let id = random::bytes().map_err(|_| Failure::internal("no randomness"))?;
            let person = PersonId(u64::from_be_bytes(id));
            let binding = self.binding(person, body);
            let public = Some(peer.acquisition_public.0.as_slice());
            let acquisition_number = self.number(&theirs, person, Some(&binding), public, not_after_ms)?;
            let portals = self.number(&own, person, None, None, not_after_ms)?;
            let split = acquisition::split(&portals).map_err(|_| unissued())?;
            parts.push(ByteBuf::from(split.broker_part));
            persons.push(NewPerson { person, counter, acquisition_number });
        }
        Ok((persons, parts))
    }

    fn number(
        &self,
        party: &str,
        person: PersonId,
        binding: Option<&BindingSecret>,
        party_public: Option<&[u8]>,
        not_after_ms: u64,
    ) -> Result<String, Failure> {
        let request = IssueRequest {
            party,
            person: person.0,
            binding,
            not_after_ms,
            broker_public: &self.broker_public,
            party_public,
            registry: &self.signing,
        };
        acquisition::issue(&request).map_err(|_| unissued())
    }
}

fn unissued() -> Failure {
    Failure::internal("an acquisition number could not be issued")
}
