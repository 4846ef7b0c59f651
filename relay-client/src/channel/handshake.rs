//! The handshake: TLS 1.3 (RFC 8446) with raw public keys (RFC 7250), run sans-IO by rustls and carried as
//! set-up messages of one request.
//!
//! Initiator: HEADER, HOP, MESSAGE… Responder: STATUS, MESSAGE… The responder's last flight is one record of
//! application data, the purpose and the header hash: it tells the initiator that its own identity was
//! accepted, and that nobody changed the header on the way.

use chukei_crypto::channel::DirectionSecret;
use chukei_crypto::sign::IdentityKey;
use chukei_crypto::tls::{channel_client, channel_peer_name, channel_server};
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Header, Hop, Kind};
use chukei_wire::id::{ChannelId, HeaderHash};
use chukei_wire::message::control::SetupFlight;
use rustls::{ClientConnection, Connection, ServerConnection};
use std::io::{Read, Write};
use std::sync::Arc;
use zeroize::Zeroizing;

use super::{Channel, ChannelError, Channels, Ends, Parties, Role, Scope};
use crate::clock::Clock;
use crate::connection::PeerConnection;
use crate::session::{AcceptedRequest, open_request};
use crate::stream::{RecvHalf, SendHalf};

/// Exporter label (RFC 8446, 7.5), and the first part of the confirmation.
const PURPOSE: &[u8] = b"chukei e2e v1";
/// Flights taken from the other side before the handshake is given up: two are enough without retries.
const FLIGHTS_MAX: usize = 6;
/// Longest flight, bytes: a hybrid key share and a raw key take about 1.5 KiB.
const FLIGHT_MAX: usize = 16 * 1024;

/// Opens a channel through `peer`. `header` is of kind [`Kind::ChannelSetup`] and says between whom; `parties`
/// must be exactly these two as the signed peer list has them.
pub async fn initiate(
    peer: &PeerConnection,
    header: &Header,
    parties: Parties<'_>,
    clock: &Clock,
) -> Result<Channel, ChannelError> {
    let scope = setup_scope(header)?;
    let config = channel_client(parties.own, parties.other.iter()).map_err(|_| ChannelError::Handshake)?;
    let client = ClientConnection::new(config, channel_peer_name()).map_err(|_| ChannelError::Handshake)?;
    let mut tls = Connection::from(client);
    let mut request = open_request(peer, header, &Hop::default()).await?;
    send_flight(&mut tls, &mut request.send).await?;
    match request.read_status().await? {
        Outcome::Answered => {}
        other => return Err(ChannelError::NotAnswered(other)),
    }
    let hash = request.header_hash;
    for _ in 0..FLIGHTS_MAX {
        receive_flight(&mut tls, &mut request.recv, parties.own).await?;
        send_flight(&mut tls, &mut request.send).await?;
        if !tls.is_handshaking() && confirmed(&mut tls, hash)? {
            request.send.finish().await?;
            return export(&tls, scope, Role::Initiator, (hash, parties.own), clock.now_ms());
        }
    }
    Err(ChannelError::Handshake)
}

/// Answers a set-up request that names exactly these `parties`. The channel is in `channels` before the other side
/// is told that it is there: its first request may come at once.
pub async fn respond(
    request: &mut AcceptedRequest,
    parties: Parties<'_>,
    clock: &Clock,
    channels: &Channels,
) -> Result<Arc<Channel>, ChannelError> {
    let scope = setup_scope(&request.header)?;
    let config = channel_server(parties.own, parties.other.iter()).map_err(|_| ChannelError::Handshake)?;
    let mut tls = Connection::from(ServerConnection::new(config).map_err(|_| ChannelError::Handshake)?);
    request.put_status(Outcome::Answered).await?;
    let hash = request.header_hash;
    for _ in 0..FLIGHTS_MAX {
        receive_flight(&mut tls, &mut request.recv, parties.own).await?;
        if !tls.is_handshaking() {
            let now_ms = clock.now_ms();
            let channel = export(&tls, scope, Role::Responder, (hash, parties.own), now_ms)?;
            let channel = channels.insert(channel, now_ms)?;
            tls.writer().write_all(&confirmation(hash)).map_err(|_| ChannelError::Handshake)?;
            send_flight(&mut tls, &mut request.send).await?;
            request.send.finish().await?;
            return Ok(channel);
        }
        send_flight(&mut tls, &mut request.send).await?;
    }
    Err(ChannelError::Handshake)
}

