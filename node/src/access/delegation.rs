//! Which delegation (事務代行) counts for one operation of another body's identity (R42).
//!
//! What must hold: the body that is acted for decides, by its register as it stands at the operation's begin; one that it
//! has taken back is none. Where none covers the operation, the one that comes nearest tells why: a scope that is not
//! covered before a time that is over.

use std::cmp::Reverse;

use chukei_domain::codes::AffairCode;
use chukei_domain::local_body_code::LocalBodyCode;
use chukei_domain::register::Delegation;

/// What another body's identity asks for.
#[derive(Clone, Copy, Debug)]
pub struct Proxied<'a> {
    /// The action, by its name in policies.
    pub action: &'a str,
    /// The affair, as far as it is known.
    pub affair: Option<AffairCode>,
    /// When, Unix milliseconds.
    pub now_ms: u64,
}

/// The delegations to this body that were not taken back.
pub fn given<'a>(
    all: impl IntoIterator<Item = &'a Delegation>,
    to: LocalBodyCode,
) -> impl Iterator<Item = &'a Delegation> {
    all.into_iter().filter(move |delegation| delegation.to == to && !delegation.revoked)
}

/// The one of `given` that decides: one that covers all there is to cover; else the nearest.
pub fn deciding<'a>(
    given: impl IntoIterator<Item = &'a Delegation>,
    asked: Proxied<'_>,
) -> Option<&'a Delegation> {
    given.into_iter().max_by_key(|delegation| {
        let affair = asked.affair.is_none_or(|affair| delegation.affairs.contains(&affair));
        let function = delegation.functions.iter().any(|function| function == asked.action);
        let running = (delegation.from_ms..delegation.until_ms).contains(&asked.now_ms);
        // The id only makes it one and the same whatever order they are kept in.
        (affair && function && running, running, affair && function, Reverse(&delegation.id))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAX: &str = "JM99000000001000";
    const CARE: &str = "JM99000000002000";

    fn delegation(id: &str, affair: &str, function: &str, [from_ms, until_ms]: [u64; 2]) -> Delegation {
        Delegation {
            id: id.to_owned(),
            to: "982024".parse().unwrap(),
            affairs: vec![affair.parse().unwrap()],
            functions: vec![function.to_owned()],
            from_ms,
            until_ms,
            revoked: false,
        }
    }

    fn asked(affair: Option<&str>, action: &'static str, now_ms: u64) -> Proxied<'static> {
        Proxied { action, affair: affair.map(|affair| affair.parse().unwrap()), now_ms }
    }

    #[test]
    fn r42_what_was_taken_back_or_given_to_another_body_is_none() {
        let mut revoked = delegation("d-1", TAX, "copy_show", [0, 9]);
        revoked.revoked = true;
        let other =
            Delegation { to: "983012".parse().unwrap(), ..delegation("d-2", TAX, "copy_show", [0, 9]) };
        let good = delegation("d-3", TAX, "copy_show", [0, 9]);
        let all = [revoked, other, good.clone()];
        let to = "982024".parse().unwrap();
        assert_eq!(given(&all, to).collect::<Vec<_>>(), [&good]);
        assert_eq!(given(&all[..2], to).next(), None);
        assert_eq!(deciding([], asked(None, "copy_show", 1)), None);
    }

    #[test]
    fn r42_the_delegation_that_covers_decides_and_else_the_nearest() {
        let past = delegation("d-past", TAX, "copy_show", [0, 10]);
        let tax = delegation("d-tax", TAX, "copy_show", [10, 20]);
        let care = delegation("d-care", CARE, "copy_import", [10, 20]);
        let decides = |of: Proxied<'_>| {
            // Whatever order they are kept in.
            let orders = [[&past, &tax, &care], [&care, &tax, &past], [&tax, &past, &care]];
            let ids: Vec<&str> = orders.map(|all| deciding(all, of).unwrap().id.as_str()).to_vec();
            assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
            ids[0].to_owned()
        };
        assert_eq!(decides(asked(Some(TAX), "copy_show", 9)), "d-past");
        assert_eq!(
            decides(asked(Some(TAX), "copy_show", 10)),
            "d-tax",
            "the end of one is the begin of the next"
        );
        assert_eq!(decides(asked(None, "copy_import", 15)), "d-care", "an affair that is not known yet");
        assert_eq!(decides(asked(Some(CARE), "copy_import", 19)), "d-care");
        // Nothing covers care and showing: one that runs, so that the scope is what is told.
        assert_ne!(decides(asked(Some(CARE), "copy_show", 15)), "d-past");
        // Nothing runs: one of the right scope, so that the time is what is told.
        assert_eq!(decides(asked(Some(CARE), "copy_import", 25)), "d-care");
    }
}
