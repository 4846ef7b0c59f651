//! Issuing acquisition numbers: one for the body, and one for the portal itself.

use chukei_crypto::acquisition::{self, IssueRequest, PartyPart};
use chukei_crypto::binding::{BadVersion, BindingSecret, Bindings};
use chukei_crypto::random;
use chukei_crypto::sign::SigningKey;
use chukei_wire::body_code::BodyCode;
use serde_bytes::ByteBuf;
use zeroize::Zeroizing;

use crate::core::Core;
use crate::failure::Failure;
use crate::storage::person::{PersonId, PersonRow};

/// Life of an acquisition number.
const LIFE_MS: u64 = 365 * 86_400_000;

/// Keys of the resident registry.
pub(crate) struct Registry {
    signing: SigningKey,
    /// By version, ascending: one or two.
    binding_masters: Vec<(u8, Zeroizing<[u8; 32]>)>,
    broker_public: Vec<u8>,
}

/// A person whose number was just issued.
pub(crate) struct NewPerson {
    pub(crate) person: PersonId,
    pub(crate) counter: u64,
    pub(crate) number_id: [u8; 16],
    pub(crate) acquisition_number: String,
}

impl Registry {
    /// Numbers are issued for the broker whose acquisition key is `broker_public`.
    pub(crate) fn new(
        signing: SigningKey,
        mut binding_masters: Vec<(u8, Zeroizing<[u8; 32]>)>,
        broker_public: Vec<u8>,
    ) -> Self {
        binding_masters.sort_by_key(|(version, _)| *version);
        Self { signing, binding_masters, broker_public }
    }

    /// The binding secrets of (person, body) in every version the registry holds. Only the body's part of a number
    /// also carries one (R22).
    pub(crate) fn bindings(&self, person: PersonId, body: BodyCode) -> Result<Bindings, Failure> {
        let unusable = || Failure::internal("no usable binding master");
        let mut secrets = self.binding_masters.iter().map(|(version, master)| {
            BindingSecret::derive(master, *version, &person.bytes(), body.as_bytes())
        });
        let oldest = secrets.next().ok_or_else(unusable)?;
        let mut bindings = Bindings::new(oldest.map_err(|BadVersion| unusable())?);
        for newer in secrets {
            bindings.add(newer.map_err(|BadVersion| unusable())?).map_err(|_| unusable())?;
        }
        Ok(bindings)
    }

    /// A number of a known person for its body, in the newest version of the binding.
    pub(crate) fn reissue(&self, core: &Core, person: &PersonRow) -> Result<String, Failure> {
        let part = self.part(person.person, person.body, person.number_id)?;
        self.bodys_number(core, person.person, person.body, &part)
    }

    fn part(&self, person: PersonId, body: BodyCode, number_id: [u8; 16]) -> Result<PartyPart, Failure> {
        Ok(PartyPart { binding: self.bindings(person, body)?.newest().clone(), number_id })
    }

    fn bodys_number(
        &self,
        core: &Core,
        person: PersonId,
        body: BodyCode,
        part: &PartyPart,
    ) -> Result<String, Failure> {
        let peers = core.peers.load_full();
        let peer = peers.body(&body).ok_or_else(|| Failure::internal("the body left the peer list"))?;
        let public = Some(peer.acquisition_public.0.as_slice());
        self.number(&format!("body/{body}"), person, Some(part), public, not_after_ms(core))
    }

    /// New persons of `body`, and for each the part of the portal's own number that the broker opens. Takes
    /// about a millisecond of one core per person.
    pub(crate) fn issue(
        &self,
        core: &Core,
        body: BodyCode,
        counters: &[u64],
    ) -> Result<(Vec<NewPerson>, Vec<ByteBuf>), Failure> {
        let own = format!("portal/{}", core.name);
        let mut persons = Vec::with_capacity(counters.len());
        let mut parts = Vec::with_capacity(counters.len());
        for &counter in counters {
            let id = random::bytes().map_err(|_| Failure::internal("no randomness"))?;
            let number_id = random::bytes().map_err(|_| Failure::internal("no randomness"))?;
            let person = PersonId(u64::from_be_bytes(id));
            let part = self.part(person, body, number_id)?;
            let acquisition_number = self.bodys_number(core, person, body, &part)?;
            let portals = self.number(&own, person, None, None, not_after_ms(core))?;
            let split = acquisition::split(&portals).map_err(|_| unissued())?;
            parts.push(ByteBuf::from(split.broker_part));
            persons.push(NewPerson { person, counter, number_id, acquisition_number });
        }
        Ok((persons, parts))
    }

    fn number(
        &self,
        party: &str,
        person: PersonId,
        part: Option<&PartyPart>,
        party_public: Option<&[u8]>,
        not_after_ms: u64,
    ) -> Result<String, Failure> {
        let request = IssueRequest {
            party,
            person: person.0,
            part,
            not_after_ms,
            broker_public: &self.broker_public,
            party_public,
            registry: &self.signing,
        };
        acquisition::issue(&request).map_err(|_| unissued())
    }
}

fn not_after_ms(core: &Core) -> u64 {
    core.clock.now_ms().saturating_add(LIFE_MS)
}

fn unissued() -> Failure {
    Failure::internal("an acquisition number could not be issued")
}
