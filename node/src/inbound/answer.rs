//! The answer to one request for own information, decided and sealed, not yet released.
//!
//! What must hold: the subject is the permit's person, proven by the binding tag (R22); every document opened is
//! that person's, this body's and a requested dataset's (the exit check, R30); a withheld answer takes the path,
//! the time and the size of the real one (R50).

use chukei_crypto::binding::BindingSecret;
use chukei_domain::answer::{Answer, decide};
use chukei_domain::catalogue::{Catalogue, Dataset};
use chukei_domain::codes::{AddresseeNumber, InfoNameCode};
use chukei_domain::day::day_of;
use chukei_domain::document::{Document, StoredItem};
use chukei_relay_client::channel::{ChannelError, Scope, SealedBody};
use chukei_wire::codec::encode;
use chukei_wire::message::binding::{self, NotProven};
use chukei_wire::message::self_info::{AnswerDataset, AnswerItem, SelfInfoAnswer, SelfInfoRequest};
use chukei_wire::result::ResultName;

use crate::access::asked::Learnt;
use crate::app::Node;
use crate::audit::Verdict;
use crate::hosted::documents::SealedDocuments;
use crate::hosted::persons::{PersonId, PersonRecord, PersonWithDocuments};
use crate::hosted::rows::RowError;
use crate::inbound::job::Job;
use crate::outcome::result_of_row_error;

/// What a request comes to.
pub struct Prepared {
    /// Result for the log and metrics.
    pub result: ResultName,
    /// Whether information may leave.
    pub verdict: Verdict,
    /// The person, where one was found.
    pub person: Option<PersonId>,
    /// What is sent; `None` where nothing can be sealed any more.
    pub sealed: Option<SealedBody>,
}

/// Why there is no answer.
struct Refused {
    result: ResultName,
    /// Kind of mismatch: stops the channel and alarms (R35).
    alarm: Option<&'static str>,
    person: Option<PersonId>,
}

impl Refused {
    fn because(result: ResultName, person: Option<&PersonRecord>) -> Self {
        Self { result, alarm: None, person: person.map(|person| person.person.id) }
    }

    fn mismatch(result: ResultName, alarm: &'static str, person: Option<&PersonRecord>) -> Self {
        Self { alarm: Some(alarm), ..Self::because(result, person) }
    }

    fn stored(error: &RowError, person: Option<&PersonRecord>) -> Self {
        match result_of_row_error(error) {
            ResultName::IntegrityFailure => {
                Self::mismatch(ResultName::IntegrityFailure, "stored_value", person)
            }
            result => Self::because(result, person),
        }
    }
}

/// Decides and seals.
pub async fn prepare(node: &Node, job: &Job, now_ms: u64) -> Prepared {
    let answered =
        answer(node, job, now_ms).await.and_then(|(Subject { person, binding }, answer, as_if)| {
            let sealed = seal(job, Some(&binding), &answer, as_if)
                .map_err(|_| Refused::because(ResultName::NotReady, Some(&person)))?;
            Ok(Prepared {
                result: answer.result,
                verdict: Verdict::Authorised,
                person: Some(person.person.id),
                sealed: Some(sealed),
            })
        });
    answered.unwrap_or_else(|refused| refuse(node, job, refused, now_ms))
}

/// A refusal says its name and nothing else; a mismatch is the last thing said on its channel.
fn refuse(node: &Node, job: &Job, refused: Refused, now_ms: u64) -> Prepared {
    let answer = SelfInfoAnswer { result: refused.result, datasets: Vec::new() };
    let sealed = seal(job, None, &answer, 0).ok();
    if let Some(kind) = refused.alarm {
        node.metrics.alarm(kind, &job.header.request_id);
        node.channels.stop(job.channel.id());
        if let Some(scope) = Scope::of(&job.header) {
            node.holds.hold(scope, now_ms);
        }
    }
    Prepared { result: refused.result, verdict: Verdict::Refused, person: refused.person, sealed }
}

fn seal(
    job: &Job,
    binding: Option<&BindingSecret>,
    answer: &SelfInfoAnswer,
    as_if: usize,
) -> Result<SealedBody, ChannelError> {
    let content = zeroize::Zeroizing::new(encode(answer)?);
    job.channel.seal_body(job.hash, binding, &content, as_if)
}

