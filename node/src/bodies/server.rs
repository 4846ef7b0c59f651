//! Accepts staff terminals and business systems, and hands each of their streams to the dispatch.

use std::sync::Arc;

use chukei_relay_client::connection::{CloseCode, PeerConnection};
use chukei_relay_client::endpoint::ServerEndpoint;
use chukei_relay_client::stream::{HEAD_WAIT, RecvHalf, ResetCode, SendHalf};
use chukei_wire::frame::FrameType;
use chukei_wire::header::{Header, Hop, Kind};
use chukei_wire::result::ResultName;
use tokio::time::Instant;

use crate::admission::Shed;
use crate::app::Node;
use crate::bodies::call::Call;
use crate::bodies::caller::{may_enter, take_device};
use crate::bodies::dispatch::dispatch;
use crate::bodies::factor::take_factor;
use crate::bodies::session::Session;
use crate::bodies::standing::Standing;

/// Malformed requests after which a peer is dropped.
const MISUSE_LIMIT: u32 = 16;

/// Accepts until the endpoint closes.
pub async fn serve(node: Arc<Node>, endpoint: Arc<ServerEndpoint>) {
    while let Some(pending) = endpoint.accept().await {
        let node = node.clone();
        tokio::spawn(async move {
            match pending.establish().await {
                Ok(connection) => serve_peer(node, connection).await,
                Err(error) => tracing::info!(%error, "a peer was not accepted"),
            }
        });
    }
}

async fn serve_peer(node: Arc<Node>, connection: PeerConnection) {
    if !may_enter(connection.identity()) {
        connection.close(CloseCode::NotPermitted);
        return;
    }
    let gauge = node.metrics.connections.with_label_values(&["staff"]);
    gauge.inc();
    let misuse = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let session = Arc::new(Session::default());
    while let Ok((send, recv)) = connection.accept().await {
        let (node, connection, misuse) = (node.clone(), connection.clone(), misuse.clone());
        let session = session.clone();
        tokio::spawn(async move {
            if serve_stream(node, &connection, session, send, recv).await.is_err()
                && misuse.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= MISUSE_LIMIT
            {
                connection.close(CloseCode::Misbehaved);
            }
        });
    }
    gauge.dec();
}

/// Why a stream never became a call.
struct Malformed;

async fn serve_stream(
    node: Arc<Node>,
    connection: &PeerConnection,
    session: Arc<Session>,
    mut send: SendHalf,
    mut recv: RecvHalf,
) -> Result<(), Malformed> {
    recv.set_deadline(Instant::now() + HEAD_WAIT);
    let head = read_head(&mut recv).await;
    let Ok((header, bytes, hop)) = head else {
        send.reset(ResetCode::Misbehaved);
        return Err(Malformed);
    };
    let hash = Header::hash(&bytes);
    let mut call = Call::new(header, hash, send, recv);
    if let Err(shed) = call.enter(&node, connection.identity()).await {
        turn_away(&node, shed, call).await;
    } else if call.header.kind == Kind::Device {
        take_device(&node, connection, &session, call).await;
    } else if call.header.kind == Kind::Factor {
        take_factor(&node, connection, &session, call).await;
    } else {
        let (connection, header) = (connection.clone(), call.header.clone());
        dispatch(Standing { node, connection, session, leave: hop.leave, header }, call).await;
    }
    Ok(())
}

/// Tells a caller whose body is at its limits to come back. The cheapest of answers: no scope, no decision, no event.
async fn turn_away(node: &Node, shed: Shed, mut call: Call) {
    let started = std::time::Instant::now();
    node.metrics.count_shed(shed.reason);
    call.refuse(shed.outcome()).await;
    node.ended(call.header.request_id, call.header.kind, ResultName::Overloaded, started.elapsed());
}

async fn read_head(recv: &mut RecvHalf) -> Result<(Header, bytes::Bytes, Hop), Malformed> {
    let bytes = recv.expect(FrameType::Header).await.map_err(|_| Malformed)?;
    let header = Header::from_bytes(&bytes).map_err(|_| Malformed)?;
    let hop = recv.expect(FrameType::Hop).await.map_err(|_| Malformed)?;
    let hop = Hop::from_bytes(&hop).map_err(|_| Malformed)?;
    Ok((header, bytes, hop))
}
