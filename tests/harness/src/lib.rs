//! The whole stack on loopback: a folder with keys and configurations, the roles as child processes of the
//! running executable, and fictitious rows whose outcome is known before they are sent.
//!
//! What must hold: only processes started here are ever signalled; a role that dies is restarted and reported;
//! a failed test keeps its folder. Deliberately absent: any knowledge of how a role works inside.

pub mod command;
pub mod error;
pub mod folder;
pub mod layout;
mod probe;
pub mod role;
pub mod rows;
pub mod stack;
pub mod store;
