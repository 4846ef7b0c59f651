//! One answer of 1 KiB on an end-to-end channel: key derived, padded, sealed and framed; and the way back.

use std::hint::black_box;
use std::sync::Arc;

use chukei_benches::Failure;
use chukei_benches::link::soon;
use chukei_benches::paired::{Plan, measure};
use chukei_benches::table::Table;
use chukei_crypto::binding::{BindingSecret, Bindings};
use chukei_relay_client::channel::{Channel, OpenedBody, RawSealed, SealedBody, read_sealed, write_sealed};
use chukei_wire::id::HeaderHash;

use crate::bare::Bare;
use crate::handshake::Ends;
use crate::pairs;

/// Bytes of the answer; its padded form is larger.
pub(crate) const ANSWER: usize = 1024;
/// Suite, flags, binding version and header hash, which every chunk is bound to.
const ASSOCIATED: usize = 35;
pub(crate) const HEADER: HeaderHash = HeaderHash([4; 32]);

/// A channel's two ends, the person, and an answer as it arrived.
pub(crate) struct Exchange {
    pub(crate) at_portal: Channel,
    pub(crate) at_body: Arc<Channel>,
    pub(crate) person: Bindings,
    pub(crate) answer: Vec<u8>,
    pub(crate) arrived: RawSealed,
}

impl Exchange {
    pub(crate) async fn new(ends: &Ends) -> Result<Self, Failure> {
        let (at_portal, at_body) = ends.channel().await?;
        let person = Bindings::new(BindingSecret::from_bytes(1, [5; 32])?);
        let answer = vec![3; ANSWER];
        let arrived = carried(ends, &at_body, person.newest(), &answer).await?;
        Ok(Self { at_portal, at_body, person, answer, arrived })
    }

    pub(crate) fn seal(&self) -> Result<SealedBody, Failure> {
        Ok(self.at_body.seal_body(HEADER, Some(self.person.newest()), black_box(&self.answer), 0)?)
    }

    pub(crate) fn open(&self) -> Result<OpenedBody, Failure> {
        Ok(self.at_portal.open_body(HEADER, Some(&self.person), black_box(&self.arrived))?)
    }
}

pub(crate) fn table(plan: Plan, exchange: &Exchange) -> Result<Table, Failure> {
    let mut bare = Bare::new(ASSOCIATED)?;
    let sealing = measure(plan, || exchange.seal(), || bare.seal(black_box(&exchange.answer)))?;
    let bare_sealed = bare.seal(&exchange.answer)?;
    let opening = measure(plan, || exchange.open(), || bare.open(black_box(&bare_sealed)))?;
    let rows =
        vec![("derive, pad, seal and frame 1 KiB", sealing), ("derive, open and unpad 1 KiB", opening)];
    Ok(pairs("A channel's message, against bare ring AES-256-GCM", rows))
}

/// A sealed answer as it arrives: sent over a stream once.
async fn carried(
    ends: &Ends,
    at_body: &Channel,
    person: &BindingSecret,
    answer: &[u8],
) -> Result<RawSealed, Failure> {
    let sealed = at_body.seal_body(HEADER, Some(person), answer, 0)?;
    let (mut send, _recv) = ends.link.accepted.open(soon()).await?;
    write_sealed(&mut send, sealed).await?;
    send.finish().await?;
    let (_send, mut recv) = ends.link.dialled.accept().await?;
    Ok(read_sealed(&mut recv, ANSWER).await?)
}
