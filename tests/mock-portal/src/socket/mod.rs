//! The Unix socket of the one-shot commands.

pub(crate) mod bind;
pub(crate) mod line;
pub(crate) mod server;
