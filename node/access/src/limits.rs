//! Bounds of a body's own policies.

/// Bytes of all policies of one body together.
pub const TEXT_MAX: usize = 256 * 1024;
/// Bytes of one policy, with its comments and annotations.
pub const POLICY_MAX: usize = 4 * 1024;
/// Policies of one body.
pub const POLICIES_MAX: usize = 100;
/// Brackets of all kinds within each other.
pub const NESTING_MAX: usize = 24;
/// Policies of one body that look at a value in more ways than a table holds: each costs an evaluation where the
/// outcome is not remembered.
pub const WIDE_MAX: usize = 10;
/// Rows of one policy's table.
pub const TABLE_MAX: usize = 1024;
/// Characters of a policy's id: as of identities, `a-z 0-9 . _ -`.
pub const ID_MAX: usize = 64;
/// Characters of a reason, in each language.
pub const REASON_MAX: usize = 200;
/// Seconds for which a further factor may lift a refusal.
pub const STEP_UP_MAX_S: u32 = 86_400;
/// Remembered outcomes of policies without a table, of all bodies together; each of at most half a KiB.
pub const REMEMBERED_MAX: usize = 65_536;
