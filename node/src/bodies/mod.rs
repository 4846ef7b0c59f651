//! Calls of bodies' own staff and systems, over hops of their own.
//!
//! Each call is scoped to the caller's body, decided, logged before it does anything, and logged again with its
//! outcome. Handlers speak in messages and know no transport.

pub mod access;
pub mod acts;
pub mod audit;
mod batches;
pub mod call;
pub mod caller;
pub mod catalogue;
pub mod copies;
pub mod dispatch;
pub mod enroll;
pub mod exchanges;
pub mod factor;
pub mod follow;
pub mod handlers;
pub mod import;
pub mod keys;
mod logs;
pub mod notices;
pub mod persons;
pub mod provision;
pub mod register;
pub mod reviews;
pub mod search;
pub mod server;
pub mod session;
pub mod stamps;
pub mod standing;
pub mod tries;
pub mod undisclose;
