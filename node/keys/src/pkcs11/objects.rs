//! What an owner has in the token: keys that never leave it, and the mark of its keyring's generation.
//!
//! | object | label | CKA_ID |
//! |---|---|---|
//! | root | `chukei/<owner>/root-<n>` | `chukei/<owner>/root` |
//! | epoch | `chukei/<owner>/epoch-<day>` | `chukei/<owner>/epoch` |
//! | generation | `chukei/<owner>/generation`, value u64 big-endian | – |
//!
//! What must hold: a key is looked for by its exact label, and only one that is sensitive and not extractable is
//! ever used. Two objects of
//! one label are an error: which one was meant must not be found by trial.

use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};

use super::line::Line;
use super::token::{Answer, Fault, Silence};
use crate::owner::Owner;
use crate::provider::ProviderError;

/// Most keys of one kind that one owner may have.
const KEYS_MAX: usize = 1_024;
/// How often a key is made again after another process made the same one at the same time.
const MAKE_ATTEMPTS: usize = 4;
/// How often objects are read again that others replace at the same time.
const READ_ATTEMPTS: usize = 16;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Root,
    Epoch,
}

impl Kind {
    fn id(self, owner: &Owner) -> String {
        let kind = match self {
            Self::Root => "root",
            Self::Epoch => "epoch",
        };
        format!("chukei/{owner}/{kind}")
    }

    fn label(self, owner: &Owner, number: u32) -> String {
        format!("{}-{number}", self.id(owner))
    }
}

/// Numbers of the keys of one kind, ascending.
pub(super) fn numbers(line: &Line<'_>, owner: &Owner, kind: Kind) -> Answer<Vec<u32>> {
    let id = kind.id(owner);
    let mut template = usable();
    template.push(Attribute::Id(id.clone().into_bytes()));
    let mut numbers = Vec::new();
    for (_, label) in read_all(line, &template, AttributeType::Label)? {
        let number =
            std::str::from_utf8(&label).ok().and_then(|label| label.strip_prefix(&id)?.strip_prefix('-'));
        let number = number.and_then(|text| text.parse().ok()).ok_or_else(integrity)?;
        if kind.label(owner, number).as_bytes() != label {
            return Err(integrity());
        }
        numbers.push(number);
    }
    numbers.sort_unstable();
    let found = numbers.len();
    numbers.dedup();
    if numbers.len() == found { Ok(numbers) } else { Err(integrity()) }
}

/// The key, if it is there.
pub(super) fn key(line: &Line<'_>, owner: &Owner, kind: Kind, number: u32) -> Answer<Option<ObjectHandle>> {
    let mut template = usable();
    template.push(Attribute::Label(kind.label(owner, number).into_bytes()));
    template.push(Attribute::Id(kind.id(owner).into_bytes()));
    find_one(line, &template)
}

/// The one object that matches, if there is one.
pub(super) fn find_one(line: &Line<'_>, template: &[Attribute]) -> Answer<Option<ObjectHandle>> {
    match find(line, template)?.as_slice() {
        [] => line.confirm().map(|()| None),
        [object] => Ok(Some(*object)),
        _ => Err(integrity()),
    }
}

/// Makes the key in the token unless it is there. Whoever makes the same one at the same time takes the own one
/// away again before it is used.
pub(super) fn make(line: &Line<'_>, owner: &Owner, kind: Kind, number: u32) -> Answer<()> {
    let mut template = usable();
    template.extend([
        Attribute::ValueLen(32.into()),
        Attribute::Private(true),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
        Attribute::Wrap(false),
        Attribute::Unwrap(false),
        Attribute::Modifiable(false),
        Attribute::Label(kind.label(owner, number).into_bytes()),
        Attribute::Id(kind.id(owner).into_bytes()),
    ]);
    for _ in 0..MAKE_ATTEMPTS {
        if key(line, owner, kind, number)?.is_some() {
            return Ok(());
        }
        let made = line.generate_key(&Mechanism::AesKeyGen, &template)?;
        match key(line, owner, kind, number) {
            Ok(Some(_)) => return Ok(()),
            Ok(None) => return Err(integrity()),
            Err(_) => remove(line, made)?,
        }
    }
    Err(integrity())
}

