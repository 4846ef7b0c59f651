//! Audit events: one enum of everything that leaves a trace (R3); what carries one is its `record`.
//!
//! What must hold: people are named by internal ids only; every field is of a kind that `AUDIT-EVENTS.md` tells, which is
//! written from these types by the tests.
//! Deliberately absent: values, texts, addressee numbers, keys; the seal is the journal's.

mod act;
mod circumstances;
mod outcome;
mod parts;
mod person;
mod record;
mod records;
mod request;
mod review;
mod why;

use serde::{Deserialize, Serialize};

use crate::codes::InfoNameCode;
use crate::erasure::{ErasureRecord, ErasureScope};

pub use act::{ActStep, TwoPersonAct};
pub use circumstances::Circumstances;
pub use outcome::Outcome;
pub use parts::{PartsError, RecordParts, Unplaced};
pub use person::{
    Disclosure, Ending, PART_MAX, PART_VERSION, PersonPart, Place, Previous, Shown, ShownEnd, ShownResult,
};
pub use record::{RECORD_MAX, Record, Target, VERSION};
pub use records::{ExchangesAsked, RecordsHidden};
pub use request::{Exchange, Request};
pub use review::Reviewed;
pub use why::{REASONS_MAX, Why};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A person's own information was decided on and may leave; durable before it does.
    #[serde(rename = "authorised")]
    Authorised(Request),
    /// A request was refused; why is the record's result.
    #[serde(rename = "refused")]
    Refused(Request),
    /// What became of an authorised request.
    #[serde(rename = "outcome")]
    Outcome {
        /// The request.
        #[serde(rename = "q", with = "serde_bytes")]
        request: [u8; 16],
        /// Its end.
        #[serde(rename = "o")]
        outcome: Outcome,
    },
    /// What the log tells a person of themselves was asked for through the portal; what that came to is the record's
    /// result. Durable before anything leaves, and shown to nobody.
    #[serde(rename = "records-asked")]
    RecordsAsked(Request),
    /// A batch of persons was enrolled.
    #[serde(rename = "person-enrolled")]
    PersonEnrolled {
        /// New persons.
        #[serde(rename = "e")]
        enrolled: u64,
        /// Known persons.
        #[serde(rename = "u")]
        unchanged: u64,
        /// Refused rows.
        #[serde(rename = "x")]
        rejected: u64,
    },
    /// Codes of persons were replaced by those of a newer version: a body's own in its log, a party's at a broker.
    #[serde(rename = "codes-renewed")]
    CodesRenewed {
        /// Whose codes, such as `body/982016`.
        #[serde(rename = "p")]
        party: String,
        /// The version they are in now.
        #[serde(rename = "v")]
        version: u8,
        /// Codes replaced.
        #[serde(rename = "n")]
        renewed: u64,
        /// Codes refused.
        #[serde(rename = "x")]
        refused: u64,
    },
    /// A batch of copies was registered.
    #[serde(rename = "copies-imported")]
    CopiesImported {
        /// New or changed records.
        #[serde(rename = "r")]
        registered: u64,
        /// Records that stood there in this form.
        #[serde(rename = "u")]
        unchanged: u64,
        /// Refused rows.
        #[serde(rename = "x")]
        rejected: u64,
    },
    /// A notice was registered; the record's target names it.
    #[serde(rename = "notice-registered")]
    NoticeRegistered {
        /// How many persons it goes to.
        #[serde(rename = "n")]
        targets: u32,
        /// Last day of retention, days since 1970-01-01 in Japan.
        #[serde(rename = "e")]
        expiry_day: u32,
    },
    /// The portal acknowledged one delivery; the record's target names the notice.
    #[serde(rename = "notice-delivered")]
    NoticeDelivered {
        /// The delivery.
        #[serde(rename = "y", with = "serde_bytes")]
        delivery: [u8; 16],
    },
    /// Read states and answers were pulled from the portal; the record's target names the notice.
    #[serde(rename = "notice-status-read")]
    NoticeStatusRead {
        /// Deliveries reported on.
        #[serde(rename = "n")]
        states: u32,
    },
    /// The keys of one purpose and expiry day are destroyed with this record, told before: a stop in between has it told
    /// twice.
    #[serde(rename = "erased")]
    Erased {
        /// Lower-case name of what they sealed: `notices`, `answers`, `audit` (records of this log), `exchange`.
        #[serde(rename = "p")]
        purpose: String,
        /// The day, days since 1970-01-01 in Japan.
        #[serde(rename = "d")]
        day: u32,
    },
    /// An erasure was begun: from here on it is carried through, whatever stops meanwhile (R23). The record's target
    /// names the person, where it is one.
    #[serde(rename = "erasure-begun")]
    ErasureBegun {
        /// The erasure.
        #[serde(rename = "i", with = "serde_bytes")]
        id: [u8; 16],
        /// What is erased.
        #[serde(rename = "s")]
        scope: ErasureScope,
        /// The body's reference of the request.
        #[serde(rename = "f")]
        reference: String,
    },
    /// An erasure is final: in the live store, and told once more when it is so in every backup (R23).
    #[serde(rename = "erasure")]
    Erasure {
        /// What was erased, and since when.
        #[serde(rename = "c")]
        record: ErasureRecord,
        /// The body's identity over the record: ECDSA P-256 with SHA-256, r ‖ s.
        #[serde(rename = "s", with = "serde_bytes")]
        signature: Vec<u8>,
    },
    /// New keys of one class are in use; nothing is sealed under the ones before from here on.
    #[serde(rename = "keys-rotated")]
    KeysRotated {
        /// Which keys.
        #[serde(rename = "c")]
        class: KeyClass,
        /// The number of the new root, the day of the new epoch, the first of the new standing numbers.
        #[serde(rename = "n")]
        number: u32,
        /// The first generation of the keyring that has them.
        #[serde(rename = "g")]
        generation: u64,
    },
    /// A key was destroyed: what is wrapped under it alone, wherever it lies, opens no more.
    #[serde(rename = "key-destroyed")]
    KeyDestroyed {
        /// Which key.
        #[serde(rename = "c")]
        class: KeyClass,
        /// The number of the root, the day of the epoch.
        #[serde(rename = "n")]
        number: u32,
    },
    /// A standing key went when nothing stood under its number any more.
    #[serde(rename = "key-retired")]
    KeyRetired {
        /// Lower-case name of what it sealed, e.g. `copies`; `pages` for pages of person keys.
        #[serde(rename = "p")]
        purpose: String,
        /// Its number; of pages, how many keys.
        #[serde(rename = "n")]
        number: u32,
    },
    /// A person's own information is withheld from now on (R50); the record's target names the person.
    #[serde(rename = "person-blocked")]
    PersonBlocked {
        /// The datasets; empty for all.
        #[serde(rename = "d")]
        datasets: Vec<InfoNameCode>,
    },
    /// A person's own information is given out again (R50); the record's target names the person.
    #[serde(rename = "person-unblocked")]
    PersonUnblocked {
        /// The datasets; empty for all.
        #[serde(rename = "d")]
        datasets: Vec<InfoNameCode>,
    },
    /// A person's exchange records are hidden from them from now on (不開示該当フラグ, R50); the record's target names the person.
    #[serde(rename = "records-undisclosed")]
    RecordsUndisclosed {
        /// The body's running number of this word about the person.
        #[serde(rename = "v")]
        version: u64,
        /// The datasets; empty for all.
        #[serde(rename = "d")]
        datasets: Vec<InfoNameCode>,
    },
    /// A person's exchange records are shown to them again (R50); the record's target names the person.
    #[serde(rename = "records-disclosed")]
    RecordsDisclosed {
        /// The body's running number of this word about the person.
        #[serde(rename = "v")]
        version: u64,
        /// The datasets; empty for all.
        #[serde(rename = "d")]
        datasets: Vec<InfoNameCode>,
    },
    /// A step of an act that two persons decide (R23).
    #[serde(rename = "act")]
    Act(TwoPersonAct),
    /// A body's own staff or system called; what is the record's action. Durable before anything is done.
    #[serde(rename = "called")]
    Called {
        /// The request.
        #[serde(rename = "q", with = "serde_bytes")]
        request: [u8; 16],
        /// What decided it.
        #[serde(rename = "w", default, skip_serializing_if = "Why::is_empty")]
        why: Why,
    },
    /// A call of staff or of a system was refused; why is the record's result.
    #[serde(rename = "call-refused")]
    CallRefused {
        /// The request.
        #[serde(rename = "q", with = "serde_bytes")]
        request: [u8; 16],
        /// What decided it.
        #[serde(rename = "w", default, skip_serializing_if = "Why::is_empty")]
        why: Why,
    },
    /// A call of staff or of a system ended.
    #[serde(rename = "call-ended")]
    CallEnded {
        /// The request.
        #[serde(rename = "q", with = "serde_bytes")]
        request: [u8; 16],
        /// Rows, persons, notices or entries it concerned.
        #[serde(rename = "n")]
        count: u64,
    },
    /// Rows and log were put back from a backup: what was done between its moment and this record is in neither.
    #[serde(rename = "log-restored")]
    LogRestored {
        /// SHA-256 of the signed manifest of the backup, the last of its chain.
        #[serde(rename = "b", with = "serde_bytes")]
        backup: [u8; 32],
        /// Number of the last record that came back.
        #[serde(rename = "n")]
        last: u64,
    },
    /// Two persons have decided that the log goes on after a restore: from here on its heads are cosigned again (R43). Told
    /// twice where the first try did not come to its end.
    #[serde(rename = "log-gap")]
    LogGap {
        /// The epoch of the log: when it was restored, Unix milliseconds.
        #[serde(rename = "e")]
        epoch_ms: u64,
        /// Number of the record that tells of the restore, the first of the epoch.
        #[serde(rename = "n")]
        first: u64,
        /// SHA-256 of the signed manifest of the backup, the last of its chain.
        #[serde(rename = "b", with = "serde_bytes")]
        backup: [u8; 32],
        /// Number of the last record that is known to be under a cosigned checkpoint; 0 where none is.
        #[serde(rename = "l")]
        witnessed: u64,
        /// Who asked for it.
        #[serde(rename = "o")]
        requested_by: String,
        /// Who approved it.
        #[serde(rename = "p")]
        approved_by: String,
    },
    /// Records before this one were kept for as long as they had to be, and are given up with this record.
    #[serde(rename = "log-given-up")]
    LogGivenUp {
        /// Number of the first record that is kept.
        #[serde(rename = "n")]
        first: u64,
        /// Those that are given up were made before then, or their key had ended, Unix milliseconds.
        #[serde(rename = "b")]
        before_ms: u64,
    },
    /// The rows lie with another engine from here on.
    #[serde(rename = "rows-moved")]
    RowsMoved {
        /// Name of the engine before.
        #[serde(rename = "o")]
        from: String,
        /// Name of the engine now.
        #[serde(rename = "w")]
        to: String,
    },
    /// Something waits for a reviewer (R7).
    #[serde(rename = "review-opened")]
    ReviewOpened(Reviewed),
    /// A reviewer has signed it off; who is the record's actor.
    #[serde(rename = "review-signed")]
    ReviewSigned(Reviewed),
    /// The body's register was empty, and is what the founding document says from here on (R24).
    #[serde(rename = "register-founded")]
    RegisterFounded {
        /// SHA-256 of the document.
        #[serde(rename = "h", with = "serde_bytes")]
        document: [u8; 32],
        /// Entries in it.
        #[serde(rename = "n")]
        entries: u32,
    },
    /// The body's register is about to change; the version says how often it was. One that is told twice failed the
    /// first time.
    #[serde(rename = "register-changed")]
    RegisterChanged {
        /// The version that comes with it.
        #[serde(rename = "v")]
        version: u64,
        /// Entries that are new or other than before, as `class/name`.
        #[serde(rename = "p")]
        put: Vec<String>,
        /// Entries that are removed; what was reported about a device goes with it.
        #[serde(rename = "x")]
        removed: Vec<String>,
    },
    /// A broker took a request over (情報提供等の記録, R22).
    #[serde(rename = "exchange-opened")]
    ExchangeOpened(Exchange),
    /// A broker saw a request end.
    #[serde(rename = "exchange-closed")]
    ExchangeClosed {
        /// The request.
        #[serde(rename = "q", with = "serde_bytes")]
        request: [u8; 16],
        /// Whether the other side answered; what it answered is sealed.
        #[serde(rename = "w")]
        answered: bool,
    },
    /// A broker was asked for exchange records.
    #[serde(rename = "exchanges-asked")]
    ExchangesAsked(ExchangesAsked),
    /// A body has told a broker what of a person's exchange records is hidden from the person (R50); told once more where
    /// the record before it comes to its end.
    #[serde(rename = "records-hidden")]
    RecordsHidden(RecordsHidden),
}

/// Keys that are rotated by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeyClass {
    /// The root that the keyring is wrapped under.
    #[serde(rename = "root")]
    Root,
    /// The epoch that it is wrapped under as well.
    #[serde(rename = "epoch")]
    Epoch,
    /// Keys without an end, and the keys of pages.
    #[serde(rename = "standing")]
    Standing,
}

#[cfg(test)]
mod tests;
