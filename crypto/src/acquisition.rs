//! Acquisition numbers: how the resident registry introduces a person to one party and to the broker.
//!
//! A number is base64url of: version 1 ‖ not-after (u64 ms) ‖ broker part ‖ party part ‖ Ed25519 signature. The
//! broker part holds the person's number and opens only at the broker; the party part holds the binding secret with its
//! version and the number id, which tells the party whether two numbers are one person's, and opens only at the party; both are HPKE (RFC 9180, base mode, P-256, HKDF-SHA-256, AES-256-GCM). The
//! registry signs the party's name, the end and the hashes of both parts: either reader, given the hash of the
//! part it cannot open, checks that both belong together and are meant for this party. A party without a
//! binding (the portal derives its own) has no party part.
//!
//! Deliberately absent: whether a number was used before, which is the caller's to know.

mod hpke_part;
mod text;

use zeroize::Zeroizing;

use crate::binding::BindingSecret;
use crate::hash::sha256;
use crate::random::{RandomError, Stream};
use crate::sign::{self, SigningKey};

pub use hpke_part::AcquisitionKeyPair;
use hpke_part::{OVERHEAD, Reader};
pub use text::{Malformed, Parts, split};

/// Longest acquisition number, printable ASCII characters.
pub const TEXT_MAX: usize = 512;

const VERSION: u8 = 1;
/// Version and not-after.
const HEAD: usize = 9;
const SIGNATURE: usize = 64;
const BROKER_SEALED: usize = 8 + OVERHEAD;
/// Binding version, number id, binding secret.
const PARTY_PLAIN: usize = 1 + 16 + 32;
const PARTY_SEALED: usize = PARTY_PLAIN + OVERHEAD;
/// Draws until the text does not look like an individual number: one in some millions needs a second.
const DRAWS: usize = 8;

/// What a party learns of a person: how requests prove to be about this person, and whether two numbers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyPart {
    /// The binding secret of person and party.
    pub binding: BindingSecret,
    /// The registry's id of this person's numbers at this party: it tells nothing, and stays the same for every
    /// number the registry issues, in whichever version the binding is.
    pub number_id: [u8; 16],
}

/// Whom a number is for, and who may read what.
#[derive(Debug)]
pub struct IssueRequest<'a> {
    /// The party, such as `body/982016` or `portal/mynaportal`.
    pub party: &'a str,
    /// The registry's number of the person.
    pub person: u64,
    /// What the party's part says; with it `party_public` is needed.
    pub part: Option<&'a PartyPart>,
    /// Last moment of validity, Unix milliseconds.
    pub not_after_ms: u64,
    /// The broker's acquisition key.
    pub broker_public: &'a [u8],
    /// The party's acquisition key; with it `part` is needed.
    pub party_public: Option<&'a [u8]>,
    /// The registry's signing key.
    pub registry: &'a SigningKey,
}

/// Why no number was issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// A public key is not a point of P-256.
    #[error("not a usable acquisition key")]
    BadPublicKey,
    /// A part without the party's key, or the reverse.
    #[error("a party part needs both its content and the party's key")]
    HalfAPartyPart,
    /// The system gave no randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// Every draw looked like an individual number (R10): the generator is broken.
    #[error("no acceptable number was drawn")]
    Unacceptable,
}

/// Why a part was refused. Outside they are all one: `CODE_NOT_ACQUIRED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AcquisitionError {
    /// Not the bytes of a part.
    #[error("not a part of an acquisition number")]
    Malformed,
    /// Altered, not of this registry, or meant for another party.
    #[error("the registry's signature does not verify for this party")]
    BadSignature,
    /// Past its end.
    #[error("the acquisition number has expired")]
    Expired,
    /// Sealed to another key.
    #[error("the part does not open with this key")]
    NotOurs,
}

/// Issues a number: at most [`TEXT_MAX`] characters, none of them in a group that could be an individual
/// number (R10).
pub fn issue(request: &IssueRequest<'_>) -> Result<String, IssueError> {
    issue_drawing(request, &mut Stream::from_system()?)
}

fn issue_drawing(request: &IssueRequest<'_>, randomness: &mut Stream) -> Result<String, IssueError> {
    for _ in 0..DRAWS {
        let number = text::encode(&draw(request, randomness)?);
        if !text::resembles_individual_number(&number) {
            return Ok(number);
        }
    }
    Err(IssueError::Unacceptable)
}