/// Destroys every object of the key's label, whatever it is.
pub(super) fn destroy(line: &Line<'_>, owner: &Owner, kind: Kind, number: u32) -> Answer<()> {
    let template = [Attribute::Token(true), Attribute::Label(kind.label(owner, number).into_bytes())];
    for object in find_all(line, &template)? {
        remove(line, object)?;
    }
    Ok(())
}

/// The newest generation noted; 0 if none is.
pub(super) fn generation(line: &Line<'_>, owner: &Owner) -> Answer<u64> {
    Ok(marks(line, owner)?.into_iter().map(|(_, value)| value).max().unwrap_or(0))
}

/// Notes a generation. The new mark is there before older ones go: a crash leaves two, of which the higher counts.
pub(super) fn raise_generation(line: &Line<'_>, owner: &Owner, to: u64) -> Answer<()> {
    let before = marks(line, owner)?;
    let newest = before.iter().map(|(_, value)| *value).max().unwrap_or(0);
    if to > newest {
        let mut template = mark(owner);
        template.extend([
            Attribute::Private(true),
            Attribute::Modifiable(false),
            Attribute::Value(to.to_be_bytes().to_vec()),
        ]);
        line.create_object(&template)?;
    }
    for (object, value) in before {
        if value < newest.max(to) {
            remove(line, object)?;
        }
    }
    Ok(())
}

fn marks(line: &Line<'_>, owner: &Owner) -> Answer<Vec<(ObjectHandle, u64)>> {
    let marks = read_all(line, &mark(owner), AttributeType::Value)?.into_iter().map(|(object, value)| {
        let value = value.as_slice().try_into().map_err(|_| integrity())?;
        Ok((object, u64::from_be_bytes(value)))
    });
    marks.collect()
}

fn mark(owner: &Owner) -> Vec<Attribute> {
    vec![
        Attribute::Class(ObjectClass::DATA),
        Attribute::Token(true),
        Attribute::Label(format!("chukei/{owner}/generation").into_bytes()),
    ]
}

/// What a key must be to be used.
fn usable() -> Vec<Attribute> {
    vec![
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Token(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
    ]
}

/// All objects that match, each with its label, id or value. One that goes while it is read was replaced by somebody
/// else: then all are read again, because what it was replaced by may not have been among them.
pub(super) fn read_all(
    line: &Line<'_>,
    template: &[Attribute],
    what: AttributeType,
) -> Answer<Vec<(ObjectHandle, Vec<u8>)>> {
    for _ in 0..READ_ATTEMPTS {
        let found = find_all(line, template)?;
        let all: Option<Vec<_>> =
            found.into_iter().map(|object| Some((object, text_of(line, object, what)?))).collect();
        if let Some(all) = all {
            return Ok(all);
        }
    }
    Err(Fault::Token(Box::new(Silence::Lost)))
}

fn text_of(line: &Line<'_>, object: ObjectHandle, what: AttributeType) -> Option<Vec<u8>> {
    match line.get_attributes(object, &[what]).ok()?.pop()? {
        Attribute::Label(bytes) | Attribute::Value(bytes) | Attribute::Id(bytes) => Some(bytes),
        _ => None,
    }
}

/// Destroys an object that somebody else may be destroying, too.
fn remove(line: &Line<'_>, object: ObjectHandle) -> Answer<()> {
    match line.destroy_object(object) {
        Ok(()) => Ok(()),
        Err(Error::Pkcs11(RvError::ObjectHandleInvalid, _)) => line.confirm(),
        Err(error) => Err(error.into()),
    }
}

/// All objects that match.
pub(super) fn find_all(line: &Line<'_>, template: &[Attribute]) -> Answer<Vec<ObjectHandle>> {
    let found = find(line, template)?;
    line.confirm()?;
    Ok(found)
}

/// Objects that match, where it is enough that some are found.
fn find(line: &Line<'_>, template: &[Attribute]) -> Answer<Vec<ObjectHandle>> {
    let mut found = Vec::new();
    for object in line.iter_objects(template)? {
        found.push(object?);
        if found.len() > KEYS_MAX {
            return Err(integrity());
        }
    }
    Ok(found)
}

pub(super) fn integrity() -> Fault {
    Fault::Answer(ProviderError::Integrity)
}
