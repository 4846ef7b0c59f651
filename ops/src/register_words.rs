//! Why a register or one of its entries was refused, in words for staff.
//!
//! What must hold: nothing of an entry is repeated but its class and its name.

use chukei_domain::register::{Class, RegisterError, Why};

/// One sentence: what is refused, why, and where.
pub(crate) fn explain(error: &RegisterError) -> String {
    let subject = match error.class {
        None => "台帳全体".to_owned(),
        Some(class) if error.name.is_empty() => class_name(class).to_owned(),
        Some(class) => format!("{} {}", class_name(class), error.name),
    };
    let detail = if error.detail.is_empty() { String::new() } else { format!("({})", error.detail) };
    format!("{subject}{detail}: {}", why(error.why))
}

/// What a class is called.
pub(crate) fn class_name(class: Class) -> &'static str {
    match class {
        Class::Staff => "職員・システム",
        Class::Device => "端末",
        Class::Ticket => "作業票",
        Class::Function => "機能",
        Class::Affair => "事務の所管課",
        Class::Policy => "ポリシー",
        Class::Delegation => "事務代行",
        Class::Health => "端末の状態",
    }
}

/// Why something was refused.
pub(crate) fn why(why: Why) -> &'static str {
    match why {
        Why::Syntax => "台帳の形式ではありません。項目名と書き方を確認してください",
        Why::TooLong => "長すぎます。短くしてください",
        Why::TooMany => "件数の上限を超えています。不要なものを外してください",
        Why::Name => "名前は1〜64文字の a-z 0-9 . _ - で、英小文字か数字で始めてください",
        Why::Repeated => "同じ名前が2回あります。1人に1つの名前としてください",
        Why::List => "一覧の中に同じものが2回あります",
        Why::Text => "文字列が空か、長すぎるか、表示できない文字を含みます",
        Why::IndividualNumber => "個人番号とみられる値が含まれています。取り除いてください",
        Why::Period => "期間の終わりが始まりより前か、長すぎます。日付を確認してください",
        Why::Role => {
            "存在しない役割です。clerk administrator approver requester reviewer device_manager contractor から選んでください"
        }
        Why::RoleOfKind => "この種類の者には与えられない役割です。種類と役割を確認してください",
        Why::Factor => "認証要素の形式が種類に合いません",
        Why::SharedKey => "認証要素の鍵が別の認証要素と同じです。1人が2つの名前を持つことはできません",
        Why::Empty => "対象が何もありません",
        Why::Action => "操作の名前ではありません",
        Why::Reference => "機能を有効にするには諮問・答申の番号が必要です",
        Why::TrialPersons => "試行の対象者は、試行中の機能にだけ指定できます",
        Why::Device => "端末が台帳にありません。先に device add で登録してください",
        Why::OwnBody => "自団体に事務代行をさせることはできません",
        Why::Overlap => "同じ団体・事務・操作・期間の事務代行が別にあります。先に取り消してください",
        Why::Missing => "台帳にありません。名前を一覧で確認してください",
        Why::OtherBody => "他団体の台帳です",
        Why::NoAdministrator => "管理者が1人もいなくなります。先に別の管理者を登録してください",
        Why::Policy => "ポリシーとして受け付けられません。policy check で確認してください",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_its_subject_and_place() {
        let error = RegisterError::named(Class::Staff, "u-tax-07", Why::Period);
        assert!(explain(&error).starts_with("職員・システム u-tax-07: "));
        let error = RegisterError::whole(Why::Syntax).detailed("line 3");
        assert!(explain(&error).starts_with("台帳全体(line 3): "));
    }
}
