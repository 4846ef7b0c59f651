//! The grammar of the command line. Help is in Japanese, for staff; names and codes are ASCII, for scripts.

mod access;
mod act;
mod audit;
mod backup;
mod custody;
mod factor;
mod pki;
mod postgres;
mod register;
mod review;
mod times;
mod upkeep;

use std::path::PathBuf;

use chukei_domain::codes::AffairCode;
use chukei_wire::id::NoticeId;
use clap::{Args, Parser, Subcommand};

pub(crate) use access::{AccessCommand, Condition, ExplainArgs, SignalCommand};
pub(crate) use act::{ActCommand, EraseArgs, EraseCommand, PolicyCommand, Reference, RequestCommand};
pub(crate) use audit::{
    AuditCommand, AuditExportArgs, AuditVerifyArgs, FetchedExport, FollowArgs, SearchArgs, Trusted,
};
pub(crate) use backup::{BackupCommand, CreateArgs, VerifyArgs};
pub(crate) use custody::{
    CustodyCommand, DrillArgs, KeyringBackupArgs, KeyringRestoreArgs, ShareFiles, SplitArgs, TokenArgs,
};
pub(crate) use factor::{FactorCommand, Issued, IssuedFactor, NewFactor, NewKind};
pub(crate) use pki::{Holder, IdentityOf, PkiCommand};
pub(crate) use postgres::{PostgresCommand, ServerArgs};
pub(crate) use register::{
    BodyCommand, DelegationArgs, DelegationCommand, DeviceCommand, EnableArgs, RegisterCommand, StaffArgs,
    StaffCommand, TicketArgs, TicketCommand,
};
pub(crate) use review::ReviewCommand;
pub(crate) use upkeep::UpkeepCommand;

use crate::acting::{Acting, COMMON};
use crate::table::encoding::EncodingChoice;

/// `chukei`.
#[derive(Debug, Parser)]
#[command(
    name = "chukei",
    version,
    about = "副本登録・お知らせ・提供状況確認・台帳・二人承認・点検・保守のコマンド",
    after_help = "終了コード: 0 完了(却下された行があっても 0)、2 使い方の誤り、3 規則による拒否、4 利用できない、1 その他"
)]
pub(crate) struct Cli {
    #[arg(long, global = true, value_name = "FILE", help_heading = COMMON, help = "設定ファイル")]
    pub(crate) config: Option<PathBuf>,
    #[arg(
        long,
        global = true,
        value_name = "JM…",
        help_heading = COMMON,
        help = "どの事務のための操作か(省略時は設定の affair、お知らせの登録ではファイルの affair)"
    )]
    pub(crate) affair: Option<AffairCode>,
    #[arg(long, global = true, help_heading = COMMON, help = "結果を1行のJSONで標準出力に書く(どのコマンドでも使える)")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) acting: Acting,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(subcommand, about = "対象者")]
    Person(PersonCommand),
    #[command(subcommand, about = "副本")]
    Copy(CopyCommand),
    #[command(subcommand, about = "お知らせ")]
    Notice(NoticeCommand),
    #[command(subcommand, about = "情報提供")]
    Provision(ProvisionCommand),
    #[command(subcommand, about = "操作ログ")]
    Audit(AuditCommand),
    #[command(subcommand, about = "情報提供等の記録")]
    Exchange(ExchangeCommand),
    #[command(subcommand, about = "操作ログの点検")]
    Review(ReviewCommand),
    #[command(subcommand, about = "特定個人情報カタログ")]
    Catalogue(CatalogueCommand),
    #[command(subcommand, about = "二人承認の申請")]
    Act(ActCommand),
    #[command(subcommand, about = "暗号化消去(二人承認)")]
    Erase(EraseCommand),
    #[command(subcommand, about = "団体のポリシー(二人承認)")]
    Policy(PolicyCommand),
    #[command(subcommand, about = "職員・システムの台帳")]
    Staff(StaffCommand),
    #[command(subcommand, about = "端末の台帳")]
    Device(DeviceCommand),
    #[command(subcommand, about = "保守の作業票")]
    Ticket(TicketCommand),
    #[command(subcommand, about = "団体の機能")]
    Body(BodyCommand),
    #[command(subcommand, about = "事務代行")]
    Delegation(DelegationCommand),
    #[command(subcommand, about = "台帳の全体")]
    Register(RegisterCommand),
    #[command(subcommand, about = "団体の鍵")]
    Keys(KeysCommand),
    #[command(subcommand, about = "控え(バックアップ)")]
    Backup(BackupCommand),
    #[command(
        subcommand,
        about = "基盤の運用・保守(再起動・控え・復元・移動。対象の団体を --body で指定する)"
    )]
    Upkeep(UpkeepCommand),
    #[command(subcommand, about = "認証要素(証明書以外の要素)")]
    Factor(FactorCommand),
    #[command(subcommand, about = "権限の説明")]
    Access(AccessCommand),
    #[command(subcommand, about = "端末などの状態の報告")]
    Signal(SignalCommand),
    #[command(subcommand, about = "PostgreSQLの準備と確認")]
    Postgres(PostgresCommand),
    #[command(subcommand, about = "鍵と証明書の発行(開発・試行用)")]
    Pki(PkiCommand),
    #[command(subcommand, about = "設定")]
    Config(ConfigCommand),
}

