//! A model of set-up, person binding, permits and retries against a hostile broker, searched exhaustively within
//! stated bounds. `README.md` says what it abstracts; `tests/` states the properties and takes each protection
//! away to see its property fail.
//!
//! Cryptography is symbolic (Dolev–Yao): a secret is known or not, a seal opens with its key or not at all. The
//! broker is the network: it keeps everything it has seen, and what a role receives is anything it can put together.
//! Deliberately absent: bytes, sizes, clocks but for the ticks of permit evidence, and the code of the product.

pub mod bounds;
mod evidence;
mod exchange;
pub mod properties;
mod setup;
pub mod state;
pub mod system;
pub mod terms;