fn draw(request: &IssueRequest<'_>, randomness: &mut Stream) -> Result<Vec<u8>, IssueError> {
    let head = head(request.not_after_ms);
    let person = Zeroizing::new(request.person.to_be_bytes());
    let broker = Reader::Broker.seal(request.broker_public, request.party, &person[..], randomness)?;
    let party = match (request.part, request.party_public) {
        (Some(part), Some(public)) => {
            Reader::Party.seal(public, request.party, &*part.to_bytes(), randomness)?
        }
        (None, None) => Vec::new(),
        _ => return Err(IssueError::HalfAPartyPart),
    };
    let statement = statement(&head, request.party, &sha256(&broker), &sha256(&party));
    let signature = request.registry.sign(&statement);
    Ok([&head[..], &broker, &party, &signature].concat())
}

/// At the broker: the person behind `part`, if the registry issued it for `party` and it is still valid.
pub fn open_broker_part(
    part: &[u8],
    broker: &AcquisitionKeyPair,
    registry_public: &[u8],
    party: &str,
    now_ms: u64,
) -> Result<u64, AcquisitionError> {
    let (head, rest) = part.split_first_chunk::<HEAD>().ok_or(AcquisitionError::Malformed)?;
    let (sealed, rest) = rest.split_first_chunk::<BROKER_SEALED>().ok_or(AcquisitionError::Malformed)?;
    let (party_hash, signature) = rest.split_first_chunk::<32>().ok_or(AcquisitionError::Malformed)?;
    check(head, party, &sha256(sealed), party_hash, signature, registry_public, now_ms)?;
    let person = Reader::Broker.open(broker, party, sealed)?;
    let person = person[..].try_into().map_err(|_| AcquisitionError::Malformed)?;
    Ok(u64::from_be_bytes(person))
}

/// At the party: the binding secret, and whose numbers this one belongs to.
pub fn open_party_part(
    part: &[u8],
    keys: &AcquisitionKeyPair,
    registry_public: &[u8],
    party: &str,
    now_ms: u64,
) -> Result<PartyPart, AcquisitionError> {
    let (head, rest) = part.split_first_chunk::<HEAD>().ok_or(AcquisitionError::Malformed)?;
    let (broker_hash, rest) = rest.split_first_chunk::<32>().ok_or(AcquisitionError::Malformed)?;
    let (sealed, signature) = rest.split_first_chunk::<PARTY_SEALED>().ok_or(AcquisitionError::Malformed)?;
    check(head, party, broker_hash, &sha256(sealed), signature, registry_public, now_ms)?;
    PartyPart::from_bytes(&Reader::Party.open(keys, party, sealed)?)
}

impl PartyPart {
    fn to_bytes(&self) -> Zeroizing<[u8; PARTY_PLAIN]> {
        let mut bytes = Zeroizing::new([0; PARTY_PLAIN]);
        let (version, rest) = bytes.split_at_mut(1);
        let (number_id, secret) = rest.split_at_mut(16);
        version.fill(self.binding.version());
        number_id.copy_from_slice(&self.number_id);
        secret.copy_from_slice(self.binding.as_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, AcquisitionError> {
        let malformed = AcquisitionError::Malformed;
        let (&version, rest) = bytes.split_first().ok_or(malformed)?;
        let (&number_id, secret) = rest.split_first_chunk::<16>().ok_or(malformed)?;
        let secret = secret.try_into().map_err(|_| malformed)?;
        let binding = BindingSecret::from_bytes(version, secret).map_err(|_| malformed)?;
        Ok(Self { binding, number_id })
    }
}

/// Signature first: nothing of an unsigned part is acted on.
fn check(
    head: &[u8; HEAD],
    party: &str,
    broker_hash: &[u8; 32],
    party_hash: &[u8; 32],
    signature: &[u8],
    registry_public: &[u8],
    now_ms: u64,
) -> Result<(), AcquisitionError> {
    let [version, not_after @ ..] = *head;
    if version != VERSION {
        return Err(AcquisitionError::Malformed);
    }
    let statement = statement(head, party, broker_hash, party_hash);
    sign::verify(registry_public, &statement, signature).map_err(|_| AcquisitionError::BadSignature)?;
    if now_ms > u64::from_be_bytes(not_after) { Err(AcquisitionError::Expired) } else { Ok(()) }
}

fn head(not_after_ms: u64) -> [u8; HEAD] {
    let [a, b, c, d, e, f, g, h] = not_after_ms.to_be_bytes();
    [VERSION, a, b, c, d, e, f, g, h]
}

/// What the registry signs. Only the party's name varies in length, and it stands last.
fn statement(head: &[u8; HEAD], party: &str, broker_hash: &[u8; 32], party_hash: &[u8; 32]) -> Vec<u8> {
    [b"chukei acquisition number v1\0", &head[..], broker_hash, party_hash, party.as_bytes()].concat()
}

#[cfg(test)]
mod tests;
