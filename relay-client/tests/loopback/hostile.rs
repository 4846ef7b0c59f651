//! Set-ups carried by somebody who wants to be in the channel, or to weaken it: whatever is changed, repeated,
//! reflected or taken from elsewhere, no end has a channel that the other does not have.

use std::sync::Arc;

use chukei_crypto::sign::IdentityKey;
use chukei_relay_client::channel::{
    Channel, ChannelError, ChannelLimits, Channels, Parties, initiate, respond,
};
use chukei_relay_client::peers::Identities;
use chukei_relay_client::session::{accept_request, forward_request, put_status};
use chukei_wire::frame::{FrameType, Status};
use chukei_wire::header::{Direction, Hop, Kind};
use chukei_wire::message::control::SetupFlight;

use crate::hello::{GROUPS, KEY_SHARES, VERSIONS, edited, extensions, long, records, shares};
use crate::session::{accepted, header};
use crate::stage::{Stage, soon};

type Flights = Vec<Vec<u8>>;

/// SecP256r1MLKEM768, and what is left without it.
const HYBRID: u16 = 0x11eb;
const P256: u16 = 0x0017;

/// Portal and body, and somebody between them.
struct Between {
    near: Stage,
    far: Stage,
    portal: IdentityKey,
    body: IdentityKey,
}

/// What each end has.
struct Ends {
    portal: Result<Channel, ChannelError>,
    body: Result<Arc<Channel>, ChannelError>,
}

impl Ends {
    #[track_caller]
    fn refused(&self) {
        let refused = self.portal.is_err() && self.body.is_err();
        assert!(refused, "portal: {:?}, body: {:?}", self.portal, self.body);
    }
}

fn key() -> IdentityKey {
    IdentityKey::from_pkcs8(&IdentityKey::generate_pkcs8().unwrap()).unwrap()
}

fn of(key: &IdentityKey) -> Identities {
    Identities::one(key.public_spki())
}

fn as_it_came(_: usize, flight: Vec<u8>) -> Flights {
    vec![flight]
}

impl Between {
    async fn new() -> Self {
        Self { near: Stage::set().await, far: Stage::set().await, portal: key(), body: key() }
    }

    /// A set-up whose flights, counted in each direction, are replaced by what `forth` and `back` make of them.
    async fn carried(
        &self,
        forth: impl FnMut(usize, Vec<u8>) -> Flights,
        back: impl FnMut(usize, Vec<u8>) -> Flights,
    ) -> Ends {
        self.carried_to(&self.body, forth, back).await
    }

    /// The same, where `body` answers.
    async fn carried_to(
        &self,
        body: &IdentityKey,
        forth: impl FnMut(usize, Vec<u8>) -> Flights,
        back: impl FnMut(usize, Vec<u8>) -> Flights,
    ) -> Ends {
        let setup = header(Kind::ChannelSetup, Direction::ToBody, self.near.clock.now_ms());
        let (at_portal, at_body) = (of(&self.portal), of(&self.body));
        let asking = initiate(
            &self.near.at_node,
            &setup,
            Parties { own: &self.portal, other: &at_body },
            &self.near.clock,
        );
        let answering = async {
            let mut request = accepted(&self.far).await.unwrap();
            let channels = Channels::new(ChannelLimits::default());
            let parties = Parties { own: body, other: &at_portal };
            respond(&mut request, parties, &self.far.clock, &channels).await
        };
        let (portal, body, ()) = tokio::join!(asking, answering, self.carry(forth, back));
        Ends { portal, body }
    }

    async fn carry(
        &self,
        mut forth: impl FnMut(usize, Vec<u8>) -> Flights,
        mut back: impl FnMut(usize, Vec<u8>) -> Flights,
    ) {
        let (send, recv) = self.near.at_broker.accept().await.unwrap();
        let request = accept_request(send, recv).await.unwrap();
        let (mut to_portal, mut of_portal, hash) = (request.send, request.recv, request.header_hash);
        let onward = forward_request(&self.far.at_node, &request.header_bytes, &Hop::default(), soon()).await;
        let mut onward = onward.unwrap();
        onward.send.flush().await.unwrap();
        let there = async {
            let mut count = 0;
            while let Ok(SetupFlight { flight }) = of_portal.read_message().await {
                for flight in forth(count, flight) {
                    let _ = onward.send.write_message(&SetupFlight { flight }).await;
                }
                count += 1;
            }
            let _ = onward.send.finish().await;
        };
        let here = async {
            if let Ok(status) = onward.recv.expect(FrameType::Status).await {
                let outcome = Status::from_bytes(&status).unwrap().outcome;
                put_status(&mut to_portal, hash, outcome).await.unwrap();
            }
            let mut count = 0;
            while let Ok(SetupFlight { flight }) = onward.recv.read_message().await {
                for flight in back(count, flight) {
                    let _ = to_portal.write_message(&SetupFlight { flight }).await;
                }
                count += 1;
            }
            let _ = to_portal.finish().await;
        };
        tokio::join!(there, here);
    }

    /// An honest set-up, and what was said in it, each way.
    async fn recorded(&self) -> (Ends, Flights, Flights) {
        let (mut forth, mut back) = (Vec::new(), Vec::new());
        let ends = self
            .carried(
                |_, flight| {
                    forth.push(flight.clone());
                    vec![flight]
                },
                |_, flight| {
                    back.push(flight.clone());
                    vec![flight]
                },
            )
            .await;
        (ends, forth, back)
    }
}

#[tokio::test]
async fn an_honest_carrier_gives_both_ends_one_channel() {
    let between = Between::new().await;
    let (ends, forth, back) = between.recorded().await;
    assert_eq!(ends.portal.unwrap().id(), ends.body.unwrap().id());
    assert_eq!((forth.len(), back.len()), (2, 2));
}

