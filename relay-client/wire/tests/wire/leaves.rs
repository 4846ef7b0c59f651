//! The leave in the hop part: one form, bounded, and not a byte of it where nothing is claimed (R42).

use chukei_wire::body_code::BodyCode;
use chukei_wire::codec::{CodecError, encode};
use chukei_wire::header::Hop;
use chukei_wire::leave::Leave;
use chukei_wire::limits;
use chukei_wire::name::TicketId;
use proptest::prelude::*;

use crate::samples;

/// Writer and reader refuse it alike.
fn refused(hop: &Hop) {
    assert_eq!(hop.to_bytes(), Err(CodecError::Malformed), "{hop:?}");
    assert_eq!(Hop::from_bytes(&encode(hop).unwrap()), Err(CodecError::Malformed), "{hop:?}");
}

fn codes() -> impl Strategy<Value = BodyCode> {
    prop::sample::select(vec!["982016", "982024", "983012", "010006"]).prop_map(|code| code.parse().unwrap())
}

proptest! {
    #[test]
    fn what_is_claimed_comes_out_and_nothing_claimed_leaves_no_byte(
        on_behalf_of in prop::option::of(codes()),
        ticket in prop::option::of("[a-z0-9][a-z0-9._-]{0,63}"),
    ) {
        let ticket: Option<TicketId> = ticket.map(|name| name.parse().unwrap());
        let leave = Leave::of(on_behalf_of, ticket.clone());
        let hop = Hop { leave: leave.clone(), ..Hop::default() };
        let bytes = hop.to_bytes().unwrap();
        prop_assert!(bytes.len() < limits::HOP_MAX / 4);
        prop_assert_eq!(Hop::from_bytes(&bytes).unwrap(), hop);
        prop_assert_eq!(leave.is_none(), bytes == Hop::default().to_bytes().unwrap());
        let claims = leave.unwrap_or_default();
        prop_assert_eq!((claims.on_behalf_of, claims.ticket), (on_behalf_of, ticket));
    }

    #[test]
    fn other_texts_name_no_ticket(name in "\\PC{0,80}") {
        prop_assume!(!chukei_wire::identity::is_name(&name));
        prop_assert!(name.parse::<TicketId>().is_err());
    }
}

#[test]
fn an_empty_leave_and_one_beside_other_hops_parts_have_no_form() {
    refused(&Hop { leave: Some(Leave::default()), ..Hop::default() });
    let leave = samples::leaves().remove(0).leave;
    for hop in samples::hops().into_iter().skip(1) {
        refused(&Hop { leave: leave.clone(), ..hop });
    }
}

#[test]
fn a_ticket_with_a_bad_name_or_a_code_with_a_wrong_digit_is_malformed() {
    let good = samples::leaves().remove(2).to_bytes().unwrap();
    for (from, to) in [("r8-0042", "r8/0042"), ("r8-0042", "R8-0042"), ("982016", "982017")] {
        let at = good.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        let mut bad = good.clone();
        bad[at..at + to.len()].copy_from_slice(to.as_bytes());
        assert_eq!(Hop::from_bytes(&bad), Err(CodecError::Malformed), "{to}");
    }
}
