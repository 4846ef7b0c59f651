//! The grammar of `chukei backup`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `backup`.
#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    #[command(about = "団体のデータと操作ログを、業務を止めずに控えに取る(暗号化されたまま)")]
    Create(CreateArgs),
    #[command(about = "控えを検査する(鍵は不要。署名・ハッシュ・件数・つながり)")]
    Verify(VerifyArgs),
}

/// What to back up, and where to.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    #[arg(long, value_name = "DIR", help = "控えを置くフォルダー(この中に1回分のフォルダーを作る)")]
    pub(crate) out: PathBuf,
    #[arg(long, value_name = "DIR", help = "この控えからの差分だけを取る(省略時はすべて)")]
    pub(crate) base: Option<PathBuf>,
}

/// What to check, and against whose signature.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    #[arg(value_name = "DIR", help = "控えのフォルダー(差分の基になった控えは隣に置く)")]
    pub(crate) backup: PathBuf,
    #[arg(long, value_name = "FILE", requires = "root", help = "署名済みの相手先一覧")]
    pub(crate) peers: Option<PathBuf>,
    #[arg(long, value_name = "FILE", requires = "peers", help = "相手先一覧を署名したルートの公開鍵")]
    pub(crate) root: Option<PathBuf>,
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "peers",
        required_unless_present = "peers",
        help = "団体のIDの公開鍵(16進。相手先一覧から外れた古い鍵の控えを検査するとき)"
    )]
    pub(crate) identity: Option<PathBuf>,
}
