//! One file per group of commands: from arguments to calls, from answers to reports.

pub(crate) mod access;
pub(crate) mod act;
mod arguments;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod copy;
pub(crate) mod custody;
pub(crate) mod exchange;
pub(crate) mod factor;
pub(crate) mod keys;
pub(crate) mod notice;
pub(crate) mod oversight;
pub(crate) mod person;
pub(crate) mod pki;
pub(crate) mod postgres;
pub(crate) mod register;
pub(crate) mod review;
pub(crate) mod token;
pub(crate) mod upkeep;
