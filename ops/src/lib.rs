//! The command line of a body's staff and of operators, and the library behind its key folder.
//!
//! What must hold: standard output carries the result and nothing else; exit status and codes mean the same for
//! ever; nothing of a person is printed that was not asked for. Deliberately absent: rules of the domain, which
//! the node decides.

mod acting;
mod batches;
mod cli;
mod commands;
mod config;
mod factors;
mod failure;
mod folder;
mod japan_time;
mod link;
mod notice_file;
pub mod pki;
mod progress;
mod register_words;
mod report;
mod result_file;
mod run;
mod table;

pub use run::main;
