//! A stream of messages each of which is answered, in order: what waits for the disk waits together.
//!
//! What must hold: what was taken and is not answered yet is bounded.

use std::future::Future;

use chukei_relay_client::session::{AcceptedRequest, SessionError};
use chukei_wire::frame::Outcome;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use crate::broker::ending::Ending;

/// Messages of one stream that wait for the disk.
const AHEAD: usize = 256;

/// Takes each message in its turn, and answers it once it is settled.
pub(super) async fn answer_each<M, T, A, Taking, Settling>(
    request: &mut AcceptedRequest,
    take: impl Fn(M) -> Taking,
    settle: impl Fn(T) -> Settling,
) -> Result<Ending, SessionError>
where
    M: Serialize + DeserializeOwned,
    A: Serialize,
    Taking: Future<Output = T>,
    Settling: Future<Output = A>,
{
    request.put_status(Outcome::Answered).await?;
    request.send.flush().await?;
    let AcceptedRequest { send, recv, .. } = request;
    let (queue, mut queued) = mpsc::channel(AHEAD);
    let judging = async move {
        while let Some(message) = recv.next_message::<M>().await? {
            // The other half has failed, and says so.
            if queue.send(take(message).await).await.is_err() {
                break;
            }
        }
        Ok::<_, SessionError>(())
    };
    let telling = async {
        while let Some(taken) = queued.recv().await {
            send.write_message(&settle(taken).await).await?;
        }
        Ok(send.finish().await?)
    };
    tokio::try_join!(judging, telling)?;
    Ok(Ending::Answered)
}
