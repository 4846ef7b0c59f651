//! `audit`: whether the body's log is whole, and what it tells.

mod search;
mod verify;

pub(crate) use search::search;
pub(crate) use verify::verify;
