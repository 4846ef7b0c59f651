//! What a caller learns when something did not work: a stable code, a safe text and the exit status.
//!
//! Deliberately absent: personal data, keys, payloads, and the difference between what does not exist and
//! what the caller may not know of (R1).

use chukei_wire::result::ResultName;
use serde::{Deserialize, Serialize};

/// Exit status classes of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Wrong use: exit 2.
    Usage,
    /// Refused by a rule: exit 3.
    Refused,
    /// Cannot be served now: exit 4.
    Unavailable,
    /// Anything else: exit 1.
    Other,
}

impl Class {
    /// The exit status.
    pub fn exit_status(self) -> u8 {
        match self {
            Self::Other => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Unavailable => 4,
        }
    }
}

/// A failed call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Failure {
    /// A result name, or `USAGE`, `UNAVAILABLE`, `INTERNAL`.
    pub code: String,
    /// Text for people; safe to log.
    pub message: String,
    /// How it ends.
    pub class: Class,
}

impl Failure {
    /// A rule refused it.
    pub fn refused(name: ResultName) -> Self {
        let class = match name {
            ResultName::Overloaded | ResultName::NotReady => Class::Unavailable,
            _ => Class::Refused,
        };
        Self { code: name.as_str().to_owned(), message: explain(name).to_owned(), class }
    }

    /// It cannot be served now; trying again later may help.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { code: "UNAVAILABLE".to_owned(), message: message.into(), class: Class::Unavailable }
    }

    /// The call itself is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { code: "USAGE".to_owned(), message: message.into(), class: Class::Usage }
    }

    /// Nothing the caller could have done.
    pub fn internal(message: impl Into<String>) -> Self {
        Self { code: "INTERNAL".to_owned(), message: message.into(), class: Class::Other }
    }
}

/// The Japanese text shown with a result name.
pub(crate) fn explain(name: ResultName) -> &'static str {
    match name {
        ResultName::Done | ResultName::Registered => "完了しました。",
        ResultName::NoData => "該当する情報は登録されていません。",
        ResultName::UnavailableAskBody => {
            "この情報は画面に表示できません。地方公共団体の窓口にお問い合わせください。"
        }
        ResultName::Pending => "受け付けました。結果は後ほど表示されます。",
        ResultName::NotFound => "該当するものが見つかりません。",
        ResultName::Expired | ResultName::Erased | ResultName::KeyDestroyed => {
            "保存期間が終了し、消去されました。"
        }
        ResultName::AlreadyAnswered => "すでに回答済みです。最初の回答が有効です。",
        ResultName::InvalidChoice => "選択肢にない回答です。",
        ResultName::SubjectMismatch | ResultName::IntegrityFailure | ResultName::IntegrityStop => {
            "本人との対応が確認できないため、表示しませんでした。"
        }
        ResultName::Overloaded | ResultName::NotReady => {
            "混み合っています。しばらくしてからもう一度お試しください。"
        }
        ResultName::BadFormat | ResultName::BadCheckDigit => "入力の形式が正しくありません。",
        ResultName::UnknownInfoName => "その特定個人情報名コードはありません。",
        _ => "要求は受け付けられませんでした。",
    }
}
