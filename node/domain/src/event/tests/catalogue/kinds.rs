//! The kinds of values that a record may hold, and which field holds which: a field of no kind fails the tests.

use super::source::{Field, Ty, innermost};

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Identity,
    Person,
    Code,
    Id,
    Number,
    Count,
    Time,
    Name,
    Word,
    Digest,
}

impl Kind {
    pub(super) const ALL: [Self; 10] = [
        Self::Identity,
        Self::Person,
        Self::Code,
        Self::Id,
        Self::Number,
        Self::Count,
        Self::Time,
        Self::Name,
        Self::Word,
        Self::Digest,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Person => "person reference",
            Self::Code => "code",
            Self::Id => "id",
            Self::Number => "number",
            Self::Count => "count",
            Self::Time => "time",
            Self::Name => "name of a thing",
            Self::Word => "word",
            Self::Digest => "digest",
        }
    }

    pub(super) fn meaning(self) -> &'static str {
        match self {
            Self::Identity => {
                "URI of a certificate, such as `chukei://body/982016/staff/u-tax-07`; the body's register says whose it is"
            }
            Self::Person => {
                "the body's random id of a person, which leads to them through the body's sealed rows alone and to nobody \
                 after an erasure; in a broker's records the registry's number, which only brokers know"
            }
            Self::Code => "code of a body, a dataset or an affair, from a published list",
            Self::Id => "16 random bytes, or a UUID",
            Self::Number => "running number or version of a thing",
            Self::Count => "how many",
            Self::Time => "Unix milliseconds, or a day in Japan as days since 1970-01-01",
            Self::Name => {
                "name or reference of a machine, a policy, a key, a ticket, a department, a ground in law; without twelve \
                 digits on end"
            }
            Self::Word => "word, number or truth value of a closed set",
            Self::Digest => "SHA-256, the beginning of one, or a signature",
        }
    }
}

use Kind::{Count, Digest, Identity, Name, Number, Person, Time, Word};

/// Fields whose type does not say it.
pub(super) const LISTED: &[(&str, &str, Kind)] = &[
    ("Record", "seq", Number),
    ("Record", "actor", Identity),
    ("Record", "action", Name),
    ("Record", "result", Word),
    ("Target", "Person", Person),
    ("Subject", "ErasePerson", Person),
    ("Subject", "Unblock.person", Person),
    ("Subject", "DiscloseRecords.person", Person),
    ("ExchangesAsked", "person", Person),
    ("RecordsHidden", "person", Person),
    ("ExchangesAsked", "party", Name),
    ("RecordsHidden", "version", Number),
    ("Event", "RecordsUndisclosed.version", Number),
    ("Event", "RecordsDisclosed.version", Number),
    ("Exchange", "person", Person),
    ("Request", "portal", Name),
    ("Request", "broker", Name),
    ("Request", "legal_basis", Name),
    ("Request", "permit_number", Number),
    ("Exchange", "portal", Name),
    ("Exchange", "legal_basis", Name),
    ("Exchange", "permit_number", Number),
    ("Why", "device", Identity),
    ("Why", "department", Name),
    ("Why", "reasons", Name),
    ("Why", "ticket", Name),
    ("Why", "delegation", Name),
    ("Event", "PersonEnrolled.enrolled", Count),
    ("Event", "PersonEnrolled.unchanged", Count),
    ("Event", "PersonEnrolled.rejected", Count),
    ("Event", "CodesRenewed.party", Name),
    ("Event", "CodesRenewed.version", Number),
    ("Event", "CodesRenewed.renewed", Count),
    ("Event", "CodesRenewed.refused", Count),
    ("Event", "CopiesImported.registered", Count),
    ("Event", "CopiesImported.unchanged", Count),
    ("Event", "CopiesImported.rejected", Count),
    ("Event", "NoticeRegistered.targets", Count),
    ("Event", "NoticeStatusRead.states", Count),
    ("Event", "Erased.purpose", Word),
    ("Event", "ErasureBegun.reference", Name),
    ("Event", "Erasure.signature", Digest),
    ("Event", "KeysRotated.number", Number),
    ("Event", "KeysRotated.generation", Number),
    ("Event", "KeyDestroyed.number", Number),
    ("Event", "KeyRetired.purpose", Word),
    ("Event", "KeyRetired.number", Number),
    ("Event", "CallEnded.count", Count),
    ("Event", "LogRestored.last", Number),
    ("Event", "LogGap.first", Number),
    ("Event", "LogGap.witnessed", Number),
    ("Event", "LogGap.requested_by", Identity),
    ("Event", "LogGap.approved_by", Identity),
    ("Event", "LogGivenUp.first", Number),
    ("Event", "RowsMoved.from", Word),
    ("Event", "RowsMoved.to", Word),
    ("Event", "RegisterFounded.entries", Count),
    ("Event", "RegisterChanged.version", Number),
    ("Event", "RegisterChanged.put", Name),
    ("Event", "RegisterChanged.removed", Name),
    ("Reviewed", "item", Number),
    ("Reviewed", "subject", Identity),
    ("Reviewed", "count", Count),
    ("TwoPersonAct", "reference", Name),
    ("TwoPersonAct", "first", Identity),
    ("TwoPersonAct", "second", Identity),
    ("Subject", "PolicyLoad.name", Name),
    ("Subject", "PolicyRemove", Name),
    ("Subject", "LogGap.first", Number),
    ("Subject", "CatalogueLoad.version", Number),
    ("Subject", "CatalogueLoad.valid_from", Time),
    ("ErasureRecord", "reference", Name),
    ("ErasureRecord", "epoch", Time),
    ("ErasureRecord", "rows", Count),
    ("ErasedKey", "of", Number),
    ("ErasedKey", "number", Number),
    ("InBackups", "From", Time),
    ("InBackups", "Since", Time),
    ("Previous", "index", Number),
    ("Place", "number", Number),
    ("Disclosure", "portal", Name),
    ("Disclosure", "legal_basis", Name),
];