/// `person`.
#[derive(Debug, Subcommand)]
pub(crate) enum PersonCommand {
    #[command(about = "取得番号のファイルから対象者を登録する")]
    Enroll(FileArgs),
    #[command(about = "登録済みの対象者を一覧する")]
    List {
        #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=5_000_000), help = "最大件数")]
        limit: u32,
    },
    #[command(about = "自己情報の提供を止める(解除には2名の承認が必要)")]
    Block(Withheld),
    #[command(about = "自己情報の提供の再開を申請する(二人承認)")]
    Unblock {
        #[command(flatten)]
        what: Withheld,
        #[command(flatten)]
        reference: Reference,
    },
    #[command(about = "情報提供等の記録を本人に開示しないものとする(解除には2名の承認が必要)")]
    Undisclose(Withheld),
    #[command(about = "情報提供等の記録の開示の再開を申請する(二人承認)")]
    Disclose {
        #[command(flatten)]
        what: Withheld,
        #[command(flatten)]
        reference: Reference,
    },
}

/// Whose own information, and which of it.
#[derive(Debug, Args)]
pub(crate) struct Withheld {
    #[arg(value_name = "NUMBER", help = "団体内統合宛名番号")]
    pub(crate) person: String,
    #[arg(long = "dataset", value_name = "TM…", help = "特定個人情報名コード(省略時はすべて、複数指定可)")]
    pub(crate) datasets: Vec<String>,
}

/// `copy`.
#[derive(Debug, Subcommand)]
pub(crate) enum CopyCommand {
    #[command(about = "副本をファイルから登録する")]
    Import(FileArgs),
    #[command(about = "登録済みの副本を表示する")]
    Show {
        #[arg(long, value_name = "NUMBER", help = "団体内統合宛名番号")]
        person: String,
        #[arg(long, value_name = "TM…", help = "特定個人情報名コード")]
        dataset: String,
    },
}

/// A file of rows.
#[derive(Debug, Args)]
pub(crate) struct FileArgs {
    #[arg(value_name = "FILE", help = "CSVファイル")]
    pub(crate) file: PathBuf,
    #[arg(long, value_enum, default_value = "auto", help = "文字コード")]
    pub(crate) encoding: EncodingChoice,
    #[arg(long, value_name = "FILE", help = "結果ファイル(省略時は <FILE>.result.csv)")]
    pub(crate) result_file: Option<PathBuf>,
}

/// `notice`.
#[derive(Debug, Subcommand)]
pub(crate) enum NoticeCommand {
    #[command(about = "お知らせを登録する(TOMLまたはJSON)")]
    Send {
        #[arg(value_name = "FILE", help = "お知らせファイル")]
        file: PathBuf,
    },
    #[command(about = "閲覧状況と回答を確認する")]
    Status {
        #[arg(value_name = "ID", help = "お知らせID")]
        notice: NoticeId,
    },
    #[command(about = "登録済みのお知らせを一覧する")]
    List,
}

/// `provision`.
#[derive(Debug, Subcommand)]
pub(crate) enum ProvisionCommand {
    #[command(about = "提供状況を確認する(この確認も記録される)")]
    Status {
        #[arg(long, value_name = "NUMBER", help = "団体内統合宛名番号(省略時は全員)")]
        person: Option<String>,
        #[arg(long, value_name = "TIME", value_parser = times::moment, help = "この日時以降(日本時間、例 2026-11-21)")]
        from: Option<u64>,
        #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=10_000), help = "最大件数(新しい順に数える)")]
        limit: u32,
    },
}

