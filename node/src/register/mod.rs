//! What a body's register says at one moment: people, devices, tickets, functions, affairs, policies and delegations.
//!
//! What must hold: a snapshot never changes; the next operation sees the next one. What is stored is sealed, one row per
//! entry, and told by one more row that names the version and the digest of them all, so that a row that was removed,
//! exchanged or put back is noticed (R24). Deliberately absent: what follows from an entry, which policies decide.

mod change;
mod founding;
mod place;
mod stored;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chukei_crypto::hash::sha256;
use chukei_domain::codec::CodecError;
use chukei_domain::codes::AffairCode;
use chukei_domain::local_body_code::LocalBodyCode;
use chukei_domain::register::{
    Class, Delegation, Device, Entry, Function, FunctionName, Health, Policy, Staff, Ticket,
};
use chukei_wire::identity::Identity;

pub use change::{Change, ChangeError};
pub use founding::Founding;
pub(crate) use place::RegisterPlace;
pub(crate) use stored::open;

/// An entry and the digest of its byte form.
#[derive(Debug)]
struct Held {
    entry: Entry,
    digest: [u8; 32],
}

type Shelf = HashMap<Box<str>, Arc<Held>>;

/// The register of one body at one moment.
#[derive(Clone, Debug)]
pub struct Register {
    body: LocalBodyCode,
    version: u64,
    shelves: BTreeMap<Class, Arc<Shelf>>,
}

impl Register {
    /// The register of a body that knows nobody yet.
    pub fn empty(body: LocalBodyCode) -> Self {
        Self { body, version: 0, shelves: BTreeMap::new() }
    }

    /// How often it was changed: 0 before it was founded.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.shelves.values().all(|shelf| shelf.is_empty())
    }

    /// The entry of whom a certificate names: of this body, of this name and of this kind.
    pub fn holder(&self, identity: &Identity) -> Option<&Staff> {
        identity.body().filter(|body| body.as_str() == self.body.as_str())?;
        self.staff(identity.name()).filter(|staff| staff.kind.as_str() == identity.kind())
    }

    /// The person or system of this name.
    pub fn staff(&self, name: &str) -> Option<&Staff> {
        match self.get(Class::Staff, name)? {
            Entry::Staff(staff) => Some(staff),
            _ => None,
        }
    }

    /// The device that a certificate names: one of this body's, or one of the platform's that it lists.
    pub fn device_of(&self, identity: &Identity) -> Option<&Device> {
        self.device(&self.device_name(identity)?)
    }

    /// The name that a device has in this inventory: its own, or the whole URI of one of the platform's. `None` for what
    /// is no device, or another body's.
    pub fn device_name<'a>(&self, identity: &'a Identity) -> Option<Cow<'a, str>> {
        match identity {
            Identity::Device(None, _) => Some(identity.to_string().into()),
            Identity::Device(Some(body), name) if body.as_str() == self.body.as_str() => {
                Some(name.as_str().into())
            }
            _ => None,
        }
    }

    /// The device of this name in the inventory.
    pub fn device(&self, name: &str) -> Option<&Device> {
        match self.get(Class::Device, name)? {
            Entry::Device(device) => Some(device),
            _ => None,
        }
    }

    /// The ticket of this number.
    pub fn ticket(&self, id: &str) -> Option<&Ticket> {
        match self.get(Class::Ticket, id)? {
            Entry::Ticket(ticket) => Some(ticket),
            _ => None,
        }
    }

    /// The function as the body enabled it; `None` where it never did.
    pub fn function(&self, function: FunctionName) -> Option<&Function> {
        match self.get(Class::Function, function.as_str())? {
            Entry::Function(function) => Some(function),
            _ => None,
        }
    }

    /// The department that an affair belongs to; `None` where it is not one department's.
    pub fn department_of(&self, affair: AffairCode) -> Option<&str> {
        match self.get(Class::Affair, affair.as_str())? {
            Entry::Affair(affair) => Some(&affair.department),
            _ => None,
        }
    }

    /// Every delegation, revoked or not, in no order that matters.
    pub fn delegations(&self) -> impl Iterator<Item = &Delegation> {
        self.of_class(Class::Delegation).filter_map(|entry| match entry {
            Entry::Delegation(delegation) => Some(delegation),
            _ => None,
        })
    }

    /// The last report about the device of this name in the inventory.
    pub fn health(&self, device: &str) -> Option<&Health> {
        match self.get(Class::Health, device)? {
            Entry::Health(health) => Some(health),
            _ => None,
        }
    }

    /// The body's own policies in the order of their names.
    pub fn policies(&self) -> Vec<&Policy> {
        let mut policies: Vec<&Policy> = self
            .of_class(Class::Policy)
            .filter_map(|entry| match entry {
                Entry::Policy(policy) => Some(policy),
                _ => None,
            })
            .collect();
        policies.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        policies
    }

    /// The body's own policies as one text; `None` where it has none.
    pub fn policy_text(&self) -> Option<String> {
        let policies = self.policies();
        let texts: Vec<&str> = policies.into_iter().map(|policy| policy.text.as_str()).collect();
        (!texts.is_empty()).then(|| texts.join("\n"))
    }

    /// Every entry, ordered by class and name.
    pub fn entries(&self) -> Vec<&Entry> {
        let mut entries: Vec<&Entry> = self.all().collect();
        entries.sort_unstable_by(|a, b| (a.class(), a.name()).cmp(&(b.class(), b.name())));
        entries
    }

    /// The entry of this class and name.
    pub fn get(&self, class: Class, name: &str) -> Option<&Entry> {
        self.shelves.get(&class)?.get(name).map(|held| &held.entry)
    }

    fn of_class(&self, class: Class) -> impl Iterator<Item = &Entry> {
        self.shelves.get(&class).into_iter().flat_map(|shelf| shelf.values()).map(|held| &held.entry)
    }

    fn all(&self) -> impl Iterator<Item = &Entry> {
        self.shelves.values().flat_map(|shelf| shelf.values()).map(|held| &held.entry)
    }

    /// Puts an entry in the place of the one of its name.
    fn put(&mut self, entry: Entry) -> Result<(), CodecError> {
        let digest = sha256(&entry.to_bytes()?);
        let shelf = Arc::make_mut(self.shelves.entry(entry.class()).or_default());
        shelf.insert(entry.name().into(), Arc::new(Held { entry, digest }));
        Ok(())
    }

    /// Removes an entry; tells whether it was there.
    fn remove(&mut self, class: Class, name: &str) -> bool {
        self.shelves.get_mut(&class).is_some_and(|shelf| Arc::make_mut(shelf).remove(name).is_some())
    }

    /// The digest of all entries, whatever their order.
    fn digest(&self) -> [u8; 32] {
        let held = self.shelves.values().flat_map(|shelf| shelf.values());
        let mut digests: Vec<[u8; 32]> = held.map(|held| held.digest).collect();
        digests.sort_unstable();
        sha256(digests.as_flattened())
    }
}

#[cfg(test)]
mod tests;
