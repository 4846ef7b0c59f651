//! The command line of the demonstration.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// The whole stack on loopback with fictitious data.
#[derive(Debug, Parser)]
#[command(name = "chukei-demo", version, about)]
pub(crate) struct Cli {
    /// Walk through every function, check everything, print one JSON line and end.
    #[arg(long)]
    pub(crate) once: bool,
    /// Keep everything in this folder; a stack laid out there earlier goes on.
    #[arg(long, value_name = "D")]
    pub(crate) dir: Option<PathBuf>,
    /// Start without sample data.
    #[arg(long, conflicts_with = "once")]
    pub(crate) empty: bool,
    /// The store's engine: of a new stack sqlite where none is given. postgres starts a server of its own, which ends
    /// with the demonstration.
    #[arg(long, value_enum)]
    pub(crate) engine: Option<Engine>,
    /// Leave a role that died as it is.
    #[arg(long)]
    pub(crate) no_restart: bool,
}

/// A store engine, by its name in configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    Sqlite,
    Sled,
    Postgres,
}

impl Engine {
    /// Its name in configurations.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Sled => "sled",
            Self::Postgres => "postgres",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_forms_parse() {
        let parse = |line: &str| Cli::try_parse_from(line.split_whitespace());
        let cli = parse("chukei-demo --dir D --empty --engine sqlite --no-restart").unwrap();
        assert!(cli.empty && cli.no_restart && !cli.once);
        assert_eq!(parse("chukei-demo --engine sled").unwrap().engine, Some(Engine::Sled));
        assert!(parse("chukei-demo --once --empty").is_err());
        assert!(parse("chukei-demo --engine oracle").is_err());
    }
}
