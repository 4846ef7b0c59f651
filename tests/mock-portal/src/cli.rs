//! The command line: `serve` and the one-shot commands that talk to it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::protocol::Command;

/// Mock disclosure portal (情報提供等記録開示システムの模擬).
#[derive(Debug, Parser)]
#[command(name = "chukei-mock-portal", version, about)]
pub(crate) struct Cli {
    /// Configuration file (portal.toml).
    #[arg(long, value_name = "FILE", global = true, default_value = "portal.toml")]
    pub(crate) config: PathBuf,
    /// One compact JSON line on standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: Action,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Run the portal until SIGINT or SIGTERM.
    Serve,
    /// Persons of the resident registry.
    #[command(subcommand)]
    Person(PersonAction),
    /// Request a person's own information (自己情報表示).
    SelfInfo(SelfInfoArgs),
    /// Show what bodies' logs say of a person (情報提供等の記録).
    Records(RecordsArgs),
    /// Verify receipts in a folder, offline.
    VerifyReceipts(VerifyReceiptsArgs),
    /// List a person's notices (お知らせ).
    Notices(PersonArgs),
    /// Open a notice.
    Read(ReadArgs),
    /// Answer a notice's question.
    Answer(AnswerArgs),
    /// Close a person's login and erase the user folder.
    Logout(PersonArgs),
}

/// Persons of the resident registry.
#[derive(Debug, Subcommand)]
pub(crate) enum PersonAction {
    /// Make new persons and write their acquisition numbers.
    Add(PersonAddArgs),
    /// Issue new acquisition numbers to persons of a body, in the newest version of the binding.
    Reissue(PersonReissueArgs),
    /// List persons of a body.
    List(PersonListArgs),
}

#[derive(Debug, Args)]
pub(crate) struct PersonAddArgs {
    /// How many.
    #[arg(long, value_name = "N")]
    pub(crate) count: u64,
    /// Local body code.
    #[arg(long, value_name = "BODY")]
    pub(crate) body: String,
    /// CSV file to write: integrated_addressee_number,acquisition_number.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct PersonReissueArgs {
    /// Local body code.
    #[arg(long, value_name = "BODY")]
    pub(crate) body: String,
    /// Only the first N persons, in the order of `person list`.
    #[arg(long, value_name = "N")]
    pub(crate) first: Option<u64>,
    /// CSV file to write: integrated_addressee_number,acquisition_number.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct PersonListArgs {
    /// Local body code.
    #[arg(long, value_name = "BODY")]
    pub(crate) body: String,
}

#[derive(Debug, Args)]
pub(crate) struct PersonArgs {
    /// The portal's user id.
    #[arg(long, value_name = "PERSON")]
    pub(crate) person: String,
}

#[derive(Debug, Args)]
pub(crate) struct SelfInfoArgs {
    #[command(flatten)]
    pub(crate) who: PersonArgs,
    /// Local body code.
    #[arg(long, value_name = "BODY")]
    pub(crate) body: String,
    /// Dataset code (TM + 14 digits); may be repeated.
    #[arg(long = "dataset", value_name = "TM", required = true)]
    pub(crate) datasets: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RecordsArgs {
    #[command(flatten)]
    pub(crate) who: PersonArgs,
    /// Local body code; every body that may have some where absent.
    #[arg(long, value_name = "BODY")]
    pub(crate) body: Option<String>,
    /// Verify signatures, proofs and the sequence.
    #[arg(long)]
    pub(crate) verify: bool,
    /// Folder to write receipts to, for anybody to verify.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyReceiptsArgs {
    /// Folder with receipts and keys.json.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ReadArgs {
    #[command(flatten)]
    pub(crate) who: PersonArgs,
    /// Notice id.
    #[arg(long, value_name = "ID")]
    pub(crate) notice: Option<String>,
    /// Notice id, where --notice is not given.
    #[arg(value_name = "ID", required_unless_present = "notice", conflicts_with = "notice")]
    pub(crate) position: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct AnswerArgs {
    #[command(flatten)]
    pub(crate) who: PersonArgs,
    /// Notice id.
    #[arg(long, value_name = "ID")]
    pub(crate) notice: Option<String>,
    /// Id of the chosen choice.
    #[arg(long, value_name = "CHOICE")]
    pub(crate) choice: Option<String>,
    /// Notice id and choice, where --notice or --choice is not given.
    #[arg(value_name = "ID|CHOICE", num_args = 0..=2)]
    pub(crate) positions: Vec<String>,
}

impl SelfInfoArgs {
    pub(crate) fn into_command(self) -> Command {
        Command::SelfInfo { person: self.who.person, body: self.body, datasets: self.datasets }
    }
}

impl ReadArgs {
    pub(crate) fn into_command(self) -> Option<Command> {
        let notice = self.notice.or(self.position)?;
        Some(Command::Read { person: self.who.person, notice })
    }
}

impl AnswerArgs {
    /// `None` where an id is missing or given twice.
    pub(crate) fn into_command(self) -> Option<Command> {
        let mut positions = self.positions.into_iter();
        let notice = self.notice.or_else(|| positions.next())?;
        let choice = self.choice.or_else(|| positions.next())?;
        let person = self.who.person;
        positions.next().is_none().then_some(Command::Answer { person, notice, choice })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("chukei-mock-portal").chain(line.split_whitespace()))
    }

    fn answer(line: &str) -> Option<Command> {
        match parse(line).unwrap().action {
            Action::Answer(arguments) => arguments.into_command(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn ids_are_options_or_positions() {
        let expected = Some(Command::Answer { person: "p".into(), notice: "n".into(), choice: "c".into() });
        assert_eq!(answer("answer --person p --notice n --choice c"), expected);
        assert_eq!(answer("answer --person p n c"), expected);
        assert_eq!(answer("answer --person p --notice n c"), expected);
        assert_eq!(answer("answer --person p --choice c n"), expected);
        assert_eq!(answer("answer --person p n"), None);
        assert_eq!(answer("answer --person p --notice n --choice c extra"), None);
    }

    #[test]
    fn json_and_config_may_stand_anywhere() {
        let cli = parse("read --person p abc --json --config other.toml").unwrap();
        assert!(cli.json);
        assert_eq!(cli.config, PathBuf::from("other.toml"));
        assert!(parse("read --person p").is_err());
        assert!(parse("read --person p abc --notice abc").is_err());
        assert!(parse("self-info --person p --body 982016").is_err());
        assert!(parse("records --person p --verify --out d").is_ok());
        assert!(parse("records").is_err());
    }
}
