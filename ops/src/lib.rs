//! The command line of a body's staff and of operators, and the library behind its key folder.

pub mod pki;
mod table;
