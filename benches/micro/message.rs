//! One answer of 1 KiB on an end-to-end channel: key derived, padded, sealed and framed; and the way back.

use std::hint::black_box;

use chukei_benches::Failure;
use chukei_benches::link::soon;
use chukei_benches::paired::{Plan, measure};
use chukei_benches::table::Table;
use chukei_crypto::binding::{BindingSecret, Bindings};
use chukei_relay_client::channel::{Channel, RawSealed, read_sealed, write_sealed};
use chukei_wire::id::HeaderHash;
use tokio::runtime::Runtime;

use crate::bare::Bare;
use crate::handshake::Ends;
use crate::pairs;

/// Bytes of the answer; its padded form is larger.
const ANSWER: usize = 1024;
/// Header hash and flags, which every chunk is bound to.
const ASSOCIATED: usize = 33;
const HEADER: HeaderHash = HeaderHash([4; 32]);

pub(crate) fn table(plan: Plan, runtime: &Runtime, ends: &Ends) -> Result<Table, Failure> {
    let (at_portal, at_body) = runtime.block_on(ends.channel())?;
    let bindings = Bindings::new(BindingSecret::from_bytes(1, [5; 32])?);
    let person = bindings.newest().clone();
    let answer = vec![3; ANSWER];
    let mut bare = Bare::new(ASSOCIATED)?;
    let sealing = measure(
        plan,
        || Ok(at_body.seal_body(HEADER, Some(&person), black_box(&answer), 0)?.frames),
        || bare.seal(black_box(&answer)),
    )?;
    let raw = runtime.block_on(carried(ends, &at_body, &person, &answer))?;
    let bare_sealed = bare.seal(&answer)?;
    let opening = measure(
        plan,
        || Ok(at_portal.open_body(HEADER, Some(&bindings), black_box(&raw))?),
        || bare.open(black_box(&bare_sealed)),
    )?;
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
