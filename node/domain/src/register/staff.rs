//! People and systems with rights, and the factors by which people show who they are (R3, R4, R5).

use serde::{Deserialize, Serialize};

use super::plain::{self, check_line, check_name, check_set};
use super::{DEPARTMENT_MAX, FACTORS_MAX, ROUNDS_MAX, ROUNDS_MIN, SALT_BYTES, Why};
use crate::codes::AffairCode;

/// The roles there are.
pub mod role {
    /// Works on copies, notices and persons.
    pub const CLERK: &str = "clerk";
    /// 管理者: changes rights, settings and keys.
    pub const ADMINISTRATOR: &str = "administrator";
    /// 承認者: approves acts of two persons.
    pub const APPROVER: &str = "approver";
    /// Asks for acts of two persons.
    pub const REQUESTER: &str = "requester";
    /// 点検者: reviews the log and signs off what is unusual.
    pub const REVIEWER: &str = "reviewer";
    /// Reports the condition of devices.
    pub const DEVICE_MANAGER: &str = "device_manager";
    /// 委託先: of a contractor.
    pub const CONTRACTOR: &str = "contractor";

    /// Every role.
    pub const ALL: [&str; 7] =
        [CLERK, ADMINISTRATOR, APPROVER, REQUESTER, REVIEWER, DEVICE_MANAGER, CONTRACTOR];
    /// What only a person of the staff can be.
    pub(super) const OF_PEOPLE: [&str; 3] = [ADMINISTRATOR, APPROVER, REQUESTER];
}

/// Days in Japan, both included, since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// First day.
    #[serde(rename = "from", with = "plain::day")]
    pub from_day: u32,
    /// Last day.
    #[serde(rename = "until", with = "plain::day")]
    pub until_day: u32,
}

impl Period {
    /// Whether `day` is in it.
    pub fn contains(self, day: u32) -> bool {
        (self.from_day..=self.until_day).contains(&day)
    }

    pub(super) fn check(self) -> Result<(), Why> {
        if self.from_day <= self.until_day { Ok(()) } else { Err(Why::Period) }
    }
}

/// What an entry of staff is. Operators and contractors of the platform are in its own register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaffKind {
    /// A person.
    Staff,
    /// A business system.
    System,
    /// A person who reads the log and no data.
    Auditor,
}

impl StaffKind {
    /// The kind as certificates and policies name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::System => "system",
            Self::Auditor => "auditor",
        }
    }
}

/// A person or system of the body. Who they are outside, the body's own records say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Staff {
    /// The name in the certificate: one person, one id (R3).
    pub name: String,
    /// What it is.
    pub kind: StaffKind,
    /// Roles, in order; see [`role`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Department (課); empty where it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub department: String,
    /// Affairs (事務), in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affairs: Vec<AffairCode>,
    /// The days on which the entry counts.
    pub valid: Period,
    /// The contract of a contractor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<Period>,
    /// The day of the last training (研修), days since 1970-01-01 in Japan.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "plain::optional_day")]
    pub trained_on: Option<u32>,
    /// Factors beside the certificate, in the order of their names.
    #[serde(rename = "factor", default, skip_serializing_if = "Vec::is_empty")]
    pub factors: Vec<Factor>,
}

impl Staff {
    /// Whether it has this role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|held| held == role)
    }

    /// The factor of this name.
    pub fn factor(&self, name: &str) -> Option<&Factor> {
        self.factors.iter().find(|factor| factor.name == name)
    }

    pub(super) fn check(&self) -> Result<(), Why> {
        check_name(&self.name)?;
        check_set(&self.roles, role::ALL.len())?;
        if !self.roles.iter().all(|held| role::ALL.contains(&held.as_str())) {
            return Err(Why::Role);
        }
        self.check_roles_of_kind()?;
        check_line(&self.department, DEPARTMENT_MAX)?;
        plain::check_affairs(&self.affairs)?;
        self.valid.check()?;
        self.contract.map_or(Ok(()), Period::check)?;
        let names: Vec<&str> = self.factors.iter().map(|factor| factor.name.as_str()).collect();
        check_set(&names, FACTORS_MAX)?;
        if self.kind == StaffKind::System && !self.factors.is_empty() {
            return Err(Why::Factor);
        }
        self.factors.iter().try_for_each(Factor::check)
    }

    /// Acts of two persons and rights are for people of the body (R23); auditors review, and do nothing else.
    fn check_roles_of_kind(&self) -> Result<(), Why> {
        let held = |role: &&str| self.has_role(role);
        let wrong = match self.kind {
            StaffKind::Staff => false,
            StaffKind::System => role::OF_PEOPLE.iter().chain([&role::REVIEWER]).any(held),
            StaffKind::Auditor => self.roles.iter().any(|held| held != role::REVIEWER),
        };
        if wrong { Err(Why::RoleOfKind) } else { Ok(()) }
    }
}

/// The kinds of factors that the guidelines tell apart (R5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorKind {
    /// 知識: a PIN, a password.
    Knowledge,
    /// 所持: a key that cannot be copied.
    Possession,
    /// 生体: a fingerprint, a face.
    Biometrics,
}

/// How a key is made of what a person knows: PBKDF2-HMAC-SHA256 to the seed of an Ed25519 key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stretch {
    /// 16 to 64 random bytes.
    #[serde(with = "plain::bytes")]
    pub salt: Vec<u8>,
    /// Rounds, 600,000 to 10,000,000.
    pub iterations: u32,
}

/// One factor: a key that signs what only one connection and challenge have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Factor {
    /// Its name, unique for the person.
    pub name: String,
    /// Its kind.
    pub kind: FactorKind,
    /// The public key: 32 bytes of Ed25519, or an uncompressed point on P-256 of 65 bytes.
    #[serde(with = "plain::bytes")]
    pub public: Vec<u8>,
    /// How the key is made of what the person knows: with knowledge, and with nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stretch: Option<Stretch>,
}

impl Factor {
    pub(super) fn check(&self) -> Result<(), Why> {
        check_name(&self.name)?;
        let ed25519 = self.public.len() == 32;
        let p256 = self.public.len() == 65 && self.public.first() == Some(&0x04);
        let formed = match (&self.stretch, self.kind) {
            (Some(stretch), FactorKind::Knowledge) => ed25519 && stretch.is_strong(),
            (None, FactorKind::Possession | FactorKind::Biometrics) => ed25519 || p256,
            _ => false,
        };
        if formed { Ok(()) } else { Err(Why::Factor) }
    }
}

impl Stretch {
    fn is_strong(&self) -> bool {
        SALT_BYTES.contains(&self.salt.len()) && (ROUNDS_MIN..=ROUNDS_MAX).contains(&self.iterations)
    }
}
