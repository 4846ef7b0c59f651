//! The rows of the index: how they are named, and what is in them.
//!
//! ```text
//! 1 ‖ number                                    the passage: names of its other rows, then the sealed record
//! 2 ‖ H(person) ‖ H(body) ‖ begun ‖ number      found by person
//! 3 ‖ H(body) ‖ begun ‖ number                  found by body
//! 4 ‖ number                                    passages without an end
//! 5 ‖ H(person) ‖ H(body)                       what the body hides from the person, sealed
//! 6 ‖ epoch of permits                          how far signed roots go
//! ```
//!
//! What must hold: names are keyed hashes, times, and numbers of records (R2); a record opens at its own number alone, and
//! where it was found by a name it says so itself. Numbers and times are 8 bytes, big-endian.

use chukei_crypto::keyring::Keyring;
use chukei_crypto::seal::{KeyIds, Place, SealError, open, seal};
use chukei_store::{RowKey, Space};
use chukei_wire::body_code::BodyCode;
use chukei_wire::codec::{CodecError, decode, encode};
use chukei_wire::message::exchange::ExchangeRecord;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::broker::exchange::OWNER;

/// Longest opened value, bytes: that of a record of the journal, and a little more.
const VALUE_MAX: usize = 16 * 1024;
const SPACE: Space = Space::ExchangeIndex;
/// Length of the names in front of a sealed record: person, body, begin.
const NAMES: usize = 32 + 32 + 8;
/// Stands for the person where nobody is concerned; no keyed hash is likely to be this.
const NOBODY: [u8; 32] = [0; 32];

/// One passage.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::broker) struct Indexed {
    /// The registry's number of the person.
    #[serde(rename = "s")]
    pub(in crate::broker) person: Option<u64>,
    /// The passage, without anything that depends on who asks.
    #[serde(rename = "r")]
    pub(in crate::broker) record: ExchangeRecord,
}

/// What a body hides from a person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::broker) struct Mark {
    /// The registry's number of the person.
    #[serde(rename = "s")]
    pub(in crate::broker) person: u64,
    /// The body.
    #[serde(rename = "b")]
    pub(in crate::broker) body: BodyCode,
    /// The body's number of this word.
    #[serde(rename = "v")]
    pub(in crate::broker) version: u64,
    /// Everything.
    #[serde(rename = "a")]
    pub(in crate::broker) all: bool,
    /// Records that name any of these.
    #[serde(rename = "d")]
    pub(in crate::broker) datasets: Vec<String>,
    /// Number of the record that says so.
    #[serde(rename = "n")]
    pub(in crate::broker) number: u64,
}

impl Mark {
    /// Whether the person is not shown a record of these datasets.
    pub(in crate::broker) fn hides(&self, datasets: &[String]) -> bool {
        self.all || datasets.iter().any(|dataset| self.datasets.contains(dataset))
    }
}

/// How far the signed roots of an epoch go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Covered {
    /// Number of the last permit under them.
    #[serde(rename = "n")]
    pub(super) covered: u64,
    /// The newest root.
    #[serde(rename = "r", with = "serde_bytes")]
    pub(super) root: [u8; 32],
    /// When it was made, Unix milliseconds.
    #[serde(rename = "t")]
    pub(super) at_ms: u64,
}

/// How far the index goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reached {
    /// Number of the last of the broker's records in it.
    #[serde(rename = "n")]
    pub(super) records: u64,
    /// Number of the last entry of evidence in it.
    #[serde(rename = "e")]
    pub(super) evidence: u64,
    /// Form of the rows.
    #[serde(rename = "v")]
    pub(super) form: u8,
}

/// The form that is written. Another is made anew from the journal.
pub(super) const FORM: u8 = 1;

/// A row that is not what belongs at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::broker) enum BadRow {
    /// Its key is gone: the record it stands for has come to its end.
    #[error("the key is destroyed")]
    KeyDestroyed,
    /// It does not open, or has no row's form.
    #[error("not a row of the index")]
    Damaged,
}

impl From<CodecError> for BadRow {
    fn from(_: CodecError) -> Self {
        Self::Damaged
    }
}

impl From<SealError> for BadRow {
    fn from(error: SealError) -> Self {
        if error == SealError::KeyDestroyed { Self::KeyDestroyed } else { Self::Damaged }
    }
}

/// Names of a passage's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    person: [u8; 32],
    body: [u8; 32],
    begun_ms: u64,
}

impl Names {
    pub(super) fn of(keys: &Keyring, indexed: &Indexed) -> Self {
        Self {
            person: indexed.person.map_or(NOBODY, |person| person_name(keys, person)),
            body: body_name(keys, &indexed.record.body),
            begun_ms: indexed.record.asked_ms,
        }
    }

    /// The row that is found by person, where one is concerned.
    pub(super) fn by_person(&self, number: u64) -> Option<RowKey> {
        let prefix = row(2).name(&self.person).name(&self.body);
        (self.person != NOBODY).then(|| prefix.bucket(self.begun_ms).bucket(number))
    }

    /// The row that is found by body.
    pub(super) fn by_body(&self, number: u64) -> RowKey {
        row(3).name(&self.body).bucket(self.begun_ms).bucket(number)
    }