/// The person, the answer, and the length that its sealed form must look like.
async fn answer(node: &Node, job: &Job, now_ms: u64) -> Result<(Subject, SelfInfoAnswer, usize), Refused> {
    let datasets = known(node, job);
    let (subject, sealed) = subject(job, &datasets).await?;
    let person = &subject.person;
    if datasets.len() < job.header.datasets.len() {
        return Err(Refused::because(ResultName::UnknownInfoName, Some(person)));
    }
    let documents = open_documents(job, person, &datasets, sealed).await?;
    let today = day_of(now_ms);
    let catalogue = node.catalogue(job.grant.body());
    let shown: Vec<AnswerDataset> =
        documents.iter().flatten().filter_map(|document| dataset(&catalogue, document, today)).collect();
    let present = |code: &InfoNameCode| shown.iter().any(|dataset| dataset.info_name_code == code.as_str());
    let decision = decide(&person.flags, &datasets, present);
    let full = SelfInfoAnswer { result: ResultName::Done, datasets: shown };
    let as_if = encode(&full).map_or(0, |bytes| bytes.len());
    let answer = match decision {
        Answer::Done => full,
        Answer::NoData => SelfInfoAnswer { result: ResultName::NoData, datasets: Vec::new() },
        Answer::UnavailableAskBody => {
            SelfInfoAnswer { result: ResultName::UnavailableAskBody, datasets: Vec::new() }
        }
    };
    Ok((subject, answer, as_if))
}

/// Whom a request is about, and the secret that has proven it, which the answer is bound with.
struct Subject {
    person: PersonRecord,
    binding: BindingSecret,
}

/// The permit's person, who must be the one the portal asks for (R22), and the documents that were read with them.
async fn subject(job: &Job, datasets: &[InfoNameCode]) -> Result<(Subject, SealedDocuments), Refused> {
    let opened = job.channel.open_body(job.hash, None, &job.sealed).map_err(|error| match error {
        ChannelError::Stopped => Refused::because(ResultName::IntegrityStop, None),
        ChannelError::Withdrawn => Refused::because(ResultName::NotReady, None),
        _ => Refused::mismatch(ResultName::IntegrityFailure, "sealed_request", None),
    })?;
    let request: SelfInfoRequest =
        opened.message().map_err(|_| Refused::because(ResultName::BadFormat, None))?;
    let found = job.grant.body().person_with_documents(&job.grant, job.permit.codes(), datasets).await;
    let PersonWithDocuments { record: person, documents } = found
        .map_err(|error| Refused::stored(&error, None))?
        .ok_or(Refused::because(ResultName::NotFound, None))?;
    match binding::verify(&person.bindings, &request.binding_tags, job.hash).cloned() {
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

/// The requested datasets that the catalogue has.
fn known(node: &Node, job: &Job) -> Vec<InfoNameCode> {
    let catalogue = node.catalogue(job.grant.body());
    let known = |code: &String| code.parse().ok().filter(|_| catalogue.dataset(code).is_some());
    job.header.datasets.iter().filter_map(known).collect()
}

/// Opens every document, all of one moment, and lets none pass that is not the subject's (R30, R31).
async fn open_documents(
    job: &Job,
    person: &PersonRecord,
    datasets: &[InfoNameCode],
    sealed: SealedDocuments,
) -> Result<Vec<Option<Document>>, Refused> {
    let body = job.grant.body();
    let stored = sealed.open(body).await.map_err(|error| Refused::stored(&error, Some(person)))?;
    let mut documents = Vec::with_capacity(stored.len());
    for (code, stored) in datasets.iter().zip(stored) {
        let document = stored.map(|stored| stored.document);
        let fits = document.as_ref().is_none_or(|document| {
            *document.person() == person.person.id
                && document.body() == body.local_code()
                && document.dataset() == *code
        });
        if !fits {
            return Err(Refused::mismatch(ResultName::IntegrityStop, "exit_check", Some(person)));
        }
        documents.push(document);
    }
    Ok(documents)
}

/// A dataset as the portal shows it; `None` where nothing of it is visible today.
fn dataset(catalogue: &Catalogue, document: &Document, today: u32) -> Option<AnswerDataset> {
    let code = document.dataset();
    let known = catalogue.dataset(code.as_str())?;
    let items: Vec<AnswerItem> = document.visible(today).filter_map(|item| self::item(known, item)).collect();
    (!items.is_empty()).then(|| AnswerDataset {
        info_name_code: code.to_string(),
        info_name: known.name.clone(),
        items,
    })
}

fn item(dataset: &Dataset, item: &StoredItem) -> Option<AnswerItem> {
    let known = dataset.item(item.item_code.as_str())?;
    Some(AnswerItem {
        level: known.level,
        info_item_code: item.item_code.to_string(),
        item_name: known.name.clone(),
        record_key: item.record_key.to_string(),
        value: item.value.clone(),
        reason_of_null: item.reason_of_null.clone(),
    })
}
