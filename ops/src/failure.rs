//! Why a command did not do its work: exit status, stable code, and a text that says what to do next.
//!
//! What must hold: no text repeats what stands in a staff file or in an answer.

use chukei_wire::result::ResultName;

/// Exit status of the process. Scripts rely on the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// None of the others.
    Other = 1,
    /// The command line, the configuration or the file handed in cannot be used.
    Usage = 2,
    /// A rule refuses.
    Refused = 3,
    /// The node cannot be reached or cannot serve now.
    Unavailable = 4,
}

/// The failure of a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code})")]
pub(crate) struct Failure {
    /// Exit status.
    pub(crate) exit: Exit,
    /// Stable name, ASCII.
    pub(crate) code: &'static str,
    /// For people: what is wrong and what to do.
    pub(crate) message: String,
}

impl Failure {
    /// What was handed in cannot be used.
    pub(crate) fn usage(code: &'static str, message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, code, message: message.into() }
    }

    /// The node cannot be reached.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self { exit: Exit::Unavailable, code: "UNAVAILABLE", message: message.into() }
    }

    /// Something else went wrong.
    pub(crate) fn other(code: &'static str, message: impl Into<String>) -> Self {
        Self { exit: Exit::Other, code, message: message.into() }
    }

    /// The operating system gave no randomness.
    pub(crate) fn no_randomness() -> Self {
        Self::other("NO_RANDOMNESS", "乱数を取得できません。端末の管理者に連絡してください")
    }

    /// A rule refuses, for a reason that this side knows better than the result name says.
    pub(crate) fn refused(name: ResultName, message: impl Into<String>) -> Self {
        Self { exit: Exit::Refused, code: name.as_str(), message: message.into() }
    }

    /// The node's answer was this result.
    pub(crate) fn of_result(name: ResultName) -> Self {
        let exit = match name {
            ResultName::Overloaded | ResultName::NotReady => Exit::Unavailable,
            _ => Exit::Refused,
        };
        Self { exit, code: name.as_str(), message: explain(name).to_owned() }
    }
}

/// What a result means to staff, and what to do next.
pub(crate) fn explain(name: ResultName) -> &'static str {
    match name {
        ResultName::NotFound => "該当するものがありません。番号と団体を確認してください",
        ResultName::BadFormat => "形式が正しくありません。入力内容を確認してください",
        ResultName::BadCheckDigit => "団体コードの検査数字が正しくありません。団体コードを確認してください",
        ResultName::ForbiddenIdentifier => {
            "個人番号とみられる値が含まれています。取り除いてからやり直してください"
        }
        ResultName::UnknownInfoName => {
            "特定個人情報名コードまたは項目コードがカタログにありません。catalogue list で確認してください"
        }
        ResultName::ReasonOfNullRequired => {
            "内容が空の場合は未設定事由が必要です。未設定事由を記入してください"
        }
        ResultName::DuplicateRecordId => {
            "同じ識別番号またはキーが別の内容で使われています。番号を確認してください"
        }
        ResultName::CodeNotAcquired => {
            "取得番号が無効か、期限切れか、他団体のものです。取得番号を発行し直してください"
        }
        ResultName::UnknownAffair => "事務コードがカタログにありません。事務コードを確認してください",
        ResultName::AffairNotAllowed => {
            "担当していないか、有効になっていない事務です。--affair を確認し、管理者に確認してください"
        }
        ResultName::RejectedContent => "送信できない内容が含まれています。本文と添付を確認してください",
        ResultName::BadRetention => "保存期間が許容範囲にありません。日数を確認してください",
        ResultName::BadPeriod => "日時または期間が正しくありません。日時を確認してください",
        ResultName::InvalidChoice => "選択肢が正しくありません。選択肢を確認してください",
        ResultName::NotPermitted => {
            "この操作の権限がありません。事務を --affair で示しているか確認し、access explain で理由を確認してください"
        }
        ResultName::StepUpRequired => {
            "追加の認証が必要です。証明書とは別の種類の認証要素を chukei factor new で作り、管理者に台帳への登録を依頼し、設定ファイルの [[factor]] に指定してください"
        }
        ResultName::TwoPersonRequired => {
            "二人承認が必要です。申請者本人と管理者は承認できません。別の承認者に依頼してください"
        }
        ResultName::Denied => {
            "許可されていません。端末の状態、区画、研修の期限などを管理者に確認してください。団体の職員は access explain で理由を確認してください"
        }
        ResultName::OutsideWindow => {
            "許された時間帯ではありません。作業票またはポリシーの時間を確認してください"
        }
        ResultName::RoleHasNoDataAccess => {
            "この役割では個人に関する情報を扱えません。担当の職員に依頼してください"
        }
        ResultName::NotAuthorised => {
            "その団体からの委任がありません。団体コードと委任の登録を相手の団体に確認してください"
        }
        ResultName::ProxyScope => "委任の範囲外です。委任された事務と操作を相手の団体に確認してください",
        ResultName::ProxyExpired => "委任の期間外です。期間を相手の団体に確認してください",
        ResultName::Replay => "すでに処理されています。結果を確認してください",
        ResultName::RetentionLocked => "保存期間が終わるまで消去できません。期限を確認してください",
        ResultName::ConfigTampered => {
            "設定または台帳の改ざんを検出しました。操作を止めて管理者に連絡してください"
        }
        ResultName::SameFactorKind => {
            "同じ種類の認証要素は2つ使えません。知識・所持・生体のうち別の種類を使ってください"
        }
        ResultName::DeviceUnknown => {
            "この端末は確認できません。設定ファイルの [device] と、端末が台帳にあることを管理者に確認してください"
        }
        ResultName::Overloaded => "混雑しています。しばらく待ってからやり直してください",
        ResultName::NotReady => "中間サーバーが準備中です。しばらく待ってからやり直してください",
        ResultName::IntegrityFailure => {
            "保存データの整合性を確認できません。操作を止めて管理者に連絡してください"
        }
        ResultName::IntegrityStop => "不一致を検出したため停止しました。操作を止めて管理者に連絡してください",
        ResultName::KeyDestroyed => "暗号化消去されたため読み取れません",
        ResultName::Erased => "保存期間が終わり消去されています",
        ResultName::Expired => "保存期間が終わっています",
        _ => "要求は受け付けられませんでした。コードを管理者に伝えてください",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_decision_can_refuse_with_is_told_with_what_to_do() {
        let unknown = explain(ResultName::Registered);
        for name in [
            ResultName::NotPermitted,
            ResultName::AffairNotAllowed,
            ResultName::Denied,
            ResultName::DeviceUnknown,
            ResultName::NotAuthorised,
            ResultName::NotFound,
            ResultName::OutsideWindow,
            ResultName::ProxyExpired,
            ResultName::ProxyScope,
            ResultName::RoleHasNoDataAccess,
            ResultName::SameFactorKind,
            ResultName::StepUpRequired,
            ResultName::TwoPersonRequired,
        ] {
            assert_ne!(explain(name), unknown, "{name}");
            assert!(explain(name).ends_with("ください"), "{name}");
        }
    }
}
