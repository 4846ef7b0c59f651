//! `pki`: the key folder, and everybody who gets something from it.

use std::net::IpAddr;
use std::path::PathBuf;

use chukei_wire::body_code::BodyCode;
use clap::{Args, Subcommand};

use super::Issued;
use crate::pki::{CRL_DAYS, PEERS_DAYS};

/// `pki`.
#[derive(Debug, Subcommand)]
pub(crate) enum PkiCommand {
    #[command(about = "鍵フォルダーを作る")]
    Init {
        #[arg(long, value_name = "DIR", help = "鍵フォルダー")]
        dir: PathBuf,
    },
    #[command(about = "証明書または鍵を発行する")]
    Issue {
        #[arg(long, value_name = "DIR", help = "鍵フォルダー")]
        dir: PathBuf,
        #[arg(long, help = "証明書の有効日数(省略時は90日、保守事業者は30日)")]
        days: Option<u32>,
        #[command(subcommand)]
        issued: Issued,
    },
    #[command(about = "証明書を失効させ、失効リストに署名し直す")]
    Revoke {
        #[arg(long, value_name = "DIR", help = "鍵フォルダー")]
        dir: PathBuf,
        #[arg(long, default_value_t = CRL_DAYS, help = "失効リストの有効日数")]
        days: u32,
        #[arg(long, help = "最新の証明書を残し、それより前のものだけを失効させる")]
        former: bool,
        #[arg(value_name = "NAME", help = "chukei:// で始まる名前、または証明書ファイル名(拡張子なし)")]
        name: String,
    },
    #[command(about = "失効リストに署名し直す(期限が切れる前に定期的に実行する)")]
    Crl {
        #[arg(long, value_name = "DIR", help = "鍵フォルダー")]
        dir: PathBuf,
        #[arg(long, default_value_t = CRL_DAYS, help = "失効リストの有効日数")]
        days: u32,
    },
    #[command(about = "発行済みの公開情報を集めて署名済みの相手先一覧を作る")]
    Peers {
        #[arg(long, value_name = "DIR", help = "鍵フォルダー")]
        dir: PathBuf,
        #[arg(long, default_value_t = PEERS_DAYS, help = "一覧の有効日数")]
        days: u32,
    },
    #[command(about = "団体の設立台帳(最初の管理者など)に署名する")]
    Found {
        #[arg(long, value_name = "DIR", help = "鍵フォルダー")]
        dir: PathBuf,
        #[arg(long, help = "団体コード")]
        body: BodyCode,
        #[arg(value_name = "FILE", help = "台帳ファイル(TOML)")]
        file: PathBuf,
    },
    #[command(about = "基盤の運用者・保守事業者の台帳に署名する")]
    Platform {
        #[arg(long, value_name = "DIR", help = "鍵フォルダー")]
        dir: PathBuf,
        #[arg(value_name = "FILE", help = "台帳ファイル(TOML)")]
        file: PathBuf,
    },
    #[command(about = "新しいIDの鍵を作り、新旧両方を載せた相手先一覧に署名する")]
    Rotate(IdentityArgs),
    #[command(about = "古いIDを相手先一覧から外し、その鍵を消す")]
    Retire(IdentityArgs),
}

/// Whose identity, and for how long the list is valid.
#[derive(Debug, Args)]
pub(crate) struct IdentityArgs {
    #[arg(long, value_name = "DIR", help = "鍵フォルダー")]
    pub(crate) dir: PathBuf,
    #[arg(long, default_value_t = PEERS_DAYS, help = "一覧の有効日数")]
    pub(crate) days: u32,
    #[command(subcommand)]
    pub(crate) holder: IdentityOf,
}

/// Who has an identity.
#[derive(Debug, Subcommand)]
pub(crate) enum IdentityOf {
    #[command(about = "団体")]
    Body {
        #[arg(long, help = "団体コード")]
        code: BodyCode,
    },
    #[command(about = "開示ポータル")]
    Portal {
        #[arg(long, help = "名前")]
        name: String,
    },
}

/// Whom to issue for.
#[derive(Debug, Subcommand)]
pub(crate) enum Holder {
    #[command(about = "ノード")]
    Node(Server),
    #[command(about = "ブローカー")]
    Broker(Server),
    #[command(about = "開示ポータル")]
    Portal(Server),
    #[command(about = "職員")]
    Staff(Member),
    #[command(about = "業務システム")]
    System(Member),
    #[command(about = "監査担当者(団体の記録だけを読む)")]
    Auditor(Member),
    #[command(about = "端末(--body がなければプラットフォームの端末)")]
    Device {
        #[arg(long, help = "団体コード")]
        body: Option<BodyCode>,
        #[arg(long, help = "名前")]
        name: String,
    },
    #[command(about = "プラットフォームの運用者")]
    Operator {
        #[arg(long, help = "名前")]
        name: String,
    },
    #[command(about = "保守事業者の作業者")]
    Maintenance {
        #[arg(long, help = "名前")]
        name: String,
    },
    #[command(about = "個人符号のマスター鍵(次の版を作る)")]
    CodeMaster {
        #[arg(long, help = "版(1〜255)")]
        version: u8,
    },
    #[command(about = "結合鍵のマスター鍵(次の版を作る)")]
    BindingMaster {
        #[arg(long, help = "開示ポータルの名前")]
        portal: String,
        #[arg(long, help = "版(1〜127)")]
        version: u8,
    },
    #[command(about = "団体")]
    Body {
        #[arg(long, help = "団体コード")]
        code: BodyCode,
        #[arg(long, help = "団体名")]
        name: String,
    },
}

/// A role that listens.
#[derive(Debug, Args)]
pub(crate) struct Server {
    #[arg(long, help = "名前")]
    pub(crate) name: String,
    #[arg(long = "address", value_name = "IP", help = "証明書に載せるIPアドレス(複数指定可)")]
    pub(crate) addresses: Vec<IpAddr>,
}

/// A member of a body.
#[derive(Debug, Args)]
pub(crate) struct Member {
    #[arg(long, help = "団体コード")]
    pub(crate) body: BodyCode,
    #[arg(long, help = "職員またはシステムの名前")]
    pub(crate) name: String,
}
