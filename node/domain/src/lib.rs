//! The pure rules of Chukei: codes, days, the catalogue, copy rows, documents, notices, answers, audit events.
//!
//! What must hold: every rule is a total function of its arguments, and no refusal echoes what it refuses.
//! Deliberately absent: sockets, stores, clocks (time is an argument), keys, and any place for an individual
//! number (R10).

pub mod act;
pub mod answer;
pub mod catalogue;
pub mod codec;
pub mod codes;
pub mod copy_row;
pub mod day;
pub mod document;
pub mod erasure;
pub mod event;
pub mod individual_number;
pub mod local_body_code;
pub mod notice;
pub mod outcome;
pub mod register;
pub mod review;
mod text;
pub mod witness;
