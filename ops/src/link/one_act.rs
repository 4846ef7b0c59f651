//! What a call says of itself, with one key for one act that two persons decide; and answers of unknown length.

use chukei_crypto::random;
use chukei_relay_client::request_id;
use chukei_wire::header::{Direction, Header, Kind};
use chukei_wire::id::IdempotencyKey;
use chukei_wire::limits::{DEADLINE_MAX_MS, VERSION};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::{Conversation, Fault, NodeLink, stream_fault};
use crate::failure::Failure;

impl NodeLink {
    /// What a call says of itself.
    pub(super) fn header(&self, kind: Kind) -> Result<Header, Failure> {
        let request_id = request_id::fresh(self.clock.now_ms()).map_err(|_| {
            Failure::other("NO_RANDOMNESS", "乱数を取得できません。端末の管理者に連絡してください")
        })?;
        Ok(Header {
            version: VERSION,
            kind,
            direction: Direction::Hop,
            request_id,
            body: self.body(),
            portal: None,
            affair: self.affair.map(|affair| affair.to_string()),
            datasets: Vec::new(),
            channel: None,
            deadline_ms: DEADLINE_MAX_MS,
            idempotency_key: self.idempotency_key,
            retry_of: None,
            authn_ref: None,
        })
    }

    /// Whatever is asked from now on is one act, however often a lost connection lets it be asked.
    pub(crate) fn as_one_act(&mut self) -> Result<(), Failure> {
        let key = random::bytes().map_err(|_| {
            Failure::other("NO_RANDOMNESS", "乱数を取得できません。端末の管理者に連絡してください")
        })?;
        self.idempotency_key = Some(IdempotencyKey(key));
        Ok(())
    }
}

impl Conversation {
    /// The next answer; `None` when the node has said all.
    pub(crate) async fn hear_next<A: Serialize + DeserializeOwned>(&mut self) -> Result<Option<A>, Fault> {
        self.request.recv.set_deadline(Instant::now() + self.wait);
        self.hear_status().await?;
        self.request.recv.next_message().await.map_err(stream_fault)
    }
}
