//! The grammar of `chukei upkeep`, for operators of the platform and maintenance.

use chukei_wire::name::BackupName;
use clap::{Args, Subcommand};

/// `upkeep`.
#[derive(Debug, Subcommand)]
pub(crate) enum UpkeepCommand {
    #[command(about = "ノードと団体の保管状態(件数・容量・控え)を表示する")]
    Status,
    #[command(about = "処理中の要求を終えてからノードを再起動する")]
    Restart,
    #[command(about = "団体の控えをノードの控え用フォルダーに取る(暗号化されたまま)")]
    Backup(BaseArgs),
    #[command(about = "ノードの控え用フォルダーにある控えを検査する")]
    Verify {
        #[arg(value_name = "NAME", help = "控えの名前(upkeep status で確認できる)")]
        backup: BackupName,
    },
    #[command(about = "データのない団体を控えから復元する")]
    Restore {
        #[arg(value_name = "NAME", help = "控えの名前(差分の基になった控えは同じフォルダーに置く)")]
        backup: BackupName,
        #[arg(long, help = "データを入れるだけで、まだ業務を始めない(続きの控えが後から来るとき)")]
        preload: bool,
    },
    #[command(about = "団体のデータを、業務を止めずに別のエンジンへ移す")]
    Move {
        #[arg(long, value_name = "ENGINE", help = "移す先: sqlite、sled、postgres")]
        to: String,
    },
    #[command(about = "団体の最後の控えを取り、このノードから手放す(別のノードが復元する)")]
    Leave(BaseArgs),
    #[command(about = "削除済みの領域をディスクへ返す")]
    Compact,
}

/// What a backup builds on.
#[derive(Debug, Args)]
pub(crate) struct BaseArgs {
    #[arg(long, value_name = "NAME", help = "この控えからの差分だけを取る(省略時はすべて)")]
    pub(crate) base: Option<BackupName>,
}
