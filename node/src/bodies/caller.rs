//! Who calls, as one operation sees it: whose certificate the connection shows, and which device has proved itself on it.
//!
//! What must hold: a device is proven or it is none (`chukei_relay_client::tls`); what the caller says of itself is
//! nothing. Both are looked at for each operation anew: a device that was revoked is none at the very next one.

use chukei_access::facts::Zone;
use chukei_relay_client::connection::PeerConnection;
use chukei_wire::header::Kind;
use chukei_wire::identity::Identity;
use chukei_wire::leave::Leave;
use chukei_wire::message::control::DeviceProof;
use chukei_wire::result::ResultName;

use crate::app::Node;
use crate::bodies::call::{Call, CallError};
use crate::bodies::factor::on_record;
use crate::bodies::logs::disbelieved;
use crate::bodies::session::{Moment, Session, ShownFactors};

/// An authenticated caller at the moment of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Whose certificate the connection shows.
    pub identity: Identity,
    /// The device that has proved itself.
    pub device: Option<Identity>,
    /// The factors that have been shown and count now.
    pub factors: ShownFactors,
    /// The zone of the network that the connection comes from.
    pub zone: Zone,
    /// By whose leave it says it calls; nothing of it is believed.
    pub leave: Leave,
}

impl Caller {
    /// Whoever is at the other end of the connection now.
    pub fn of(node: &Node, connection: &PeerConnection, session: &Session, leave: Option<Leave>) -> Self {
        Self {
            identity: connection.identity().clone(),
            leave: leave.unwrap_or_default(),
            device: connection.device().cloned(),
            zone: node.zones.of(connection.remote_address()),
            factors: shown(node, connection.identity(), session),
        }
    }

    /// The portal that a broker's permit names: it comes on the broker's connection.
    pub fn portal(name: &str) -> Self {
        let identity = Identity::Portal(name.to_owned());
        Self {
            identity,
            device: None,
            factors: ShownFactors::certificate(),
            zone: Zone::Closed,
            leave: Leave::default(),
        }
    }
}

/// What the caller has shown and its entry still holds: a factor that was removed is none at the very next operation.
fn shown(node: &Node, user: &Identity, session: &Session) -> ShownFactors {
    let now = Moment::now(node.clock.now_ms());
    session.shown(now, |shown| on_record(node, user, &shown.name, now.unix_ms).as_ref() == Ok(shown))
}

/// Whether this holder has business at the entrance for staff.
pub fn may_enter(identity: &Identity) -> bool {
    let of_body = matches!(identity, Identity::System(..) | Identity::Staff(..) | Identity::Auditor(..));
    of_body || matches!(identity, Identity::Operator(_) | Identity::Maintenance(_))
}

/// Takes the proof of the device that the connection comes from. A refusal leaves its event with the caller's body.
pub async fn take_device(node: &Node, connection: &PeerConnection, session: &Session, mut call: Call) {
    let started = std::time::Instant::now();
    let taken = proven(connection, &mut call).await;
    let (request, kind) = (call.header.request_id, Kind::Device);
    let result = match taken {
        Ok(()) => match call.finish().await {
            Ok(()) => ResultName::Done,
            Err(error) => error.result(),
        },
        Err(error) => {
            let caller = Caller::of(node, connection, session, None);
            disbelieved(node, &caller, &call.header, error.result()).await;
            call.refuse(error.outcome()).await;
            error.result()
        }
    };
    node.ended(request, kind, result, started.elapsed());
}

async fn proven(connection: &PeerConnection, call: &mut Call) -> Result<(), CallError> {
    let proof: DeviceProof = call.request().await?;
    match connection.take_device(&proof) {
        Ok(device) => {
            tracing::info!(caller = %connection.identity(), %device, "device proven");
            Ok(())
        }
        Err(refusal) => {
            tracing::warn!(caller = %connection.identity(), %refusal, "a device was not believed");
            Err(ResultName::DeviceUnknown.into())
        }
    }
}
