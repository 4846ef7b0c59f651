//! The grammar of the commands on a body's register: `staff`, `device`, `ticket`, `body`, `policy`, `delegation`,
//! `register`.

use std::path::PathBuf;

use chukei_domain::codes::AffairCode;
use chukei_domain::local_body_code::LocalBodyCode;
use chukei_domain::register::{FunctionName, Mode, Period, StaffKind, Zone};
use clap::{Args, Subcommand, ValueEnum};

use super::times::{day, moment};

/// What a ticket can allow, by its names in policies.
const UPKEEP: [&str; 6] =
    ["backup_create", "backup_restore", "body_move", "node_restart", "store_compact", "upkeep_status"];
/// What another body can be allowed to do.
const WORK: [&str; 11] = [
    "copy_import",
    "copy_show",
    "exchange_list",
    "notice_list",
    "notice_send",
    "notice_status",
    "person_block",
    "person_enroll",
    "person_list",
    "person_undisclose",
    "provision_status",
];

/// `staff`.
#[derive(Debug, Subcommand)]
pub(crate) enum StaffCommand {
    #[command(about = "職員・システムなどを台帳に載せる")]
    Add(Box<StaffArgs>),
    #[command(about = "台帳に載っている職員・システムなどを一覧する")]
    List,
    #[command(about = "台帳から外す")]
    Remove(NameArgs),
}

/// Somebody with rights.
#[derive(Debug, Args)]
pub(crate) struct StaffArgs {
    #[arg(value_name = "NAME", help = "証明書の名前(1人に1つ)")]
    pub(crate) name: String,
    #[arg(long, value_enum, default_value = "staff", help = "種類")]
    pub(crate) kind: KindChoice,
    #[arg(
        long = "role",
        value_name = "ROLE",
        help = "役割(clerk 担当者、administrator 管理者、approver 承認者、requester 申請者、reviewer 点検者、device_manager 端末管理者、contractor 委託先。複数指定可)"
    )]
    pub(crate) roles: Vec<String>,
    #[arg(long, default_value = "", hide_default_value = true, help = "課")]
    pub(crate) department: String,
    #[arg(long = "affairs", value_name = "JM…", value_parser = affair, help = "事務コード(複数指定可)")]
    pub(crate) affairs: Vec<AffairCode>,
    #[command(flatten)]
    pub(crate) valid: Days,
    #[arg(long, value_name = "DATE", value_parser = day, requires = "contract_until", help = "契約の初日(例 2026-04-01)")]
    pub(crate) contract_from: Option<u32>,
    #[arg(long, value_name = "DATE", value_parser = day, requires = "contract_from", help = "契約の末日(その日を含む)")]
    pub(crate) contract_until: Option<u32>,
    #[arg(long, value_name = "DATE", value_parser = day, help = "最後に研修を受けた日(366日を超えると操作できない)")]
    pub(crate) trained_on: Option<u32>,
    #[arg(long = "factor", value_name = "FILE", help = "認証要素のファイル(複数指定可)")]
    pub(crate) factors: Vec<PathBuf>,
    #[arg(long, help = "同じ名前の者を書き換える(認証要素は指定がなければ残す)")]
    pub(crate) replace: bool,
}

/// First and last day.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Days {
    #[arg(long, value_name = "DATE", value_parser = day, help = "初日(例 2026-04-01)")]
    from: u32,
    #[arg(long, value_name = "DATE", value_parser = day, help = "末日(その日を含む)")]
    until: u32,
}

impl Days {
    /// As entries have them.
    pub(crate) fn period(self) -> Period {
        Period { from_day: self.from, until_day: self.until }
    }
}

/// One entry by its name.
#[derive(Debug, Args)]
pub(crate) struct NameArgs {
    #[arg(value_name = "NAME", help = "名前")]
    pub(crate) name: String,
}

