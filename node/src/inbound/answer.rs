//! The answer to one request for own information, decided, not yet sealed or released.
//!
//! What must hold: the subject is the permit's person (`subject`); every document opened is that person's, this body's and
//! a requested dataset's (the exit check, R30); a withheld answer takes the path, the time and the size of the real one
//! (R50).

use chukei_crypto::binding::BindingSecret;
use chukei_domain::answer::{Answer, decide};
use chukei_domain::catalogue::{Catalogue, Dataset};
use chukei_domain::codes::InfoNameCode;
use chukei_domain::day::day_of;
use chukei_domain::document::{Document, StoredItem};
use chukei_relay_client::channel::SealedBody;
use chukei_wire::codec::encode;
use chukei_wire::message::self_info::{
    AnswerDataset, AnswerItem, LEAF_BYTES, SelfInfoAnswer, SelfInfoRequest,
};
use chukei_wire::result::ResultName;

use crate::app::Node;
use crate::audit::Verdict;
use crate::hosted::documents::SealedDocuments;
use crate::hosted::persons::{PersonId, PersonRecord};
use crate::inbound::job::Job;
use crate::inbound::subject::{Refused, Subject, opened, proven, seal};

/// What a request comes to.
pub struct Prepared {
    /// Result for the log and metrics.
    pub result: ResultName,
    /// Whether information may leave.
    pub verdict: Verdict,
    /// The person, where one was found.
    pub person: Option<PersonId>,
    /// What is sent.
    pub reply: Reply,
}

/// What is sent in answer.
pub enum Reply {
    /// A refusal; `None` where nothing can be sealed any more.
    Refusal(Option<SealedBody>),
    /// An answer, which is sealed once it is known where its record stands.
    Answer(Box<Unsealed>),
}

/// An answer that is not sealed yet.
pub struct Unsealed {
    answer: SelfInfoAnswer,
    binding: BindingSecret,
    /// The length that its sealed form must look like.
    as_if: usize,
}

impl Reply {
    /// Sealed, naming the leaf that its record becomes; `None` where nothing can be sealed any more, or there is no record.
    pub fn sealed(self, job: &Job, leaf: Option<u64>) -> Option<SealedBody> {
        match self {
            Self::Refusal(sealed) => sealed,
            Self::Answer(unsealed) => {
                let Unsealed { mut answer, binding, as_if } = *unsealed;
                answer.leaf = Some(leaf?);
                seal(job, Some(&binding), &answer, as_if).ok()
            }
        }
    }
}

/// Decides.
pub async fn prepare(node: &Node, job: &Job, now_ms: u64) -> Prepared {
    let answered = answer(node, job, now_ms).await;
    let (subject, answer, as_if) = match answered {
        Ok(answered) => answered,
        Err(refused) => return refuse(node, job, &refused, now_ms),
    };
    let Subject { person, binding } = subject;
    Prepared {
        result: answer.result,
        verdict: Verdict::Authorised,
        person: Some(person.person.id),
        reply: Reply::Answer(Box::new(Unsealed { answer, binding, as_if })),
    }
}

/// A refusal says its name and nothing else.
fn refuse(node: &Node, job: &Job, refused: &Refused, now_ms: u64) -> Prepared {
    let answer = SelfInfoAnswer { result: refused.result, leaf: None, datasets: Vec::new() };
    let sealed = refused.sealed(node, job, &answer, now_ms);
    let reply = Reply::Refusal(sealed);
    Prepared { result: refused.result, verdict: Verdict::Refused, person: refused.person, reply }
}

/// The person, the answer, and the length that its sealed form must look like.
async fn answer(node: &Node, job: &Job, now_ms: u64) -> Result<(Subject, SelfInfoAnswer, usize), Refused> {
    let datasets = known(node, job);
    let request: SelfInfoRequest = opened(job)?;
    let (subject, sealed) = proven(job, &request.binding_tags, &datasets).await?;
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
    let full = SelfInfoAnswer { result: ResultName::Done, leaf: None, datasets: shown };
    // Where its record stands is said by every answer, in more or fewer bytes.
    let as_if = encode(&full).map_or(0, |bytes| bytes.len()) + LEAF_BYTES;
    let answer = match decision {
        Answer::Done => full,
        Answer::NoData => SelfInfoAnswer { result: ResultName::NoData, leaf: None, datasets: Vec::new() },
        Answer::UnavailableAskBody => {
            SelfInfoAnswer { result: ResultName::UnavailableAskBody, leaf: None, datasets: Vec::new() }
        }
    };
    Ok((subject, answer, as_if))
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