#[tokio::test]
async fn r33_flights_of_an_earlier_set_up_set_up_nothing() {
    let between = Between::new().await;
    let (_, forth, back) = between.recorded().await;
    for replayed in 0..2 {
        let instead = |count: usize, flight: Vec<u8>| {
            vec![if count == replayed { forth[count].clone() } else { flight }]
        };
        between.carried(instead, as_it_came).await.refused();
    }
    let instead = |count: usize, flight| vec![if count == 0 { back[0].clone() } else { flight }];
    between.carried(as_it_came, instead).await.refused();
    // The last word alone comes from elsewhere: the body has its channel, the portal learns that it has none.
    let instead = |count: usize, flight| vec![if count == 1 { back[1].clone() } else { flight }];
    assert_eq!(between.carried(as_it_came, instead).await.portal.unwrap_err(), ChannelError::Handshake);
}

#[tokio::test]
async fn r33_repeated_or_reordered_flights_set_up_nothing() {
    let between = Between::new().await;
    let twice = |count, flight: Vec<u8>| if count == 0 { vec![flight.clone(), flight] } else { vec![flight] };
    between.carried(twice, as_it_came).await.refused();
    between.carried(as_it_came, twice).await.refused();
    let reversed = |count, flight: Vec<u8>| {
        if count > 0 {
            return vec![flight];
        }
        let mut records = records(&flight);
        assert!(records.len() > 2, "something to reorder");
        records.reverse();
        vec![records.concat()]
    };
    between.carried(as_it_came, reversed).await.refused();
}

#[tokio::test]
async fn r33_reflected_flights_set_up_nothing() {
    let between = Between::new().await;
    let (_, forth, _) = between.recorded().await;
    let said = std::cell::RefCell::new(Vec::new());
    let heard = |_, flight: Vec<u8>| {
        said.borrow_mut().push(flight.clone());
        vec![flight]
    };
    // The portal hears itself in the body's place, and the body itself in the portal's.
    let reflected = |count: usize, _| vec![said.borrow()[count].clone()];
    between.carried(heard, reflected).await.refused();
    let answers = std::cell::RefCell::new(Vec::new());
    let heard = |_, flight: Vec<u8>| {
        answers.borrow_mut().push(flight.clone());
        vec![flight]
    };
    let reflected =
        |count: usize, flight| vec![if count == 0 { flight } else { answers.borrow()[0].clone() }];
    between.carried(reflected, heard).await.refused();
    assert_eq!(forth.len(), 2);
}

#[tokio::test]
async fn r33_a_set_up_led_to_another_body_fails() {
    let between = Between::new().await;
    let other = key();
    let ends = between.carried_to(&other, as_it_came, as_it_came).await;
    assert_eq!(ends.portal.as_ref().unwrap_err(), &ChannelError::Handshake);
    ends.refused();
}

#[tokio::test]
async fn r21_a_stripped_hybrid_share_is_noticed_and_not_answered_with_a_weaker_channel() {
    let between = Between::new().await;
    let stripped = |count, flight: Vec<u8>| {
        if count > 0 {
            return vec![flight];
        }
        let offered = extensions(&flight);
        let offered = &offered.iter().find(|extension| extension.kind == KEY_SHARES).unwrap().data;
        let groups: Vec<u16> = shares(offered).iter().map(|(group, _)| *group).collect();
        assert_eq!(groups, [HYBRID, P256], "a body could go on with what is left");
        vec![edited(&flight, |extensions| {
            for extension in extensions {
                let data = &extension.data;
                extension.data = match extension.kind {
                    GROUPS => long(
                        &data[2..]
                            .chunks(2)
                            .filter(|group| **group != HYBRID.to_be_bytes())
                            .collect::<Vec<_>>()
                            .concat(),
                    ),
                    KEY_SHARES => long(
                        &shares(data)
                            .iter()
                            .filter(|(group, _)| *group != HYBRID)
                            .flat_map(|(group, share)| [&group.to_be_bytes()[..], &long(share)].concat())
                            .collect::<Vec<u8>>(),
                    ),
                    _ => continue,
                };
            }
        })]
    };
    between.carried(stripped, as_it_came).await.refused();
}

#[tokio::test]
async fn r21_a_hello_of_tls_1_2_is_refused() {
    let between = Between::new().await;
    let older = |count, flight: Vec<u8>| {
        let without = |extensions: &mut Vec<_>| {
            extensions.retain(|extension: &crate::hello::Extension| extension.kind != VERSIONS)
        };
        vec![if count == 0 { edited(&flight, without) } else { flight }]
    };
    let ends = between.carried(older, as_it_came).await;
    assert_eq!(ends.body.as_ref().unwrap_err(), &ChannelError::Handshake);
    ends.refused();
}

#[tokio::test]
async fn r32_a_flipped_bit_in_any_part_of_a_flight_sets_up_nothing() {
    const EVERY: usize = 97;
    let between = Between::new().await;
    let (_, forth, back) = between.recorded().await;
    for (number, recorded) in [&forth[0], &forth[1]].into_iter().enumerate() {
        for at in (0..recorded.len()).step_by(EVERY) {
            between
                .carried(|count, flight| vec![flipped(flight, (count == number).then_some(at))], as_it_came)
                .await
                .refused();
        }
    }
    for at in (0..back[0].len()).step_by(EVERY) {
        between
            .carried(as_it_came, |count, flight| vec![flipped(flight, (count == 0).then_some(at))])
            .await
            .refused();
    }
}

fn flipped(mut flight: Vec<u8>, at: Option<usize>) -> Vec<u8> {
    if let Some(byte) = at.and_then(|at| flight.get_mut(at)) {
        *byte ^= 1;
    }
    flight
}
