//! Where a token is found.

use std::num::NonZeroU8;
use std::path::PathBuf;
use std::time::Duration;

/// Driver, token and PIN. The PIN itself stands in no configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pkcs11Settings {
    /// The driver: a shared library, for instance `/usr/lib/softhsm/libsofthsm2.so`.
    pub module: PathBuf,
    /// The token's label.
    pub token: String,
    /// A file that holds the user's PIN on one line.
    pub pin_file: PathBuf,
    /// Sessions with the token, and so calls at one time. More than one only with a driver that bears it: SoftHSM
    /// 2.6 crashes the process when objects are made and destroyed by several threads at once.
    pub sessions: NonZeroU8,
    /// How long a call may take before its caller is told that the token does not answer.
    pub wait: Duration,
}

impl Pkcs11Settings {
    /// What is waited unless something else is asked for: long for a network's token, short for readiness.
    pub const WAIT: Duration = Duration::from_secs(10);
    /// Sessions unless more are asked for.
    pub const SESSIONS: NonZeroU8 = NonZeroU8::MIN;
    /// Most sessions.
    pub const SESSIONS_MAX: u8 = 16;
}
