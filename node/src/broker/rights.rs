//! Who may ask a broker for what, and where it goes. Pure: identity and header in, way or refusal out.
//!
//! What must hold: a portal speaks only for itself, a node only for bodies it has announced on this connection;
//! of a body that is not its own, a node learns NOT_FOUND, as of one that is not there (R1).

use chukei_wire::body_code::BodyCode;
use chukei_wire::header::{Direction, Header, Kind};
use chukei_wire::identity::Identity;
use chukei_wire::result::ResultName;

use crate::broker::codes::Party;

/// Where a permitted request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Answered here: a node names the bodies it serves.
    Announce,
    /// Answered here: acquisition numbers become codes of this party.
    Acquire(Party),
    /// Answered here: this party's own codes become those of the current version.
    Renew(Party),
    /// Answered here: what time it is.
    Time,
    /// Answered here: how logs of bodies have grown; whose they are is looked at head by head.
    Witness,
    /// Answered here: what another broker has cosigned of logs.
    Heads,
    /// Answered here: this party's exchange records, of the body where it names one.
    Records(Party, Option<BodyCode>),
    /// Answered here: what this body hides of a person's records.
    Undisclosed(Party),
    /// Answered here: copies of what another broker keeps.
    Copies,
    /// Passed on.
    Relay(Passage),
}

/// One passage through the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Passage {
    /// The body.
    pub(super) body: BodyCode,
    /// The portal instance.
    pub(super) portal: String,
    /// Whether it goes to the body; otherwise to the portal.
    pub(super) to_body: bool,
    /// Whether it concerns a person, so that a person code must come with it.
    pub(super) personal: bool,
}

impl Passage {
    /// Who asks.
    pub(super) fn asker(&self) -> Party {
        if self.to_body { self.portal_party() } else { Party::Body(self.body) }
    }

    /// Who is asked.
    pub(super) fn receiver(&self) -> Party {
        if self.to_body { Party::Body(self.body) } else { self.portal_party() }
    }

    fn portal_party(&self) -> Party {
        Party::Portal(self.portal.clone())
    }
}

/// Decides on `header` from the peer `identity`; `owns` tells which bodies it has announced.
pub(super) fn way(
    identity: &Identity,
    header: &Header,
    owns: impl Fn(BodyCode) -> bool,
) -> Result<Way, ResultName> {
    use Kind::{
        AcquireCodes, Announce, ChannelSetup, ExchangeRecords, LogHeads, LogWitness, NoticeDelivery,
        NoticeStatus, PersonRecords, RecordCopies, RenewCodes, SelfInfo, Time, Undisclosed,
    };
    match (identity, header.kind, header.direction) {
        (Identity::Portal(name), SelfInfo | PersonRecords | ChannelSetup, Direction::ToBody) => {
            let passage = passage(header)?;
            if passage.portal == *name { Ok(Way::Relay(passage)) } else { Err(ResultName::NotPermitted) }
        }
        (Identity::Node(_), NoticeDelivery | NoticeStatus | ChannelSetup, Direction::ToPortal) => {
            let passage = passage(header)?;
            if owns(passage.body) { Ok(Way::Relay(passage)) } else { Err(ResultName::NotFound) }
        }
        (Identity::Node(_), Announce, Direction::Hop) => Ok(Way::Announce),
        (Identity::Node(_), LogWitness, Direction::Hop) => Ok(Way::Witness),
        (Identity::Broker(_), LogHeads, Direction::Hop) => Ok(Way::Heads),
        (Identity::Broker(_), RecordCopies, Direction::Hop) => Ok(Way::Copies),
        (Identity::Node(_) | Identity::Portal(_), Time, Direction::Hop) => Ok(Way::Time),
        (_, AcquireCodes, Direction::Hop) => Ok(Way::Acquire(party(identity, header, owns)?)),
        (_, RenewCodes, Direction::Hop) => Ok(Way::Renew(party(identity, header, owns)?)),
        (_, ExchangeRecords, Direction::Hop) => Ok(Way::Records(party(identity, header, owns)?, header.body)),
        (Identity::Node(_), Undisclosed, Direction::Hop) => {
            Ok(Way::Undisclosed(party(identity, header, owns)?))
        }
        _ => Err(ResultName::NotPermitted),
    }
}

/// Whose codes a peer may ask for: a portal its own, a node those of a body it has announced.
fn party(identity: &Identity, header: &Header, owns: impl Fn(BodyCode) -> bool) -> Result<Party, ResultName> {
    match identity {
        Identity::Portal(name) => Ok(Party::Portal(name.clone())),
        Identity::Node(_) => {
            let body = header.body.ok_or(ResultName::BadFormat)?;
            if owns(body) { Ok(Party::Body(body)) } else { Err(ResultName::NotFound) }
        }
        _ => Err(ResultName::NotPermitted),
    }
}

