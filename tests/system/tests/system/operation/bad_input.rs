//! What comes over an authenticated connection and is bad: a clear end, the peer dropped where it goes on, and
//! nobody else disturbed.

use bytes::Bytes;
use chukei_harness::role::Role;
use chukei_relay_client::connection::{CloseCode, ConnectionError, PeerConnection};
use chukei_relay_client::endpoint::client_endpoint;
use chukei_relay_client::session::open_request;
use chukei_relay_client::stream::StreamError;
use chukei_wire::codec::encode;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Header, Hop, Kind};
use chukei_wire::identity::Identity;
use chukei_wire::limits::{HEADER_MAX, IMPORT_BATCH_ROWS};
use chukei_wire::message::staff::{BatchReply, ImportBatch, ImportRow, RowOutcome};
use chukei_wire::result::ResultName;
use libtest_mimic::Trial;
use tokio::time::{Duration, Instant};

use super::{certificates, long_line};
use crate::copy_file::Row;
use crate::group::{Test, group};
use crate::hop::{LOOPBACK, address, credentials, frame, header};
use crate::stage::{Stage, until};

const TESTS: &[Test<Stage>] = &[
    ("malformed_streams_are_reset_and_a_peer_that_goes_on_is_dropped", malformed),
    ("a_stalled_stream_is_dropped_by_its_deadline", stalled),
    ("a_kind_without_right_is_not_permitted", without_right),
    ("noise_on_the_ports_disturbs_nobody", noise),
    ("r10_the_node_itself_refuses_what_a_command_line_keeps_back", rows_of_a_strange_client),
];

pub(super) fn trials() -> Vec<Trial> {
    group("bad_input", &[TESTS, certificates::TESTS, long_line::TESTS].concat())
}

const BODY: &str = "982016";
const HEADER: u8 = 1;
const HOP: u8 = 2;
const CHUNK: u8 = 4;

/// An entrance, and who may enter there.
struct Entrance {
    role: Role,
    key: &'static str,
    stem: &'static str,
    name: &'static str,
}

const ENTRANCES: [Entrance; 2] = [
    Entrance { role: Role::Node, key: "staff", stem: "system-982016-zeimu", name: "chukei://node/node-a" },
    Entrance {
        role: Role::Broker,
        key: "relay",
        stem: "portal-mynaportal",
        name: "chukei://broker/broker-a",
    },
];

impl Entrance {
    /// A connection of its own. The endpoint must live as long.
    fn enter(&self, stage: &Stage) -> (chukei_relay_client::endpoint::ClientEndpoint, PeerConnection) {
        let layout = stage.layout();
        stage.runtime.block_on(async {
            let endpoint = client_endpoint(LOOPBACK).unwrap();
            let expected: Identity = self.name.parse().unwrap();
            let address = address(layout, self.role, self.key);
            let credentials = credentials(layout, self.stem);
            let peer = endpoint.connect(&credentials, &layout.clock(), address, &expected).await.unwrap();
            (endpoint, peer)
        })
    }

    /// A header that is welcome at this entrance.
    fn header(&self, stage: &Stage) -> Header {
        let kind = if self.role == Role::Node { Kind::CatalogueList } else { Kind::SelfInfo };
        header(kind, BODY, stage.layout().clock().now_ms())
    }
}

/// Sends bytes on a stream of its own and ends it; how the other side ends.
async fn say(peer: &PeerConnection, bytes: Bytes) -> Result<Option<Bytes>, StreamError> {
    let (mut send, mut recv) = peer.open(Instant::now() + Duration::from_secs(20)).await?;
    // The other side may stop reading at the first bad byte.
    let _ = send.write_raw(bytes).await;
    let _ = send.finish().await;
    recv.read_raw_chunk(64 * 1024).await
}

