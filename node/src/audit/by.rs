//! By whom something was done, and in which call: what leads from an event to the device, the department and the reasons
//! that stand in the event of the call (R3).

use chukei_wire::id::RequestId;

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct By<'a> {
    actor: &'a str,
    call: Option<RequestId>,
}

impl<'a> By<'a> {
    /// A caller at the entrance for staff, in the call of this request id.
    pub fn call(actor: &'a str, call: RequestId) -> Self {
        Self { actor, call: Some(call) }
    }

    /// The node in its own duty, or somebody whose call is not known any more.
    pub fn itself(actor: &'a str) -> Self {
        Self { actor, call: None }
    }

    /// The identity.
    pub fn actor(self) -> &'a str {
        self.actor
    }

    /// The call, as records name it.
    pub(super) fn request(self) -> Option<[u8; 16]> {
        self.call.map(|call| call.0)
    }
}

impl<'a> From<&'a str> for By<'a> {
    fn from(actor: &'a str) -> Self {
        Self::itself(actor)
    }
}

impl<'a> From<&'a String> for By<'a> {
    fn from(actor: &'a String) -> Self {
        Self::itself(actor)
    }
}
