//! One request for own information, as it came: the immutable job of rule R30.

use std::sync::Arc;

use chukei_domain::event::Why;
use chukei_relay_client::channel::{Channel, RawSealed};
use chukei_relay_client::permit::VerifiedPermit;
use chukei_wire::header::Header;
use chukei_wire::id::HeaderHash;

use crate::access::asked::Asked;
use crate::access::grant::{Deliver, Grant};

/// One request, as it came; never changed.
pub struct Job {
    /// Leave to deliver within the body's scope.
    pub grant: Grant<Deliver>,
    /// What decided it, for its event.
    pub why: Why,
    /// What it was decided on.
    pub asked: Option<Arc<Asked>>,
    /// The verified permit.
    pub permit: VerifiedPermit,
    /// The end-to-end channel.
    pub channel: Arc<Channel>,
    /// The end-to-end part.
    pub header: Header,
    /// Its hash.
    pub hash: HeaderHash,
    /// The sealed request.
    pub sealed: RawSealed,
}
