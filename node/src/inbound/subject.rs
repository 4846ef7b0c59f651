//! Whom a sealed request is about, and how one that is about nobody, or somebody else, is refused.
//!
//! What must hold: the subject is the permit's person, proven by the binding tag (R22); a mismatch is the last thing said
//! on its channel, and alarms (R35).

use chukei_crypto::binding::BindingSecret;
use chukei_domain::codes::{AddresseeNumber, InfoNameCode};
use chukei_relay_client::channel::{ChannelError, Scope, SealedBody};
use chukei_wire::codec::encode;
use chukei_wire::message::binding::{self, BindingTag, NotProven};
use chukei_wire::result::ResultName;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::access::asked::Learnt;
use crate::app::Node;
use crate::hosted::documents::SealedDocuments;
use crate::hosted::persons::{PersonId, PersonRecord, PersonWithDocuments};
use crate::hosted::rows::RowError;
use crate::inbound::job::Job;
use crate::outcome::result_of_row_error;

/// Why there is no answer.
pub struct Refused {
    /// What the portal is told.
    pub result: ResultName,
    /// Kind of mismatch: stops the channel and alarms (R35).
    alarm: Option<&'static str>,
    /// The person, where one was found.
    pub person: Option<PersonId>,
}

impl Refused {
    /// For no mismatch.
    pub fn because(result: ResultName, person: Option<&PersonRecord>) -> Self {
        Self { result, alarm: None, person: person.map(|person| person.person.id) }
    }

    /// For a mismatch of this kind.
    pub fn mismatch(result: ResultName, alarm: &'static str, person: Option<&PersonRecord>) -> Self {
        Self { alarm: Some(alarm), ..Self::because(result, person) }
    }

    /// Because of what is stored.
    pub fn stored(error: &RowError, person: Option<&PersonRecord>) -> Self {
        match result_of_row_error(error) {
            ResultName::IntegrityFailure => {
                Self::mismatch(ResultName::IntegrityFailure, "stored_value", person)
            }
            result => Self::because(result, person),
        }
    }

    /// Seals `message`, which says the refusal's name and nothing else; after a mismatch nothing is said on the channel
    /// any more.
    pub fn sealed<T: Serialize>(
        &self,
        node: &Node,
        job: &Job,
        message: &T,
        now_ms: u64,
    ) -> Option<SealedBody> {
        let sealed = seal(job, None, message, 0).ok();
        if let Some(kind) = self.alarm {
            node.metrics.alarm(kind, &job.header.request_id);
            node.channels.stop(job.channel.id());
            if let Some(scope) = Scope::of(&job.header) {
                node.holds.hold(scope, now_ms);
            }
        }
        sealed
    }
}

/// Seals a message for the request's exchange, as long as if it had `as_if` bytes.
pub fn seal<T: Serialize>(
    job: &Job,
    binding: Option<&BindingSecret>,
    message: &T,
    as_if: usize,
) -> Result<SealedBody, ChannelError> {
    let content = zeroize::Zeroizing::new(encode(message)?);
    job.channel.seal_body(job.hash, binding, &content, as_if)
}

/// Whom a request is about, and the secret that has proven it, which the answer is bound with.
pub struct Subject {
    /// The person's row.
    pub person: PersonRecord,
    /// The secret.
    pub binding: BindingSecret,
}

/// Opens the sealed request.
pub fn opened<T: Serialize + DeserializeOwned>(job: &Job) -> Result<T, Refused> {
    let opened = job.channel.open_body(job.hash, None, &job.sealed).map_err(|error| match error {
        ChannelError::Stopped => Refused::because(ResultName::IntegrityStop, None),
        ChannelError::Withdrawn => Refused::because(ResultName::NotReady, None),
        _ => Refused::mismatch(ResultName::IntegrityFailure, "sealed_request", None),
    })?;
    opened.message().map_err(|_| Refused::because(ResultName::BadFormat, None))
}

/// The permit's person, who must be the one the portal asks for (R22), and the documents that were read with them.
pub async fn proven(
    job: &Job,
    tags: &[BindingTag],
    datasets: &[InfoNameCode],
) -> Result<(Subject, SealedDocuments), Refused> {
    let found = job.grant.body().person_with_documents(&job.grant, job.permit.codes(), datasets).await;
    let PersonWithDocuments { record: person, documents } = found
        .map_err(|error| Refused::stored(&error, None))?
        .ok_or(Refused::because(ResultName::NotFound, None))?;
    match binding::verify(&person.bindings, tags, job.hash).cloned() {
        Ok(binding) => {
            concerned(job, &person).map_err(|result| Refused::because(result, Some(&person)))?;
            Ok((Subject { person, binding }, documents))
        }
        Err(NotProven::Mismatch(_)) => {
            Err(Refused::mismatch(ResultName::SubjectMismatch, "subject_mismatch", Some(&person)))
        }
        // Nobody is confused with anybody: the person has to be enrolled with a newer number.
        Err(NotProven::NoCommonVersion) => Err(Refused::because(ResultName::CodeNotAcquired, Some(&person))),
        Err(NotProven::Malformed) => Err(Refused::because(ResultName::BadFormat, Some(&person))),
    }
}

/// Whether the function may reach this person: on trial it reaches those alone that the body named (R14).
fn concerned(job: &Job, person: &PersonRecord) -> Result<(), ResultName> {
    let addressee: AddresseeNumber = person.addressee.parse().map_err(|_| ResultName::IntegrityFailure)?;
    job.grant.learn(Learnt { reaches: &[addressee], ..Learnt::default() })
}