fn passage(header: &Header) -> Result<Passage, ResultName> {
    Ok(Passage {
        body: header.body.ok_or(ResultName::BadFormat)?,
        portal: header.portal.clone().ok_or(ResultName::BadFormat)?,
        to_body: header.direction == Direction::ToBody,
        personal: header.kind.concerns_person(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::samples::header;

    const OWN: &str = "982016";

    fn identity(text: &str) -> Identity {
        text.parse().unwrap()
    }

    fn decide(who: &str, kind: Kind, direction: Direction) -> Result<Way, ResultName> {
        way(&identity(who), &header(kind, direction), |body| body.as_str() == OWN)
    }

    #[test]
    fn a_portal_asks_bodies_in_its_own_name_only() {
        for kind in [Kind::SelfInfo, Kind::PersonRecords, Kind::ChannelSetup] {
            let Ok(Way::Relay(passage)) = decide("chukei://portal/mynaportal", kind, Direction::ToBody)
            else {
                panic!("{kind:?} refused");
            };
            assert!(passage.to_body);
            assert_eq!(passage.personal, kind != Kind::ChannelSetup);
            assert_eq!(passage.asker().to_string(), "portal/mynaportal");
            assert_eq!(passage.receiver().to_string(), "body/982016");
            let other = decide("chukei://portal/another", kind, Direction::ToBody);
            assert_eq!(other, Err(ResultName::NotPermitted));
        }
    }

    #[test]
    fn r1_a_node_speaks_only_for_bodies_it_has_announced() {
        for kind in [Kind::NoticeDelivery, Kind::NoticeStatus, Kind::ChannelSetup] {
            let mut header = header(kind, Direction::ToPortal);
            let decide =
                |header: &Header| way(&identity("chukei://node/node-a"), header, |body| body.as_str() == OWN);
            assert!(matches!(decide(&header), Ok(Way::Relay(passage)) if !passage.to_body));
            header.body = Some("982024".parse().unwrap());
            assert_eq!(decide(&header), Err(ResultName::NotFound));
        }
    }

    #[test]
    fn codes_are_those_of_the_callers_own_party() {
        let decide = |who: &str, header: &Header| way(&identity(who), header, |body| body.as_str() == OWN);
        type Answered = fn(Party) -> Way;
        let ways: [(Kind, Answered); 2] =
            [(Kind::AcquireCodes, Way::Acquire), (Kind::RenewCodes, Way::Renew)];
        for (kind, answered) in ways {
            let mut header = header(kind, Direction::Hop);
            let portal = decide("chukei://portal/mynaportal", &header);
            assert_eq!(portal, Ok(answered(Party::Portal("mynaportal".into()))));
            assert_eq!(decide("chukei://node/node-a", &header), Err(ResultName::BadFormat));
            header.body = Some(OWN.parse().unwrap());
            let node = decide("chukei://node/node-a", &header);
            assert_eq!(node, Ok(answered(Party::Body(OWN.parse().unwrap()))));
            header.body = Some("982024".parse().unwrap());
            assert_eq!(decide("chukei://node/node-a", &header), Err(ResultName::NotFound));
        }
    }

    #[test]
    fn r1_exchange_records_are_a_portals_own_or_those_of_a_body_that_the_node_has_announced() {
        let decide = |who: &str, header: &Header| way(&identity(who), header, |body| body.as_str() == OWN);
        let (own, other) = (Some(OWN.parse().unwrap()), Some("982024".parse().unwrap()));
        let mut header = header(Kind::ExchangeRecords, Direction::Hop);
        let portal = Party::Portal("mynaportal".into());
        for body in [None, own, other] {
            header.body = body;
            let way = decide("chukei://portal/mynaportal", &header);
            assert_eq!(way, Ok(Way::Records(portal.clone(), body)), "whichever body is asked about");
        }
        for kind in [Kind::ExchangeRecords, Kind::Undisclosed] {
            header.kind = kind;
            header.body = other;
            assert_eq!(decide("chukei://node/node-a", &header), Err(ResultName::NotFound));
            header.body = None;
            assert_eq!(decide("chukei://node/node-a", &header), Err(ResultName::BadFormat));
        }
        header.body = own;
        let body = Party::Body(OWN.parse().unwrap());
        assert_eq!(decide("chukei://node/node-a", &header), Ok(Way::Undisclosed(body)));
    }

    /// Whatever is not listed above is refused (R6): every other pair of identity and kind.
    #[test]
    fn everything_else_is_refused() {
        let permitted = |who: &str, kind: Kind, direction: Direction| match (who, direction) {
            ("portal", Direction::ToBody) => {
                matches!(kind, Kind::SelfInfo | Kind::PersonRecords | Kind::ChannelSetup)
            }
            ("node", Direction::ToPortal) => {
                matches!(kind, Kind::NoticeDelivery | Kind::NoticeStatus | Kind::ChannelSetup)
            }
            ("portal", Direction::Hop) => {
                matches!(kind, Kind::AcquireCodes | Kind::RenewCodes | Kind::Time | Kind::ExchangeRecords)
            }
            ("node", Direction::Hop) => {
                matches!(
                    kind,
                    Kind::AcquireCodes
                        | Kind::RenewCodes
                        | Kind::Announce
                        | Kind::Time
                        | Kind::LogWitness
                        | Kind::ExchangeRecords
                        | Kind::Undisclosed
                )
            }
            ("broker", Direction::Hop) => matches!(kind, Kind::LogHeads | Kind::RecordCopies),
            _ => false,
        };
        let identities = [
            ("portal", "chukei://portal/mynaportal"),
            ("node", "chukei://node/node-a"),
            ("broker", "chukei://broker/broker-a"),
            ("staff", "chukei://body/982016/staff/u-tax-07"),
            ("system", "chukei://body/982016/system/zeimu"),
        ];
        for (who, text) in identities {
            for &kind in Kind::ALL {
                for direction in [Direction::ToBody, Direction::ToPortal, Direction::Hop] {
                    let refused = decide(text, kind, direction) == Err(ResultName::NotPermitted);
                    assert_eq!(refused, !permitted(who, kind, direction), "{who} {kind:?} {direction:?}");
                }
            }
        }
    }
}
