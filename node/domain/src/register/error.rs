//! Why an entry, or a set of entries, was refused.
//!
//! What must hold: a refusal repeats a name only where it has the form of one, and never any other text of an entry.

use super::{Class, Entry, plain};

/// Why, as one of a closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Why {
    /// Not TOML of the expected form; an unknown, missing or malformed field.
    #[error("it does not have the form of a register")]
    Syntax,
    /// Longer than its limit.
    #[error("it is longer than its limit")]
    TooLong,
    /// More entries of this class, or more parts of this entry, than there may be.
    #[error("there are more than the limit allows")]
    TooMany,
    /// The name is not 1 to 64 of `a-z 0-9 . _ -`, beginning with a letter or digit.
    #[error("its name is not 1 to 64 of a-z 0-9 . _ -")]
    Name,
    /// The name stands twice in its class; of staff: one person has one id (R3).
    #[error("its name stands twice")]
    Repeated,
    /// Something that is a set is not in order, or holds a member twice.
    #[error("one of its lists holds something twice, or is out of order")]
    List,
    /// A text is empty where it must not be, too long or not printable.
    #[error("one of its texts is empty, too long or not printable")]
    Text,
    /// What is, or looks like, an individual number (R10).
    #[error("it holds what looks like an individual number")]
    IndividualNumber,
    /// A period that ends before it begins, or lasts longer than it may.
    #[error("one of its periods ends before it begins, or is longer than allowed")]
    Period,
    /// A role that does not exist.
    #[error("it has a role that does not exist")]
    Role,
    /// A role that this kind of identity cannot hold.
    #[error("it has a role that its kind cannot hold")]
    RoleOfKind,
    /// A factor without the form of its kind.
    #[error("one of its factors does not have the form of its kind")]
    Factor,
    /// The same public key for two factors: one person, one id (R3).
    #[error("one of its factors has the key of another factor in this register")]
    SharedKey,
    /// Nothing is named where something must be: actions, affairs.
    #[error("it covers nothing")]
    Empty,
    /// An action without the form of one.
    #[error("it names what is no action")]
    Action,
    /// A function that is enabled without the reference of its approval (R14).
    #[error("an enabled function needs the reference of its approval")]
    Reference,
    /// Persons of a trial for a function that is not on trial.
    #[error("only a function on trial has persons of a trial")]
    TrialPersons,
    /// A device that is not in the inventory.
    #[error("its device is not in the inventory")]
    Device,
    /// Delegated to the body itself.
    #[error("a body does not act on behalf of itself")]
    OwnBody,
    /// Two delegations that both hold: it would not be clear which one decides.
    #[error("another delegation to the same body covers the same affair, function and time")]
    Overlap,
    /// Something that is to be removed and is not there.
    #[error("there is no such entry")]
    Missing,
    /// The register of another body.
    #[error("it is the register of another body")]
    OtherBody,
    /// Nobody could change the register any more.
    #[error("the register would be without an administrator")]
    NoAdministrator,
    /// A policy that is not accepted.
    #[error("the policy is not accepted")]
    Policy,
}

impl Why {
    /// Every reason.
    pub const ALL: [Self; 24] = [
        Self::Syntax,
        Self::TooLong,
        Self::TooMany,
        Self::Name,
        Self::Repeated,
        Self::List,
        Self::Text,
        Self::IndividualNumber,
        Self::Period,
        Self::Role,
        Self::RoleOfKind,
        Self::Factor,
        Self::SharedKey,
        Self::Empty,
        Self::Action,
        Self::Reference,
        Self::TrialPersons,
        Self::Device,
        Self::OwnBody,
        Self::Overlap,
        Self::Missing,
        Self::OtherBody,
        Self::NoAdministrator,
        Self::Policy,
    ];

    /// The reason with this code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.code() == code)
    }

    /// A stable code for scripts.
    pub fn code(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::TooLong => "too_long",
            Self::TooMany => "too_many",
            Self::Name => "name",
            Self::Repeated => "repeated",
            Self::List => "list",
            Self::Text => "text",
            Self::IndividualNumber => "individual_number",
            Self::Period => "period",
            Self::Role => "role",
            Self::RoleOfKind => "role_of_kind",
            Self::Factor => "factor",
            Self::SharedKey => "shared_key",
            Self::Empty => "empty",
            Self::Action => "action",
            Self::Reference => "reference",
            Self::TrialPersons => "trial_persons",
            Self::Device => "device",
            Self::OwnBody => "own_body",
            Self::Overlap => "overlap",
            Self::Missing => "missing",
            Self::OtherBody => "other_body",
            Self::NoAdministrator => "no_administrator",
            Self::Policy => "policy",
        }
    }
}

/// A refusal, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {why}", self.subject())]
pub struct RegisterError {
    /// The class of the entry at fault; `None` where it is the whole.
    pub class: Option<Class>,
    /// The name of the entry at fault; empty where it has none that may be repeated.
    pub name: String,
    /// Why.
    pub why: Why,
    /// More for whoever wrote it, such as a line; empty for most. Holds no text of the entry.
    pub detail: String,
}

impl RegisterError {
    /// A refusal of `entry`.
    pub fn of(entry: &Entry, why: Why) -> Self {
        Self::named(entry.class(), entry.name(), why)
    }

    /// A refusal of the entry of this class and name.
    pub fn named(class: Class, name: &str, why: Why) -> Self {
        Self { class: Some(class), name: plain::repeatable(name).to_owned(), why, detail: String::new() }
    }

    /// A refusal of a whole register.
    pub fn whole(why: Why) -> Self {
        Self { class: None, name: String::new(), why, detail: String::new() }
    }

    /// The same refusal, with more for whoever wrote it.
    #[must_use]
    pub fn detailed(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    fn subject(&self) -> String {
        let named = match (self.class, self.name.as_str()) {
            (None, _) => "register".to_owned(),
            (Some(class), "") => class.to_string(),
            (Some(class), name) => format!("{class} {name}"),
        };
        if self.detail.is_empty() { named } else { format!("{named} ({})", self.detail) }
    }
}