fn setup_scope(header: &Header) -> Result<Scope, ChannelError> {
    if header.kind != Kind::ChannelSetup {
        return Err(ChannelError::Header);
    }
    Scope::of(header).ok_or(ChannelError::Header)
}

/// Sends what TLS has to say, if anything.
async fn send_flight(tls: &mut Connection, send: &mut SendHalf) -> Result<(), ChannelError> {
    let mut flight = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut flight).map_err(|_| ChannelError::Handshake)?;
    }
    if flight.is_empty() {
        return Ok(());
    }
    Ok(send.write_message(&SetupFlight { flight }).await?)
}

/// Gives TLS the other side's next flight. Whoever signs outside this process may take a while, in which the other
/// tasks of this thread go on elsewhere.
async fn receive_flight(
    tls: &mut Connection,
    recv: &mut RecvHalf,
    own: &IdentityKey,
) -> Result<(), ChannelError> {
    let SetupFlight { flight } = recv.read_message().await?;
    if flight.is_empty() || flight.len() > FLIGHT_MAX {
        return Err(ChannelError::Handshake);
    }
    if own.may_block() { tokio::task::block_in_place(|| take(tls, &flight)) } else { take(tls, &flight) }
}

fn take(tls: &mut Connection, flight: &[u8]) -> Result<(), ChannelError> {
    let mut rest = flight;
    while !rest.is_empty() {
        tls.read_tls(&mut rest).map_err(|_| ChannelError::Handshake)?;
        tls.process_new_packets().map_err(|error| match error {
            // Only an identity key outside this process gives it.
            rustls::Error::Other(_) => ChannelError::Unsigned,
            _ => ChannelError::Handshake,
        })?;
    }
    Ok(())
}

fn confirmation(header_hash: HeaderHash) -> Vec<u8> {
    [PURPOSE, &header_hash.0].concat()
}

/// Whether the responder's confirmation has come; anything else in its place is refused.
fn confirmed(tls: &mut Connection, header_hash: HeaderHash) -> Result<bool, ChannelError> {
    let expected = confirmation(header_hash);
    let mut got = vec![0; expected.len() + 1];
    match tls.reader().read(&mut got) {
        Ok(length) if got.get(..length) == Some(&expected) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(false),
        _ => Err(ChannelError::Handshake),
    }
}

/// Id ‖ secret of the requests ‖ secret of the replies, from the handshake's exporter.
fn export(
    tls: &Connection,
    scope: Scope,
    role: Role,
    (header_hash, own): (HeaderHash, &IdentityKey),
    established_ms: u64,
) -> Result<Channel, ChannelError> {
    // A raw public key stands where a certificate would.
    let other = tls.peer_certificates().and_then(<[_]>::first).ok_or(ChannelError::Handshake)?;
    let ends = Ends { own: own.public_spki(), other: other.as_ref().to_vec() };
    let exported = tls
        .export_keying_material(Zeroizing::new([0; 80]), PURPOSE, Some(&header_hash.0))
        .map_err(|_| ChannelError::Handshake)?;
    let mut id = ChannelId([0; 16]);
    let (mut requests, mut replies) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
    let (first, secrets) = exported.split_at(16);
    let (second, third) = secrets.split_at(32);
    id.0.copy_from_slice(first);
    requests.copy_from_slice(second);
    replies.copy_from_slice(third);
    Ok(Channel {
        id,
        scope,
        role,
        ends,
        established_ms,
        requests: DirectionSecret::from_bytes(*requests),
        replies: DirectionSecret::from_bytes(*replies),
        bodies: Default::default(),
        state: Default::default(),
    })
}
