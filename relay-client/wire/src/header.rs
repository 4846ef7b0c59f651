//! The two-part header of a request.
//!
//! The end-to-end part is written by the sender and never changed: its hash is bound into every sealed body
//! of the exchange. The hop part belongs to one hop and is replaced by the broker.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::body_code::BodyCode;
use crate::codec::{CodecError, decode, encode};
use crate::id::{ChannelId, HeaderHash, IdempotencyKey, RequestId};
use crate::identity::is_name;
use crate::leave::Leave;
use crate::limits;
use crate::permit::Permit;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What a request asks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Kind {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl Kind {
            /// Every kind, in the order of declaration.
            pub const ALL: &'static [Kind] = &[$(Kind::$variant,)*];

            /// The name on the wire, in logs and metrics, e.g. `self-info`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

kinds! {
    /// Flights of an end-to-end channel's handshake.
    ChannelSetup = "setup",
    /// A person's own information (自己情報提供要求).
    SelfInfo = "self-info",
    /// What a body's log says of one person, with its proofs.
    PersonRecords = "records",
    /// A notice to one target.
    NoticeDelivery = "notice",
    /// Read states and answers of a notice (状況確認依頼).
    NoticeStatus = "notice-status",
    /// A node names the bodies it owns.
    Announce = "announce",
    /// Acquisition numbers become person codes.
    AcquireCodes = "acquire",
    /// A party's own person codes become those of the current version.
    RenewCodes = "renew-codes",
    /// A receiver follows the signed roots over the permits that it is given.
    PermitRoots = "permit-roots",
    /// What time it is at the broker: somebody else's word on whether a day is over.
    Time = "time",
    /// A node shows how its bodies' logs have grown, and the broker cosigns them.
    LogWitness = "log-witness",
    /// Exchange records: of a person to their portal, of a body to its node.
    ExchangeRecords = "exchange-records",
    /// A node tells what of a person's exchange records is hidden from the person (R50).
    Undisclosed = "undisclosed",
    /// A broker shows another which heads of logs it has cosigned.
    LogHeads = "log-heads",
    /// A broker gives another second copies of what it keeps, or has them brought back.
    RecordCopies = "record-copies",
    /// A terminal proves which device it is, before anything else is asked on its connection.
    Device = "device",
    /// A user proves a factor beside the certificate, at the begin of a connection or when a step-up is asked for.
    Factor = "factor",
    /// A staff call: enrolment of persons.
    PersonEnroll = "enroll",
    /// A staff call: enrolled persons.
    PersonList = "person-list",
    /// A staff call: withhold a person's own information (R50).
    PersonBlock = "person-block",
    /// A staff call: hide a person's exchange records from the person (R50).
    PersonUndisclose = "person-undisclose",
    /// A staff call: copy import.
    CopyImport = "import",
    /// A staff call: copies of one person.
    CopyShow = "copy-show",
    /// A staff call: notice registration.
    NoticeSend = "notice-send",
    /// A staff call: states and answers of one notice.
    NoticeShow = "notice-show",
    /// A staff call: registered notices.
    NoticeList = "notice-list",
    /// A staff call: what was provided about a person (提供状況確認).
    ProvisionStatus = "provision-status",
    /// A staff call: exchange records of the body, its own beside the brokers' (情報提供等の記録).
    ExchangeList = "exchange-list",
    /// A staff call: the body's events re-read and checked.
    AuditVerify = "audit-verify",
    /// A staff call: events of the body's log that fit a question.
    AuditSearch = "audit-search",
    /// A staff call: the body's log as it lies, sealed, for a follower on another machine.
    AuditFollow = "audit-follow",
    /// A staff call: time stamps of an authority on the body's checkpoints.
    AuditStamps = "audit-stamps",
    /// A staff call: the catalogue in force.
    CatalogueList = "catalogue",
    /// A staff call: new keys for the body.
    KeysRotate = "keys-rotate",
    /// A staff call: how the body's keys stand.
    KeysStatus = "keys-status",
    /// A staff call: an image of the body's rows, sealed as they are.
    BackupCreate = "backup-create",
    /// Upkeep: how the node and its bodies' ciphertext stand.
    UpkeepStatus = "upkeep-status",
    /// Upkeep: the node drains and ends, and its supervisor starts it again.
    NodeRestart = "node-restart",
    /// Upkeep: a backup of a body into the node's own folder of backups.
    UpkeepBackup = "upkeep-backup",
    /// Upkeep: a backup in that folder is checked.
    UpkeepVerify = "upkeep-verify",
    /// Upkeep: a body's rows and log are put back where it has none.
    UpkeepRestore = "upkeep-restore",
    /// Upkeep: a body's rows go to another engine, or out of this node.
    UpkeepMove = "upkeep-move",
    /// Upkeep: a body's store gives room back.
    UpkeepCompact = "upkeep-compact",
    /// A staff call: what waits for a reviewer (R7).
    ReviewList = "review-list",
    /// A staff call: a reviewer's word on one of these.
    ReviewSign = "review-sign",
    /// A staff call: one person asks for an act that two decide.
    ActRequest = "act-request",
    /// A staff call: a second person decides it as well.
    ActApprove = "act-approve",
    /// A staff call: an act is called off.
    ActCancel = "act-cancel",
    /// A staff call: the body's acts.
    ActList = "act-list",
    /// A staff call: what an act has brought out.
    ActResult = "act-result",
    /// A staff call: what would be decided, and why.
    AccessExplain = "access-explain",
    /// A staff call: how a device is.
    Signal = "signal",
    /// A staff call: who and what the body knows.
    RegisterShow = "register-show",
    /// A staff call: the body knows others, or knows them otherwise.
    RegisterChange = "register-change",
}

impl Kind {
    /// Whether staff and systems call this at their node, over a hop of their own.
    pub fn is_staff_call(self) -> bool {
        !matches!(
            self,
            Self::ChannelSetup
                | Self::SelfInfo
                | Self::PersonRecords
                | Self::NoticeDelivery
                | Self::NoticeStatus
                | Self::Announce
                | Self::AcquireCodes
                | Self::RenewCodes
                | Self::PermitRoots
                | Self::Time
                | Self::LogWitness
                | Self::ExchangeRecords
                | Self::Undisclosed
                | Self::LogHeads
                | Self::RecordCopies
                | Self::Device
                | Self::Factor
        )
    }

    /// Whether it is about one person, whom its permit then names.
    pub fn concerns_person(self) -> bool {
        matches!(self, Self::SelfInfo | Self::PersonRecords | Self::NoticeDelivery)
    }
}

/// Which way a request travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// From the portal (later also another body) to a body.
    #[serde(rename = "b")]
    ToBody,
    /// From a body to the portal.
    #[serde(rename = "p")]
    ToPortal,
    /// Between neighbours on one hop; goes no further.
    #[serde(rename = "h")]
    Hop,
}

/// The end-to-end part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Protocol version.
    #[serde(rename = "v")]
    pub version: u8,
    /// What is asked.
    #[serde(rename = "k")]
    pub kind: Kind,
    /// Which way.
    #[serde(rename = "w")]
    pub direction: Direction,
    /// UUIDv7, used once.
    #[serde(rename = "i")]
    pub request_id: RequestId,
    /// The body concerned; absent in requests of a hop that concern none.
    #[serde(rename = "b")]
    pub body: Option<BodyCode>,
    /// Name of the portal instance concerned.
    #[serde(rename = "p")]
    pub portal: Option<String>,
    /// Affair code (事務コード).
    #[serde(rename = "a")]
    pub affair: Option<String>,
    /// Dataset codes (特定個人情報名コード), at most [`limits::DATASETS_MAX`], each once, in order.
    #[serde(rename = "d")]
    pub datasets: Vec<String>,
    /// The end-to-end channel the body is sealed on.
    #[serde(rename = "c")]
    pub channel: Option<ChannelId>,
    /// Time the sender gives the whole exchange, milliseconds.
    #[serde(rename = "t")]
    pub deadline_ms: u32,
    /// Same act, same key.
    #[serde(rename = "y")]
    pub idempotency_key: Option<IdempotencyKey>,
    /// The request this one repeats.
    #[serde(rename = "r")]
    pub retry_of: Option<RequestId>,
    /// Hash of the person's card-authentication assertion at the portal.
    #[serde(rename = "n")]
    pub authn_ref: Option<HeaderHash>,
}

