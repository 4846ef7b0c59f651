//! `factor`, and the factors that `pki issue` makes.

use std::path::PathBuf;

use chukei_domain::register::FactorKind;
use chukei_wire::body_code::BodyCode;
use clap::{Args, Subcommand, ValueEnum};

use super::Holder;

/// `factor`.
#[derive(Debug, Subcommand)]
pub(crate) enum FactorCommand {
    #[command(about = "自分の認証要素を作り、台帳に登録する行を表示する")]
    New {
        #[command(flatten)]
        made: NewFactor,
        #[arg(long, value_name = "FILE", help = "作る鍵ファイル(biometrics のとき)")]
        key: Option<PathBuf>,
    },
}

/// What the key folder makes.
#[derive(Debug, Subcommand)]
pub(crate) enum Issued {
    #[command(flatten)]
    Holder(Holder),
    #[command(about = "認証要素(証明書以外の要素)の鍵を作り、台帳に登録する行を表示する")]
    Factor(IssuedFactor),
}

/// Whose factor the key folder makes.
#[derive(Debug, Args)]
pub(crate) struct IssuedFactor {
    #[arg(long, help = "団体コード(省略時はプラットフォームの運用者・保守事業者)")]
    pub(crate) body: Option<BodyCode>,
    #[arg(long, value_name = "NAME", help = "証明書の名前")]
    pub(crate) holder: String,
    #[command(flatten)]
    pub(crate) made: NewFactor,
}

/// A factor that is to be made.
#[derive(Debug, Args)]
pub(crate) struct NewFactor {
    #[arg(long, help = "認証要素の名前(設定の [[factor]] と台帳で同じにする)")]
    pub(crate) name: String,
    #[arg(long, value_enum, help = "種類(証明書が所持の要素なので、それ以外の種類)")]
    pub(crate) kind: NewKind,
    #[arg(long, value_name = "FILE", help = "PINのファイル(モード0600、省略時は端末で入力)")]
    pub(crate) pin_file: Option<PathBuf>,
}

/// The kinds that count beside a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NewKind {
    /// A PIN.
    #[value(help = "知識(PIN)")]
    Knowledge,
    /// Whatever the body vouches for.
    #[value(help = "生体(試行用の鍵ファイル)")]
    Biometrics,
}

impl From<NewKind> for FactorKind {
    fn from(kind: NewKind) -> Self {
        match kind {
            NewKind::Knowledge => Self::Knowledge,
            NewKind::Biometrics => Self::Biometrics,
        }
    }
}
