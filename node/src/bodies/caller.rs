//! Who calls, as one operation sees it: whose certificate the connection shows, and which device has proved itself on it.
//!
//! What must hold: a device is proven or it is none (`chukei_relay_client::tls`); what the caller says of itself is
//! nothing. Both are looked at for each operation anew: a device that was revoked is none at the very next one.

use chukei_relay_client::connection::PeerConnection;
use chukei_wire::header::Kind;
use chukei_wire::identity::Identity;
use chukei_wire::message::control::DeviceProof;
use chukei_wire::result::ResultName;

use crate::app::Node;
use crate::bodies::call::{Call, CallError};

/// An authenticated caller at the moment of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Whose certificate the connection shows.
    pub identity: Identity,
    /// The device that has proved itself.
    pub device: Option<Identity>,
}

impl Caller {
    /// Whoever is at the other end of the connection now.
    pub fn of(connection: &PeerConnection) -> Self {
        Self { identity: connection.identity().clone(), device: connection.device().cloned() }
    }
}

/// Whether this holder has business at the entrance for staff.
pub fn may_enter(identity: &Identity) -> bool {
    matches!(identity, Identity::System(..) | Identity::Staff(..))
}

/// Takes the proof of the device that the connection comes from. A refusal leaves its event with the caller's body.
pub async fn take_device(node: &Node, connection: &PeerConnection, mut call: Call) {
    let started = std::time::Instant::now();
    let taken = proven(connection, &mut call).await;
    let (request, kind) = (call.header.request_id, Kind::Device);
    let result = match taken {
        Ok(()) => match call.finish().await {
            Ok(()) => ResultName::Done,
            Err(error) => error.result(),
        },
        Err(error) => {
            let (result, caller) = (error.result(), connection.identity());
            if let Some(body) = caller.body().and_then(|code| node.bodies.opened(code)) {
                let (actor, now_ms) = (caller.to_string(), node.clock.now_ms());
                let logged = body.audit().call_refused(&actor, kind.as_str(), request, result, now_ms).await;
                if let Err(error) = logged {
                    tracing::error!(request_id = %request, %error, "a refusal was not logged");
                }
            }
            call.refuse(error.outcome()).await;
            result
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
