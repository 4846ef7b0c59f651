//! What events tell of one request, as each side saw it.
//!
//! What must hold: machines, numbers, hashes and codes of datasets. Deliberately absent: what was answered.

use serde::{Deserialize, Serialize};

use crate::codes::InfoNameCode;
use crate::event::Why;
use crate::local_body_code::LocalBodyCode;

/// A request as the body saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Request id.
    #[serde(rename = "q", with = "serde_bytes")]
    pub request: [u8; 16],
    /// Hash of the end-to-end part of the header.
    #[serde(rename = "h", with = "serde_bytes")]
    pub header: [u8; 32],
    /// The end-to-end channel: part of a job's identity (R33).
    #[serde(rename = "c", with = "serde_bytes")]
    pub channel: Option<[u8; 16]>,
    /// Name of the portal instance.
    #[serde(rename = "p")]
    pub portal: String,
    /// Name of the broker that vouched for it.
    #[serde(rename = "b")]
    pub broker: String,
    /// Legal basis as the permit states it.
    #[serde(rename = "l")]
    pub legal_basis: String,
    /// Running number of the permit.
    #[serde(rename = "n")]
    pub permit_number: u64,
    /// Requested datasets.
    #[serde(rename = "d")]
    pub datasets: Vec<InfoNameCode>,
    /// Hash of the person's card-authentication assertion at the portal.
    #[serde(rename = "k", with = "serde_bytes")]
    pub authn_ref: Option<[u8; 32]>,
    /// What decided it.
    #[serde(rename = "w", default, skip_serializing_if = "Why::is_empty")]
    pub why: Why,
}

/// A request as the broker saw it: who asked whom, about whom, for what; never the content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// Request id.
    #[serde(rename = "q", with = "serde_bytes")]
    pub request: [u8; 16],
    /// Hash of the end-to-end part of the header.
    #[serde(rename = "h", with = "serde_bytes")]
    pub header: [u8; 32],
    /// The body.
    #[serde(rename = "b")]
    pub body: LocalBodyCode,
    /// Name of the portal instance.
    #[serde(rename = "p")]
    pub portal: String,
    /// Whether it went to the body; otherwise to the portal.
    #[serde(rename = "w")]
    pub to_body: bool,
    /// The registry's number of the person, which only brokers know; absent where nobody is concerned.
    #[serde(rename = "s")]
    pub person: Option<u64>,
    /// Requested datasets.
    #[serde(rename = "d")]
    pub datasets: Vec<InfoNameCode>,
    /// Legal basis of the permit.
    #[serde(rename = "l")]
    pub legal_basis: String,
    /// Running number of the permit.
    #[serde(rename = "n")]
    pub permit_number: u64,
    /// The epoch of permits that the number belongs to; absent where no permit was issued.
    #[serde(rename = "x", default, with = "serde_bytes", skip_serializing_if = "Option::is_none")]
    pub permit_epoch: Option<[u8; 16]>,
}
