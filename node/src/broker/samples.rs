//! Headers for the tests of this module. All fictitious.

use chukei_wire::header::{Direction, Header, Kind};
use chukei_wire::id::ChannelId;
use chukei_wire::limits::VERSION;

/// A header of portal `mynaportal` and body 982016; not necessarily a consistent one.
pub(super) fn header(kind: Kind, direction: Direction) -> Header {
    let travels = direction != Direction::Hop;
    Header {
        version: VERSION,
        kind,
        direction,
        request_id: "019aa3d2c8007abc8123456789abcdef".parse().unwrap(),
        body: travels.then(|| "982016".parse().unwrap()),
        portal: travels.then(|| "mynaportal".to_owned()),
        affair: None,
        datasets: if kind == Kind::SelfInfo { vec!["TM00000000000002".to_owned()] } else { Vec::new() },
        channel: (travels && kind != Kind::ChannelSetup).then_some(ChannelId([1; 16])),
        deadline_ms: 5_000,
        idempotency_key: None,
        retry_of: None,
        authn_ref: None,
    }
}
