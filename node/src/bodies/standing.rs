//! Whoever calls on one stream, to be looked at at any moment of the call.
//!
//! What must hold: nothing is kept of what was seen before: device, factors, rights, delegations and clocks are those of
//! the moment (R6).

use std::sync::Arc;

use chukei_relay_client::connection::PeerConnection;
use chukei_wire::header::Header;
use chukei_wire::leave::Leave;
use chukei_wire::result::ResultName;

use crate::access::asked;
use crate::access::endpoint::Endpoint;
use crate::access::entered::Scope;
use crate::access::facts::Inquiry;
use crate::access::pattern::Patterns;
use crate::app::Node;
use crate::bodies::caller::Caller;
use crate::bodies::session::Session;

/// One call of one connection, as it stands.
pub struct Standing {
    /// Where it is asked.
    pub node: Arc<Node>,
    /// The connection it comes on.
    pub connection: PeerConnection,
    /// What was proved on that.
    pub session: Arc<Session>,
    /// By whose leave it says it calls.
    pub leave: Option<Leave>,
    /// What it asks for.
    pub header: Header,
}

impl Standing {
    /// Whoever calls, now.
    pub fn caller(&self) -> Caller {
        Caller::of(&self.node, &self.connection, &self.session, self.leave.clone())
    }
}

impl asked::Standing for Standing {
    fn inquiry(&self, line: &'static Endpoint) -> Result<Inquiry, ResultName> {
        let (judge, caller) = (self.node.judge(), self.caller());
        let scope = Scope::of(judge.bodies, &caller, &self.header)?;
        Ok(Inquiry::of(judge, &caller, &scope, &self.header, line, Patterns::so_far))
    }

    fn now_ms(&self) -> u64 {
        self.node.clock.now_ms()
    }
}
