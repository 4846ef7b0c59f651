//! The order in which a role lets go of its functions while the disk of its log fills (R41), as a pure machine.
//!
//! What must hold: what goes first comes back last; a level is left only some way below where it was entered, so that a
//! disk at the border does not flap. Deliberately absent: disks, and what is refused.

use chukei_wire::header::Kind;

/// Points of a hundred below its begin at which a level is left.
const LEAVE: f64 = 2.0;

/// What a role does without, least first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// Nothing.
    #[default]
    Whole = 0,
    /// Bulk: imports, enrolment, images of rows.
    Bulk = 1,
    /// Notices as well.
    Notices = 2,
    /// Queries of staff and of exchange records as well.
    Queries = 3,
    /// Disclosures as well: what is left is the administrators' and upkeep.
    Disclosures = 4,
}

impl Level {
    /// Every level, in order.
    pub const ALL: [Self; 5] = [Self::Whole, Self::Bulk, Self::Notices, Self::Queries, Self::Disclosures];

    /// What it does without, as people are told.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Bulk => "without bulk",
            Self::Notices => "without bulk and notices",
            Self::Queries => "without bulk, notices and queries",
            Self::Disclosures => "for administrators and upkeep alone",
        }
    }

    /// From which level on this kind of request is refused; `None` for what stays.
    pub fn refuses_from(kind: Kind) -> Option<Self> {
        match kind {
            Kind::CopyImport
            | Kind::PersonEnroll
            | Kind::BackupCreate
            | Kind::AcquireCodes
            | Kind::RenewCodes => Some(Self::Bulk),
            Kind::NoticeSend
            | Kind::NoticeShow
            | Kind::NoticeList
            | Kind::NoticeDelivery
            | Kind::NoticeStatus => Some(Self::Notices),
            Kind::ExchangeRecords
            | Kind::ExchangeList
            | Kind::PersonRecords
            | Kind::AuditSearch
            | Kind::AuditFollow
            | Kind::AuditStamps
            | Kind::PersonList
            | Kind::CopyShow
            | Kind::ProvisionStatus
            | Kind::CatalogueList => Some(Self::Queries),
            Kind::SelfInfo | Kind::ChannelSetup => Some(Self::Disclosures),
            // Administrators, auditors, the protection of persons (R50), upkeep, and the roles among themselves.
            _ => None,
        }
    }
}

/// Where each level begins, in parts of a hundred of the space that is not reserved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// Of the four levels above [`Level::Whole`], ascending.
    pub begin: [f64; 4],
}

/// How a disk stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fill {
    /// Parts of a hundred of the space that is not reserved that are used; above 100 where the reserve is.
    pub percent: f64,
    /// Whether there is no room for what a log needs next.
    pub is_tight: bool,
}

impl Fill {
    /// Of a disk of so many bytes of which `free` may be written, where `wanted` are to be reserved and `held` are, and a
    /// log needs `room` to go on.
    pub fn of(disk: u64, free: u64, wanted: u64, held: u64, room: u64) -> Self {
        let missing = wanted.saturating_sub(held);
        let (space, ordinary) = (disk.saturating_sub(wanted).max(1), free.saturating_sub(missing));
        let used = space.saturating_sub(ordinary) as f64 + missing.saturating_sub(free) as f64;
        Self { percent: 100.0 * used / space as f64, is_tight: ordinary < room }
    }
}

