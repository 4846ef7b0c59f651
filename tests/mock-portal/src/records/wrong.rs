//! What may be wrong with the records that a body gives about a person.

use std::fmt;

use chukei_wire::body_code::BodyCode;
use chukei_wire::result::ResultName;

use crate::failure::Failure;

/// What does not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// The page is not what was asked for.
    Page,
    /// The checkpoint is not signed by the body's log, or its key not certified by the body.
    Checkpoint,
    /// The checkpoint is older than one that was verified before.
    Stale,
    /// Its epoch is a time that has not come.
    Epoch,
    /// It contradicts one that was verified before: the log has signed both.
    Fork,
    /// It is not proven to continue the one that was verified before.
    NotGrown,
    /// There are fewer places than there were.
    Fewer,
    /// What stands at a place is not what a leaf commits to for a person.
    Opening,
    /// It is of another body.
    OtherBody,
    /// It belongs to another place.
    OtherPlace,
    /// It is not proven to be in the log.
    NotInLog,
    /// It does not name the record before.
    Chain,
    /// It is told without what it is told together with.
    Unpaired,
    /// It is another record than the one that was verified there before.
    Changed,
    /// The record of a disclosure is not there.
    Missing,
    /// The leaf that a disclosure named has another record.
    OtherRecord,
    /// What brokers have signed about permits contradicts itself.
    Permits,
}

impl Wrong {
    /// The stable name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Page => "PAGE",
            Self::Checkpoint => "CHECKPOINT",
            Self::Stale => "STALE_CHECKPOINT",
            Self::Epoch => "EPOCH",
            Self::Fork => "FORKED",
            Self::NotGrown => "NOT_GROWN",
            Self::Fewer => "FEWER_PLACES",
            Self::Opening => "OPENING",
            Self::OtherBody => "OTHER_BODY",
            Self::OtherPlace => "OTHER_PLACE",
            Self::NotInLog => "NOT_IN_LOG",
            Self::Chain => "CHAIN",
            Self::Unpaired => "UNPAIRED",
            Self::Changed => "CHANGED",
            Self::Missing => "MISSING",
            Self::OtherRecord => "OTHER_RECORD",
            Self::Permits => "PERMITS",
        }
    }

    /// In Japanese, for the person.
    fn text(self) -> &'static str {
        match self {
            Self::Page => "応答の形式が正しくありません",
            Self::Checkpoint => "記録の署名を確認できません",
            Self::Stale => "以前に確認した時点より古い記録です",
            Self::Epoch => "記録の世代が将来の時刻です",
            Self::Fork => "以前に確認した記録と食い違う署名があります",
            Self::NotGrown => "以前に確認した記録の続きであることを確認できません",
            Self::Fewer => "以前に確認した記録より少なくなっています",
            Self::Opening => "記録の内容を確認できません",
            Self::OtherBody => "他の団体の記録です",
            Self::OtherPlace => "順番の異なる記録です",
            Self::NotInLog => "記録に含まれていることを確認できません",
            Self::Chain => "前の記録とつながりません",
            Self::Unpaired => "要求と結果がそろっていません",
            Self::Changed => "以前に確認した記録と異なります",
            Self::Missing => "提供された情報の記録がありません",
            Self::OtherRecord => "提供の際に示された位置の記録が異なります",
            Self::Permits => "中継機関が署名した許可の記録が食い違っています",
        }
    }
}

/// The first that does not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The place, where it is one.
    pub(crate) number: Option<u64>,
    /// What is the matter with it.
    pub(crate) wrong: Wrong,
}

impl Fault {
    /// Of a place.
    pub(crate) fn at(number: u64, wrong: Wrong) -> Self {
        Self { number: Some(number), wrong }
    }

    /// As the caller learns it.
    pub(crate) fn failure(self, body: BodyCode) -> Failure {
        let refused = Failure::refused(ResultName::IntegrityFailure);
        Failure { message: format!("団体 {body} {self}"), ..refused }
    }
}

impl From<Wrong> for Fault {
    fn from(wrong: Wrong) -> Self {
        Self { number: None, wrong }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, text) = (self.wrong.as_str(), self.wrong.text());
        match self.number {
            Some(number) => write!(f, "{number}番の記録 {name}: {text}。"),
            None => write!(f, "{name}: {text}。"),
        }
    }
}
