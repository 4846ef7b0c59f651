//! Setting up an end-to-end channel: TLS 1.3 with the hybrid group between two pinned identities, carried over one
//! stream, both sides on one thread. The baseline is a stream that carries flights of the same sizes.

use std::sync::Arc;

use chukei_benches::Failure;
use chukei_benches::link::{Link, READ, credentials, soon};
use chukei_benches::paired::{Plan, measure};
use chukei_benches::table::Table;
use chukei_crypto::sign::IdentityKey;
use chukei_ops::pki::{Pki, Validity};
use chukei_relay_client::channel::{Channel, ChannelLimits, Channels, Parties, initiate, respond};
use chukei_relay_client::clock::Clock;
use chukei_relay_client::peers::Identities;
use chukei_relay_client::request_id;
use chukei_relay_client::session::accept_request;
use chukei_relay_client::stream::{RecvHalf, SendHalf};
use chukei_wire::header::{Direction, Header, Kind};
use chukei_wire::limits::VERSION;
use tokio::runtime::Runtime;

use crate::pairs;

pub(crate) const PORTAL: &str = "mynaportal";
pub(crate) const BROKER: &str = "broker-a";
/// Bytes of the flights, with their frames: hello with both key shares; the answer with its identity; the
/// portal's identity; the confirmation.
const FLIGHTS: [usize; 4] = [1_600, 1_700, 400, 90];

/// A hop with a portal at one end and a body at the other, without the broker between them.
pub(crate) struct Ends {
    pub(crate) link: Link,
    portal: IdentityKey,
    body: IdentityKey,
    pub(crate) clock: Clock,
    answered: Channels,
    _keys: tempfile::TempDir,
}

impl Ends {
    /// Issues keys into a temporary folder and connects.
    pub(crate) async fn set() -> Result<Self, Failure> {
        let keys = tempfile::tempdir()?;
        let clock = Clock::system();
        let validity = Validity::hop(clock.now_ms());
        let pki = Pki::init(keys.path(), clock.now_ms())?;
        pki.issue_broker(BROKER, &[], validity)?;
        pki.issue_portal(PORTAL, &[], validity)?;
        let dialler = credentials(keys.path(), &format!("portal-{PORTAL}"))?;
        let link = Link::new(&dialler, &*credentials(keys.path(), BROKER)?).await?;
        // Full at once, so that the table's work is the same in every round.
        let answered = Channels::new(ChannelLimits { capacity: 1, ..ChannelLimits::default() });
        Ok(Self { link, portal: identity()?, body: identity()?, clock, answered, _keys: keys })
    }

    /// Sets up one channel: the portal's end, the body's end.
    pub(crate) async fn channel(&self) -> Result<(Channel, Arc<Channel>), Failure> {
        let header = header(Kind::ChannelSetup, Direction::ToBody, self.clock.now_ms())?;
        let body = Identities::one(self.body.public_spki());
        let parties = Parties { own: &self.portal, other: &body };
        let asking = async {
            let channel = initiate(&self.link.dialled, &header, parties, &self.clock).await;
            Ok::<_, Failure>(channel?)
        };
        let answering = async {
            let (send, recv) = self.link.accepted.accept().await?;
            let mut request = accept_request(send, recv).await?;
            let (portal, table) = (Identities::one(self.portal.public_spki()), &self.answered);
            Ok(respond(&mut request, Parties { own: &self.body, other: &portal }, &self.clock, table).await?)
        };
        tokio::try_join!(asking, answering)
    }

    /// As many flights of the same sizes, and nothing computed.
    async fn flights(&self) -> Result<(), Failure> {
        let [hello, answer, identity, confirmation] = FLIGHTS;
        let asking = async {
            let (mut send, mut recv) = self.link.dialled.open(soon()).await?;
            write(&mut send, hello).await?;
            read(&mut recv, answer).await?;
            write(&mut send, identity).await?;
            read(&mut recv, confirmation).await?;
            send.finish().await?;
            Ok::<_, Failure>(())
        };
        let answering = async {
            let (mut send, mut recv) = self.link.accepted.accept().await?;
            read(&mut recv, hello).await?;
            write(&mut send, answer).await?;
            read(&mut recv, identity).await?;
            write(&mut send, confirmation).await?;
            send.finish().await?;
            Ok(())
        };
        tokio::try_join!(asking, answering)?;
        Ok(())
    }
}

pub(crate) fn table(plan: Plan, runtime: &Runtime, ends: &Ends) -> Result<Table, Failure> {
    let pair = measure(plan, || runtime.block_on(ends.channel()), || runtime.block_on(ends.flights()))?;
    let rows = vec![("set up an end-to-end channel, both sides", pair)];
    Ok(pairs("Channel set-up, against a stream with flights of the same sizes", rows))
}

/// A fresh request's header between the portal and one body.
pub(crate) fn header(kind: Kind, direction: Direction, now_ms: u64) -> Result<Header, Failure> {
    Ok(Header {
        version: VERSION,
        kind,
        direction,
        request_id: request_id::fresh(now_ms)?,
        body: Some("982016".parse()?),
        portal: Some(PORTAL.to_owned()),
        affair: None,
        datasets: Vec::new(),
        channel: None,
        deadline_ms: 10_000,
        idempotency_key: None,
        retry_of: None,
        authn_ref: None,
    })
}

fn identity() -> Result<IdentityKey, Failure> {
    Ok(IdentityKey::from_pkcs8(&IdentityKey::generate_pkcs8()?)?)
}

async fn write(send: &mut SendHalf, bytes: usize) -> Result<(), Failure> {
    Ok(send.write_raw(vec![0; bytes].into()).await?)
}

async fn read(recv: &mut RecvHalf, bytes: usize) -> Result<(), Failure> {
    let mut missing = bytes;
    while missing > 0 {
        let chunk = recv.read_raw_chunk(READ.min(missing)).await?.ok_or("the stream ended early")?;
        missing = missing.saturating_sub(chunk.len());
    }
    Ok(())
}