/// Encoded headers that are no good, each in its own way.
fn malformed_heads(good: &Header) -> Vec<(&'static str, Bytes)> {
    let encoded = good.to_bytes().unwrap();
    let hop = frame(HOP, &Hop::default().to_bytes().unwrap());
    let with_hop = |head: Bytes| Bytes::from([head, hop.clone()].concat());
    let unknown_version = {
        // `v` is the one key whose value is this byte.
        let at = encoded.windows(3).position(|window| window == [0x61, b'v', 1]).unwrap();
        let mut bytes = encoded.clone();
        bytes[at + 2] = 2;
        bytes
    };
    // The same map, its first value in a longer form than needed.
    let trailing = [&encoded[..], &[0xF6]].concat();
    let claims = (u32::try_from(HEADER_MAX).unwrap() + 1).to_be_bytes();
    vec![
        ("a type that nobody knows", frame(99, b"hello")),
        ("an oversized header, claimed only", Bytes::from([&[HEADER][..], &claims].concat())),
        ("a gigantic header, claimed only", Bytes::from_static(&[HEADER, 0xFF, 0xFF, 0xFF, 0xFF])),
        ("an unknown version", with_hop(frame(HEADER, &unknown_version))),
        ("bytes behind the map", with_hop(frame(HEADER, &trailing))),
        ("no CBOR", with_hop(frame(HEADER, &[0xFF; 64]))),
        ("an empty header", with_hop(frame(HEADER, b""))),
        ("the hop part first", hop.clone()),
        ("a chunk first", frame(CHUNK, &[0; 128])),
        ("no hop part", frame(HEADER, &encoded)),
        ("a hop part that is none", Bytes::from([frame(HEADER, &encoded), frame(HOP, b"\xA0")].concat())),
        ("half a header", frame(HEADER, &encoded).slice(..40)),
        ("nothing at all", Bytes::new()),
        ("HTTP", Bytes::from_static(b"GET / HTTP/1.1\r\n\r\n")),
    ]
}

fn malformed(stage: &Stage) {
    for entrance in &ENTRANCES {
        let (_endpoint, good) = entrance.enter(stage);
        let header = entrance.header(stage);
        let heads = malformed_heads(&header);
        for (what, bytes) in &heads {
            let (_own, peer) = entrance.enter(stage);
            let end = stage.runtime.block_on(say(&peer, bytes.clone()));
            let role = entrance.role;
            assert!(!matches!(end, Ok(Some(_))), "{role}: {what} was answered: {end:?}");
        }
        let (_endpoint, bad) = entrance.enter(stage);
        let closed = until("the end of a peer that goes on", || {
            for (_, bytes) in &heads {
                let _ = stage.runtime.block_on(say(&bad, bytes.clone()));
            }
            bad.is_closed().then(|| stage.runtime.block_on(bad.closed()))
        });
        assert_eq!(closed, ConnectionError::ClosedByPeer(CloseCode::Misbehaved as u64), "{}", entrance.role);
        assert!(!good.is_closed(), "{}: another connection is not disturbed", entrance.role);
    }
    still_serves(stage);
}

fn stalled(stage: &Stage) {
    let entered: Vec<_> = ENTRANCES.iter().map(|entrance| (entrance, entrance.enter(stage))).collect();
    stage.runtime.block_on(async {
        let mut waiting = tokio::task::JoinSet::new();
        for (entrance, (_, peer)) in &entered {
            let head = frame(HEADER, &entrance.header(stage).to_bytes().unwrap());
            let (peer, role) = (peer.clone(), entrance.role);
            waiting.spawn(async move {
                // Longer than a head may take.
                let patience = Instant::now() + Duration::from_secs(30);
                let (mut send, mut recv) = peer.open(patience).await.unwrap();
                send.write_raw(head.slice(..head.len() - 1)).await.unwrap();
                let end = recv.read_raw_chunk(1024).await;
                assert!(matches!(end, Err(StreamError::Reset(_))), "{role}: {end:?}");
                // The stream is over, the connection is not.
                assert!(!peer.is_closed(), "{role}");
            });
        }
        while let Some(done) = waiting.join_next().await {
            done.unwrap();
        }
    });
    still_serves(stage);
}