impl Thresholds {
    /// The level behind `now`, at this fill.
    pub fn next(&self, now: Level, fill: Fill) -> Level {
        let reached = |less: f64| {
            let begun = self.begin.iter().zip(&Level::ALL[1..]);
            begun.filter(|(begin, _)| fill.percent >= **begin - less).map(|(_, level)| *level).next_back()
        };
        let (rises_to, stays_at) = (reached(0.0).unwrap_or_default(), reached(LEAVE).unwrap_or_default());
        let next = if fill.is_tight { Level::Disclosures } else { now.min(stays_at).max(rises_to) };
        next.max(rises_to)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const USUAL: Thresholds = Thresholds { begin: [80.0, 88.0, 93.0, 97.0] };

    fn fill(percent: f64) -> Fill {
        Fill { percent, is_tight: false }
    }

    #[test]
    fn r41_functions_go_in_order_and_come_back_in_order() {
        let mut level = Level::Whole;
        let mut through = |percents: &[f64]| {
            percents
                .iter()
                .map(|percent| {
                    level = USUAL.next(level, fill(*percent));
                    level as u8
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(through(&[10.0, 79.9, 80.0, 87.0, 88.0, 93.0, 97.0, 110.0]), [0, 0, 1, 1, 2, 3, 4, 4]);
        assert_eq!(
            through(&[96.0, 95.1, 94.9, 91.1, 90.0, 86.5, 85.0, 78.5, 77.9]),
            [4, 4, 3, 3, 2, 2, 1, 1, 0]
        );
        assert_eq!(through(&[99.0, 10.0]), [4, 0], "at once where there is a reason");
    }

    #[test]
    fn a_disk_without_room_for_the_log_is_full_whatever_its_size() {
        let tight = Fill { percent: 50.0, is_tight: true };
        assert_eq!(USUAL.next(Level::Whole, tight), Level::Disclosures);
        assert_eq!(USUAL.next(Level::Disclosures, fill(50.0)), Level::Whole);
    }

    #[test]
    fn what_is_reserved_counts_for_nobody() {
        let of = |free, held| Fill::of(1_000, free, 200, held, 0).percent;
        assert_eq!(of(800, 200), 0.0);
        assert_eq!(of(400, 200), 50.0);
        assert_eq!(of(0, 200), 100.0);
        assert_eq!(of(100, 100), 100.0, "given up is not free");
        assert_eq!(of(0, 100), 112.5, "and where it is used, the disk is more than full");
        assert!(Fill::of(1_000, 49, 0, 0, 50).is_tight && !Fill::of(1_000, 50, 0, 0, 50).is_tight);
        assert!(Fill::of(10, 0, 200, 0, 0).percent > 100.0, "a disk smaller than its reserve");
    }

    #[test]
    fn r41_disclosures_are_the_last_to_go_and_administrators_never_do() {
        assert_eq!(Level::refuses_from(Kind::SelfInfo), Some(Level::Disclosures));
        for kind in
            [Kind::RegisterChange, Kind::KeysRotate, Kind::ActApprove, Kind::PersonBlock, Kind::UpkeepCompact]
        {
            assert_eq!(Level::refuses_from(kind), None, "{kind:?}");
        }
        let staff = Kind::ALL.iter().filter(|kind| kind.is_staff_call());
        assert!(staff.filter_map(|kind| Level::refuses_from(*kind)).all(|level| level < Level::Disclosures));
    }

    proptest! {
        /// More space never means less service, and a level holds until the disk has left its border.
        #[test]
        fn r41_levels_are_monotone_and_have_hysteresis(
            from in 0..5_usize, percent in 0.0..120.0_f64, more in 0.0..20.0_f64,
        ) {
            let from = Level::ALL[from];
            let level = USUAL.next(from, fill(percent));
            prop_assert!(level <= USUAL.next(from, fill(percent + more)));
            prop_assert_eq!(USUAL.next(level, fill(percent)), level, "the same disk, the same level");
            for lower in Level::ALL.into_iter().filter(|lower| *lower <= from) {
                prop_assert!(USUAL.next(lower, fill(percent)) <= level, "who was let go of less is so behind it too");
            }
            if level > Level::Whole {
                let leaves = USUAL.begin[level as usize - 1] - LEAVE;
                prop_assert!(percent >= leaves);
                prop_assert_eq!(USUAL.next(level, fill(leaves)), level);
                prop_assert!(USUAL.next(level, fill(leaves - 0.01)) < level);
            }
        }
    }
}