/// Kinds of entries of staff.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum KindChoice {
    /// A person.
    #[value(help = "職員")]
    Staff,
    /// A business system.
    #[value(help = "業務システム")]
    System,
    /// A person who reads the log.
    #[value(help = "監査担当者")]
    Auditor,
}

impl From<KindChoice> for StaffKind {
    fn from(kind: KindChoice) -> Self {
        match kind {
            KindChoice::Staff => Self::Staff,
            KindChoice::System => Self::System,
            KindChoice::Auditor => Self::Auditor,
        }
    }
}

/// `device`.
#[derive(Debug, Subcommand)]
pub(crate) enum DeviceCommand {
    #[command(about = "端末を台帳に載せる")]
    Add {
        #[arg(value_name = "NAME", help = "端末の名前(プラットフォームの端末は chukei://platform/device/…)")]
        name: String,
        #[arg(long, value_enum, help = "端末を置くネットワークの区分")]
        zone: ZoneChoice,
        #[command(flatten)]
        listed: Days,
        #[arg(long, help = "同じ名前の端末を書き換える")]
        replace: bool,
    },
    #[command(about = "台帳の端末を一覧する")]
    List,
    #[command(about = "端末を台帳から外す")]
    Remove(NameArgs),
}

/// Zones of a network.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ZoneChoice {
    /// Closed.
    #[value(help = "個人番号利用事務系")]
    Closed,
    /// LGWAN.
    #[value(help = "LGWAN接続系")]
    Lgwan,
    /// Internet.
    #[value(help = "インターネット接続系")]
    Internet,
}

impl From<ZoneChoice> for Zone {
    fn from(zone: ZoneChoice) -> Self {
        match zone {
            ZoneChoice::Closed => Self::Closed,
            ZoneChoice::Lgwan => Self::Lgwan,
            ZoneChoice::Internet => Self::Internet,
        }
    }
}

/// `ticket`.
#[derive(Debug, Subcommand)]
pub(crate) enum TicketCommand {
    #[command(about = "保守の作業票を開く")]
    Open(TicketArgs),
    #[command(about = "作業票を閉じる(直ちに効かなくなる)")]
    Close(NameArgs),
    #[command(about = "開いている作業票を一覧する")]
    List,
}

/// Leave for maintenance.
#[derive(Debug, Args)]
pub(crate) struct TicketArgs {
    #[arg(value_name = "ID", help = "作業票の番号(a-z 0-9 . _ - で64文字以内)")]
    pub(crate) id: String,
    #[arg(long, help = "作業者の証明書の名前")]
    pub(crate) holder: String,
    #[arg(long, help = "使う端末(台帳の名前、例 chukei://platform/device/p-01)")]
    pub(crate) device: String,
    #[command(flatten)]
    pub(crate) window: Window,
    #[arg(long = "action", value_name = "ACTION", value_parser = UPKEEP, required = true, help = "許す操作(複数指定可)")]
    pub(crate) actions: Vec<String>,
}

/// From when until when, the end excluded.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Window {
    #[arg(long, value_name = "TIME", value_parser = moment, help = "開始(日本時間、例 2026-11-21T09:00)")]
    pub(crate) from: u64,
    #[arg(long, value_name = "TIME", value_parser = moment, help = "終了(この時刻を含まない)")]
    pub(crate) until: u64,
}

/// `body`.
#[derive(Debug, Subcommand)]
pub(crate) enum BodyCommand {
    #[command(about = "機能を有効・試行・無効にする(諮問・答申の番号が必要)")]
    Enable(EnableArgs),
}

/// How far a function is enabled.
#[derive(Debug, Args)]
pub(crate) struct EnableArgs {
    #[arg(value_enum, help = "機能")]
    pub(crate) function: FunctionChoice,
    #[arg(long, value_enum, help = "状態")]
    pub(crate) mode: ModeChoice,
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        help = "諮問・答申の番号(off のときは省略できる)"
    )]
    pub(crate) reference: String,
    #[arg(long, value_name = "DATE", value_parser = day, help = "開始日(例 2026-04-01)")]
    pub(crate) from: u32,
    #[arg(long, value_name = "FILE", help = "試行の対象者(団体内統合宛名番号を1行に1つ)")]
    pub(crate) persons: Option<PathBuf>,
}

