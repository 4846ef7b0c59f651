//! The grammar of acts that two persons decide: `act`, `erase`, and what other commands ask for.

use std::path::PathBuf;

use chukei_wire::id::ActId;
use clap::{Args, Subcommand};

/// The body's own reference of a request.
#[derive(Debug, Args)]
pub(crate) struct Reference {
    #[arg(long, value_name = "REF", help = "決裁番号などの参照(英数字と - _ . / で64文字以内)")]
    pub(crate) reference: String,
}

/// `act`.
#[derive(Debug, Subcommand)]
pub(crate) enum ActCommand {
    #[command(subcommand, about = "二人承認が要る操作を申請する")]
    Request(RequestCommand),
    #[command(about = "二人承認の申請を一覧する")]
    List {
        #[arg(long, help = "終わっていないものだけ")]
        open: bool,
    },
    #[command(about = "申請の内容と経過を表示する")]
    Show {
        #[arg(value_name = "ID", help = "申請ID")]
        act: ActId,
        #[arg(
            long,
            value_name = "FILE",
            help = "申請されたポリシーまたはカタログの本文を書き出す(上書きしない)"
        )]
        text: Option<PathBuf>,
    },
    #[command(about = "申請を承認する(申請者本人と管理者は承認できない)")]
    Approve {
        #[arg(value_name = "ID", help = "申請ID")]
        act: ActId,
    },
    #[command(about = "実行前の申請を取り消す")]
    Cancel {
        #[arg(value_name = "ID", help = "申請ID")]
        act: ActId,
    },
    #[command(about = "実行された申請の結果(操作ログ、鍵束)を申請者が受け取る")]
    Fetch {
        #[arg(value_name = "ID", help = "申請ID")]
        act: ActId,
        #[arg(long, value_name = "FILE", help = "書き込み先(上書きしない)")]
        out: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum RequestCommand {
    #[command(
        name = "log-gap",
        about = "復元した操作ログの継続を申請する(二人承認。実行されるまで中継機は署名しない)"
    )]
    LogGap {
        #[command(flatten)]
        reference: Reference,
    },
}

/// `erase`.
#[derive(Debug, Subcommand)]
pub(crate) enum EraseCommand {
    #[command(about = "暗号化消去を申請する(別の職員の承認と待機期間の後に実行される)")]
    Request(EraseArgs),
    #[command(about = "暗号化消去の申請を承認する")]
    Approve {
        #[arg(value_name = "ID", help = "申請ID")]
        act: ActId,
    },
    #[command(about = "実行前の暗号化消去を取り消す")]
    Cancel {
        #[arg(value_name = "ID", help = "申請ID")]
        act: ActId,
    },
    #[command(about = "暗号化消去の経過と、署名済みの消去証明を表示する")]
    Status {
        #[arg(value_name = "ID", help = "申請ID(省略時はすべて)")]
        act: Option<ActId>,
    },
}

/// What to erase.
#[derive(Debug, Args)]
pub(crate) struct EraseArgs {
    #[command(flatten)]
    pub(crate) what: ErasedPart,
    #[command(flatten)]
    pub(crate) reference: Reference,
}

/// One of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ErasedPart {
    #[arg(long, value_name = "NUMBER", help = "この対象者のすべて(団体内統合宛名番号)")]
    pub(crate) person: Option<String>,
    #[arg(long, value_name = "TM…", help = "この特定個人情報の副本のすべて")]
    pub(crate) dataset: Option<String>,
    #[arg(long, help = "団体のすべて(操作ログを除く)")]
    pub(crate) all: bool,
    #[arg(long, help = "操作ログ(保存期間が終わるまで受け付けられない)")]
    pub(crate) records: bool,
}

/// `policy`.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    #[command(about = "団体のポリシーの登録を申請する(二人承認、待機期間の後に有効)")]
    Load {
        #[arg(value_name = "FILE", help = "ポリシーのファイル(Cedar)")]
        file: PathBuf,
        #[arg(long, value_name = "NAME", help = "ポリシーの名前(同じ名前のものを置き換える)")]
        name: String,
        #[command(flatten)]
        reference: Reference,
    },
    #[command(about = "団体のポリシーの削除を申請する(二人承認、待機期間の後に無効)")]
    Remove {
        #[arg(value_name = "NAME", help = "ポリシーの名前")]
        name: String,
        #[command(flatten)]
        reference: Reference,
    },
    #[command(about = "ポリシーを検査する(ノードに接続しない)")]
    Check {
        #[arg(value_name = "FILE", help = "ポリシーファイル(Cedar)")]
        file: PathBuf,
    },
    #[command(about = "団体のポリシーを一覧する")]
    List,
}
