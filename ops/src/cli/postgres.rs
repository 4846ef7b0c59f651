//! `postgres migrate` and `check`: the tables of the engine for several nodes, without a node.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What is done with the tables.
#[derive(Debug, Subcommand)]
pub(crate) enum PostgresCommand {
    #[command(about = "表を作成するか新しい版にする(所有者のロールで接続する)")]
    Migrate {
        #[command(flatten)]
        server: ServerArgs,
        #[arg(long, value_name = "NAME", help = "ノードが使うロール(所有者とは別のもの)")]
        role: String,
    },
    #[command(about = "ノードのロールで接続し、起動時と同じ検査をする")]
    Check {
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// How the server is reached.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    #[arg(
        long,
        value_name = "URL",
        help = "接続文字列(例 postgresql://role@host1,host2/chukei)。パスワードは書かない"
    )]
    pub(crate) url: String,
    #[arg(long, value_name = "FILE", help = "パスワードのファイル")]
    pub(crate) password_file: Option<PathBuf>,
    #[arg(long, value_name = "FILE", help = "サーバー証明書を発行した認証局(PEM)")]
    pub(crate) authority: Option<PathBuf>,
    #[arg(long, value_name = "NAME", default_value = "chukei", help = "スキーマ")]
    pub(crate) schema: String,
    #[arg(long, help = "開発用: 同じ機械の中ではTLSなしで接続する")]
    pub(crate) development: bool,
}
