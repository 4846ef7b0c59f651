//! `audit export --act`: records that an act of two persons has brought out, into a file that proves itself, and `audit verify
//! --export`, which holds such a file against the peer list alone.
//!
//! What must hold: the file has its name once all of it is durable; what is shown of a record is what the record says; each
//! line comes with what its leaf is made of, so that the leaves lead to a checkpoint that brokers have cosigned.

mod fetch;
mod form;
mod line;
mod verify;

pub(crate) use fetch::export;
pub(crate) use form::Form;
pub(super) use verify::verify;
