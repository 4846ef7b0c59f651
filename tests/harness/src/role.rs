//! The roles of the stack, and how one executable plays any of them: `<exe> role node serve --config F`.
//!
//! A program that embeds the harness calls [`play`] first thing in its `main`. So nothing has to be looked for
//! in a build folder, and what is tested is what was built.

use std::ffi::OsString;
use std::fmt;
use std::process::ExitCode;

/// The word that makes an executable play a role.
pub const ROLE_WORD: &str = "role";

/// A process of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The broker.
    Broker,
    /// The node.
    Node,
    /// The mock disclosure portal.
    Portal,
}

impl Role {
    /// All of them, in the order in which they are started.
    pub const ALL: [Self; 3] = [Self::Broker, Self::Node, Self::Portal];

    /// The name in file names: `D/<name>.log`, `D/<name>.pid`, `D/<name>.toml`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Node => "node",
            Self::Portal => "portal",
        }
    }

    /// The subcommand that runs it.
    pub(crate) fn subcommand(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Node | Self::Portal => "serve",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Plays the role that the process was started for; `None` when it was started for something else.
///
/// A played role ends when its parent ends, however that happens.
pub fn play() -> Option<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    if args.next()? != ROLE_WORD {
        return None;
    }
    // Best effort: without it a killed parent leaves its children running.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM));
    let program = args.next().unwrap_or_default();
    let named = |name: &str| std::iter::once(OsString::from(name)).chain(args);
    match program.to_str() {
        Some("broker" | "node") => Some(chukei_node::main(named("chukei-node"))),
        Some("portal") => Some(chukei_mock_portal::main(named("chukei-mock-portal"))),
        Some("chukei") => Some(chukei_ops::main(named("chukei"))),
        _ => {
            eprintln!("unknown role {}", program.display());
            Some(ExitCode::from(2))
        }
    }
}
