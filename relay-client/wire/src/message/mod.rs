//! Messages: sealed ones between portal and body, plain ones of a single hop.

pub mod control;
pub mod notice;
pub mod self_info;
pub mod staff;
