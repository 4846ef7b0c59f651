//! `audit`: whether the body's log is whole, what it tells, what leaves of it, and a live copy of it elsewhere.

mod backup;
mod export;
mod follow;
mod given;
mod search;
mod stamps;
mod trusted;
mod verify;

pub(crate) use export::Form;
pub(crate) use export::export;
pub(crate) use follow::follow;
pub(crate) use search::search;
pub(crate) use stamps::fetch as stamps;
pub(crate) use verify::{verify, verify_here};
