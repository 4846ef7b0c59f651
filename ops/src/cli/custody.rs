//! `keys split`, `combine`, `drill` and `token`: custody of root keys, without a node.

use std::path::PathBuf;

use chukei_crypto::custody::{SHARES_MAX, THRESHOLD_MIN};
use clap::{Args, Subcommand};

/// What is done with root keys and their shares.
#[derive(Debug, Subcommand)]
pub(crate) enum CustodyCommand {
    #[command(about = "ルート鍵をシェアに分ける")]
    Split(SplitArgs),
    #[command(about = "シェアからルート鍵を復元してファイルに書く")]
    Combine {
        #[command(flatten)]
        shares: ShareFiles,
        #[arg(long, value_name = "FILE", help = "復元したルート鍵の書き込み先(上書きしない)")]
        out: PathBuf,
    },
    #[command(about = "シェアで使用中のルート鍵を復元できることを確かめる(鍵は書き出さない)")]
    Drill(DrillArgs),
    #[command(about = "トークンの中の鍵を表示し、最初のルート鍵を作る")]
    Token(TokenArgs),
    #[command(about = "封じられた鍵束の控えを取る(データの控えとは別に保管する)")]
    Backup(KeyringBackupArgs),
    #[command(about = "鍵束を、それを失った機器に戻す")]
    Restore(KeyringRestoreArgs),
}

/// `keys backup`.
#[derive(Debug, Args)]
pub(crate) struct KeyringBackupArgs {
    #[arg(long, value_name = "FILE", help = "役割の設定ファイル(node.toml など): 鍵の場所をそこから読む")]
    pub(crate) keys: PathBuf,
    #[arg(long, value_name = "NAME", help = "鍵の所有者(団体コード、またはブローカー・ポータルの名前)")]
    pub(crate) owner: String,
    #[arg(long, value_name = "DIR", help = "控えを書き込むフォルダー(上書きしない)")]
    pub(crate) out_dir: PathBuf,
}

/// `keys restore`.
#[derive(Debug, Args)]
pub(crate) struct KeyringRestoreArgs {
    #[arg(long, value_name = "FILE", help = "役割の設定ファイル(node.toml など): 鍵の場所をそこから読む")]
    pub(crate) keys: PathBuf,
    #[arg(long, value_name = "NAME", help = "鍵の所有者(団体コード、またはブローカー・ポータルの名前)")]
    pub(crate) owner: String,
    #[arg(long, value_name = "FILE", help = "鍵束の控え")]
    pub(crate) keyring: PathBuf,
    #[arg(long, value_name = "DIR", help = "エポックの予備のフォルダー([keys] standby)")]
    pub(crate) standby: PathBuf,
    #[arg(long = "share", value_name = "FILE", num_args = 1.., help = "ルート鍵のシェア(ルート鍵が戻してあれば不要)")]
    pub(crate) shares: Vec<PathBuf>,
}

/// `keys token`.
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    #[arg(
        long,
        value_name = "FILE",
        help = "役割の設定ファイル(node.toml など): トークンの場所をそこから読む"
    )]
    pub(crate) keys: PathBuf,
    #[arg(long, value_name = "NAME", help = "鍵の所有者(団体コード、またはブローカー・ポータルの名前)")]
    pub(crate) owner: String,
    #[arg(long, help = "ルート鍵が1つもなければ、番号1をトークンの中に作る")]
    pub(crate) make_root: bool,
    #[arg(long, value_name = "LABEL", help = "このラベルの識別鍵の公開鍵を表示する")]
    pub(crate) identity: Option<String>,
}

/// `keys split`.
#[derive(Debug, Args)]
pub(crate) struct SplitArgs {
    #[arg(long, value_name = "NAME", help = "鍵の所有者(団体コード、またはブローカー・ポータルの名前)")]
    pub(crate) owner: String,
    #[arg(long, value_name = "FILE", help = "ルート鍵ファイル(<所有者>.root-<番号>.key)")]
    pub(crate) root: PathBuf,
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help = "ルート鍵の番号(省略時はファイル名から)")]
    pub(crate) number: Option<u32>,
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u8).range(i64::from(THRESHOLD_MIN)..=i64::from(SHARES_MAX)), help = "復元に必要なシェアの数")]
    pub(crate) threshold: u8,
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(i64::from(THRESHOLD_MIN)..=i64::from(SHARES_MAX)), help = "シェアの総数")]
    pub(crate) shares: u8,
    #[arg(long, value_name = "DIR", help = "シェアを書き込むフォルダー(1シェア1ファイル、上書きしない)")]
    pub(crate) out_dir: PathBuf,
}

/// Files of shares.
#[derive(Debug, Args)]
pub(crate) struct ShareFiles {
    #[arg(long = "share", value_name = "FILE", required = true, num_args = 1.., help = "シェアのファイル(複数指定)")]
    pub(crate) files: Vec<PathBuf>,
}

/// `keys drill`.
#[derive(Debug, Args)]
pub(crate) struct DrillArgs {
    #[command(flatten)]
    pub(crate) shares: ShareFiles,
    #[arg(long, value_name = "FILE", conflicts_with_all = ["roots", "epochs"], help = "役割の設定ファイル(node.toml など): 使用中の鍵の場所をそこから読む")]
    pub(crate) keys: Option<PathBuf>,
    #[arg(long, value_name = "DIR", help = "使用中のルート鍵のフォルダー")]
    pub(crate) roots: Option<PathBuf>,
    #[arg(long, value_name = "DIR", requires = "keyring", help = "使用中のエポックのフォルダー")]
    pub(crate) epochs: Option<PathBuf>,
    #[arg(long, value_name = "FILE", help = "使用中の鍵束ファイル(--keys では省略可)")]
    pub(crate) keyring: Option<PathBuf>,
}
