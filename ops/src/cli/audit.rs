//! The grammar of `chukei audit`.

use std::path::PathBuf;

use chukei_wire::id::RequestId;
use clap::{Args, Subcommand};

use super::act::ExportArgs;
use super::times::moment;

/// `audit`.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    #[command(about = "操作ログを読み直し、改ざんと欠落がないか、ログの木と証人の確認に照らして検査する")]
    Verify(AuditVerifyArgs),
    #[command(about = "操作ログを操作者・操作・対象者・期間・結果で検索する(この検索も記録される)")]
    Search(SearchArgs),
    #[command(about = "操作ログの出力を申請する(二人承認。実行後に act fetch で受け取る)")]
    Export(ExportArgs),
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
