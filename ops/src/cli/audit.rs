//! The grammar of `chukei audit`.

use std::path::PathBuf;

use chukei_wire::id::{ActId, RequestId};
use clap::{Args, Subcommand};

use super::times::moment;
use crate::commands::audit::Form;

/// `audit`.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    #[command(about = "操作ログを読み直し、改ざんと欠落がないか、ログの木と証人の確認に照らして検査する")]
    Verify(AuditVerifyArgs),
    #[command(about = "操作ログを操作者・操作・対象者・期間・結果で検索する(この検索も記録される)")]
    Search(SearchArgs),
    #[command(
        about = "操作ログの出力を申請する(二人承認)。--act で、実行された申請の結果を検査できる形のファイルに受け取る"
    )]
    Export(AuditExportArgs),
    #[command(about = "操作ログの写し(暗号文)を別の場所に保ち続け、差し戻し・食い違い・沈黙を知らせる")]
    Follow(FollowArgs),
    #[command(
        about = "チェックポイントのタイムスタンプ(RFC 3161)をファイルに受け取る(opensslでも検査できる)"
    )]
    Stamps {
        #[arg(long, value_name = "DIR", help = "書き込み先のフォルダー(新しく作る)")]
        out: PathBuf,
    },
}

/// Which records to ask for, or which act to fetch.
#[derive(Debug, Args)]
pub(crate) struct AuditExportArgs {
    #[arg(long, value_name = "TIME", value_parser = moment, required_unless_present = "act", help = "この日時以降(日本時間、例 2026-11-01)")]
    pub(crate) from: Option<u64>,
    #[arg(long, value_name = "TIME", value_parser = moment, required_unless_present = "act", help = "この日時より前(例 2026-12-01)")]
    pub(crate) until: Option<u64>,
    #[arg(
        long,
        value_name = "REF",
        required_unless_present = "act",
        help = "決裁番号などの参照(英数字と - _ . / で64文字以内)"
    )]
    pub(crate) reference: Option<String>,
    #[arg(long, value_name = "ID", requires = "out", conflicts_with_all = ["from", "until", "reference"], help = "実行された申請ID")]
    pub(crate) act: Option<ActId>,
    #[arg(long, value_enum, default_value = "jsonl", help = "ファイルの形式")]
    pub(crate) format: Form,
    #[arg(long, value_name = "FILE", requires = "act", help = "書き込み先(上書きしない)")]
    pub(crate) out: Option<PathBuf>,
}

/// An export that is fetched.
pub(crate) struct FetchedExport {
    pub(crate) act: ActId,
    pub(crate) form: Form,
    pub(crate) out: PathBuf,
}

/// By what somebody outside of a node believes signatures.
#[derive(Clone, Debug, Args)]
pub(crate) struct Trusted {
    #[arg(long, value_name = "FILE", help = "署名済みの相手先一覧")]
    pub(crate) peers: PathBuf,
    #[arg(long, value_name = "FILE", help = "相手先一覧を署名したルートの公開鍵")]
    pub(crate) root: PathBuf,
}

/// Where the copy is kept, and what is told of it.
#[derive(Debug, Args)]
pub(crate) struct FollowArgs {
    #[arg(long, value_name = "DIR", help = "写しを保つフォルダー(同じフォルダーで再開すると続きから写す)")]
    pub(crate) to: PathBuf,
    #[command(flatten)]
    pub(crate) trusted: Trusted,
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 180,
        help = "この秒数だけ記録もチェックポイントも届かなければ警報を出す"
    )]
    pub(crate) silence: u64,
    #[arg(long, value_name = "FILE", help = "node_exporter の textfile に書くメトリクス")]
    pub(crate) metrics: Option<PathBuf>,
    #[arg(
        long,
        value_name = "HOST:PORT",
        requires = "syslog_ca",
        help = "読める部分をsyslog(RFC 5424、TLS)でも送る"
    )]
    pub(crate) syslog: Option<String>,
    #[arg(long, value_name = "FILE", help = "syslogの受信側の証明書を発行した認証局(PEM)")]
    pub(crate) syslog_ca: Option<PathBuf>,
    #[arg(long, help = "追いついたら終わる")]
    pub(crate) once: bool,
}

/// What to hold the log against.
#[derive(Debug, Args)]
pub(crate) struct AuditVerifyArgs {
    #[arg(
        long,
        value_name = "FILE",
        help = "手元に保管したチェックポイント(操作ログがその続きであることも検査する)"
    )]
    pub(crate) checkpoint: Option<PathBuf>,
    #[arg(long, value_name = "FILE", requires = "peers", conflicts_with_all = ["checkpoint", "backup"], help = "audit export --act で受け取ったファイルを検査する(ノードに接続しない)")]
    pub(crate) export: Option<PathBuf>,
    #[arg(
        long,
        value_name = "DIR",
        requires = "peers",
        conflicts_with = "checkpoint",
        help = "控えの中の操作ログを検査する(ノードに接続しない。鍵は不要)"
    )]
    pub(crate) backup: Option<PathBuf>,
    #[arg(
        long,
        value_name = "FILE",
        requires = "peers",
        conflicts_with_all = ["export", "backup"],
        help = "チェックポイントのタイムスタンプも、この時刻認証局のルート証明書(PEM)で検査する"
    )]
    pub(crate) time_stamps: Option<PathBuf>,
    #[arg(
        long,
        value_name = "DIR",
        requires = "time_stamps",
        conflicts_with = "checkpoint",
        help = "audit stamps で受け取ったフォルダーを検査する(ノードに接続しない)"
    )]
    pub(crate) stamps: Option<PathBuf>,
    #[arg(long, value_name = "FILE", requires = "root", help = "署名済みの相手先一覧")]
    pub(crate) peers: Option<PathBuf>,
    #[arg(long, value_name = "FILE", requires = "peers", help = "相手先一覧を署名したルートの公開鍵")]
    pub(crate) root: Option<PathBuf>,
}

/// Which events.
#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    #[arg(long, value_name = "ID", help = "操作者(例 u-tax-07、または chukei:// で始まるID)")]
    pub(crate) by: Option<String>,
    #[arg(long, value_name = "NAME", help = "操作(例 copy-show、self_info)")]
    pub(crate) action: Option<String>,
    #[arg(long, value_name = "NUMBER", help = "対象者(団体内統合宛名番号、または記録にある内部参照)")]
    pub(crate) person: Option<String>,
    #[arg(long, value_name = "TIME", value_parser = moment, help = "この日時以降(日本時間、例 2026-11-21)")]
    pub(crate) from: Option<u64>,
    #[arg(long, value_name = "TIME", value_parser = moment, help = "この日時より前")]
    pub(crate) until: Option<u64>,
    #[arg(long, value_name = "CODE", help = "結果(例 DONE、DENIED)")]
    pub(crate) result: Option<String>,
    #[arg(long, value_name = "ID", help = "この要求IDに属するものだけ")]
    pub(crate) request: Option<RequestId>,
    #[arg(long, help = "古い順(省略時は新しい順)")]
    pub(crate) oldest_first: bool,
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000), help = "最大件数")]
    pub(crate) limit: u32,
}
