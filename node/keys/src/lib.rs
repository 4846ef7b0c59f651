//! Where an owner's keys live: the provider of its roots and epochs, and the keyring's file sealed under them.
//!
//! What must hold: an owner's keyring opens only with the root **and** the epoch that its head names, so that
//! destroying an epoch ends every copy of every keyring it sealed, wherever the copy lies; what was destroyed is
//! `KEY_DESTROYED` from then on, and nothing falls back to another key or to none. A provider speaks of roots,
//! epochs and one number; what a keyring holds is the business of `chukei-crypto`.
//!
//! Deliberately absent: sockets, clocks (the day is an argument), and any key that two owners share.

mod drill;
mod error;
mod files;
mod key_text;
mod keyring_file;
mod owner;
pub mod pkcs11;
pub mod process;
mod provider;
mod rotation;
mod settings;
mod standby;

pub use chukei_crypto::keyring::WRAPPED_MAX;
pub use drill::{DrillError, DrilledKeyring, SealedHead};
pub use error::KeyfileError;
pub use files::FileProvider;
pub use keyring_file::{KeyringFile, MAX_KEYRING_BYTES};
pub use owner::{InvalidOwner, OWNER_MAX, Owner};
pub use provider::{KeyProvider, ProviderError, WrapIds};
pub use rotation::{Ended, RotatedRoot, TurnedEpoch};
pub use settings::{KeySettings, KeySettingsError, ProviderKind};
pub use standby::StandbyProvider;