/// `exchange`.
#[derive(Debug, Subcommand)]
pub(crate) enum ExchangeCommand {
    #[command(about = "団体の情報提供等の記録を、中継機関の記録と突き合わせて一覧する(この照会も記録される)")]
    List(ExchangeArgs),
}

/// Which exchange records.
#[derive(Debug, Args)]
pub(crate) struct ExchangeArgs {
    #[arg(long, value_name = "NUMBER", help = "団体内統合宛名番号(省略時は全員)")]
    pub(crate) person: Option<String>,
    #[arg(long, value_name = "TIME", value_parser = times::moment, help = "この日時以降(日本時間、例 2026-11-21)")]
    pub(crate) from: Option<u64>,
    #[arg(long, value_name = "TIME", value_parser = times::moment, help = "この日時より前(日本時間)")]
    pub(crate) until: Option<u64>,
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000), help = "最大件数(古い順)")]
    pub(crate) limit: u32,
}

/// `catalogue`.
#[derive(Debug, Subcommand)]
pub(crate) enum CatalogueCommand {
    #[command(about = "有効なカタログの項目を一覧する")]
    List,
    #[command(about = "新しい版のカタログの登録を申請する(二人承認)")]
    Load {
        #[arg(value_name = "FILE", help = "カタログのファイル(TOML)")]
        file: PathBuf,
        #[command(flatten)]
        reference: Reference,
    },
}

/// `keys`.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    #[command(about = "団体の鍵を更新する(指定がなければルート鍵・エポック・常設鍵のすべて)")]
    Rotate(RotateArgs),
    #[command(about = "団体の鍵の世代・番号・書き直しの進み具合を表示する")]
    Status,
    #[command(
        about = "封じられた鍵束の控えの持出しを申請する(二人承認。実行後に act fetch で一度だけ受け取る)"
    )]
    Copy(Reference),
    #[command(flatten)]
    Custody(CustodyCommand),
}

/// What to rotate.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct RotateArgs {
    #[arg(long, help = "ルート鍵を次の番号に替え、前の番号を廃棄する")]
    pub(crate) root: bool,
    #[arg(long, help = "エポックを今すぐ替える")]
    pub(crate) epoch: bool,
    #[arg(long, help = "期限のない鍵とページ鍵を新しい番号に替える(古い番号は復号のみ)")]
    pub(crate) standing: bool,
    #[arg(long, help = "古い番号のデータを少しずつ書き直し、済んだ番号を廃止する")]
    pub(crate) rewrite: bool,
}

/// `config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    #[command(about = "設定ファイルを検査する")]
    Check {
        #[arg(value_name = "FILE", help = "設定ファイル(省略時は --config)")]
        file: Option<PathBuf>,
    },
}

#[cfg(test)]
mod tests {
    use chukei_wire::body_code::BodyCode;
    use clap::CommandFactory;

    use super::*;

    fn parsed(words: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("chukei").chain(words.split(' ')))
    }

    #[test]
    fn the_grammar_does_not_contradict_itself() {
        Cli::command().debug_assert();
    }

    #[test]
    fn whose_leave_stands_before_or_behind_the_command_and_pki_has_bodies_of_its_own() {
        let body: BodyCode = "982016".parse().unwrap();
        for words in
            ["--body 982016 --ticket r8-1 upkeep status", "upkeep status --body 982016 --ticket r8-1"]
        {
            let acting = parsed(words).unwrap().acting;
            assert_eq!((acting.about(None), acting.on_behalf_of), (Some(body), None), "{words}");
            assert_eq!(acting.leave().unwrap().ticket.unwrap().as_str(), "r8-1", "{words}");
        }
        let acting = parsed("--on-behalf-of 982016 person list").unwrap().acting;
        assert_eq!(acting.about("982024".parse().ok()), Some(body));
        assert_eq!(acting.leave().unwrap().on_behalf_of, Some(body));
        let own = parsed("person list").unwrap().acting;
        assert_eq!((own.about(Some(body)), own.leave()), (Some(body), None));
        let Command::Pki(PkiCommand::Issue { issued: Issued::Holder(Holder::Staff(member)), .. }) =
            parsed("pki issue --dir d staff --body 982024 --name u-1").unwrap().command
        else {
            panic!("another command");
        };
        assert_eq!(member.body.as_str(), "982024");
        for words in [
            "--on-behalf-of 982016 --body 982024 person list",
            "--ticket R8/1 upkeep status",
            "upkeep verify ../982016-1",
            "--body 982017 upkeep status",
        ] {
            assert!(parsed(words).is_err(), "{words}");
        }
    }
}
