//! What an owner has in the token: keys that never leave it, and the mark of its keyring's generation.
//!
//! | object | label | CKA_ID |
//! |---|---|---|
//! | root | `chukei/<owner>/root-<n>` | `chukei/<owner>/root` |
//! | epoch | `chukei/<owner>/epoch-<day>` | `chukei/<owner>/epoch` |
//! | generation | `chukei/<owner>/generation`, value u64 big-endian | – |
//!
//! What must hold: a key is looked for by its exact label, and only one that is sensitive and not extractable is
//! ever used; that something is not there is believed only of a session that is still logged in. Two objects of
//! one label are an error: which one was meant must not be found by trial.

use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use super::login::is_logged_in;
use super::token::{Answer, Fault, Silence};
use crate::owner::Owner;
use crate::provider::ProviderError;

/// Most keys of one kind that one owner may have.
const KEYS_MAX: usize = 1_024;
/// How often a key is made again after another process made the same one at the same time.
const MAKE_ATTEMPTS: usize = 4;

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
pub(super) fn numbers(session: &Session, owner: &Owner, kind: Kind) -> Answer<Vec<u32>> {
    let id = kind.id(owner);
    let mut template = usable();
    template.push(Attribute::Id(id.clone().into_bytes()));
    let mut numbers = Vec::new();
    for key in find(session, &template)? {
        let label = session.get_attributes(key, &[AttributeType::Label])?;
        let [Attribute::Label(label)] = label.as_slice() else { return Err(integrity()) };
        let number =
            std::str::from_utf8(label).ok().and_then(|label| label.strip_prefix(&id)?.strip_prefix('-'));
        let number = number.and_then(|text| text.parse().ok()).ok_or_else(integrity)?;
        if kind.label(owner, number).as_bytes() != label.as_slice() {
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
pub(super) fn key(session: &Session, owner: &Owner, kind: Kind, number: u32) -> Answer<Option<ObjectHandle>> {
    let mut template = usable();
    template.push(Attribute::Label(kind.label(owner, number).into_bytes()));
    template.push(Attribute::Id(kind.id(owner).into_bytes()));
    match find(session, &template)?.as_slice() {
        [] => Ok(None),
        [key] => Ok(Some(*key)),
        _ => Err(integrity()),
    }
}

/// Makes the key in the token unless it is there. Whoever makes the same one at the same time takes the own one
/// away again before it is used.
pub(super) fn make(session: &Session, owner: &Owner, kind: Kind, number: u32) -> Answer<()> {
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
        if key(session, owner, kind, number)?.is_some() {
            return Ok(());
        }
        let made = session.generate_key(&Mechanism::AesKeyGen, &template)?;
        match key(session, owner, kind, number) {
            Ok(Some(_)) => return Ok(()),
            Ok(None) => return Err(integrity()),
            Err(_) => session.destroy_object(made)?,
        }
    }
    Err(integrity())
}

/// Destroys every object of the key's label, whatever it is.
pub(super) fn destroy(session: &Session, owner: &Owner, kind: Kind, number: u32) -> Answer<()> {
    let template = [Attribute::Token(true), Attribute::Label(kind.label(owner, number).into_bytes())];
    for object in find(session, &template)? {
        session.destroy_object(object)?;
    }
    Ok(())
}

/// The newest generation noted; 0 if none is.
pub(super) fn generation(session: &Session, owner: &Owner) -> Answer<u64> {
    Ok(marks(session, owner)?.into_iter().map(|(_, value)| value).max().unwrap_or(0))
}

/// Notes a generation. The new mark is there before older ones go: a crash leaves two, of which the higher counts.
pub(super) fn raise_generation(session: &Session, owner: &Owner, to: u64) -> Answer<()> {
    let before = marks(session, owner)?;
    let newest = before.iter().map(|(_, value)| *value).max().unwrap_or(0);
    if to > newest {
        let mut template = mark(owner);
        template.extend([
            Attribute::Private(true),
            Attribute::Modifiable(false),
            Attribute::Value(to.to_be_bytes().to_vec()),
        ]);
        session.create_object(&template)?;
    }
    for (object, value) in before {
        if value < newest.max(to) {
            session.destroy_object(object)?;
        }
    }
    Ok(())
}

fn marks(session: &Session, owner: &Owner) -> Answer<Vec<(ObjectHandle, u64)>> {
    let mut marks = Vec::new();
    for object in find(session, &mark(owner))? {
        let value = session.get_attributes(object, &[AttributeType::Value])?;
        let [Attribute::Value(value)] = value.as_slice() else { return Err(integrity()) };
        let value = value.as_slice().try_into().map_err(|_| integrity())?;
        marks.push((object, u64::from_be_bytes(value)));
    }
    Ok(marks)
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

/// Objects that match. None at all is believed only while the session may see private objects.
pub(super) fn find(session: &Session, template: &[Attribute]) -> Answer<Vec<ObjectHandle>> {
    let mut found = Vec::new();
    for object in session.iter_objects(template)? {
        found.push(object?);
        if found.len() > KEYS_MAX {
            return Err(integrity());
        }
    }
    if found.is_empty() && !is_logged_in(session)? {
        return Err(Fault::Token(Box::new(Silence::LoggedOut)));
    }
    Ok(found)
}

pub(super) fn integrity() -> Fault {
    Fault::Answer(ProviderError::Integrity)
}
