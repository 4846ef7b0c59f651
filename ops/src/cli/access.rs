//! `access` and `signal`.

use clap::{Args, Subcommand, ValueEnum};

use super::times::moment;

/// `access`.
#[derive(Debug, Subcommand)]
pub(crate) enum AccessCommand {
    #[command(about = "操作が許可されるか、なぜかを説明する(操作は行わない)")]
    Explain(ExplainArgs),
}

/// What would be decided. Whatever is not said is as it is for the user, now.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    #[arg(
        long,
        value_name = "NAME",
        help = "操作名(例 copy_show、act_approve。ないものを指定すると一覧が表示される)"
    )]
    pub(crate) action: String,
    #[arg(
        long,
        value_name = "URI",
        help = "操作者の証明書のURI(例 chukei://body/982016/staff/u-tax-07、省略時は自分)"
    )]
    pub(crate) identity: Option<String>,
    #[arg(long, value_name = "NAME", help = "端末名")]
    pub(crate) device: Option<String>,
    #[arg(long, value_enum, help = "ネットワーク区画")]
    pub(crate) zone: Option<ZoneChoice>,
    #[arg(long = "dataset", value_name = "TM…", help = "特定個人情報名コード(複数指定可)")]
    pub(crate) datasets: Vec<String>,
    #[arg(long, value_name = "TIME", value_parser = moment, help = "日時(日本時間、例 2026-11-21T09:00、省略時は現在)")]
    pub(crate) at: Option<u64>,
    #[arg(long = "factor", value_enum, help = "証明書のほかに示した認証要素(複数指定可)")]
    pub(crate) factors: Vec<FactorChoice>,
    #[arg(
        long,
        value_name = "SECONDS",
        requires = "factors",
        help = "追加の認証からの秒数(--factor とともに指定)"
    )]
    pub(crate) stepped_up: Option<u32>,
    #[arg(long, value_name = "COUNT", help = "直近1分間の要求数")]
    pub(crate) requests: Option<u32>,
    #[arg(long, value_name = "COUNT", help = "直近10分間に開いた人数")]
    pub(crate) persons: Option<u32>,
    #[arg(long = "with-ticket", value_name = "ID", help = "保守の作業票の番号")]
    pub(crate) with_ticket: Option<String>,
    #[arg(long, help = "当てはまらない規則も表示する")]
    pub(crate) all: bool,
}

/// A zone of the network.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ZoneChoice {
    /// 個人番号利用事務系.
    Closed,
    /// LGWAN接続系.
    Lgwan,
    /// インターネット接続系.
    Internet,
}

/// A kind of factor besides the certificate.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum FactorChoice {
    /// 知識.
    Knowledge,
    /// 所持.
    Possession,
    /// 生体.
    Biometrics,
}

/// `signal`.
#[derive(Debug, Subcommand)]
pub(crate) enum SignalCommand {
    #[command(about = "端末の状態を報告する(次の操作から反映)")]
    Device {
        #[arg(value_name = "NAME", help = "端末名")]
        device: String,
        #[arg(value_enum, help = "状態(報告は24時間有効)")]
        condition: Condition,
    },
}

/// How a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Condition {
    /// Well.
    #[value(help = "正常")]
    Healthy,
    /// Unwell.
    #[value(help = "異常(次の操作から拒否される)")]
    Unhealthy,
}

impl ZoneChoice {
    /// The zone in policies.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Lgwan => "lgwan",
            Self::Internet => "internet",
        }
    }
}

impl FactorChoice {
    /// The kind in messages.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Knowledge => "knowledge",
            Self::Possession => "possession",
            Self::Biometrics => "biometrics",
        }
    }
}
