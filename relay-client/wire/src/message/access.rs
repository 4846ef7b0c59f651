//! Plain messages of one hop about who may do what: why something would be allowed or refused, and reports about devices.
//!
//! Names, codes and numbers only. Deliberately absent: anything about a person whose information is held.

use serde::{Deserialize, Serialize};

use crate::result::ResultName;

/// What would be decided: everything that is not said is as it is for the one who asks, now. The reply is an
/// [`ExplainReply`] and then as many [`PolicySaid`] as it tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainRequest {
    /// The action, as policies name it, e.g. `copy_show`.
    pub action: String,
    /// Whose operation: the URI of a certificate of the same body, or of the platform's.
    pub identity: Option<String>,
    /// The device, by its name in the body's inventory.
    pub device: Option<String>,
    /// `closed`, `lgwan` or `internet`.
    pub zone: Option<String>,
    /// 事務コード.
    pub affair: Option<String>,
    /// 特定個人情報名コード, at most [`crate::limits::DATASETS_MAX`].
    pub datasets: Vec<String>,
    /// When, Unix milliseconds.
    pub at_ms: Option<u64>,
    /// The ticket of maintenance.
    pub ticket: Option<String>,
    /// Kinds of factors shown besides the certificate: `knowledge`, `possession`, `biometrics`.
    pub factors: Option<Vec<String>>,
    /// Seconds since a further factor was shown.
    pub stepped_up_s: Option<u32>,
    /// Requests within the last minute.
    pub requests: Option<u32>,
    /// Distinct persons opened within the last ten minutes.
    pub persons: Option<u32>,
}

/// What would be decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainReply {
    /// What the caller would be told; absent where it would be permitted.
    pub refused: Option<ResultName>,
    /// Ids of the policies that decide.
    pub reasons: Vec<String>,
    /// The version of the policies, 16 hexadecimal digits.
    pub version: String,
    /// How many policies are asked.
    pub policies: u32,
}

/// What one policy says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySaid {
    /// Its id.
    pub id: String,
    /// The rule behind it, e.g. `R4`.
    pub rule: Option<String>,
    /// `permit`, `forbid` or `step_up`.
    pub effect: String,
    /// `applies`, `lifted`, `does_not_apply` or `not_evaluated`.
    pub said: String,
    /// Why it is there, in English.
    pub reason_en: String,
    /// Why it is there, in Japanese.
    pub reason_ja: String,
    /// What it looks at, as policies name it, and the value it finds.
    pub inputs: Vec<(String, String)>,
}

/// A report about a device. There is nothing in the reply: it is durable, and counts for the next operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalRequest {
    /// The device, by its name in the body's inventory.
    pub device: String,
    /// Whether it is well.
    pub healthy: bool,
}
