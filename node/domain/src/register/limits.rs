//! Bounds of a body's register.

/// People and systems.
pub const STAFF_MAX: usize = 4_096;
/// Devices.
pub const DEVICES_MAX: usize = 4_096;
/// Tickets.
pub const TICKETS_MAX: usize = 256;
/// Policies of the body's own.
pub const POLICIES_MAX: usize = 64;
/// Delegations, revoked ones included.
pub const DELEGATIONS_MAX: usize = 64;
/// Bytes of an encoded entry that is no policy.
pub const ENTRY_MAX: usize = 16 * 1024;
/// Bytes of the text of one policy, and of all policies of a body together.
pub const POLICY_TEXT_MAX: usize = 256 * 1024;
/// Bytes of an encoded policy: its text, its name and the frame around them.
pub const POLICY_ENTRY_MAX: usize = POLICY_TEXT_MAX + 256;
/// Bytes of the file of a register.
pub const FILE_MAX: usize = 8 * 1024 * 1024;
/// Characters of a name.
pub const NAME_MAX: usize = 64;
/// Characters of a department's name.
pub const DEPARTMENT_MAX: usize = 50;
/// Characters of the reference of an approval.
pub const REFERENCE_MAX: usize = 64;
/// Affairs of one person or delegation, and those whose department a body says.
pub const AFFAIRS_MAX: usize = 256;
/// Actions of one ticket or delegation.
pub const ACTIONS_MAX: usize = 64;
/// Factors of one person.
pub const FACTORS_MAX: usize = 8;
/// Persons of one trial.
pub const TRIAL_PERSONS_MAX: usize = 1_000;
/// Longest window of a ticket, milliseconds: 31 days.
pub const TICKET_WINDOW_MAX_MS: u64 = 31 * 86_400_000;
/// Rounds by which a key is at least made from what a person knows.
pub const ROUNDS_MIN: u32 = 600_000;
/// Rounds that a terminal may be asked for at most.
pub const ROUNDS_MAX: u32 = 10_000_000;
/// Bytes of the salt of such a key, at least and at most.
pub const SALT_BYTES: std::ops::RangeInclusive<usize> = 16..=64;
/// Entries of one change, put and removed: its event names them all.
pub const CHANGE_MAX: usize = 64;
