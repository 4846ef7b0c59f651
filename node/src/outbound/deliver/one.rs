//! One notice to one target: sealed for the portal, bound to the person, acknowledged once the portal has it.

use std::sync::Arc;
use std::time::Duration;

use chukei_domain::notice::NoticeContent;
use chukei_domain::register::FunctionName;
use chukei_wire::header::Kind;
use chukei_wire::id::{HeaderHash, IdempotencyKey};
use chukei_wire::message::binding::{BindingTag, prove};
use chukei_wire::message::notice::{Choice, NoticeDelivery, NoticeReceipt};
use chukei_wire::result::ResultName;

use crate::access::duty;
use crate::app::Node;
use crate::hosted::HostedBody;
use crate::hosted::notices::{NoticeStub, NoticeTarget};
use crate::hosted::persons::PersonRecord;
use crate::outbound::portal::{Outgoing, PortalError, ask};

/// Everything that goes to one target.
pub(super) struct Parcel {
    /// The notice.
    pub(super) stub: NoticeStub,
    /// What it says.
    pub(super) content: Arc<NoticeContent>,
    /// To whom.
    pub(super) target: NoticeTarget,
    /// The person, unless erased since.
    pub(super) person: Option<PersonRecord>,
}

/// The portal's final word on one delivery.
pub(super) struct Delivered {
    /// `REGISTERED`, or why it never will be.
    pub(super) result: ResultName,
}

/// Tries of a delivery where something was wrong on the way: another channel or another broker may be right.
const TRIES: u32 = 4;
/// Before the second of them; doubled before each further one.
const PAUSE: Duration = Duration::from_millis(250);

/// Delivers; an error is to be tried again.
pub(super) async fn deliver(
    node: &Node,
    body: &HostedBody,
    parcel: &Parcel,
) -> Result<Delivered, ResultName> {
    let Some(person) = &parcel.person else { return Ok(Delivered { result: ResultName::NotFound }) };
    // On trial meanwhile, and not for them (R14).
    if !duty::reaches(body, FunctionName::Notices, &parcel.target.addressee, node.clock.now_ms()) {
        return Ok(Delivered { result: ResultName::NotPermitted });
    }
    let mut pause = PAUSE;
    for _ in 1..TRIES {
        let delivered = attempt(node, body, parcel, person).await?;
        if !may_be_the_ways_fault(delivered.result) {
            return Ok(delivered);
        }
        tracing::warn!(notice = %parcel.stub.id, result = %delivered.result, "delivery went wrong on its way");
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    attempt(node, body, parcel, person).await
}

/// Whether a refusal may come from what happened between node and portal, and not from the notice. A broker that has
/// no delegation of this body at the moment answers like one that does not know the person (R1).
fn may_be_the_ways_fault(result: ResultName) -> bool {
    matches!(
        result,
        ResultName::NotFound
            | ResultName::SubjectMismatch
            | ResultName::IntegrityFailure
            | ResultName::BadSignature
            | ResultName::PermitScope
    )
}

async fn attempt(
    node: &Node,
    body: &HostedBody,
    parcel: &Parcel,
    person: &PersonRecord,
) -> Result<Delivered, ResultName> {
    let message = |hash: HeaderHash| delivery(parcel, prove(&person.bindings, hash));
    let outgoing = Outgoing {
        kind: Kind::NoticeDelivery,
        affair: Some(parcel.stub.affair.clone()),
        person: Some(person.code),
        idempotency_key: Some(key(parcel)),
        message: &message,
        bindings: Some(&person.bindings),
    };
    match ask(node, body, outgoing).await {
        Ok(opened) => {
            let receipt: NoticeReceipt = opened.message().map_err(|_| ResultName::BadFormat)?;
            // Only the person's own receipt says that the notice is in the person's folder (R30).
            let own = opened.bound() && receipt.delivery == parcel.target.delivery;
            match receipt.result {
                ResultName::Registered if !own => Ok(Delivered { result: ResultName::SubjectMismatch }),
                ResultName::Overloaded | ResultName::NotReady | ResultName::IntegrityStop => {
                    Err(receipt.result)
                }
                result => Ok(Delivered { result }),
            }
        }
        Err(PortalError::Refused(result)) => Ok(Delivered { result }),
        Err(PortalError::NotNow(result) | PortalError::ChannelOver(result)) => Err(result),
        Err(error) => {
            tracing::debug!(notice = %parcel.stub.id, %error, "delivery to be tried again");
            Err(ResultName::NotReady)
        }
    }
}

fn delivery(parcel: &Parcel, binding_tags: Vec<BindingTag>) -> NoticeDelivery {
    let content = &parcel.content;
    let choice = |choice: &chukei_domain::notice::Choice| Choice {
        id: choice.id.clone(),
        label: choice.label.clone(),
    };
    NoticeDelivery {
        binding_tags,
        notice: parcel.stub.id,
        delivery: parcel.target.delivery,
        title: content.title.clone(),
        text: content.text.clone(),
        choices: content.choices.iter().map(choice).collect(),
        publish_at_ms: content.publish_at_ms,
        expiry_day: content.expiry_day,
    }
}

/// The same delivery has the same key, however often it is tried.
fn key(parcel: &Parcel) -> IdempotencyKey {
    let mut bytes = parcel.stub.id.0.to_vec();
    bytes.extend_from_slice(&parcel.target.delivery.0);
    IdempotencyKey(chukei_crypto::hash::sha256(&bytes))
}
