//! Plain messages of one hop about a body's register: who and what it knows, shown and changed.
//!
//! What must hold: entries travel in their one byte form, opaque here; nothing of them is printed. Deliberately absent:
//! what an entry says, and whether it may be so: the node decides.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

unprinted!(RegisterPage, RegisterChangeRequest);

/// Asks for one page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterShowRequest {
    /// Only entries of this class, e.g. `staff`; absent for all.
    pub class: Option<String>,
    /// Go on behind this cursor of the page before.
    pub after: Option<ByteBuf>,
}

/// Entries in the order of their classes and names, of one version.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterPage {
    /// The version that the page is of: pages of different ones do not belong together.
    pub version: u64,
    /// Entries in their byte form.
    pub entries: Vec<ByteBuf>,
    /// Whether persons of a trial were left out, whom administrators alone see.
    pub withheld: bool,
    /// From where to go on; absent behind the last entry.
    pub next: Option<ByteBuf>,
}

/// An entry by its class and name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryName {
    /// E.g. `staff`.
    pub class: String,
    /// Unique within the class.
    pub name: String,
}

/// Changes the register: all of it or nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterChangeRequest {
    /// The version that the change was made for.
    pub expected_version: u64,
    /// Entries in their byte form: new ones, or in place of those of their names.
    pub put: Vec<ByteBuf>,
    /// Entries that go.
    pub remove: Vec<EntryName>,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegisterChangeReply {
    /// Durable, and in force with the next operation.
    #[serde(rename = "changed")]
    Changed {
        /// The version now.
        version: u64,
    },
    /// Somebody else has changed it: nothing was changed now.
    #[serde(rename = "outdated")]
    Outdated {
        /// The version by now.
        version: u64,
    },
    /// A rule refuses: nothing was changed.
    #[serde(rename = "refused")]
    Refused(RegisterRefusal),
}

/// Why a change was refused, and which entry is at fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterRefusal {
    /// The entry's class; absent where it is the whole.
    pub class: Option<String>,
    /// Its name; empty where there is none that may be repeated.
    pub name: String,
    /// A stable code, e.g. `period`.
    pub why: String,
    /// More, such as a line; empty for most.
    pub detail: String,
}
