//! What the node starts by itself, through brokers: announcing its bodies, acquiring codes, delivering notices,
//! pulling their states.

pub mod acquire;
pub mod announce;
pub mod announcements;
pub mod deliver;
pub mod poll;
pub mod portal;