/// A pairwise code of a person: version byte and one permuted block. Opaque to all but the broker; not
/// printed, for it points at a person.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonCode(#[serde(with = "serde_bytes")] pub [u8; 17]);

impl fmt::Debug for PersonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonCode(..)")
    }
}

/// The hop part: who it is about in the receiver's terms, and by whose leave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// From sender to broker: the sender's own code for the person.
    #[serde(rename = "s")]
    pub sender_code: Option<PersonCode>,
    /// From broker to receiver: the permit, which holds the receiver's code.
    #[serde(rename = "m")]
    pub permit: Option<Permit>,
    /// From a caller to its node, at the entrance for staff: what it has beside its own rights. Not encoded when absent.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub leave: Option<Leave>,
}

/// Why a header was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The bytes do not decode.
    #[error("header: {0}")]
    Codec(#[from] CodecError),
    /// A version this side does not speak.
    #[error("unknown protocol version {0}")]
    Version(u8),
    /// Well formed, but fields contradict each other or exceed a limit.
    #[error("contradictory or oversized header field")]
    Field,
}

impl Header {
    /// The part of a request that goes no further than the next hop.
    pub fn hop(kind: Kind, body: Option<BodyCode>, request_id: RequestId, deadline_ms: u32) -> Self {
        Self {
            version: limits::VERSION,
            kind,
            direction: Direction::Hop,
            request_id,
            body,
            portal: None,
            affair: None,
            datasets: Vec::new(),
            channel: None,
            deadline_ms,
            idempotency_key: None,
            retry_of: None,
            authn_ref: None,
        }
    }