/// What a field of a type holds.
pub(super) fn kind_of(owner: &str, field: &Field) -> Option<Kind> {
    let listed = LISTED.iter().find(|(name, known, _)| (*name, *known) == (owner, field.name.as_str()));
    if let Some((_, _, kind)) = listed {
        return Some(*kind);
    }
    let last = field.name.rsplit('.').next().unwrap();
    match (innermost(&field.ty).as_str(), &field.ty) {
        ("InfoNameCode" | "AffairCode" | "LocalBodyCode", _) => Some(Kind::Code),
        ("[u8; 16]", _) => Some(Kind::Id),
        ("[u8; 32]" | "[u8; 8]", _) => Some(Digest),
        ("Rule" | "bool", _) => Some(Word),
        ("u64", Ty::Named(_) | Ty::Maybe(_)) if last.ends_with("_ms") => Some(Time),
        ("u32", Ty::Named(_)) if last == "day" || last.ends_with("_day") => Some(Time),
        _ => None,
    }
}

/// Whose act each event tells of, in the order of declaration.
pub(super) const WHOSE: &[(&str, &str)] = &[
    ("authorised", PORTAL),
    ("refused", PORTAL),
    (
        "outcome",
        "The portal's, as the `authorised` record of the request tells; told by the node when it ends, or at its next start.",
    ),
    ("records-asked", PORTAL),
    ("person-enrolled", CALLER),
    ("codes-renewed", RENEWED),
    ("copies-imported", CALLER),
    ("notice-registered", CALLER),
    ("notice-delivered", NODE),
    ("notice-status-read", NODE),
    ("erased", NODE),
    ("erasure-begun", DECIDED),
    ("erasure", DECIDED),
    ("keys-rotated", EITHER),
    ("key-destroyed", EITHER),
    ("key-retired", NODE),
    ("person-blocked", CALLER),
    ("person-unblocked", DECIDED),
    ("records-undisclosed", CALLER),
    ("records-disclosed", DECIDED),
    (
        "act",
        "The caller's for `requested`, `approved`, `cancelled` and `fetched`: device, department and reasons stand in the `called` record of the call. The node's own duty for the others. Both persons stand in the event either way.",
    ),
    ("called", HERE),
    ("call-refused", HERE),
    ("call-ended", "The caller's, as the `called` record of the request tells."),
    ("log-restored", NODE),
    ("log-gap", DECIDED),
    ("log-given-up", NODE),
    ("rows-moved", EITHER),
    ("review-opened", NODE),
    ("review-signed", CALLER),
    ("register-founded", NODE),
    ("register-changed", EITHER),
    ("exchange-opened", BROKERS),
    ("exchange-closed", BROKERS),
    ("exchanges-asked", BROKERS),
    ("records-hidden", BROKERS),
];

const PORTAL: &str = "The portal's, for the person. Reasons and the policies' version stand in the event; a portal has no device and no department.";
const HERE: &str = "The caller's. Device, department and reasons stand in the event.";
const CALLER: &str = "The caller's. Device, department and reasons stand in the `called` record of the call that the record names.";
const EITHER: &str = "The caller's where the record names its call: device, department and reasons stand in the `called` record of it. Otherwise the own duty of the process, node or broker, which is the actor: by the clock, by what two persons decided, or by a command of whoever holds the machine.";
const NODE: &str = "The own duty of the process, node or broker, which is the actor; there is no device, department or reason.";
const DECIDED: &str = "The node's own duty, which is the actor: it carries out what two persons decided, who stand in the `act` records.";
const RENEWED: &str = "In a body's log the node's own duty, and the node is the actor; at a broker of whoever asked for new codes, who is the actor: a portal or a body's node.";
const BROKERS: &str = "Of whoever asked the broker, which is the actor: a portal or a body's node. Device, department and reasons stand in the body's log, under the same request.";