fn without_right(stage: &Stage) {
    let [node, broker] = &ENTRANCES;
    for (entrance, kinds) in [
        (
            node,
            &[Kind::SelfInfo, Kind::ChannelSetup, Kind::Announce, Kind::AcquireCodes, Kind::NoticeDelivery][..],
        ),
        (broker, &[Kind::Announce, Kind::NoticeDelivery, Kind::CopyImport, Kind::AuditVerify][..]),
    ] {
        let (_endpoint, peer) = entrance.enter(stage);
        for kind in kinds {
            let header = header(*kind, BODY, stage.layout().clock().now_ms());
            let message = encode(&"nothing").unwrap();
            let head =
                [frame(HEADER, &header.to_bytes().unwrap()), frame(HOP, &Hop::default().to_bytes().unwrap())];
            let bytes = Bytes::from([&head[..], &[frame(7, &message)]].concat().concat());
            let end = stage.runtime.block_on(say(&peer, bytes)).unwrap().unwrap();
            let status = chukei_wire::frame::Status::from_bytes(&end[5..]).unwrap();
            let not_permitted = chukei_wire::result::ResultName::NotPermitted;
            let role = entrance.role;
            assert_eq!(
                status.outcome,
                chukei_wire::frame::Outcome::Refused(not_permitted),
                "{role}: {kind:?}"
            );
        }
        assert!(!peer.is_closed());
    }
}

fn noise(stage: &Stage) {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for entrance in &ENTRANCES {
        let to = address(stage.layout(), entrance.role, entrance.key);
        for length in [0, 1, 20, 1_200, 9_000] {
            for byte in [0x00, 0x40, 0xC0, 0xFF] {
                socket.send_to(&vec![byte; length], to).unwrap();
            }
        }
        let metrics = stage.layout().metrics(entrance.role);
        let page = crate::page::fetch(metrics, "\u{1}\u{2}", "/readyz");
        assert!(page.is_none_or(|(status, _)| status >= 400));
    }
    still_serves(stage);
}

fn rows_of_a_strange_client(stage: &Stage) {
    let person = &stage.persons(BODY, 1)[0];
    let [node, _] = &ENTRANCES;
    let (_endpoint, peer) = node.enter(stage);
    let import = |rows: Vec<ImportRow>| {
        let header = header(Kind::CopyImport, BODY, stage.layout().clock().now_ms());
        stage.runtime.block_on(async {
            let mut import = open_request(&peer, &header, &Hop::default()).await.unwrap();
            let _ = import.send.write_message(&ImportBatch { rows }).await;
            let _ = import.send.finish().await;
            match import.read_status().await.unwrap() {
                Outcome::Answered => Ok(import.recv.read_message::<BatchReply>().await.unwrap().rows),
                refused => Err(refused),
            }
        })
    };
    let row = |id: &'static str, value: &str| {
        let fields = Row::new(BODY, person, id, value).columns().map(str::to_owned).to_vec();
        ImportRow { fields, repeated: false }
    };
    let mut short = row("strange-3", "値");
    short.fields.pop();
    let rejected = RowOutcome::Rejected;
    let outcomes = import(vec![
        row("strange-1", "番号123456789018"),
        row("123456789018", "値"),
        short,
        row("strange-4", "値"),
        row("strange-4", "値"),
        ImportRow { repeated: true, ..row("strange-5", "値") },
    ]);
    let expected = [
        rejected(ResultName::ForbiddenIdentifier),
        rejected(ResultName::ForbiddenIdentifier),
        rejected(ResultName::BadFormat),
        RowOutcome::Registered,
        rejected(ResultName::DuplicateRecordId),
        rejected(ResultName::DuplicateRecordId),
    ];
    assert_eq!(outcomes.unwrap(), expected);
    let too_many = (0..=IMPORT_BATCH_ROWS).map(|_| row("strange-6", "値")).collect();
    assert_eq!(import(too_many), Err(Outcome::Refused(ResultName::BadFormat)));
    let shown = stage.self_info(&person.user, BODY, &[crate::copy_file::TAX]);
    assert_eq!(shown["datasets"][0]["items"].as_array().unwrap().len(), 1, "{shown}");
}

/// A request through every role works.
fn still_serves(stage: &Stage) {
    let person = &stage.persons(BODY, 1)[0];
    let answer = stage.self_info(&person.user, BODY, &[crate::copy_file::TAX]);
    assert_eq!(answer["result"], "NO_DATA");
}