    /// Encodes the part; its SHA-256 is the header hash (see `chukei_crypto::hash::sha256`).
    pub fn to_bytes(&self) -> Result<Vec<u8>, HeaderError> {
        self.check()?;
        Ok(encode(self)?)
    }

    /// Decodes and checks the part.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, HeaderError> {
        let header: Self = decode(bytes, limits::HEADER_MAX)?;
        header.check()?;
        Ok(header)
    }

    /// Hash of encoded bytes.
    pub fn hash(bytes: &[u8]) -> HeaderHash {
        HeaderHash(chukei_crypto::hash::sha256(bytes))
    }

    fn check(&self) -> Result<(), HeaderError> {
        if self.version != limits::VERSION {
            return Err(HeaderError::Version(self.version));
        }
        let direction = match self.kind {
            Kind::SelfInfo | Kind::PersonRecords => Some(Direction::ToBody),
            Kind::NoticeDelivery | Kind::NoticeStatus => Some(Direction::ToPortal),
            Kind::ChannelSetup => None,
            _ => Some(Direction::Hop),
        };
        let travels = self.direction != Direction::Hop;
        let consistent = direction.is_none_or(|expected| expected == self.direction)
            && (self.kind != Kind::ChannelSetup || travels)
            && (!travels || (self.body.is_some() && self.portal.is_some()))
            && (!travels || self.kind == Kind::ChannelSetup || self.channel.is_some())
            && (self.kind != Kind::SelfInfo || !self.datasets.is_empty())
            && (self.kind != Kind::PersonRecords || self.datasets.is_empty());
        let bounded = self.datasets.len() <= limits::DATASETS_MAX
            && self.datasets.iter().all(|code| is_code(code))
            && self.datasets.is_sorted_by(|a, b| a < b)
            && self.affair.as_deref().is_none_or(is_code)
            && self.portal.as_deref().is_none_or(is_name)
            && (1..=limits::DEADLINE_MAX_MS).contains(&self.deadline_ms)
            && self.request_id.unix_ms().is_some();
        if consistent && bounded { Ok(()) } else { Err(HeaderError::Field) }
    }
}

/// Dataset and affair codes: 16 ASCII letters and digits, so that nothing else reaches logs and rows.
fn is_code(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl Hop {
    /// Encodes the part.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        self.check()?;
        encode(self)
    }

    /// Decodes and checks the part.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let hop: Self = decode(bytes, limits::HOP_MAX)?;
        hop.check()?;
        Ok(hop)
    }

    /// A leave claims something, and goes with neither a person's code nor a permit: those are of other hops.
    fn check(&self) -> Result<(), CodecError> {
        let beside = self.sender_code.is_some() || self.permit.is_some();
        match &self.leave {
            Some(leave) if leave.is_empty() || beside => Err(CodecError::Malformed),
            _ => Ok(()),
        }
    }
}
