//! The grammar of `chukei review`.

use clap::Subcommand;

/// `review`.
#[derive(Debug, Subcommand)]
pub(crate) enum ReviewCommand {
    #[command(about = "点検を待つ項目を一覧する")]
    List {
        #[arg(long, conflicts_with = "signed", help = "期限を過ぎたものだけ")]
        overdue: bool,
        #[arg(long, help = "点検済みのもの")]
        signed: bool,
    },
    #[command(about = "項目を1件表示する")]
    Show {
        #[arg(value_name = "ID", help = "項目の番号")]
        number: u64,
    },
    #[command(about = "項目を点検済みにする(自分の操作についての項目はできない)")]
    Sign {
        #[arg(value_name = "ID", help = "項目の番号")]
        number: u64,
        #[arg(
            long,
            value_name = "N",
            help = "確認した項目の回数(review list と review show の「回」)。その後に操作が加わっていれば点検済みにしない"
        )]
        count: u64,
        #[arg(long, value_name = "TEXT", help = "点検の結果(500字まで。個人を特定する番号は書けない)")]
        note: String,
    },
}
