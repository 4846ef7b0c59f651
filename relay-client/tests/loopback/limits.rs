//! What a peer that is not ours, or wants too much, does not get: other protocols, anonymity, resumption,
//! early data, datagrams, one-way streams, connections and streams without end (R20, R40).

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use chukei_relay_client::connection::ConnectionError;
use chukei_relay_client::endpoint::{EndpointError, ServerEndpoint, ServerLimits};
use rustls::ClientConfig;
use rustls::client::Resumption;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::authority::Authority;
use crate::foreign::{Tickets, dial_foreign, foreign};
use crate::stage::{BROKER, LOOPBACK, NODE, Stage, admitted, dialling, identity, listen, soon};

async fn refused(server: &ServerEndpoint, config: ClientConfig) {
    let (_endpoint, connecting) = dial_foreign(server, config);
    let (admitted, dialled) = tokio::join!(admitted(server), connecting);
    assert!(
        matches!(admitted, Err(EndpointError::Connection(ConnectionError::Transport(_)))),
        "{admitted:?}"
    );
    if let Ok(connection) = dialled {
        assert!(matches!(connection.closed().await, quinn::ConnectionError::ConnectionClosed(_)));
    }
}

fn a_server(authority: &Authority, limits: ServerLimits) -> ServerEndpoint {
    listen(&authority.issue(BROKER), authority.clock(), limits)
}

#[tokio::test]
async fn r20_a_client_without_certificate_gets_nothing() {
    let authority = Authority::new();
    let server = a_server(&authority, ServerLimits::default());
    refused(&server, foreign(None, &[], b"chukei/1")).await;
}

#[tokio::test]
async fn r20_a_client_with_two_identities_or_none_of_ours_gets_nothing() {
    let authority = Authority::new();
    let server = a_server(&authority, ServerLimits::default());
    for uris in [&[NODE, BROKER][..], &[], &["https://node-a.example"], &["chukei://body/982016/device/t-01"]]
    {
        refused(&server, foreign(Some(&authority), uris, b"chukei/1")).await;
    }
}

#[tokio::test]
async fn an_unknown_protocol_is_refused() {
    let authority = Authority::new();
    let server = a_server(&authority, ServerLimits::default());
    refused(&server, foreign(Some(&authority), &[NODE], b"h3")).await;
}

#[tokio::test]
async fn r20_no_ticket_is_given_so_that_nothing_can_be_resumed() {
    let authority = Authority::new();
    let server = a_server(&authority, ServerLimits::default());
    let tickets = Arc::new(Tickets::default());
    let mut config = foreign(Some(&authority), &[NODE], b"chukei/1");
    config.resumption = Resumption::store(tickets.clone());
    let (_endpoint, connecting) = dial_foreign(&server, config);
    let (at_server, connection) = tokio::join!(admitted(&server), connecting);
    // A whole exchange: a ticket, sent right after the handshake, would have come before its end.
    let (mut send, mut recv) = connection.unwrap().open_bi().await.unwrap();
    send.write_all(b"x").await.unwrap();
    let (mut answer, _heard) = at_server.unwrap().accept().await.unwrap();
    answer.finish().await.unwrap();
    assert!(recv.read_to_end(0).await.unwrap().is_empty());
    assert_eq!(tickets.count(), 0);
}

#[tokio::test]
async fn only_two_way_streams_exist() {
    let authority = Authority::new();
    let server = a_server(&authority, ServerLimits::default());
    let (_endpoint, connecting) = dial_foreign(&server, foreign(Some(&authority), &[NODE], b"chukei/1"));
    let (at_server, connection) = tokio::join!(admitted(&server), connecting);
    let (connection, _at_server) = (connection.unwrap(), at_server.unwrap());
    assert_eq!(connection.max_datagram_size(), None);
    assert!(tokio::time::timeout_at(Instant::now(), connection.open_uni()).await.is_err());
}

#[tokio::test]
async fn r40_streams_in_flight_are_bounded() {
    let stage = Stage::with(ServerLimits { streams: 2, ..ServerLimits::default() }).await;
    let first = stage.stream().await;
    let second = stage.stream().await;
    let third = stage.at_node.open(Instant::now()).await;
    assert_eq!(third.unwrap_err(), ConnectionError::Deadline);
    drop((first, second));
    assert!(stage.at_node.open(soon()).await.is_ok());
}

#[tokio::test]
async fn r40_connections_are_bounded() {
    let stage = Stage::with(ServerLimits { connections: 1, ..ServerLimits::default() }).await;
    let server = Arc::clone(&stage.server);
    let accepting = tokio::spawn(async move { server.accept().await.is_some() });
    let address = stage.server.local_address().unwrap();
    let second = stage.client.connect(&stage.node, &stage.clock, address, &identity(BROKER)).await;
    assert!(matches!(second, Err(EndpointError::Connection(ConnectionError::Transport(2)))), "{second:?}");
    stage.server.shutdown(std::time::Duration::from_secs(5)).await;
    assert!(!accepting.await.unwrap(), "the second was let in");
}

/// Passes datagrams on between one client and `server`; the first byte of each that the server sends.
async fn watched(server: SocketAddr) -> (SocketAddr, JoinHandle<()>, Arc<Mutex<Vec<u8>>>) {
    let socket = UdpSocket::bind(LOOPBACK).await.unwrap();
    let (address, seen) = (socket.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
    let record = Arc::clone(&seen);
    let passing = tokio::spawn(async move {
        let (mut client, mut datagram) = (None, vec![0; 65_536]);
        loop {
            let (length, from) = socket.recv_from(&mut datagram).await.unwrap();
            let to = if from == server {
                record.lock().unwrap().push(datagram[0]);
                client.unwrap()
            } else {
                client = Some(from);
                server
            };
            socket.send_to(&datagram[..length], to).await.unwrap();
        }
    });
    (address, passing, seen)
}

/// Whether the server's first answer was a Retry packet (RFC 9000, 17.2.5).
async fn asked_for_proof(retry_above: usize) -> bool {
    let authority = Authority::new();
    let server = a_server(&authority, ServerLimits { retry_above, ..ServerLimits::default() });
    let node = authority.issue(NODE);
    let (client, clock, expected) = (dialling(), authority.clock(), identity(BROKER));
    let (address, passing, seen) = watched(server.local_address().unwrap()).await;
    let (admitted, dialled) =
        tokio::join!(admitted(&server), client.connect(&node, &clock, address, &expected));
    assert!(admitted.is_ok() && dialled.is_ok());
    passing.abort();
    seen.lock().unwrap()[0] >> 4 == 0xf
}

#[tokio::test]
async fn r40_under_pressure_an_address_proves_itself_and_is_served() {
    assert!(asked_for_proof(0).await);
    assert!(!asked_for_proof(1).await);
}