    fn read(value: &[u8]) -> Result<(Self, &[u8]), BadRow> {
        let (names, sealed) = value.split_first_chunk::<NAMES>().ok_or(BadRow::Damaged)?;
        let (person, rest) = names.split_first_chunk::<32>().ok_or(BadRow::Damaged)?;
        let (body, begun) = rest.split_first_chunk::<32>().ok_or(BadRow::Damaged)?;
        let begun = begun.first_chunk::<8>().ok_or(BadRow::Damaged)?;
        let names = Self { person: *person, body: *body, begun_ms: u64::from_be_bytes(*begun) };
        Ok((names, sealed))
    }
}

/// The names of a stored passage, for who removes its rows when nobody can open it any more.
pub(super) fn names_of(value: &[u8]) -> Result<Names, BadRow> {
    Names::read(value).map(|(names, _)| names)
}

/// A passage as it is stored at its number.
pub(super) fn seal_passage(keys: &Keyring, ids: KeyIds, indexed: &Indexed) -> Result<Vec<u8>, BadRow> {
    let names = Names::of(keys, indexed);
    let sealed = seal_at(keys, ids, &passage(indexed.record.number), indexed)?;
    Ok([&names.person[..], &names.body, &names.begun_ms.to_be_bytes(), &sealed].concat())
}

/// Opens a passage, which must be what its names say.
pub(super) fn open_passage(keys: &Keyring, number: u64, value: &[u8]) -> Result<(Names, Indexed), BadRow> {
    let (names, sealed) = Names::read(value)?;
    let indexed: Indexed = open_at(keys, &passage(number), sealed)?;
    if indexed.record.number == number && Names::of(keys, &indexed) == names {
        Ok((names, indexed))
    } else {
        Err(BadRow::Damaged)
    }
}

pub(super) fn seal_at(
    keys: &Keyring,
    ids: KeyIds,
    key: &RowKey,
    value: &impl Serialize,
) -> Result<Vec<u8>, BadRow> {
    Ok(seal(keys, ids, place(key), &encode(value)?)?)
}

pub(super) fn open_at<T: Serialize + DeserializeOwned>(
    keys: &Keyring,
    key: &RowKey,
    sealed: &[u8],
) -> Result<T, BadRow> {
    Ok(decode(open(keys, place(key), sealed)?.get(), VALUE_MAX)?)
}

fn place(key: &RowKey) -> Place<'_> {
    Place { body: OWNER.as_bytes(), space: SPACE.code(), row: key.as_bytes() }
}

fn row(kind: u8) -> RowKey {
    RowKey::new(SPACE).bytes(&[kind])
}

fn person_name(keys: &Keyring, person: u64) -> [u8; 32] {
    keys.naming().name(SPACE.code(), &[b"person", &person.to_be_bytes()])
}

fn body_name(keys: &Keyring, body: &BodyCode) -> [u8; 32] {
    keys.naming().name(SPACE.code(), &[b"body", body.as_bytes()])
}

/// Every passage, in the order of the records.
pub(super) fn passages() -> RowKey {
    row(1)
}

/// The passage whose begin is this record.
pub(super) fn passage(number: u64) -> RowKey {
    passages().bucket(number)
}

/// What is found by person: at one body, or at all.
pub(super) fn by_person(keys: &Keyring, person: u64, body: Option<&BodyCode>) -> RowKey {
    let prefix = row(2).name(&person_name(keys, person));
    match body {
        Some(body) => prefix.name(&body_name(keys, body)),
        None => prefix,
    }
}

/// What is found by body.
pub(super) fn by_body(keys: &Keyring, body: &BodyCode) -> RowKey {
    row(3).name(&body_name(keys, body))
}

/// Passages without an end.
pub(super) fn unended() -> RowKey {
    row(4)
}

/// What bodies hide: from one person, or from all.
pub(super) fn marks(keys: &Keyring, person: Option<u64>) -> RowKey {
    match person {
        Some(person) => row(5).name(&person_name(keys, person)),
        None => row(5),
    }
}

/// What one body hides from one person.
pub(super) fn mark(keys: &Keyring, person: u64, body: &BodyCode) -> RowKey {
    marks(keys, Some(person)).name(&body_name(keys, body))
}

/// Roots of every epoch.
pub(super) fn roots() -> RowKey {
    row(6)
}

/// Roots of one epoch.
pub(super) fn root(epoch: &[u8; 16]) -> RowKey {
    roots().bytes(epoch)
}

/// How far the index goes.
pub(super) fn reached() -> RowKey {
    RowKey::new(Space::Meta).bytes(b"exchange index")
}

/// Time and number with which a key of rows 2 and 3 ends.
pub(super) fn begun_and_number(key: &RowKey) -> Option<(u64, u64)> {
    let tail = key.as_bytes().last_chunk::<16>()?;
    let (begun, number) = tail.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*begun), u64::from_be_bytes(*number.first_chunk::<8>()?)))
}

/// The number with which a key of rows 1 and 4 ends.
pub(super) fn number_of(key: &RowKey) -> Option<u64> {
    key.as_bytes().last_chunk::<8>().map(|number| u64::from_be_bytes(*number))
}

/// How far the roots of an epoch go, as it is stored: hashes that are meant to be shown.
pub(super) fn covered(value: &[u8]) -> Result<Covered, BadRow> {
    Ok(decode(value, VALUE_MAX)?)
}