/// Functions.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum FunctionChoice {
    /// Copies.
    #[value(help = "副本登録")]
    Copies,
    /// Own information.
    #[value(help = "自己情報表示")]
    SelfInfo,
    /// Notices.
    #[value(help = "お知らせ情報表示")]
    Notices,
}

impl From<FunctionChoice> for FunctionName {
    fn from(function: FunctionChoice) -> Self {
        match function {
            FunctionChoice::Copies => Self::Copies,
            FunctionChoice::SelfInfo => Self::SelfInfo,
            FunctionChoice::Notices => Self::Notices,
        }
    }
}

/// Modes of a function.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ModeChoice {
    /// Off.
    #[value(help = "無効")]
    Off,
    /// On trial.
    #[value(help = "試行(対象者のみ)")]
    Trial,
    /// Live.
    #[value(help = "有効")]
    Live,
}

impl From<ModeChoice> for Mode {
    fn from(mode: ModeChoice) -> Self {
        match mode {
            ModeChoice::Off => Self::Off,
            ModeChoice::Trial => Self::Trial,
            ModeChoice::Live => Self::Live,
        }
    }
}

/// `delegation`.
#[derive(Debug, Subcommand)]
pub(crate) enum DelegationCommand {
    #[command(about = "他団体に事務代行をあらかじめ許す")]
    Grant(DelegationArgs),
    #[command(about = "事務代行を取り消す(直ちに効かなくなる)")]
    Revoke(NameArgs),
    #[command(about = "事務代行を一覧する")]
    List,
}

/// Leave for another body.
#[derive(Debug, Args)]
pub(crate) struct DelegationArgs {
    #[arg(value_name = "ID", help = "事務代行の番号(a-z 0-9 . _ - で64文字以内)")]
    pub(crate) id: String,
    #[arg(long, value_name = "CODE", help = "代行する団体の団体コード")]
    pub(crate) to: LocalBodyCode,
    #[arg(long = "affairs", value_name = "JM…", value_parser = affair, required = true, help = "事務コード(複数指定可)")]
    pub(crate) affairs: Vec<AffairCode>,
    #[arg(long = "function", value_name = "ACTION", value_parser = WORK, required = true, help = "許す操作(複数指定可)")]
    pub(crate) functions: Vec<String>,
    #[command(flatten)]
    pub(crate) window: Window,
}

/// `register`.
#[derive(Debug, Subcommand)]
pub(crate) enum RegisterCommand {
    #[command(about = "台帳の全体をTOMLで表示する")]
    Show,
    #[command(about = "台帳をファイルのとおりにする(ポリシーと端末の状態を除く)")]
    Load {
        #[arg(value_name = "FILE", help = "台帳ファイル(TOML)")]
        file: PathBuf,
        #[arg(long, help = "違いを表示するだけで変更しない")]
        dry_run: bool,
    },
}

fn affair(text: &str) -> Result<AffairCode, String> {
    text.parse().map_err(|_| "事務コードは JM と14桁の数字です".to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chukei_access::PolicyBook;

    use super::*;

    #[test]
    fn what_can_be_allowed_is_an_action_of_the_policies() {
        let book = PolicyBook::new().unwrap();
        let known: BTreeSet<&str> = book.actions().collect();
        assert!(UPKEEP.iter().chain(&WORK).all(|action| known.contains(action)));
        // The rest of the groups that tickets and delegations reach into.
        let upkeep = |action: &&str| action.starts_with("upkeep_") || action.starts_with("store_");
        assert!(known.iter().filter(|action| upkeep(action)).all(|action| UPKEEP.contains(action)));
    }
}
