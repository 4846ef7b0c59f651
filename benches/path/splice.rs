//! The baseline: the same two hops with the same library endpoints, and nothing but TLS on them. No store, no
//! end-to-end seal, no permit, no log: a request's bytes go through a process that passes them on, to one that
//! answers with as many bytes as the path's answer has.

mod roles;

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use chukei_benches::Failure;
use chukei_benches::child::ChildProcess;
use chukei_benches::link::{READ, credentials, dial, soon};
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::endpoint::ClientEndpoint;
use chukei_relay_client::stream::RecvHalf;

use chukei_benches::load::{self, Round};
pub(crate) use roles::play;

/// Bytes of a request on the path: header, hop part and the sealed body in its smallest bucket.
const REQUEST: usize = 1_400;
/// What stands around an answer's sealed chunk: status, head of the seal, tag, three frame heads.
const AROUND: usize = 110;
const MIDDLE: &str = "splice-middle";
const END: &str = "splice-end";
const BROKER: &str = "broker-a";
const NODE: &str = "node-a";
const PORTAL: &str = "portal-mynaportal";

/// The running baseline, with this process as the asking side.
pub(crate) struct Splice {
    asker: PeerConnection,
    answer: usize,
    middle: ChildProcess,
    end: ChildProcess,
    _endpoint: ClientEndpoint,
}

impl Splice {
    /// Starts both processes with the keys of the stack, and connects. `content` is the length of the path's
    /// answers before they are padded.
    pub(crate) async fn start(keys: &Path, content: usize) -> Result<Self, Failure> {
        let answer = chukei_wire::padding::bucket(content) + AROUND;
        let shown = keys.display().to_string();
        let middle = ChildProcess::start(&[MIDDLE, &shown])?;
        let address = middle.said().parse()?;
        let end = ChildProcess::start(&[END, &shown, middle.said(), &answer.to_string()])?;
        let (broker, portal) = (credentials(keys, BROKER)?, credentials(keys, PORTAL)?);
        let (endpoint, asker) = dial(&portal, address, &broker).await?;
        Ok(Self { asker, answer, middle, end, _endpoint: endpoint })
    }

    /// One round.
    pub(crate) async fn round(&self, in_flight: usize, time: Duration) -> Result<Round, Failure> {
        let processes = vec![std::process::id(), self.middle.id(), self.end.id()];
        let (asker, answer) = (self.asker.clone(), self.answer);
        let request = Bytes::from(vec![1; REQUEST]);
        load::run(in_flight, time, processes, move |_| ask(asker.clone(), request.clone(), answer)).await
    }
}

async fn ask(asker: PeerConnection, request: Bytes, answer: usize) -> Result<(), Failure> {
    let (mut send, mut recv) = asker.open(soon()).await?;
    send.write_raw(request).await?;
    send.finish().await?;
    let got = read_all(&mut recv).await?;
    if got == answer { Ok(()) } else { Err(format!("{got} bytes of {answer}").into()) }
}

async fn read_all(recv: &mut RecvHalf) -> Result<usize, Failure> {
    let mut got = 0;
    while let Some(chunk) = recv.read_raw_chunk(READ).await? {
        got += chunk.len();
    }
    Ok(got)
}
